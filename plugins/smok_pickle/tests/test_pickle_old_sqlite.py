"""The SQLite of the machine: the oldest promised does all of it, an older one is refused."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from smok_pickle.failures import SqliteTooOld

from tests.conftest import ROOT, skip_or_fail
from tests.servers import old_sqlite

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.engine.base import Engine

HERE = Path(__file__).parent
#: What reads and writes everything that there is in a file, and mends it.
ALL_OF_IT = [HERE / f"test_pickle_{name}.py" for name in ("series", "migration", "salvage")]
if os.environ.get("SMOK_LONG"):
    ALL_OF_IT.append(HERE / "test_conformance.py")


def test_an_sqlite_of_2018_does_all_of_it() -> None:
    """Red Hat 8 and 9, Debian 11 and Ubuntu 20.04 have one without RETURNING and DROP COLUMN."""
    try:
        environ = {**os.environ, "LD_LIBRARY_PATH": str(old_sqlite.folder())}
    except old_sqlite.NoOldSqlite as error:
        skip_or_fail("pickle", f"no old SQLite: {error}")
    say = [sys.executable, "-c", "import sqlite3; print(sqlite3.sqlite_version)"]
    told = subprocess.run(say, env=environ, capture_output=True, text=True, check=True).stdout
    if told.strip() != "3.25.2":
        skip_or_fail("pickle", f"this Python has SQLite {told.strip()} built in")
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*words, *ALL_OF_IT], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout


def test_an_older_one_is_refused(
    path: Path, opened: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its version and the way out, before anything is made."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 22, 0))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.22.0")
    with pytest.raises(SqliteTooOld, match=r"SQLite is 3\.22\.0.*3\.24 or later"):
        opened()
    assert not path.parent.exists()
