"""Watches the room a store has: keeps its log small, gives pages back, takes the reserve again."""

import contextlib
import resource
import sqlite3
from typing import Final

from smok_core.errors import StorageFull
from smok_pickle.handle import Handle
from smok_pickle.reserve import Reserve, free_bytes

_TIGHT: Final = 64 * 2**20  # bytes free
_SPARE: Final = 128  # free pages kept inside the file for what comes next
_STEP: Final = 128  # pages given back at once
_STEPS: Final = 64  # ... and how often, on a full disk
_NOW: Final = 2**30  # the next write has to look


class Space:
    """The room of one store; used under the lock of its connection."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self.reserve = Reserve(handle.path, 0 if handle.looking else handle.options.ballast_kib)
        self.writes = 0  #: since the last look

    def look(self) -> None:
        """Look at the free space; refuse new data while the reserve is in use."""
        self.writes = 0
        self.fit_log()
        if not self._handle.looking and not self.reserve.restore():
            self.writes = _NOW
            raise StorageFull(str(self._handle.path), "no space is left on the file system")

    def fit_log(self) -> None:
        """Keep the log small where there is little room."""
        self._handle.keep_log_small(small=_is_tight(free_bytes(self._handle.path)))

    def look_next(self) -> None:
        """Have the next write look first: new data is only taken with the reserve in its place."""
        self.writes = _NOW

    def use_reserve(self) -> None:
        """Make room for what frees or acknowledges something."""
        self.reserve.release()
        self.look_next()
        self._handle.fold_log()

    def can_promise(self, size: int) -> bool:
        """Tell whether ``size`` bytes fit into the log, and a quarter of a reserve is left.

        That is for acknowledgements; without them there would never be room again. It also takes
        the copy of the log in the file, until the log is given back for that.
        """
        held = 0 if self.reserve.released else self.reserve.size
        free = free_bytes(self._handle.path)
        return free is None or free + held - size >= self.reserve.size // 4

    def give_back(self) -> None:
        """Copy the log into the file, give free pages to the file system, take the reserve again.

        On a full disk all free pages are given that can be had.
        """
        self._handle.fold_log()
        with contextlib.suppress(sqlite3.Error):
            self._shrink(self._handle.open_raw(), tight=self.reserve.released)
        self.reserve.restore()

    def _shrink(self, raw: sqlite3.Connection, *, tight: bool) -> None:
        for _ in range(_STEPS):
            free = raw.execute("PRAGMA freelist_count").fetchone()[0]
            if free <= (0 if tight else _SPARE):
                return
            # A page is freed with each step, and `execute` takes one where there are no columns.
            raw.executescript(f"PRAGMA incremental_vacuum({_STEP})")
            if tight or free - _STEP <= _SPARE:  # else the file shrinks with the last step
                self._handle.fold_log()


def _is_tight(free: int | None) -> bool:
    """Tell whether the log must stay small: little room, or a limit on the size of any file."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return (free is not None and free <= _TIGHT) or 0 <= limit <= _TIGHT
