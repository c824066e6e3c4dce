"""The kit proves itself: it passes the right backend and catches every wrong one."""

from __future__ import annotations

import pytest
from tests.mutants import ALL, RIGHT, Mutant

from smok_core.testing import ConformanceSuite, Status, Subject, all_clauses, run_clause

CLAUSES = {str(clause): clause for clause in all_clauses()}


class TestRight(ConformanceSuite):
    """What the mutants are made of keeps every clause, so their faults are their own."""

    @pytest.fixture
    def subject(self) -> Subject:
        return RIGHT


@pytest.mark.parametrize("mutant", ALL, ids=str)
def test_a_mutant_is_caught(mutant: Mutant) -> None:
    """Each wrong backend fails the clause that was made for its fault."""
    outcome = run_clause(mutant.subject, CLAUSES[mutant.caught_by])
    assert outcome.status is Status.FAILED, f"{mutant.fault} {outcome}"
