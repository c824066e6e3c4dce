"""The kit as a pytest class: one test per clause, one for what the backend declares."""

from typing import Any

import pytest

from smok_testing import opening, runner
from smok_testing.clause import Clause
from smok_testing.clauses import all_clauses
from smok_testing.report import Outcome, Status
from smok_testing.subject import Subject


class ConformanceSuite:
    """Derive a class ``Test…`` and give it a fixture ``subject``; do not override the tests."""

    @pytest.mark.parametrize("clause", all_clauses(), ids=str)
    def test_clause(self, subject: Subject, clause: Clause) -> None:
        """Every clause holds, or is skipped with the reason why it cannot be checked."""
        judge(runner.run_clause(subject, clause))

    def test_declarations(self, subject: Subject) -> None:
        """The backend declares all that it does; what cannot be proved here is skipped aloud."""
        backend = opening.find_backend(subject)
        hidden = runner.undeclared(subject, backend)
        if hidden:
            pytest.fail(f"{subject.backend} holds {', '.join(hidden)} and does not declare it")
        unproved = sorted(backend.info.capabilities - _provable(subject))
        if unproved:
            message = f"declared, and not provable with this subject: {', '.join(unproved)}"
            pytest.skip(message)


def _provable(subject: Subject) -> set[Any]:
    """Return the capabilities that some clause can check with what the subject is able to do."""
    able = [c for c in all_clauses() if c.ability is None or subject.has(c.ability)]
    return {clause.needs for clause in able}


def judge(outcome: Outcome) -> None:
    """Tell pytest what became of a clause."""
    if outcome.status is Status.FAILED:
        pytest.fail(str(outcome), pytrace=False)
    if outcome.status is Status.WARNED:
        pytest.xfail(f"newer than the pinned version: {outcome}")
    if outcome.status is Status.EXCLUDED:
        pytest.xfail(f"{outcome.ref}: {outcome.detail}")
    if outcome.status in (Status.SKIPPED, Status.NOT_APPLICABLE):
        pytest.skip(f"{outcome.ref}: {outcome.detail}")
