"""Puts a damaged store aside and a healed one in its place; killed anywhere, it ends the same.

1. `….healing` is built from the damaged file and its log, which are only read.
2. It is synced and renamed to `….healed-<time>`: from here on the outcome is fixed.
3. The log, then the file are renamed to `….corrupt-<time>`, the healed file to the store's name.

A start that finds `….healed-<time>` does step 3 again; one that finds only `….healing` deletes it
and begins again with the damaged file, which still lies in its place.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from smok_pickle.btree_reader import Pages
from smok_pickle.failures import translate
from smok_pickle.files import MARK, secure, sibling
from smok_pickle.recovered_rows import copy_rows
from smok_pickle.schema import create
from smok_pickle.wal_reader import read_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from smok_core.errors import CorruptData

__all__ = ["recover", "resume"]

_HEALING: Final = ".healing"
_HEALED: Final = ".healed-"
_LOGS: Final = ("-wal", "-journal")


def recover(path: Path, damage: CorruptData) -> Path:
    """Replace the damaged store by one with all that can be read; give the damaged file's new name.

    The caller holds the instance lock alone and has no SQLite connection open on ``path``.

    Raises:
        StorageFull: There is no room for the healed file; nothing has changed.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    with _translated(path):
        _discard(path)
        try:
            _build(path, f"{damage.detail}", f"{path.name}{MARK}{stamp}")
        except BaseException:
            _discard(path)
            raise
        sibling(path, _HEALING).rename(sibling(path, _HEALED + stamp))
        _sync_folder(path)
    resume(path)
    return sibling(path, MARK + stamp)


def resume(path: Path) -> None:
    """Finish a recovery that was interrupted; call it before anything looks at the file.

    The caller holds the instance lock alone.
    """
    with _translated(path):
        _discard(path)
        for healed in sorted(path.parent.glob(f"{_escaped(path.name)}{_HEALED}*Z")):
            _put_in_place(path, healed)


def _put_in_place(path: Path, healed: Path) -> None:
    aside = sibling(path, MARK + healed.name.removeprefix(path.name + _HEALED))
    # The log goes first: beside the healed file it would be replayed into that.
    for suffix in (*_LOGS, ""):
        source = sibling(path, suffix)
        if source.exists():
            source.rename(sibling(aside, suffix))
    sibling(path, "-shm").unlink(missing_ok=True)
    _sync_folder(path)
    healed.rename(path)
    _sync_folder(path)


def _build(path: Path, damage: str, aside: str) -> None:
    healing, log = sibling(path, _HEALING), read_log(sibling(path, "-wal"))
    secure(healing)
    with closing(sqlite3.connect(healing, isolation_level=None)) as raw:
        raw.execute("PRAGMA auto_vacuum = INCREMENTAL")
        raw.execute("PRAGMA journal_mode = OFF")  # a part of a healed file is never used
        raw.execute("PRAGMA synchronous = OFF")
        create(raw)
        with path.open("rb") as file:
            report = copy_rows(Pages(file, path, log), log.doubtful, raw)
        told = "; ".join(filter(None, (damage, log.damage, report.text())))
        raw.execute("INSERT INTO recoveries(aside, report) VALUES(?, ?)", (aside, told))
        raw.execute("PRAGMA journal_mode = WAL").fetchone()
    _sync(healing)


def _discard(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        sibling(path, _HEALING + suffix).unlink(missing_ok=True)


def _sync(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(path: Path) -> None:
    _sync(path.parent)


def _escaped(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise translate(error, path) from error
