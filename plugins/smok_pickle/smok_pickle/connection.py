"""The one connection of a process to a store's file: transactions, damage met on the way, forks.

Which connection belongs to which file is kept in `smok_pickle.instances`.
"""

import contextlib
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from smok_core.engine.base import Durability
from smok_core.engine.forks import Layer, join
from smok_core.errors import (
    BackendUnavailable,
    CorruptData,
    StorageFull,
    StoreClosed,
    StoreError,
    StoreVanished,
)
from smok_pickle.descent import Descent, Memory
from smok_pickle.entering import enter, replace
from smok_pickle.failures import translate
from smok_pickle.handle import Handle, torn
from smok_pickle.log_sync import LogSync, due
from smok_pickle.opening import level_of
from smok_pickle.options import PickleOptions
from smok_pickle.space import Space
from smok_pickle.vanishing import follow, look, vanished_by

T = TypeVar("T")

_SYNCED: Final = level_of(Durability.POWER_LOSS)
_VERSION: Final = "PRAGMA data_version"  # another number if another connection has committed
_TICK: Final = 128  # points appended between two looks at the free space
_TICK_WRITES: Final = 16  # other writes between two looks


class Connection:
    """Runs work on the file, one piece at a time; usable from any thread.

    Args:
        path: The file, without links on the way.
        durability: What a commit survives.
        options: The store's options.
        looking: Only look: nothing is made, healed, migrated or put aside.
    """

    def __init__(
        self, path: Path, durability: Durability, options: PickleOptions, *, looking: bool = False
    ) -> None:
        looking = looking or options.read_only
        self.path, self._handle = path, Handle(path, options, level_of(durability), looking=looking)
        self.forces = self._handle.level >= _SYNCED  #: each commit is forced to the medium
        self.space = Space(self._handle)
        self.log_sync = LogSync(path)
        self.lock = threading.RLock()  #: at a fork it is held by `before_fork`
        self._inside = threading.Condition(self.lock)
        self.connection_epoch = 0  #: what is remembered of the file under another one is not true
        self.version = -1  #: of the file, at the last transaction: others change it, and only they
        self.memories = weakref.WeakSet[Memory]()  #: what is remembered of its namespaces
        self.failure: StoreError | None = None  #: of the last write, if nothing was written since
        self.vanished: StoreVanished | None = None  #: what happened to the file, if it went away
        self._descent: Descent | None = None  #: None: it is open only to look
        self._opened = self._closed = False  # opened: its last step; one that was cut is not used
        self.busy = False  #: a call is running: a signal handler must not begin another
        self._cut = False  # at a fork: this thread forks in the middle of a call
        self._inherited = False  # of a parent that forked in the middle of a call
        with self.lock:
            self._translated(self._open)
        join(self, Layer.ENGINE)

    @property
    def looking(self) -> bool:
        """Tell whether it is open only to look."""
        return self._handle.looking

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a person may want to know about how the file is open."""
        return (*self._handle.notes, *self.space.reserve.notes)

    @property
    def lost_log(self) -> bool:
        """Tell whether the log of a process that crashed was gone when the file was opened."""
        return self._handle.lost_log

    @property
    def identity(self) -> tuple[int, int] | None:
        """Return device and inode of the file that is open."""
        return self._handle.presence.file if self._handle.presence else None

    def strengthen(self, durability: Durability) -> None:
        """Commit as durably as ``durability`` says from now on, if that is more than before."""
        with self.lock:
            if level_of(durability) > self._handle.level:
                self._handle.level = level_of(durability)
                self.forces = self._handle.level >= _SYNCED
                self.raw().execute(f"PRAGMA synchronous = {self._handle.level}")

    def write_too(self) -> None:
        """Take all locks: who opened the file only to look shares it with who writes now."""
        with self.lock:
            old = self._handle
            if old.looking and not old.options.read_only:
                self._drop()
                self._handle = Handle(self.path, old.options, old.level, looking=False)
                self.space = Space(self._handle)
                self._translated(self._open)

    # --- work ------------------------------------------------------------------------------------

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on one consistent state of the store."""
        return self._run("BEGIN", work)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in one transaction; new data is refused while the reserve is in use."""
        with self.lock:
            self._ready()
            self.space.writes += 1
            if self.space.writes >= _TICK_WRITES:
                self._look_for_room()
            return self._run("BEGIN IMMEDIATE", work)

    def drain(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work``, which frees or acknowledges something; it may use the reserve."""
        try:
            return self._run("BEGIN IMMEDIATE", work)
        except StorageFull:
            with self.lock:
                self.space.use_reserve()
                return self._run("BEGIN IMMEDIATE", work)

    def quick(self, statement: str, values: tuple[Any, ...], *, frees: bool = False) -> int:
        """Run one statement that is a transaction of its own; give the rows it changed.

        Where that is none, do the same by `write`, or by `drain` for what ``frees`` or
        acknowledges something: they heal a damaged file, and may use the reserve. Use it under
        `lock`.
        """
        raw, space = self._ready(), self.space
        space.writes += 1
        if space.writes >= _TICK and not frees:
            self._look_for_room()
        try:
            changed = raw.execute(statement, values).rowcount
            if self.log_sync not in due:  # here, and not by a call for each reading
                self._committed()
            self.failure = None if changed else self.failure
            return changed
        except sqlite3.Error as error:
            failure = self.failure = translate(error, self.path)
            if isinstance(failure, CorruptData) or (frees and isinstance(failure, StorageFull)):
                return 0
            raise failure from error
        except BaseException:
            self.connection_epoch += 1  # it may have been written: nobody's memory is true now
            raise

    def raw_if_unchanged(self) -> sqlite3.Connection | None:
        """Return the connection if no other process has written since the last transaction.

        One statement tells. If it cannot, the transaction that follows meets what is wrong. Use it
        under `lock`.
        """
        raw = self._ready()
        try:
            return raw if raw.execute(_VERSION).fetchone()[0] == self.version else None
        except sqlite3.Error:
            return None

    def raw(self) -> sqlite3.Connection:
        """Return the connection for a use under `lock`; raises StoreClosed after `close`."""
        raw, guard = self._handle.raw, self._handle.guard
        if self._opened and raw is not None:
            if guard is not None and guard.is_torn():
                self._give_up(torn(self.path))
            return raw
        if self._closed:
            raise StoreClosed(str(self.path), "it was closed")
        if self.vanished is not None:
            raise self.vanished.with_traceback(None)
        if self._inherited:
            raise BackendUnavailable(
                str(self.path), "the process was forked in the middle of a call on it",
                "Fork outside of calls on a store; a signal handler may only take a note to do so.",
            )  # fmt: skip
        if not self._opened:  # it was let go before a fork, or an interrupt cut the opening
            self._translated(self._open)
        return self._handle.open_raw()

    def look(self) -> None:
        """Make sure that the file still lies where it was opened.

        Raises:
            StoreVanished: It does not; what only this process had was rescued where possible.
        """
        with self.lock:
            self.raw()
            try:
                part = look(self._handle)
            except StoreVanished as vanished:
                self._give_up(vanished)
            except CorruptData as damage:
                self._heal(damage)
            except (OSError, sqlite3.Error) as error:
                raise translate(error, self.path) from error
            else:
                if part is not None:
                    self._open_without(part)
                if self._descent is not None and not self.busy:
                    self.read(self._descent.note)

    def sync(self) -> None:
        """Return when all that was written is on the medium."""
        with self.lock:
            self.look()
        self.log_sync.flush()

    def checkpoint(self) -> None:
        """Copy the log into the file, give freed pages back, take the reserve again."""
        with self.lock:
            self.look()
            self.space.give_back()

    def close(self) -> None:
        """Copy the log into the file and let go; later work raises StoreClosed."""
        with self.lock:
            if self._closed:
                return
            try:
                if self._handle.raw is not None:
                    self.look()
                    self._handle.fold_log()
                    self.log_sync.close()
            finally:
                self._drop()
                self._closed = True

    # --- transactions ----------------------------------------------------------------------------

    def _look_for_room(self) -> None:
        """Refuse new data where there is no room; a directory that is gone has none, either."""
        try:
            self.space.look()
        except StorageFull:
            self.look()
            raise

    def _ready(self) -> sqlite3.Connection:
        """Return the connection for a new transaction, after a look at the file now and then."""
        raw, guard = self._handle.raw, self._handle.guard
        if not self._opened or raw is None or guard is None or guard.is_torn():
            raw = self.raw()  # that tells why not; it is not called for each reading
        if self.busy:
            raise BackendUnavailable(
                str(self.path),
                "this thread is in the middle of another call on it (a signal handler, perhaps)",
                "Let the handler only take a note, and write it when the call has returned.",
            )
        if raw.in_transaction:  # an interrupt cut even the cleaning up after another
            self._roll_back(raw)
        presence = self._handle.presence
        if presence is not None and time.monotonic() >= presence.due_at:
            self.look()
            raw = self.raw()
        return raw

    def _run(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        with self.lock:
            raw = self._ready()
            self.busy = True
            try:
                return self._transact(raw, begin, work)
            except CorruptData as damage:
                self._heal(damage)
                return self._transact(self.raw(), begin, work)
            finally:
                self.busy = False

    def _transact(
        self, raw: sqlite3.Connection, begin: str, work: Callable[[sqlite3.Connection], T]
    ) -> T:
        try:
            raw.execute(begin)
            version = raw.execute(_VERSION).fetchone()[0]
            if version != self.version:
                if self._descent is not None and self._descent.has_moved(raw):
                    self._follow(raw, self._descent)
                self.version = version
            before = raw.total_changes
            result = work(raw)
            raw.execute("COMMIT")
            if begin != "BEGIN":
                self._committed()
            self.failure = None if raw.total_changes != before else self.failure
        except sqlite3.Error as error:
            self._roll_back(raw)
            failure = translate(error, self.path)
            self.failure = self.failure if begin == "BEGIN" else failure
            raise failure from error
        except BaseException:
            self._roll_back(raw)
            raise
        return result

    def _follow(self, raw: sqlite3.Connection, descent: Descent) -> None:
        """Notice what came through SQLite past us: VACUUM, a table, the contents of a backup."""
        now, self.connection_epoch = self.connection_epoch, self.connection_epoch + 1
        true = [memory for memory in self.memories if memory.connection_epoch == now]
        try:
            follow(self._handle, descent, raw, true)
        except StoreVanished as vanished:
            self._roll_back(raw)
            self._give_up(vanished)

    def _committed(self) -> None:
        if not self.forces and self.log_sync not in due:  # else SQLite has synced it itself
            self.log_sync.committed()

    def _roll_back(self, raw: sqlite3.Connection) -> None:
        self.connection_epoch += 1  # what anybody remembers of this transaction never happened
        with contextlib.suppress(sqlite3.Error):
            if raw.in_transaction:
                raw.execute("ROLLBACK")

    # --- opening, healing, letting go ------------------------------------------------------------

    def _open(self) -> None:
        self._drop()
        enter(self._handle, self.space.reserve)
        if not self.looking:
            self._descent = Descent(self._handle.open_raw())
            self.space.fit_log()
            self._committed()  # so is what a killed process left in the log
        self._opened = True

    def _open_without(self, part: str) -> None:
        self._drop()
        self._translated(self._open)
        told = f"its {part} file was removed while it was open; nothing lost"
        self._handle.notes = (*self._handle.notes, told)

    def _heal(self, damage: CorruptData) -> None:
        """Put the file aside while it is in use, and go on with what can be read of it."""
        if (vanished := vanished_by(self._handle)) is not None:
            self._give_up(vanished)
        if self._closed or self._handle.instance is None:
            raise damage
        self._opened, self.version = False, -1
        self.connection_epoch += 1
        self._translated(lambda: replace(self._handle, self.space.reserve, damage))
        self._descent = Descent(self._handle.open_raw())
        self._committed()
        self._opened = True

    def _give_up(self, vanished: StoreVanished) -> None:
        """Stop accepting."""
        self.vanished = vanished
        self._drop()
        raise vanished

    def _translated(self, step: Callable[[], None]) -> None:
        """Run a step of opening; whatever goes wrong below is translated, nothing stays open."""
        try:
            step()
        except (sqlite3.Error, OSError) as error:
            self._drop()
            raise translate(error, self.path) from error
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        self._opened, self.version = False, -1
        self.connection_epoch += 1
        self._handle.drop()

    # --- forks -----------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Let go of the file: SQLite in a child would believe in locks that it does not have.

        A thread that forks in the middle of its own call, in a signal handler, leaves all as it is:
        the call goes on in the parent, and the child may not use the file.
        """
        self._cut = self._is_inside()
        self.lock.acquire()
        if self._cut:
            return
        if not self._handle.is_torn() and self._handle.may_delete_log():
            self._handle.fold_log()
        self._drop()

    def _is_inside(self) -> bool:
        """Tell whether this thread is in the middle of a call: it holds the lock already."""
        try:
            self._inside.notify()
        except RuntimeError:
            return False
        return True

    def after_fork_in_parent(self) -> None:
        """Open the file again when it is needed."""
        self.lock.release()

    def after_fork_in_child(self) -> None:
        """Open the file when it is needed; what could not be let go stays the parent's."""
        if self._cut and not self._closed and not self._inherited:
            self._opened, self._inherited = False, True
            self._handle.leave_to_parent()
        self.lock.release()
