"""The one connection of an engine: its lock, transactions, a full disk, damage and forks."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final, TypeVar

from smok_core.engine.base import Durability
from smok_core.errors import CorruptData, StorageFull, StoreClosed
from smok_pickle.ballast import Ballast, free_bytes
from smok_pickle.failures import translate
from smok_pickle.files import DoorLock, make_parents, put_aside, secure, sibling
from smok_pickle.log_sync import LogSync
from smok_pickle.opening import check_pages, connect, examine, prepare
from smok_pickle.salvage import salvage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smok_pickle.plugin import PickleOptions

__all__ = ["Connection"]

T = TypeVar("T")

#: Pages in the log before it is copied into the file: many are fast, few need little room.
_LOG_PAGES: Final = 2000
_LOG_PAGES_TIGHT: Final = 32
_TIGHT: Final = 64 * 2**20  # bytes free
_SPARE: Final = 2048  # free pages kept inside the file for what comes next
_STEP: Final = 128  # pages given back at once
_STEPS: Final = 64  # ... and how often, on a full disk
_TICK: Final = 128  # plain appends between two looks at the free space
_TICK_WRITES: Final = 16  # other writes between two looks
_NOW: Final = 2**30  # the next write has to look


class Connection:
    """Runs work on the file, one piece at a time; usable from any thread."""

    def __init__(self, path: Path, durability: Durability, options: PickleOptions) -> None:
        self.path, self._durability, self._options = path, durability, options
        self.ballast = Ballast(path, options.ballast_kib)
        self.log_sync = LogSync(path)
        self.lock, self.generation = threading.RLock(), 0
        self._closed, self._ticks, self._log_pages = False, 0, 0
        self._raw: sqlite3.Connection | None = None
        self._door: DoorLock | None = None
        _alive.add(self)
        with self.lock:
            self._guard(self._open)

    # --- work ------------------------------------------------------------------------------------

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on one consistent state of the store."""
        return self._run("BEGIN", work)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in one transaction; new data is refused while the reserve is in use."""

        def checked(raw: sqlite3.Connection) -> T:
            self.tick(every=_TICK_WRITES)
            return work(raw)

        return self._run("BEGIN IMMEDIATE", checked)

    def drain(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work``, which frees or settles something; it may use the reserve."""
        try:
            return self._run("BEGIN IMMEDIATE", work)
        except StorageFull:
            with self.lock:
                self.ballast.release()
                self._ticks = _NOW
                self._fold_log()
                return self._run("BEGIN IMMEDIATE", work)

    def quick(self, statement: str, values: tuple[Any, ...]) -> int:
        """Run one statement that is a transaction of its own; give the rows it changed."""
        with self.lock:
            raw = self.raw()
            self.tick(every=_TICK)
            try:
                changed = raw.execute(statement, values).rowcount
                self._committed()
                return changed
            except sqlite3.Error as error:
                failure = translate(error, self.path)
                if isinstance(failure, CorruptData):
                    return 0  # the long way will meet it too, and knows what to do
                raise failure from error

    def raw(self) -> sqlite3.Connection:
        """Give the connection for a use under `lock`; raises StoreClosed after `close`."""
        if self._closed:
            raise StoreClosed(str(self.path), "it was closed")
        if self._raw is None:  # a fork: the parent's connection stays the parent's
            self._guard(self._open)
        assert self._raw is not None
        return self._raw

    def tick(self, every: int) -> None:
        """Look at the free space now and then; refuse new data while the reserve is in use."""
        self._ticks += 1
        if self._ticks < every:
            return
        self._ticks = 0
        free = free_bytes(self.path)
        self._set_log_pages(_LOG_PAGES if free is None or free > _TIGHT else _LOG_PAGES_TIGHT)
        if self.ballast.released and not self.ballast.restore():
            self._ticks = _NOW
            raise StorageFull(str(self.path), "no space is left on the file system")

    def sync(self) -> None:
        """Return when all that was written is on the medium."""
        with self.lock:
            self.raw()
        self.log_sync.flush()

    def checkpoint(self) -> None:
        """Copy the log into the file, give freed pages back, take the reserve again."""
        with self.lock:
            raw = self.raw()
            self._fold_log()
            with contextlib.suppress(sqlite3.Error):
                self._shrink(raw)
            self.ballast.restore()

    def _shrink(self, raw: sqlite3.Connection) -> None:
        """Give free pages back to the file system, all that can be had if that is full."""
        tight = self.ballast.released
        for _ in range(_STEPS if tight else 1):
            free = raw.execute("PRAGMA freelist_count").fetchone()[0]
            if free <= (0 if tight else _SPARE):
                return
            raw.execute(f"PRAGMA incremental_vacuum({_STEP})").fetchall()
            if tight:
                self._fold_log()

    def close(self) -> None:
        """Copy the log into the file and let go; later work raises StoreClosed."""
        with self.lock:
            if self._closed:
                return
            if self._raw is not None:
                self._fold_log()
                self.log_sync.close()
            self._drop()
            self._closed = True

    # --- inside ----------------------------------------------------------------------------------

    def _run(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        with self.lock:
            try:
                return self._transact(begin, work)
            except CorruptData as damage:
                self._heal(damage)
                return self._transact(begin, work)

    def _transact(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        raw = self.raw()
        if raw.in_transaction:  # a step of a larger piece of work
            return work(raw)
        try:
            raw.execute(begin)
            result = work(raw)
            raw.execute("COMMIT")
            if begin != "BEGIN":
                self._committed()
        except sqlite3.Error as error:
            self._roll_back(raw)
            raise translate(error, self.path) from error
        except BaseException:
            self._roll_back(raw)
            raise
        return result

    def _committed(self) -> None:
        if self._durability != Durability.POWER_LOSS:  # there SQLite has synced the log itself
            self.log_sync.committed()

    def _roll_back(self, raw: sqlite3.Connection) -> None:
        self.generation += 1  # what anybody remembers of this transaction never happened
        if raw.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                raw.execute("ROLLBACK")

    def _fold_log(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # a busy or full moment: the log simply stays
            self.raw().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _set_log_pages(self, pages: int) -> None:
        if pages != self._log_pages and self._raw is not None:
            self._log_pages = pages
            self._raw.execute(f"PRAGMA wal_autocheckpoint = {pages}").fetchall()
            if pages == _LOG_PAGES_TIGHT and not self._raw.in_transaction:
                self._fold_log()

    def _guard(self, step: Callable[[], None]) -> None:
        """Run a step of opening; whatever goes wrong below is translated, nothing stays open."""
        try:
            step()
        except (sqlite3.Error, OSError) as error:
            self._drop()
            raise translate(error, self.path) from error
        except BaseException:
            self._drop()
            raise

    def _open(self) -> None:
        make_parents(self.path)
        self._door = DoorLock(self.path, self._options.busy_timeout_ms / 1000)
        alone = self._door.alone()
        if not alone:
            self._door.shared()
        try:
            self._open_file(alone=alone)
        except (CorruptData, sqlite3.Error) as error:
            damage = error if isinstance(error, CorruptData) else translate(error, self.path)
            if isinstance(damage, StorageFull) and self.ballast.release():
                self._open_file(alone=alone)
            elif not isinstance(damage, CorruptData):
                raise damage from error
            else:
                self._replace(damage)
        self._door.shared()
        self.ballast.restore()
        self._set_log_pages(_LOG_PAGES)

    def _open_file(self, *, alone: bool) -> None:
        unclean = alone and sibling(self.path, "-wal").exists()
        known = self.path.exists()
        if known:
            examine(self.path, alone=alone)
        secure(self.path)
        self._connect()
        if known and alone:
            check_pages(self._require(), self.path, unclean=unclean)

    def _connect(self) -> None:
        if self._raw is not None:
            self._raw.close()
        self._raw = connect(self.path, self._durability, self._options.busy_timeout_ms)
        self._log_pages = 0
        self.generation += 1
        prepare(self._raw, self.path)
        self._committed()  # so is what a killed process left in the log

    def _require(self) -> sqlite3.Connection:
        assert self._raw is not None
        return self._raw

    def _heal(self, damage: CorruptData) -> None:
        """Put the file aside while it is in use, and go on with what can be read of it."""
        if self._closed or self._door is None:
            raise damage
        self._guard(lambda: self._replace(damage))

    def _replace(self, damage: CorruptData) -> None:
        if self._options.on_corrupt == "refuse":
            raise damage
        assert self._door is not None
        self._door.wait_alone()
        self.ballast.release()  # a new file must be made even on a full disk
        if self._raw is not None:
            with contextlib.suppress(sqlite3.Error):
                self._raw.close()
            self._raw = None
        aside = put_aside(self.path)
        secure(self.path)
        self._connect()
        self._fold_log()
        salvage(aside, self._require(), self.path)
        self.ballast.restore()
        self._door.shared()

    def _drop(self) -> None:
        if self._raw is not None:
            with contextlib.suppress(sqlite3.Error):
                self._raw.close()
        if self._door is not None:
            self._door.close()
        self._raw = self._door = None

    def forget_parent(self) -> None:
        """In a forked child: leave the parent's connection alone, open an own one when needed."""
        _inherited.append((self._raw, self._door))
        self.lock = threading.RLock()
        self._raw = self._door = None
        self.generation += 1


#: Connections of a parent process; closing them here would release locks the parent relies on.
_inherited: Final[list[Any]] = []
_alive: Final[weakref.WeakSet[Connection]] = weakref.WeakSet()


def _after_fork() -> None:
    for connection in list(_alive):
        connection.forget_parent()


os.register_at_fork(after_in_child=_after_fork)
