"""The one connection of a process to a store's file: transactions, a full disk, damage, forks.

Everything that closes a descriptor of the file goes through here, because closing any drops the
locks SQLite holds for the whole process (see `smok_pickle.locks`). Which connection belongs to
which file is kept in `smok_pickle.instances`.
"""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from smok_core.engine.base import Durability
from smok_core.engine.forks import Layer, join
from smok_core.errors import (
    BackendUnavailable,
    CorruptData,
    StorageFull,
    StoreClosed,
    StoreVanished,
)
from smok_pickle.failures import translate
from smok_pickle.files import check_place, fill_standard_descriptors, make_parents, secure, sibling
from smok_pickle.locks import (
    InstanceLock,
    LogGuard,
    has_log_of_another,
    in_use,
    is_log_lost,
    is_log_missing,
    lineage_of_log,
    remembered,
)
from smok_pickle.log_sync import LogSync, due
from smok_pickle.opening import (
    brought_up_apart,
    check_pages,
    connect,
    examine,
    is_sound,
    judged_alone,
    level_of,
    opened_read_only,
    prepare,
    refuse_foreign,
    without_log,
)
from smok_pickle.presence import Presence
from smok_pickle.recovery import recover, resume
from smok_pickle.rescue import part_from_log, rescue
from smok_pickle.reserve import Reserve, free_bytes
from smok_pickle.schema import lineage_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smok_pickle.options import PickleOptions

__all__ = ["Connection"]

T = TypeVar("T")

