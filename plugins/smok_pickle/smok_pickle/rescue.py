"""Keeps what would be lost with a file that went away: what its log or a connection still has."""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
from pathlib import Path

from smok_pickle.btree_reader import Pages
from smok_pickle.files import make_for, places, sibling, stamped
from smok_pickle.recovered_rows import copy_rows
from smok_pickle.recovery import made_aside
from smok_pickle.wal_reader import read_log


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


def part_from_log(path: Path, *, related: bool) -> None:
    """Take the log away from a file that it was not written for: SQLite would mix the two.

    What it holds becomes a store ``….rescued-<time>``, with the log itself kept beside it.

    Args:
        path: The file; nobody has it open.
        related: The file is a copy of the one that the log was written for, so what the log lacks,
            such as the names of its points, is true in it.
    """
    aside = stamped(path, ".rescued-")
    with contextlib.suppress(OSError, sqlite3.Error):  # no room: the log is kept all the same
        _save_log(path, aside, related=related)
    sibling(path, "-wal").rename(sibling(aside, ".log"))
    sibling(path, "-shm").unlink(missing_ok=True)


def _save_log(path: Path, aside: Path, *, related: bool) -> None:
    log = read_log(sibling(path, "-wal"))
    with made_aside(path) as target, path.open("rb") if related else io.BytesIO() as file:
        pages = Pages(file, log)
        copy_rows(pages, [*log.doubtful, *pages.covered()], target)
    sibling(path, ".healing").rename(aside)
