"""The conformance kit: proves that a backend keeps what the contract promises.

With pytest, in the plugin's own ``tests/test_conformance.py``::

    class TestConformance(ConformanceSuite):
        @pytest.fixture
        def subject(self) -> Subject:
            return Subject("mybackend", lambda place: {"path": str(place / "store.db")})

Without it: ``conformance("mybackend", {"path": "{place}/store.db"}).to_json()``.

Importing this package imports neither pytest nor hypothesis (extra: ``smok-core[testing]``).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from smok_testing.checks import ClauseFailed
    from smok_testing.clause import Clause, Level
    from smok_testing.clauses import all_clauses
    from smok_testing.harness import Harness
    from smok_testing.report import Outcome, Report, Status
    from smok_testing.runner import conformance, run_clause, run_conformance
    from smok_testing.subject import Subject
    from smok_testing.suite import ConformanceSuite

__all__ = [
    "KIT_VERSION",
    "Clause",
    "ClauseFailed",
    "ConformanceSuite",
    "Harness",
    "Level",
    "Outcome",
    "Report",
    "Status",
    "Subject",
    "all_clauses",
    "conformance",
    "run_clause",
    "run_conformance",
]

#: Version of the set of clauses; a plugin can pin it (`Subject.clauses_version`).
KIT_VERSION: Final = "0.1"

_HOMES: Final = {
    "Clause": "clause",
    "ClauseFailed": "checks",
    "ConformanceSuite": "suite",
    "Harness": "harness",
    "Level": "clause",
    "Outcome": "report",
    "Report": "report",
    "Status": "report",
    "Subject": "subject",
    "all_clauses": "clauses",
    "conformance": "runner",
    "run_clause": "runner",
    "run_conformance": "runner",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
