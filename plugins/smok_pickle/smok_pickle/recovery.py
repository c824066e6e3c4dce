"""Puts a healed file in the place of a damaged one, in steps that can be cut anywhere.

The damaged file keeps its place until the healed one is complete. Whatever is cut off, the next
opening ends where an undisturbed one would have (contract G17):

1. The file and its log get a second name, ``….corrupt-<time>``, as hard links. A file that has
   one already keeps it.
2. ``….healing`` is made from the pages of file and log, which are only read, and forced to the
   medium. If that is cut off, or there is no room for it, nothing has changed: the next opening
   begins with step 1.
3. ``….healing`` becomes ``….healed``: from here on the recovery is only finished, never redone.
4. The old log goes, for SQLite would replay it into any file it lies beside; then the healed file
   takes the place of the damaged one.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from smok_core.errors import CorruptData
from smok_pickle.btree_reader import Pages
from smok_pickle.files import give_to_owner, make_for, put_aside_name, restrict, sibling
from smok_pickle.recovered_rows import copy_rows
from smok_pickle.schema import create
from smok_pickle.wal_reader import read_log

_LOGS: Final = ("-wal", "-shm", "-journal")
_KEPT: Final = ("-wal", "-journal")


def recover(path: Path, damage: CorruptData) -> Path:
    """Replace the damaged file at ``path`` by one with what can be read; give the old one's name.

    The caller holds the instance lock alone, and this process has the file open nowhere.

    Raises:
        OSError, sqlite3.Error: There is no room, or the medium fails; nothing has changed.
    """
    aside = _put_aside(path)
    try:
        _heal(path, aside, damage)
    except BaseException:
        _remove(sibling(path, ".healing"))
        _drop_copies(path, aside)
        raise
    sibling(path, ".healing").rename(sibling(path, ".healed"))
    _sync_folder(path)
    _finish(path)
    return aside


def resume(path: Path) -> None:
    """Finish a recovery that was cut off after its healed file was complete; drop any other part.

    Called at every opening by the holder of the lock, before anything looks at the file.
    """
    if sibling(path, ".healed").exists():
        _finish(path)
    _remove(sibling(path, ".healing"))


def _put_aside(path: Path) -> Path:
    """Return the file and its log a second name; both keep the first as well."""
    aside = put_aside_name(path)
    for suffix in (*_KEPT, ""):
        source, target = sibling(path, suffix), sibling(aside, suffix)
        if source.exists() and not target.exists():
            _link(source, target)
    _sync_folder(path)
    return aside


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
        restrict(target, 0o600)
        give_to_owner(target, source)


def _heal(path: Path, aside: Path, damage: CorruptData) -> None:
    """Make the healed file and note in it what was found."""
    log = read_log(sibling(path, "-wal"))
    with made_empty(sibling(path, ".healing"), path) as target, path.open("rb") as file:
        report = copy_rows(Pages(file, log), log.doubtful, target)
        told = "; ".join(filter(None, (damage.detail, log.damage, report.text())))
        target.execute("INSERT INTO recoveries(aside, report) VALUES(?, ?)", (aside.name, told))


@contextlib.contextmanager
def made_empty(place: Path, path: Path) -> Iterator[sqlite3.Connection]:
    """Make an empty store for the owner of the one at ``path``; what lies at ``place`` goes.

    When it is filled, it is complete without a log, and synced.
    """
    _remove(place)
    os.close(make_for(path, place))
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as target:
        target.execute("PRAGMA auto_vacuum = INCREMENTAL")
        target.execute("PRAGMA journal_mode = OFF")  # a part of a healed file is never used
        target.execute("PRAGMA synchronous = OFF")
        create(target)
        yield target
        target.execute("PRAGMA journal_mode = WAL").fetchone()
    _sync(place)


def _drop_copies(path: Path, aside: Path) -> None:
    """Where there are no links, each try would leave another copy; the original is in its place."""
    for suffix in (*_KEPT, ""):
        source, target = sibling(path, suffix), sibling(aside, suffix)
        if source.exists() and target.exists() and not source.samefile(target):
            target.unlink()


def _finish(path: Path) -> None:
    for suffix in _LOGS:
        sibling(path, suffix).unlink(missing_ok=True)
    _sync_folder(path)
    sibling(path, ".healed").replace(path)
    _sync_folder(path)


def _remove(place: Path) -> None:
    for suffix in ("", *_LOGS):
        sibling(place, suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(path: Path) -> None:
    _sync(path.parent)
