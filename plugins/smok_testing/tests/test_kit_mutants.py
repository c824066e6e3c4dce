"""The kit proves itself: it passes the right backends and catches every wrong one."""

import re

import hypothesis
import pytest
from smok_testing import (
    ConformanceSuite,
    Status,
    Subject,
    all_clauses,
    children,
    run_clause,
    worker_process,
)
from smok_testing.clauses import faults, kill
from smok_testing.machines import running

from plugins.smok_testing.tests.mutants import ALL, RIGHT, RIGHT_FILE, RIGHT_SHARED, Mutant

#: What a clause with a slip of its own raises, whatever the backend does.
MISTAKE_OF_THE_KIT = re.compile(
    r"^raised (NameError|UnboundLocalError|ImportError|SyntaxError|ProcessLookupError)"
)

CLAUSES = {str(clause): clause for clause in all_clauses()}

#: What only an engine that survives its process can show.
BEYOND_MEMORY = [
    clause for clause in all_clauses() if clause.ability or clause.needs not in (None, "persistent")
]

#: What only processes show.
SHARED = [clause for clause in all_clauses() if clause.needs == "multi-process"]


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


@pytest.mark.parametrize("clause", SHARED, ids=str)
def test_the_shared_engine_is_right(clause) -> None:
    """What the mutants that processes share are made of lets them share."""
    outcome = run_clause(RIGHT_SHARED, clause)
    assert outcome.status is Status.PASSED, str(outcome)


@pytest.mark.parametrize("mutant", ALL, ids=str)
def test_a_mutant_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wrong backend fails the clause that was made for its fault."""
    monkeypatch.setattr(children, "HANG_SECONDS", 10)
    monkeypatch.setattr(worker_process, "PATIENCE", 5)
    monkeypatch.setattr(faults, "GIVE_UP", 2)
    monkeypatch.setattr(running, "PHASES", [hypothesis.Phase.generate])  # nobody reads this failure
    outcome = run_clause(mutant.subject, CLAUSES[mutant.caught_by])
    assert outcome.status is Status.FAILED, f"{mutant.fault} {outcome}"
    assert not MISTAKE_OF_THE_KIT.search(outcome.detail), f"no verdict, but an accident: {outcome}"
