"""Opens a store's file: alone or beside others, after a crash, damaged, on a full disk, to look.

What lies there is looked at before SQLite opens it: later no descriptor of it may be closed.
"""

import sqlite3
from pathlib import Path

from smok_core.engine.forks import fill_standard_descriptors
from smok_core.errors import BackendUnavailable, CorruptData, StorageFull
from smok_pickle.failures import translate
from smok_pickle.files import (
    check_place,
    make_parents,
    refuse_strange_companions,
    secure,
    sibling,
)
from smok_pickle.handle import Handle
from smok_pickle.locks import (
    LogGuard,
    has_log_of_another,
    in_use,
    is_log_lost,
    is_log_missing,
    lineage_of_log,
    remembered,
)
from smok_pickle.opening import (
    brought_up_apart,
    check_pages,
    connect,
    examine,
    judged_alone,
    opened_read_only,
    prepare,
    refuse_foreign,
    without_log,
)
from smok_pickle.presence import Presence
from smok_pickle.recovery import recover, resume
from smok_pickle.rescue import part_from_log
from smok_pickle.reserve import Reserve


def enter(handle: Handle, reserve: Reserve) -> None:
    """Open the file as the handle says, and hold its locks.

    Raises:
        StoreError, sqlite3.Error, OSError: It cannot be opened; the caller drops the handle.
    """
    fill_standard_descriptors()
    handle.refuse_torn()
    if not remembered(handle.path):
        refuse_foreign(handle.path)
    refuse_strange_companions(handle.path)
    if handle.looking:
        _look_in(handle)
        return
    make_parents(handle.path)
    instance = handle.take_lock()
    alone = _is_alone(handle)
    if not handle.was_open:
        handle.lost_log = alone and is_log_lost(handle.path)
    _part_from_log_of_another(handle.path, alone=alone)
    try:
        _open_with_reserve(handle, reserve, alone=alone)
    except (CorruptData, sqlite3.Error) as error:
        damage = error if isinstance(error, CorruptData) else translate(error, handle.path)
        if not isinstance(damage, CorruptData):
            raise damage from error
        replace(handle, reserve, damage)
    handle.remember()
    instance.shared()
    reserve.restore()


def replace(handle: Handle, reserve: Reserve, damage: CorruptData) -> None:
    """Put the damaged file aside, and open what could be read of it in its place.

    Raises:
        CorruptData: The store is not to be healed, or not by who only looks.
        BackendUnavailable: Another process has it open.
    """
    if handle.options.on_corrupt == "refuse" or handle.looking:
        raise damage
    assert handle.instance is not None
    handle.instance.wait_alone()
    handle.disconnect(keep_log=True)  # for the recovery
    if in_use(handle.path):
        raise BackendUnavailable(
            str(handle.path),
            "the file is damaged, and it cannot be put aside while another process has it open",
            "Stop the other process; the next opening puts the file aside.",
        )
    reserve.release()  # a new file must be made even on a full disk
    recover(handle.path, damage)
    secure(handle.path)
    handle.connect()
    handle.remember()
    reserve.restore()
    handle.instance.shared()


def _is_alone(handle: Handle) -> bool:
    """Take the lock; tell whether nobody else has the file open, with or without one."""
    assert handle.instance is not None
    if handle.instance.enter():
        resume(handle.path)
        if not in_use(handle.path):
            return True
        handle.instance.shared()
    handle.refuse_without_log()
    return False


def _part_from_log_of_another(path: Path, *, alone: bool) -> None:
    """A backup was put in the file's place: keep the log it was left with away from it."""
    if not has_log_of_another(path):
        return
    if not alone:
        raise BackendUnavailable(
            str(path), "another process still has the file open that lay here before",
            "It notices within a second, or stop it; then try again.",
        )  # fmt: skip
    whole, lineage = judged_alone(path)
    related = lineage is not None and lineage == lineage_of_log(path)
    if whole or lineage is not None:  # else the recovery finds more in file and log together
        part_from_log(path, related=related)


def _open_with_reserve(handle: Handle, reserve: Reserve, *, alone: bool) -> None:
    """Open; where a full disk forbids even that, with the room that the reserve takes."""
    try:
        _open_file(handle, alone=alone)
    except sqlite3.Error as error:
        full = isinstance(translate(error, handle.path), StorageFull)
        if not full or not reserve.release():
            raise
        _open_file(handle, alone=alone)


def _open_file(handle: Handle, *, alone: bool) -> None:
    path = handle.path
    unclean = alone and sibling(path, "-wal").exists()
    known = path.exists() and (remembered(path) or path.stat().st_size > 0)
    if known:
        examine(path, alone=alone)
    secure(path)
    handle.connect()
    if known and alone:
        check_pages(handle.open_raw(), path, unclean=unclean)


def _look_in(handle: Handle) -> None:
    """Open the file for a look; one that is not there is looked at as an empty store."""
    path, level, busy_ms = handle.path, handle.level, handle.options.busy_timeout_ms
    if not path.exists():
        check_place(path)
        handle.raw = connect(":memory:", level, busy_ms)
        prepare(handle.raw, path)
        handle.notes = ("nothing was stored yet; the file is made at the first start",)
    elif handle.options.read_only:
        handle.raw = opened_read_only(path, level, busy_ms)
        handle.notes = ("read only: as the file was when it was opened",)
    elif has_log_of_another(path):
        examine(path, alone=False)
        handle.raw = without_log(path, level, busy_ms)
        handle.notes = ("the log beside it is of another file; the next opening parts them",)
    else:
        _look_beside_others(handle)


def _look_beside_others(handle: Handle) -> None:
    path, level, busy_ms = handle.path, handle.level, handle.options.busy_timeout_ms
    handle.refuse_without_log()
    handle.keeps_log = not is_log_missing(path)
    examine(path, alone=False)
    handle.guard = LogGuard(path)
    handle.raw = connect(path, level, busy_ms)
    handle.guard.hold()
    handle.raw = brought_up_apart(handle.raw, level, busy_ms)
    handle.presence = Presence(path, handle.guard.file)
