"""The conformance kit of smok-core on this backend: every clause is a test."""

import faults
import pytest
from smok_testing import ConformanceSuite, Subject, all_clauses, run_clause

OPTIONS = {"path": "{place}/smok.lmdb"}


class TestLmdb(ConformanceSuite):
    """Goes the way a user goes: config, entry point, hook. So packaging is tested too."""

    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(
            backend="lmdb",
            options=OPTIONS,
            full=faults.full,
            damage=faults.damage,
            make_newer=faults.make_newer,
        )


def test_what_returned_survives_a_power_cut():
    """With durability = "power-loss" nothing returns before it was synced; the kit's own clause."""
    subject = Subject(
        backend="lmdb-synced", plugin="synced", options=OPTIONS, power_cut=faults.power_cut
    )
    (clause,) = [c for c in all_clauses() if c.ability == "power_cut"]
    outcome = run_clause(subject, clause)
    assert outcome.status == "passed", str(outcome)
