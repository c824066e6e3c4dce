"""Keeps what only an open connection still leads to, when its file has lost its name."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

from smok_pickle.files import make_for, places, stamped

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["rescue"]


def rescue(raw: sqlite3.Connection, path: Path) -> str:
    """Copy the whole store, log included, beside its path; say where, or why that failed.

    The connection still reads the nameless file and its log. Nothing at ``path`` is touched. If
    the directory is gone, the nearest one above that is still there takes the copy.
    """
    for place in places(path):
        if not place.parent.is_dir():
            continue
        copy = stamped(place, ".rescued-")
        try:
            _copy(raw, copy)
        except (OSError, sqlite3.Error) as error:
            copy.unlink(missing_ok=True)
            return f"what it held could not be copied to {copy} ({error})"
        return f"what it held was copied to {copy}"
    return "there is no directory to copy what it held to"


def _copy(raw: sqlite3.Connection, copy: Path) -> None:
    os.close(make_for(copy, copy))
    with contextlib.closing(sqlite3.connect(copy)) as target:
        raw.backup(target)
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        target.execute("PRAGMA journal_mode = DELETE").fetchall()
