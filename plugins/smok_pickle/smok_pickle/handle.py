"""A store's file as this process holds it: SQLite's connection, and the locks around it.

Everything that closes a descriptor of the file goes through here, because closing any drops the
locks SQLite holds for the whole process (see `smok_pickle.locks`).
"""

import contextlib
import ctypes
import sqlite3
from pathlib import Path
from typing import Final

from smok_core.errors import BackendUnavailable, StoreVanished
from smok_pickle.files import sibling
from smok_pickle.locks import InstanceLock, LogGuard, in_use, is_log_missing
from smok_pickle.opening import connect, is_sound, prepare
from smok_pickle.options import PickleOptions
from smok_pickle.presence import Presence
from smok_pickle.schema import lineage_of, mark_state

#: Pages in the log before it is copied into the file: many are fast, few need little room.
_LOG_PAGES: Final = 2000
_LOG_PAGES_TIGHT: Final = 32
#: Files that SQLite believes to have open in this process, by descriptors that somebody closed.
_torn: Final = set[tuple[int, int]]()


class Handle:
    """What one process holds of a file; used under the lock of the connection that owns it.

    Args:
        path: The file, without links on the way.
        options: The store's options.
        level: SQLite's ``synchronous``.
        looking: Only look: nothing is made, healed, migrated or put aside.
    """

    def __init__(self, path: Path, options: PickleOptions, level: int, *, looking: bool) -> None:
        self.path, self.options, self.level, self.looking = path, options, level, looking
        self.raw: sqlite3.Connection | None = None
        self.instance: InstanceLock | None = None
        self.guard: LogGuard | None = None
        self.presence: Presence | None = None
        self.notes: tuple[str, ...] = ()
        self.lost_log = False  #: after a crash: nobody knows what was in it
        self.keeps_log = False  #: it was there before somebody came who only looks
        self.was_open = False  #: later it was this process that closed the file
        self._lineage: str | None = None
        self._mark: str | None = ""  # as it stands in the lock file
        self._log_pages = 0

    def open_raw(self) -> sqlite3.Connection:
        """Return SQLite's connection, which is there."""
        assert self.raw is not None
        return self.raw

    def take_lock(self) -> InstanceLock:
        """Return the instance lock, not held yet."""
        self.instance = InstanceLock(self.path, self.options.busy_timeout_ms / 1000)
        return self.instance

    def lock_again(self) -> None:
        """Somebody removed the lock file: the next who opens must not believe to be alone."""
        assert self.instance is not None
        self.instance.close()
        self.take_lock().shared()
        self._mark = ""
        self.remember()

    def remember(self) -> None:
        """Note in the lock file which log belongs to the file, and what the file holds."""
        mark = self.presence.contents.mark if self.presence else None
        if self.instance is not None and mark != self._mark:
            self.instance.remember(self._lineage, mark)
            self._mark = mark

    def connect(self) -> None:
        """Open the file; the guard's descriptor is there before SQLite's, and goes after it."""
        self.disconnect()
        self.guard = LogGuard(self.path)
        self.raw = connect(self.path, self.level, self.options.busy_timeout_ms)
        self._log_pages, self.was_open, self._mark = 0, True, ""
        prepare(self.raw, self.path)
        self.guard.hold()
        self.raw.execute("SELECT count(*) FROM sqlite_master").fetchall()  # makes log and index
        self._lineage = lineage_of(self.raw)
        self.presence = Presence(self.path, self.guard.file)
        if not self.guard.works:
            self.notes = ("the file system has no OFD locks: do not copy the file in this process",)

    def is_torn(self) -> bool:
        """Tell whether our descriptors were closed, so that SQLite would write into other files."""
        return self.guard is not None and self.guard.is_torn()

    def refuse_torn(self) -> None:
        """Raise if that happened to the file; SQLite opens none without those that it knows."""
        with contextlib.suppress(FileNotFoundError):
            found = self.path.stat()
            if (found.st_dev, found.st_ino) in _torn:
                raise torn(self.path)

    def refuse_without_log(self) -> None:
        """Raise if others still write a log that has lost its name: a new one would mix the two."""
        if is_log_missing(self.path) and in_use(self.path):
            with contextlib.closing(LogGuard(self.path)) as guard:
                guard.hold()  # under another name, there is another log: that is told first
            raise BackendUnavailable(
                str(self.path), "its log was removed, and another process still writes to it",
                "It notices within a second of its next use, or stop it; then try again.",
            )  # fmt: skip

    # --- the log ---------------------------------------------------------------------------------

    def fold_log(self) -> None:
        """Copy the log into the file; in a busy or full moment it simply stays."""
        if self.looking:
            return
        with contextlib.suppress(sqlite3.Error, OSError):  # without a log, nothing is to be copied
            if sibling(self.path, "-wal").stat().st_size:
                mark_state(self.open_raw())
        with contextlib.suppress(sqlite3.Error):
            self.open_raw().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if self.presence is not None:
            self.presence.contents.note()
            with contextlib.suppress(
                OSError
            ):  # a full disk: an old mark cannot tell, and is harmless
                self.remember()

    def keep_log_small(self, *, small: bool) -> None:
        """Let SQLite copy the log into the file after few pages, or after many."""
        pages = _LOG_PAGES_TIGHT if small else _LOG_PAGES
        if pages != self._log_pages and self.raw is not None:
            self._log_pages = pages
            self.raw.execute(f"PRAGMA wal_autocheckpoint = {pages}").fetchall()
            if small and not self.raw.in_transaction:
                self.fold_log()

    def may_delete_log(self) -> bool:
        """Tell whether SQLite may do at closing what the last one does: copy the log, delete it.

        It deletes by name. If the file went away, the name may belong to another store by now; if
        the opening failed or a page is damaged, the recovery needs the log as it is; and who only
        looks has nothing to copy or to delete.
        """
        presence = self.presence
        if presence is None or self.keeps_log:
            return False
        if presence.change() is not None or presence.lost_part() is not None:
            return False
        return not presence.contents.are_foreign()

    def overwritten(self) -> str | None:
        """Tell what somebody put in the place of this file's contents; None: they are damaged."""
        if self.presence is None or not self.presence.contents.are_foreign():
            return None
        contents = self.presence.contents
        if contents.are_gone():
            return "its file was truncated while it was open"
        other = contents.are_of_another_file()
        if other is None:  # an earlier state of this file, or this one, damaged
            other = is_sound(self.open_raw())
        return "its file was overwritten while it was open" if other else None

    # --- letting go ------------------------------------------------------------------------------

    def disconnect(self, *, keep_log: bool = False) -> None:
        """Close the file; the instance lock stays."""
        if self.is_torn():
            self._abandon()
        try:
            if self.guard is not None:
                may_delete = not keep_log and self.may_delete_log()
                (self.guard.release if may_delete else self.guard.keep)()
            if self.raw is not None:
                with contextlib.suppress(sqlite3.Error):
                    self.raw.close()
            for held in (self.presence, self.guard):
                if held is not None:
                    held.close()
        finally:  # an interrupt must leave neither behind; the guard goes last
            self.raw = self.guard = self.presence = None

    def drop(self) -> None:
        """Close the file and let go of the instance lock."""
        if self.is_torn():
            self._abandon()
        if self.instance is not None and self.raw is not None and self.overwritten():
            self.instance.disown(self._lineage)  # or SQLite would copy the log into what came
        self.disconnect()
        if self.instance is not None:
            with contextlib.suppress(OSError):
                self.instance.forget_log()
            self.instance.close()
        self.instance = None

    def leave_to_parent(self) -> None:
        """Close our own descriptors in a child; SQLite's connection is the parent's.

        Closing that one would touch the parent's log. The locks on ours go with the parent's.
        """
        for held in (self.instance, self.presence, self.guard):
            if held is not None:
                held.close()
        self._keep_raw_open()

    def _abandon(self) -> None:
        """Leave all as it is: what we would close, or SQLite would write, is another's by now."""
        if self.presence is not None and self.presence.file is not None:
            _torn.add(self.presence.file)
        for held in (self.instance, self.presence, self.guard):
            if held is not None:
                held.abandon()
        self._keep_raw_open()

    def _keep_raw_open(self) -> None:
        """Let not even the end of the process close SQLite's connection."""
        if self.raw is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.raw))
        self.raw = self.instance = self.guard = self.presence = None


def torn(path: Path) -> StoreVanished:
    """Return the error for a file of which our descriptors were closed."""
    return StoreVanished(
        str(path), "its descriptors were closed while it was open, as a daemon closes all of them",
        "What it holds is safe. Open stores after that, or fork for it; start the program again.",
    )  # fmt: skip
