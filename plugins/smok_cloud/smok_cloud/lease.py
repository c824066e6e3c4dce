"""A lease: of all processes that may use a store, only one does a certain work on it at a time.

It is a row of a table, written by compare-and-set, that names its holder. A holder that runs on
this machine is looked up: once its process has ended, the lease is free at once, and as long as
it runs it is not. Any other holder is watched: it writes the row again while it lives, so when
the row has not changed for the time that it grants itself, it is gone. That time is measured by
the watcher's own monotonic clock: wall clocks of two machines, or of one that has just started,
say nothing about each other.

A holder may be suspended and lose its lease without noticing. So it looks before each step of its
work (`Lease.hold`) and not at a clock. What it had begun before ends like anything that is sent
twice: at least once, and harmlessly.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from smok_cloud.errors import LeaseHeld, LeaseLost
from smok_core.engine.base import Row, Table, When
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import BackendUnavailable, StorageFull
from smok_core.model import prepared

#: The table of an engine in which the leases are, a row each.
LEASES: Final = "leases"
#: Seconds without a sign of life after which a holder that cannot be looked up is gone.
EXPIRY_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.5


class Process(msgspec.Struct, frozen=True):
    """A process, named so that no other one is taken for it."""

    host: str
    machine: str  #: the machine's lasting id; "" where it has none
    boot: str  #: changes with each start of the machine; "" where it cannot be told
    space: str  #: where ``pid`` counts: the containers of one machine differ in it
    pid: int
    started: str  #: when the process started, in ticks since boot; "" where it cannot be told

    @classmethod
    def current(cls) -> Self:
        """Return the one that calls."""
        pid = os.getpid()
        return cls(
            host=socket.gethostname(),
            machine=_read("/etc/machine-id"),
            boot=_read("/proc/sys/kernel/random/boot_id"),
            space=_namespace(),
            pid=pid,
            started=_own_start(pid),
        )

    def is_running(self, seen_from: "Process") -> bool | None:
        """Tell whether it runs; None where ``seen_from``, the process that asks, cannot tell."""
        if (self.host, self.machine) != (seen_from.host, seen_from.machine):
            return None
        if self.boot != seen_from.boot:
            # Without a lasting id the equal name may be that of another machine.
            return False if self.machine and self.boot and seen_from.boot else None
        if self.space != seen_from.space:
            return None
        return _is_running(self.pid, self.started)


@prepared
class Holder(msgspec.Struct, frozen=True):
    """Who holds a lease, as its row tells."""

    process: Process
    token: str  #: differs for every `Lease` that was ever made
    since: float  #: by the holder's clock, seconds since the epoch; to be shown, never compared
    expiry: float  #: seconds it grants itself between two signs of life


class Lease:
    """A lease on a work in a store; any thread may call.

    Args:
        store: The store's name, for messages.
        table: Its table `LEASES`.
        work: What is leased, such as ``synchronizer``.
        expiry: Seconds; renew it at least three times as often.
        clock: Seconds since the epoch.
        monotonic: Seconds that never go back.
        process: Who takes it; default: this process.
    """

    def __init__(
        self,
        store: str,
        table: Table,
        work: str,
        *,
        expiry: float = EXPIRY_SECONDS,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        process: Process | None = None,
    ) -> None:
        self.store, self._table, self._work = store, table, work
        self._expiry, self._clock, self._monotonic = expiry, clock, monotonic
        self._lock = fork_safe_lock(Layer.ROLE)
        self._watched: tuple[int, float] | None = None  #: seq of another's row, and since when
        self._begin(process or Process.current())

    def _begin(self, process: Process) -> None:
        self._process, self._pid = process, os.getpid()
        # One for the whole life: a write whose answer got lost is known again by it.
        self._token, self._since = uuid.uuid4().hex, self._clock()
        self._held = False
        self._unwritten = False  #: held although the store was too full to write it down

    def acquire(self, stop: threading.Event | None = None) -> None:
        """Take the lease, watching a holder that cannot be looked up for as long as it takes.

        Args:
            stop: Ends the watch when it is set.

        Raises:
            LeaseHeld: Another one has it and lives.
            StoreError: The store cannot be asked, or cannot be written to.
        """
        first: Row | None = None
        while (row := self._attempt()) is not None:
            first = first or row
            if row.seq != first.seq or self._runs(row) or (stop is not None and stop.is_set()):
                raise self._told(row)
            time.sleep(_LOOK_SECONDS) if stop is None else stop.wait(_LOOK_SECONDS)

    def hold(self) -> None:
        """Return if the lease is held now by this very process; take it if it is free.

        Raises:
            LeaseHeld: Another one has it.
            LeaseLost: It was held until now and is not any more; the next call tries again.
            StoreError: The store cannot be asked, or cannot be written to.
        """
        with self._lock:
            self._follow_fork()
            held = self._held and not self._unwritten
            row = self._attempt(take=not held)
            if row is not None:
                self._held = False
                raise LeaseLost(*self._names(row)) if held else self._told(row)
            if held and not self._held:
                raise LeaseLost(self.store, self._work, None, None, None)

    def renew(self) -> None:
        """Give the sign of life that others wait for, if the lease is held; never takes it.

        Raises:
            StoreError: The store cannot be asked; the next call may succeed.
        """
        with self._lock:
            self._follow_fork()
            row = self._table.get(self._work) if self._held else None
            if row is not None and self._is_mine(row):
                self._write(row)

    def release(self) -> None:
        """Give the lease back, if it is held.

        Raises:
            StoreError: The store cannot be asked; the lease ends with the process, or expires.
        """
        with self._lock:
            self._follow_fork()
            row = self._table.get(self._work) if self._held else None
            self._held = self._unwritten = False
            if row is not None and self._is_mine(row):
                self._table.delete(self._work, expected_seq=row.seq)

    def holder(self) -> Holder | None:
        """Return who the row names; None if nobody, or if it cannot be read."""
        row = self._table.get(self._work)
        return None if row is None else _decoded(row)

    def _follow_fork(self) -> None:
        """Begin anew in a forked child: what it has a copy of is the parent's."""
        if os.getpid() != self._pid:
            self._begin(Process.current())

    def _attempt(self, *, take: bool = True) -> Row | None:
        """Take it if it is free; return the row that stands in the way, or None."""
        with self._lock:
            self._follow_fork()
            row = self._table.get(self._work)
            if row is not None and self._is_mine(row):
                self._held, self._unwritten = True, False
                return None
            if not take and row is None:
                self._held = False
                return None
            return row if not take or not self._is_free(row) else self._take(row)

    def _take(self, row: Row | None) -> Row | None:
        self._since = self._clock()
        self._held = self._unwritten = not self._write(row)
        # A call that was sent twice may answer that it wrote nothing: only the row tells.
        found = self._table.get(self._work)
        if found is not None and self._is_mine(found):
            self._held, self._unwritten = True, False
            return None
        if self._unwritten and (found is None or self._is_free(found)):
            return None
        self._held = self._unwritten = False
        if found is None:
            raise BackendUnavailable(self.store, f"the lease of its {self._work} is changing hands")
        return found

    def _write(self, row: Row | None) -> bool:
        """Write our row in place of ``row``; False if the store is too full for it.

        A full store must still be drained (contract G13), and nobody else can write there either.
        """
        holder = Holder(self._process, self._token, self._since, self._expiry)
        condition: dict[str, Any] = {"expected_seq": row.seq} if row else {"when": When.ABSENT}
        try:
            self._table.put(self._work, msgspec.json.encode(holder), **condition)
        except StorageFull:
            return False
        return True

    def _is_mine(self, row: Row) -> bool:
        holder = _decoded(row)
        return holder is not None and holder.token == self._token

    def _runs(self, row: Row) -> bool:
        holder = _decoded(row)
        return holder is not None and holder.process.is_running(self._process) is True

    def _is_free(self, row: Row | None) -> bool:
        if row is None:
            return True
        holder = _decoded(row)
        running = holder.process.is_running(self._process) if holder else None
        return not running if running is not None else self._has_expired(row, holder)

    def _has_expired(self, row: Row, holder: Holder | None) -> bool:
        now = self._monotonic()
        if self._watched is None or self._watched[0] != row.seq:
            self._watched = row.seq, now
        return now - self._watched[1] >= max(self._expiry, holder.expiry if holder else 0.0)

    def _told(self, row: Row) -> LeaseHeld:
        return LeaseHeld(*self._names(row))

    def _names(self, row: Row) -> tuple[str, str, str | None, int | None, float | None]:
        holder = _decoded(row)
        if holder is None:
            return self.store, self._work, None, None, None
        process = holder.process
        return self.store, self._work, process.host, process.pid, holder.since


def _decoded(row: Row) -> Holder | None:
    try:
        return msgspec.json.decode(row.value, type=Holder)
    except msgspec.DecodeError:
        return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _own_start(pid: int) -> str:
    try:
        return _started(pid)
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return when a process started, in ticks since boot; "" if it has ended.

    Raises:
        OSError: There is none, or it may not be looked at.
    """
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    # The name in parentheses may hold anything; after it come state, parent, ... and the start.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _is_running(pid: int, started: str) -> bool | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # there is one, of another user
    try:
        return not started or _started(pid) == started
    except OSError:
        return None  # too many open files, or hidden: no reason to believe that it has ended
