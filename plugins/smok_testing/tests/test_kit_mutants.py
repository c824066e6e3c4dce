"""The kit proves itself: it passes the right backends and catches every wrong one."""

from __future__ import annotations

import pytest
from smok_testing import (
    ConformanceSuite,
    Status,
    Subject,
    all_clauses,
    children,
    run_clause,
)
from smok_testing.clauses import kill, process_races

from plugins.smok_testing.tests.mutants import ALL, RIGHT, RIGHT_FILE, RIGHT_SHARED, Mutant

CLAUSES = {str(clause): clause for clause in all_clauses()}

#: What only an engine that survives its process can show.
BEYOND_MEMORY = [
    clause for clause in all_clauses() if clause.ability or clause.needs not in (None, "persistent")
]

#: What only an engine that processes share can show.
BETWEEN_PROCESSES = [
    clause for clause in all_clauses() if clause.check.__module__ == process_races.__name__
]


class TestRight(ConformanceSuite):
    """What the mutants are made of keeps every clause, so their faults are their own."""

    @pytest.fixture
    def subject(self) -> Subject:
        return RIGHT


@pytest.mark.parametrize("clause", BEYOND_MEMORY, ids=str)
def test_the_file_engine_is_right(clause, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the mutants with a file are made of survives kills, power cuts and all staged faults."""
    monkeypatch.setattr(kill, "STEPS", 15)
    outcome = run_clause(RIGHT_FILE, clause)
    assert outcome.status is Status.PASSED or clause.needs == "multi-process", str(outcome)


@pytest.mark.parametrize("clause", BETWEEN_PROCESSES, ids=str)
def test_the_shared_engine_is_right(clause) -> None:
    """What the mutants that processes share are made of stands up to several of them."""
    outcome = run_clause(RIGHT_SHARED, clause)
    assert outcome.status is Status.PASSED, str(outcome)


@pytest.mark.parametrize("mutant", ALL, ids=str)
def test_a_mutant_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wrong backend fails the clause that was made for its fault."""
    monkeypatch.setattr(children, "HANG_SECONDS", 10)
    outcome = run_clause(mutant.subject, CLAUSES[mutant.caught_by])
    assert outcome.status is Status.FAILED, f"{mutant.fault} {outcome}"
