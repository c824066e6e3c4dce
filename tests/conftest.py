"""Fixtures that every test directory shares."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


#: Whether everything is tried, as ``make test-long`` does; else a sample of what takes minutes.
LONG = bool(os.environ.get("SMOK_LONG"))
#: Histories of each clause where each step is a round trip, or the whole kit is run once more.
FEW = "5"


def spare(monkeypatch) -> None:
    """Let the kit take fewer histories and kills; their whole number is the embedded store's."""
    if not LONG:
        monkeypatch.setenv("SMOK_KIT_EXAMPLES", FEW)
        monkeypatch.setattr("smok_testing.clauses.kill.EVERY", 5)


def required(part: str) -> bool:
    """Tell whether SMOK_REQUIRE makes a missing part a failure instead of a skip."""
    return part in os.environ.get("SMOK_REQUIRE", "").split(",")


def skip_or_fail(part: str, reason: str) -> None:
    """Skip with the reason, or fail with it where SMOK_REQUIRE names the part."""
    if required(part):
        pytest.fail(f"SMOK_REQUIRE names {part!r}: {reason}")
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter):
    """Count the skipped tests by their reasons: one line each, whatever names stand in them."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = Counter(_reason(report) for report in reports)
    if reasons:
        terminalreporter.section(f"{len(reports)} skipped, by reason")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:5d}  {reason}")


def _reason(report) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    clause = re.sub(r"^(Skipped: )?[A-Z]+\d*\.\w+: ", "", text.splitlines()[0])
    return clause.removeprefix("Skipped: ")


@pytest.fixture
def shared_data() -> Path:
    """The directory with the real sensor readings; beside the checkout, or where SMOK_SHARED is."""
    folder = Path(os.environ.get("SMOK_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        skip_or_fail("shared", f"no real readings at {folder}; SMOK_SHARED says where they are")
    return folder
