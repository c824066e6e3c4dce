"""Keeps what would be lost with a file that went away: what its log or a connection still has."""

import contextlib
import io
import os
import sqlite3
from pathlib import Path
from typing import Final

from smok_pickle.btree_reader import Pages
from smok_pickle.files import make_for, places, sibling, stamped
from smok_pickle.recovered_rows import copy_rows
from smok_pickle.recovery import made_empty
from smok_pickle.wal_reader import Log, cookie_of, read_log

_HEADER: Final = 100


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


def rescue_before(file: int, path: Path, cookie: int, *, related: bool) -> str:
    """Copy what a store held before other contents were put into it; say where, or why not.

    SQLite keeps the earlier pages until the log is copied into the file, and begun anew.

    Args:
        file: An open descriptor of the file; it is not closed, and stands where it stood.
        path: The file's path.
        cookie: Of the schema, as it was before.
        related: What was put in is an earlier state of the store.
    """
    copy, known = stamped(path, ".rescued-"), cookie.to_bytes(4, "big")
    stands = os.lseek(file, 0, os.SEEK_CUR)
    try:
        log = read_log(sibling(path, "-wal"), known)
        whole = cookie_of(os.pread(file, _HEADER, 0)) == known
        if not (whole or log.pages):
            return "what it held before is gone"
        with open(file, "rb", closefd=False) if whole or related else io.BytesIO() as content:
            _fill(sibling(copy, ".part"), path, Pages(content, log), log)
        sibling(copy, ".part").rename(copy)
    except (OSError, sqlite3.Error) as error:
        return f"what it held before could not be copied to {copy} ({error})"
    finally:
        os.lseek(file, stands, os.SEEK_SET)
    return f"what it held before was copied to {copy}"


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
    log, healing = read_log(sibling(path, "-wal")), sibling(path, ".healing")
    with path.open("rb") if related else io.BytesIO() as file:
        _fill(healing, path, Pages(file, log), log)
    healing.rename(aside)


def _fill(place: Path, path: Path, pages: Pages, log: Log) -> None:
    with made_empty(place, path) as target:
        copy_rows(pages, [*log.doubtful, *pages.covered()], target)