#: Pages in the log before it is copied into the file: many are fast, few need little room.
_LOG_PAGES: Final = 2000
_LOG_PAGES_TIGHT: Final = 32
_TIGHT: Final = 64 * 2**20  # bytes free
_SPARE: Final = 128  # free pages kept inside the file for what comes next
_STEP: Final = 128  # pages given back at once
_STEPS: Final = 64  # ... and how often, on a full disk
_SYNCED: Final = level_of(Durability.POWER_LOSS)
_TICK: Final = 128  # plain appends between two looks at the free space
_TICK_WRITES: Final = 16  # other writes between two looks
_NOW: Final = 2**30  # the next write has to look
_LOG_STAYS: Final = "what only its log holds is put beside it at the next opening"


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
        self.path, self._options, self.looking = path, options, looking
        self._level = level_of(durability)
        self.forces = self._level >= _SYNCED  #: each commit is forced to the medium
        self.reserve = Reserve(path, 0 if looking else options.ballast_kib)
        self.log_sync = LogSync(path)
        self.lock, self.connection_epoch = (
            threading.RLock(),
            0,
        )  # at a fork it is held by `before_fork`
        self._inside = threading.Condition(self.lock)
        self._inherited: list[Any] | None = None  # of a parent that forked in the middle of a call
        self.notes: tuple[str, ...] = ()
        self._closed, self._ticks, self._log_pages = False, 0, 0
        self._opened = False  # the last step of opening: one that was cut is not used
        self._raw: sqlite3.Connection | None = None
        self._instance: InstanceLock | None = None
        self._guard: LogGuard | None = None
        self._presence: Presence | None = None
        self._vanished: StoreVanished | None = None
        self._cut = False  # at a fork: this thread forks in the middle of a call
        self._busy = False  # a call is running: a signal handler must not begin another
        self._keeps_log = False  # it was there before somebody came who only looks
        self._lineage: str | None = None
        self.lost_log = False  # after a crash: nobody knows what was in it
        with self.lock:
            self._translated(self._open)
        join(self, Layer.ENGINE)

    @property
    def identity(self) -> tuple[int, int] | None:
        """Give device and inode of the file that is open."""
        return self._presence.file if self._presence else None

    @property
    def vanished(self) -> StoreVanished | None:
        """Give what happened to the file, if it went away under the connection."""
        return self._vanished

    def strengthen(self, durability: Durability) -> None:
        """Commit as durably as ``durability`` says from now on, if that is more than before."""
        with self.lock:
            if level_of(durability) > self._level:
                self._level = level_of(durability)
                self.forces = self._level >= _SYNCED
                self.raw().execute(f"PRAGMA synchronous = {self._level}")

    def write_too(self) -> None:
        """Take all locks: who opened the file only to look shares it with who writes now."""
        with self.lock:
            if self.looking and not self._options.read_only:
                self._drop()
                self.looking = self._keeps_log = False
                self.reserve = Reserve(self.path, self._options.ballast_kib)
                self._translated(self._open)

    # --- work ------------------------------------------------------------------------------------

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on one consistent state of the store."""
        return self._run("BEGIN", work)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in one transaction; new data is refused while the reserve is in use."""
        with self.lock:
            self._ready()
            self.tick(every=_TICK_WRITES)
            return self._run("BEGIN IMMEDIATE", work)

    def drain(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work``, which frees or acknowledges something; it may use the reserve."""
        try:
            return self._run("BEGIN IMMEDIATE", work)
        except StorageFull:
            with self.lock:
                self.reserve.release()
                self._ticks = _NOW
                self._fold_log()
                return self._run("BEGIN IMMEDIATE", work)

    def quick(self, statement: str, values: tuple[Any, ...], *, frees: bool = False) -> int:
        """Run one statement that is a transaction of its own; give the rows it changed.

        Where that is none, do the same by `write`, or by `drain` for what ``frees`` or
        acknowledges something: they heal a damaged file, and may use the reserve.
        """
        with self.lock:
            raw = self._ready()
            self._ticks += 1
            if self._ticks >= _TICK and not frees:
                self.tick(every=_TICK)
            try:
                changed = raw.execute(statement, values).rowcount
                if self.log_sync not in due:
                    self._committed()
                return changed
            except sqlite3.Error as error:
                failure = translate(error, self.path)
                if isinstance(failure, CorruptData) or (frees and isinstance(failure, StorageFull)):
                    return 0
                raise failure from error
            except BaseException:
                self.connection_epoch += 1  # it may have been written: nobody's memory is true now
                raise

    def raw(self) -> sqlite3.Connection:
        """Give the connection for a use under `lock`; raises StoreClosed after `close`."""
        if self._opened and self._raw is not None:
            return self._raw
        if self._closed:
            raise StoreClosed(str(self.path), "it was closed")
        if self._vanished is not None:
            raise self._vanished.with_traceback(None)
        if self._inherited is not None:
            raise BackendUnavailable(
                str(self.path), "the process was forked in the middle of a call on it",
                "Fork outside of calls on a store; a signal handler may only take a note to do so.",
            )  # fmt: skip
        if not self._opened:  # it was let go before a fork, or an interrupt cut the opening
            self._translated(self._open)
        return self._require()

    def _ready(self) -> sqlite3.Connection:
        """Give the connection for a new transaction, after a look at the file now and then."""
        raw = (self._opened and self._raw) or self.raw()
        if self._busy:
            raise BackendUnavailable(
                str(self.path),
                "this thread is in the middle of another call on it (a signal handler, perhaps)",
                "Let the handler only take a note, and write it when the call has returned.",
            )
        if raw.in_transaction:  # an interrupt cut even the cleaning up after another
            self._roll_back(raw)
        presence = self._presence
        if presence is not None and time.monotonic() >= presence.due_at:
            self.look()
            raw = self.raw()
        return raw

    def look(self) -> None:
        """Make sure that the file still lies where it was opened.

        Raises:
            StoreVanished: It does not; what only this process had was rescued where possible.
        """
        with self.lock:
            self.raw()
            presence = self._presence
            if presence is None:
                return
            what, part = presence.change(), presence.lost_part()
            if what is not None:
                self._give_up(what, self._moved())
            elif presence.contents.are_foreign():
                self._heal(CorruptData(str(self.path), "somebody wrote into the file"))
            elif part is not None:
                self._reopen_without(part)
            elif self._instance is not None and self._instance.is_lost():
                self._instance.close()
                self._instance = self._lock_file()
                self._instance.shared()
                self._instance.remember(self._lineage)

    def _give_up(self, what: str, where: str | None = None) -> None:
        """Stop accepting; keep what only the open descriptors still lead to."""
        kept = where or rescue(self._require(), self.path)
        self._vanished = StoreVanished(str(self.path), f"{what}; {kept}")
        self._drop()
        self.connection_epoch += 1
        raise self._vanished

    def _overwritten(self) -> str | None:
        """Tell what somebody put in the place of this file's contents; None: they are damaged."""
        if self._presence is None or not self._presence.contents.are_foreign():
            return None
        contents = self._presence.contents
        if contents.are_gone():
            return "its file was truncated while it was open"
        other = contents.are_of_another_file()
        if other is None:  # an earlier state of this file, or this one, damaged
            other = is_sound(self._require())
        return "its file was overwritten while it was open" if other else None

    def _moved(self) -> str | None:
        """Tell where the file lies now, if it only has another name; the log is written into it."""
        where = self._guard.where() if self._guard is not None else None
        if where is None:
            return None
        self._fold_log()
        return f"it lies at {where} now, with all that it held"

    def _reopen_without(self, part: str) -> None:
        """Somebody removed the log or its index: write the log into the file, and begin anew."""
        if sibling(self.path, part).exists():
            self._give_up(f"its {part} file was replaced by another one while it was open")
        if self._instance is None or not self._instance.alone():
            # A new log beside the index that the other still uses would mix the two.
            self._give_up(f"its {part} file was removed while another process had it open, too")
        self._require().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._drop()
        self._translated(self._open)
        self.notes = (*self.notes, f"its {part} file was removed while it was open; nothing lost")

    def tick(self, every: int) -> None:
        """Look at the free space now and then; refuse new data while the reserve is in use."""
        self._ticks += 1
        if self._ticks < every:
            return
        self._ticks = 0
        free = free_bytes(self.path)
        self._set_log_pages(_LOG_PAGES_TIGHT if _is_tight(free) else _LOG_PAGES)
        if not self.looking and self.reserve.released and not self.reserve.restore():
            self._ticks = _NOW
            raise StorageFull(str(self.path), "no space is left on the file system")

    def sync(self) -> None:
        """Return when all that was written is on the medium."""
        with self.lock:
            self.look()
        self.log_sync.flush()

    def checkpoint(self) -> None:
        """Copy the log into the file, give freed pages back, take the reserve again."""
        with self.lock:
            self.look()
            raw = self.raw()
            self._fold_log()
            with contextlib.suppress(sqlite3.Error):
                self._shrink(raw)
            self.reserve.restore()

    def _shrink(self, raw: sqlite3.Connection) -> None:
        """Give free pages back to the file system, all that can be had if that is full."""
        tight = self.reserve.released
        for _ in range(_STEPS):
            free = raw.execute("PRAGMA freelist_count").fetchone()[0]
            if free <= (0 if tight else _SPARE):
                return
            # A page is freed with each step, and `execute` takes one where there are no columns.
            raw.executescript(f"PRAGMA incremental_vacuum({_STEP})")
            if tight or free - _STEP <= _SPARE:  # else the file shrinks with the last step
                self._fold_log()

    def close(self) -> None:
        """Copy the log into the file and let go; later work raises StoreClosed."""
        with self.lock:
            if self._closed:
                return
            try:
                if self._raw is not None:
                    self.look()
                    self._fold_log()
                    self.log_sync.close()
            finally:
                self._drop()
                self._closed = True

    # --- inside ----------------------------------------------------------------------------------

    def _run(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        with self.lock:
            self._ready()
            self._busy = True
            try:
                return self._transact(begin, work)
            except CorruptData as damage:
                self._heal(damage)
                return self._transact(begin, work)
            finally:
                self._busy = False

    def _transact(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        raw = self.raw()
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
        if not self.forces:  # else SQLite has synced it itself
            self.log_sync.committed()

    def _roll_back(self, raw: sqlite3.Connection) -> None:
        self.connection_epoch += 1  # what anybody remembers of this transaction never happened
        with contextlib.suppress(sqlite3.Error):
            if raw.in_transaction:
                raw.execute("ROLLBACK")

    def _fold_log(self) -> None:
        if self.looking:
            return
        with contextlib.suppress(sqlite3.Error):  # a busy or full moment: the log simply stays
            self._require().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if self._presence is not None:
            self._presence.contents.note()

    def _set_log_pages(self, pages: int) -> None:
        if pages != self._log_pages and self._raw is not None:
            self._log_pages = pages
            self._raw.execute(f"PRAGMA wal_autocheckpoint = {pages}").fetchall()
            if pages == _LOG_PAGES_TIGHT and not self._raw.in_transaction:
                self._fold_log()

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

    def _open(self) -> None:
        self._drop()
        self._open_afresh()
        self._opened = True

    def _open_afresh(self) -> None:
        """Look at the file before SQLite opens it: later no descriptor of it may be closed."""
        fill_standard_descriptors()
        if not remembered(self.path):
            refuse_foreign(self.path)
        if self.looking:
            self._look_in()
            return
        make_parents(self.path)
        self._instance = self._lock_file()
        alone = self._enter(self._instance)
        if self.connection_epoch == 0:  # later it was this process that closed the file
            self.lost_log = alone and is_log_lost(self.path)
        self._part_from_log_of_another(alone=alone)
        try:
            self._open_with_reserve(alone=alone)
        except (CorruptData, sqlite3.Error) as error:
            damage = error if isinstance(error, CorruptData) else translate(error, self.path)
            if not isinstance(damage, CorruptData):
                raise damage from error
            self._replace(damage)
        self._instance.remember(self._lineage)
        self._instance.shared()
        self.reserve.restore()
        self._set_log_pages(_LOG_PAGES_TIGHT if _is_tight(free_bytes(self.path)) else _LOG_PAGES)

    def _lock_file(self) -> InstanceLock:
        return InstanceLock(self.path, self._options.busy_timeout_ms / 1000)

    def _enter(self, instance: InstanceLock) -> bool:
        """Take the lock; tell whether nobody else has the file open, with or without one."""
        if instance.enter():
            resume(self.path)
            if not in_use(self.path):
                return True
            instance.shared()
        self._refuse_without_log()
        return False

    def _refuse_without_log(self) -> None:
        """Raise if others still write a log that has lost its name: a new one would mix the two."""
        if is_log_missing(self.path) and in_use(self.path):
            with contextlib.closing(LogGuard(self.path)) as guard:
                guard.hold()  # under another name, there is another log: that is told first
            raise BackendUnavailable(
                str(self.path), "its log was removed, and another process still writes to it",
                "It notices within a second of its next use, or stop it; then try again.",
            )  # fmt: skip

    def _open_with_reserve(self, *, alone: bool) -> None:
        """Open; where a full disk forbids even that, with the room that the reserve takes."""
        try:
            self._open_file(alone=alone)
        except sqlite3.Error as error:
            full = isinstance(translate(error, self.path), StorageFull)
            if not full or not self.reserve.release():
                raise
            self._open_file(alone=alone)

    def _part_from_log_of_another(self, *, alone: bool) -> None:
        """A backup was put in the file's place: keep the log it was left with away from it."""
        if not has_log_of_another(self.path):
            return
        if not alone:
            raise BackendUnavailable(
                str(self.path), "another process still has the file open that lay here before",
                "It notices within a second, or stop it; then try again.",
            )  # fmt: skip
        whole, lineage = judged_alone(self.path)
        related = lineage is not None and lineage == lineage_of_log(self.path)
        if whole or lineage is not None:  # else the recovery finds more in file and log together
            part_from_log(self.path, related=related)

    def _look_in(self) -> None:
        """Open the file for a look; one that is not there is looked at as an empty store."""
        if not self.path.exists():
            check_place(self.path)
            self._raw = connect(":memory:", self._level, self._options.busy_timeout_ms)
            prepare(self._raw, self.path)
            self.notes = ("nothing was stored yet; the file is made at the first start",)
            return
        if self._options.read_only:
            self._raw = opened_read_only(self.path, self._level, self._options.busy_timeout_ms)
            self.notes = ("read only: as the file was when it was opened",)
            return
        if has_log_of_another(self.path):
            examine(self.path, alone=False)
            self._raw = without_log(self.path, self._level, self._options.busy_timeout_ms)
            self.notes = ("the log beside it is of another file; the next opening parts them",)
            return
        self._refuse_without_log()
        self._keeps_log = not is_log_missing(self.path)
        examine(self.path, alone=False)
        self._guard = LogGuard(self.path)
        self._raw = connect(self.path, self._level, self._options.busy_timeout_ms)
        self._guard.hold()
        self._raw = brought_up_apart(self._raw, self._level, self._options.busy_timeout_ms)
        self._presence = Presence(self.path, self._guard.file)

    def _open_file(self, *, alone: bool) -> None:
        unclean = alone and sibling(self.path, "-wal").exists()
        known = self.path.exists() and (remembered(self.path) or self.path.stat().st_size > 0)
        if known:
            examine(self.path, alone=alone)
        secure(self.path)
        self._connect()
        if known and alone:
            check_pages(self._require(), self.path, unclean=unclean)

    def _connect(self) -> None:
        """Open the file; the guard's descriptor is there before SQLite's, and goes after it."""
        self._disconnect()
        self._guard = LogGuard(self.path)
        self._raw = connect(self.path, self._level, self._options.busy_timeout_ms)
        self._log_pages = 0
        self.connection_epoch += 1
        prepare(self._raw, self.path)
        self._guard.hold()
        self._raw.execute("SELECT count(*) FROM sqlite_master").fetchall()  # makes log and index
        self._lineage = lineage_of(self._raw)
        self._presence = Presence(self.path, self._guard.file)
        self._committed()  # so is what a killed process left in the log
        if not self._guard.works:
            self.notes = ("the file system has no OFD locks: do not copy the file in this process",)

    def _disconnect(self, *, keep_log: bool = False) -> None:
        try:
            if self._guard is not None:
                may_delete = not keep_log and self._may_delete_log()
                (self._guard.release if may_delete else self._guard.keep)()
            if self._raw is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._raw.close()
            for held in (self._presence, self._guard):
                if held is not None:
                    held.close()
        finally:  # an interrupt must leave neither behind; the guard goes last
            self._raw = self._guard = self._presence = None

    def _may_delete_log(self) -> bool:
        """Tell whether SQLite may do at closing what the last one does: copy the log, delete it.

        It deletes by name. If the file went away, the name may belong to another store by now; if
        the opening failed or a page is damaged, the recovery needs the log as it is; and who only
        looks has nothing to copy or to delete.
        """
        presence = self._presence
        if presence is None or self._keeps_log:
            return False
        if presence.change() is not None or presence.lost_part() is not None:
            return False
        return not presence.contents.are_foreign()

    def _require(self) -> sqlite3.Connection:
        assert self._raw is not None
        return self._raw

    def _heal(self, damage: CorruptData) -> None:
        """Put the file aside while it is in use, and go on with what can be read of it."""
        if (what := self._overwritten()) is not None:
            self._give_up(what, _LOG_STAYS)  # it is not ours to heal
        if self._closed or self._instance is None:
            raise damage
        self._translated(lambda: self._replace(damage))
        self._opened = True

    def _replace(self, damage: CorruptData) -> None:
        if self._options.on_corrupt == "refuse" or self.looking:
            raise damage
        assert self._instance is not None
        self._opened = False
        self._instance.wait_alone()
        self._disconnect(keep_log=True)  # for the recovery
        if in_use(self.path):
            raise BackendUnavailable(
                str(self.path),
                "the file is damaged, and it cannot be put aside while another process has it open",
                "Stop the other process; the next opening puts the file aside.",
            )
        self.reserve.release()  # a new file must be made even on a full disk
        recover(self.path, damage)
        secure(self.path)
        self._connect()
        self.reserve.restore()
        self._instance.shared()

    def _drop(self) -> None:
        self._opened = False
        if self._instance is not None and self._raw is not None and self._overwritten():
            self._instance.disown(self._lineage)  # or SQLite would copy the log into what came
        self._disconnect()
        if self._instance is not None:
            with contextlib.suppress(OSError):
                self._instance.forget_log()
            self._instance.close()
        self._instance = None

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
        if self._may_delete_log():
            self._fold_log()
        self._drop()
        self.connection_epoch += 1

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
        """Open the file when it is needed; what could not be let go stays the parent's.

        SQLite's connection is kept as it is, for closing it would touch the parent's log. Our own
        descriptors are closed: the locks on them go with the parent's.
        """
        if self._cut and not self._closed and self._inherited is None:
            self._inherited, self._opened = [self._raw], False
            for held in (self._instance, self._presence, self._guard):
                if held is not None:
                    held.close()
            self._raw = self._instance = self._guard = None
        self.lock.release()


def _is_tight(free: int | None) -> bool:
    """Tell whether the log must stay small: little room, or a limit on the size of any file."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return (free is not None and free <= _TIGHT) or 0 <= limit <= _TIGHT
