"""The kit as a pytest class: one test per clause, one for what the backend declares."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from smok_core.testing import runner
from smok_core.testing._extras import need
from smok_core.testing.clause import Clause, all_clauses
from smok_core.testing.report import Status

if TYPE_CHECKING:
    from smok_core.testing.report import Outcome
    from smok_core.testing.subject import Subject

__all__ = ["ConformanceSuite", "ConformanceWarning"]

pytest: Any = need("pytest", "ConformanceSuite")


class ConformanceWarning(UserWarning):
    """A clause that is newer than what the backend pins does not hold."""


class ConformanceSuite:
    """Derive a class ``Test…`` and give it a fixture ``subject``; do not override the tests."""

    @pytest.mark.parametrize("clause", all_clauses(), ids=str)
    def test_clause(self, subject: Subject, clause: Clause) -> None:
        """Every clause holds, or is skipped with the reason why it cannot be checked."""
        judge(runner.run_clause(subject, clause))


def judge(outcome: Outcome) -> None:
    """Tell pytest what became of a clause."""
    if outcome.status is Status.FAILED:
        pytest.fail(str(outcome), pytrace=False)
    if outcome.status is Status.WARNED:
        warnings.warn(str(outcome), ConformanceWarning, stacklevel=2)
    if outcome.status is Status.EXCLUDED:
        pytest.xfail(f"{outcome.ref}: {outcome.detail}")
    if outcome.status in (Status.SKIPPED, Status.NOT_APPLICABLE):
        pytest.skip(f"{outcome.ref}: {outcome.detail}")
