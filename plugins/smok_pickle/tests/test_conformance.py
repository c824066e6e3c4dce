"""The conformance kit on the embedded backend, through its installed entry point."""

import contextlib
import importlib.util
import sqlite3

import pytest
from smok_testing import ConformanceSuite, Subject

from tests.conftest import skip_or_fail


class TestPickle(ConformanceSuite):
    """The embedded backend, through its installed entry point."""

    @pytest.fixture
    def subject(self) -> Subject:
        if not importlib.util.find_spec("smok_pickle"):
            skip_or_fail("pickle", "smok_pickle is not installed")
        return Subject(
            backend="pickle",
            options={"path": "{place}/smok.db"},
            power_cut=power_cut,
            damage=damage,
            make_newer=make_newer,
        )


def power_cut(place):
    """Leave half a frame at the end of the log: what was being written when the power went."""
    log = place / "smok.db-wal"
    if log.exists() and log.stat().st_size:
        with log.open("ab") as file:
            file.write(log.read_bytes()[-2000:])


def damage(place):
    """Zero the middle of the file, as a flash card that lost pages does."""
    path = place / "smok.db"
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = bytes(third)
    path.write_bytes(content)


def make_newer(place):
    """Set the schema version of a release that does not exist yet."""
    with contextlib.closing(sqlite3.connect(place / "smok.db")) as raw:
        raw.execute("PRAGMA user_version = 99")
        raw.commit()
