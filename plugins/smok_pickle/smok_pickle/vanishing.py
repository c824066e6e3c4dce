"""What became of the file of an open store, and what is done about it (contract G16)."""

import contextlib
import sqlite3
from collections.abc import Iterable
from typing import Final

from smok_core.errors import CorruptData, StoreVanished
from smok_pickle.descent import Descent, Memory
from smok_pickle.files import sibling
from smok_pickle.handle import Handle
from smok_pickle.rescue import rescue, rescue_before

_LOG_STAYS: Final = "what only its log holds is put beside it at the next opening"


def look(handle: Handle) -> str | None:
    """Make sure that the file still lies where it was opened.

    Returns:
        The part of it (-wal, -shm) that was removed; its contents are in the file now, and it has
        to be opened anew.

    Raises:
        StoreVanished: It does not; what only this process had was rescued where possible.
        CorruptData: Somebody wrote into it.
    """
    presence = handle.presence
    if presence is None:
        return None
    what, part = presence.change(), presence.lost_part()
    if what is not None:
        raise _vanished(handle, what, _moved(handle))
    if presence.contents.are_foreign():
        raise CorruptData(str(handle.path), "somebody wrote into the file")
    if part is not None:
        _write_log_into_file(handle, part)
    elif handle.instance is not None and handle.instance.is_lost():
        handle.lock_again()
    else:
        with contextlib.suppress(OSError):  # as in `Handle.fold_log`
            handle.remember()
    return part


def follow(
    handle: Handle, descent: Descent, raw: sqlite3.Connection, memories: Iterable[Memory]
) -> None:
    """Go on with what another program has made of the schema, if all that was stored is there.

    Args:
        handle: How the file is open.
        descent: What it held at the last look.
        raw: In a transaction.
        memories: What this process knows of it since.

    Raises:
        StoreVanished: An earlier state of the store, or another one, was put in its place.
    """
    if descent.is_broken(raw, memories):
        assert handle.guard is not None
        related = descent.is_same_line(raw)
        where = rescue_before(handle.guard.file, handle.path, descent.cookie, related=related)
        raise _vanished(handle, "its contents were overwritten while it was open", where)
    descent.note(raw)


def vanished_by(handle: Handle) -> StoreVanished | None:
    """Tell what is no damage: the file was overwritten, and is not ours to heal."""
    what = handle.overwritten()
    return _vanished(handle, what, _LOG_STAYS) if what is not None else None


def _vanished(handle: Handle, what: str, where: str | None = None) -> StoreVanished:
    """Keep what only the open descriptors still lead to, and say where."""
    kept = where or rescue(handle.open_raw(), handle.path)
    return StoreVanished(str(handle.path), f"{what}; {kept}")


def _moved(handle: Handle) -> str | None:
    """Tell where the file lies now, if it only has another name; the log is written into it."""
    where = handle.guard.where() if handle.guard is not None else None
    if where is None:
        return None
    handle.fold_log()
    return f"it lies at {where} now, with all that it held"


def _write_log_into_file(handle: Handle, part: str) -> None:
    """Somebody removed the log or its index: only who has the file alone can begin anew."""
    if sibling(handle.path, part).exists():
        raise _vanished(handle, f"its {part} file was replaced by another one while it was open")
    if handle.instance is None or not handle.instance.alone():
        # A new log beside the index that the other still uses would mix the two.
        what = f"its {part} file was removed while another process had it open, too"
        raise _vanished(handle, what)
    handle.open_raw().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
