"""Group commit for a series: values wait a moment in memory and are written together.

This is what ``durability = "buffered"`` means (contract G3): at most ``flush_ms`` of values die
with the process. Everything but `append` first writes what waits, so a reader always sees what
was written before.
"""

import atexit
import itertools
import logging
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from smok_core.engine.base import PendingPoint, Series, SeriesStats
from smok_core.engine.forks import Layer, join
from smok_core.errors import SmokError, StorageFull, StoreClosed, StoreError

logger = logging.getLogger(__name__)

#: What may wait in memory; the writer that would exceed it writes all of it out itself. A store
#: that is full has to take all of it (`Series.append_promised`).
_MAX_BYTES: Final = 2**19
#: What a point counts beside the bytes of its value: so some 5000 may wait.
_POINT: Final = 104
#: A writer that finds a value this much older than ``flush_ms`` writes in place of the thread.
_LATE: Final = 1.5
#: Longest time between two attempts while the store refuses, in seconds.
_RETRY: Final = 1.0

#: The points of one `append`; they are one atomic write, also when they are written late.
_Taken = list[tuple[str, int, bytes]]


class BufferedSeries(Series):
    """A series in front of another; thread-safe, also over a fork.

    As long as writing works, a value waits at most ``flush_ms`` (1.5 times that if the thread is
    held up). Once a write has failed, nothing more is taken: `append` raises what the write raised
    until one succeeds. So no value that was taken is ever followed by a younger one that is lost
    instead, and memory holds no more than was gathered within that time. A store that is full may
    make an exception for what was taken already (`Series.append_promised`), and for nothing else.

    In a forked child it is empty: what waited at the fork is the parent's, and written by it.
    """

    def __init__(self, inner: Series, flush_ms: int) -> None:
        self._inner, self._seconds = inner, flush_ms / 1000
        self._retry, self._closed = min(self._seconds, _RETRY), False
        self._refused, self._refusal = 0, ""
        self._begin_empty()
        join(self, Layer.BUFFER)
        _close_at_exit(self)

    def _begin_empty(self) -> None:
        self._pending: deque[_Taken] = deque()
        self._size = 0
        self._since = self._until = 0.0  # monotonic; until then more may join those that wait
        self._failure: Exception | None = None
        self._failing_since = self._tried = 0.0
        #: Held while the inner series is written; taken before `_lock`.
        self._writing, self._lock = threading.RLock(), threading.RLock()
        # An interrupt in `Condition.__enter__`, which is Python, would keep the lock for ever.
        self._state = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None

    def before_fork(self) -> None:
        """Let a write that is under way end, and begin no other."""
        self._writing.acquire()
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._lock.release()
        self._writing.release()

    def after_fork_in_child(self) -> None:
        """Begin empty: what waits is the parent's, and so is the thread."""
        self._begin_empty()

    def append(self, points: Sequence[tuple[str, int, bytes]]) -> None:
        """Keep the points for the next write, which is at most ``flush_ms`` away.

        Raises StoreError: Earlier points cannot be written; these were not taken.
        """
        taken = list(points)
        with self._lock:
            size = self._size + _POINT * len(taken)
            for _, _, value in taken:
                size += len(value)
            if size <= _MAX_BYTES and (time.monotonic() < self._until or self._begins()):
                self._pending.append(taken)
                self._size = size
                return
        self._write_now(taken)

    def _begins(self) -> bool:
        """Tell whether a value may begin to wait; if others do already, they are late."""
        if self._closed or self._pending or self._failure or not self._has_thread():
            return False
        self._since = time.monotonic()
        self._until = self._since + _LATE * self._seconds
        self._state.notify_all()
        return True

    def _write_now(self, points: _Taken) -> None:
        """Write what waits, then the points; if either fails, the points were not taken."""
        with self._lock:
            if self._closed:
                raise StoreClosed("buffered series", "it was closed")
            if self._failure is not None and time.monotonic() - self._tried < self._retry:
                raise self._failure.with_traceback(None)
        with self._writing:
            self.flush()
            begun = time.monotonic()
            try:
                self._inner.append(points)
            except StoreError as error:
                self._note(error, begun)
                raise
            if self._failure is not None:
                self._note(None, begun)

    def flush(self) -> None:
        """Write what waits and return when it is stored as the inner series stores it.

        Raises StoreError: It cannot be written; it waits on, and is tried again.
        """
        with self._writing:
            with self._lock:
                pending, begun = list(self._pending), time.monotonic()
            try:
                full = self._write(pending)
            except Exception as error:
                self._note(error, begun)
                raise
            if pending:
                self._note(full, begun)

    def _write(self, pending: list[_Taken]) -> StorageFull | None:
        """Store what waits; give why nothing may come after it, if the store made an exception."""
        if not pending:
            return None
        try:
            full = self._store([point for taken in pending for point in taken])
        except SmokError as error:
            if isinstance(error, StoreError) and not isinstance(error, StorageFull):
                raise
            return self._write_one_by_one(pending)
        self._forget(len(pending))
        return full

    def _write_one_by_one(self, pending: list[_Taken]) -> StorageFull | None:
        """Write as many as there is room for, in their order; one that is bad stops no other."""
        full = None
        for taken in pending:
            try:
                full = self._store(taken) or full
            except StoreError:
                raise
            except SmokError as error:
                logger.error("%d values can never be written: %s", len(taken), error)  # noqa: TRY400
                self._refused, self._refusal = self._refused + len(taken), str(error)
            self._forget(1)
        return full

    def _store(self, points: _Taken) -> StorageFull | None:
        try:
            self._inner.append(points)
        except StorageFull as full:
            if self._inner.append_promised(points):
                return full
            raise
        return None

    def _forget(self, count: int) -> None:
        with self._lock:
            for _ in range(count):
                self._pending.popleft()

    def _note(self, failure: Exception | None, begun: float) -> None:
        """Remember how a write went; what came after ``begun`` waits on."""
        with self._lock:
            if self._failure is None:
                self._failing_since = time.time()
            self._failure, self._tried, self._until = failure, time.monotonic(), 0.0
            if self._pending and not failure and not self._closed:
                self._since, self._until = begun, begun + _LATE * self._seconds
            left = [value for taken in self._pending for _, _, value in taken]
            self._size = sum(map(len, left), _POINT * len(left))
            self._state.notify_all()

    def warnings(self) -> tuple[str, ...]:
        """Tell what is in memory only because it cannot be written; empty when all is well."""
        with self._lock:
            failure, since = self._failure, self._failing_since
            count = sum(map(len, self._pending))
        found = []
        if failure is not None and count:
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
            found.append(f"{count} values in memory cannot be written since {moment}: {failure}")
        if self._refused:
            found.append(f"{self._refused} values were refused by the store: {self._refusal}")
        return tuple(found)

    def close(self) -> None:
        """Write what waits and end the thread; a later `append` raises `StoreClosed`."""
        with self._lock:
            self._closed, self._until = True, 0.0
            self._state.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()
        self.flush()

    def _has_thread(self) -> bool:
        """Tell whether the thread is there, after starting it if need be."""
        if self._thread is None:  # an interrupt within `is_alive` would have it believed dead
            self._thread = threading.Thread(target=self._run, name="smok-flush", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # too many threads, or the interpreter is about to end
                self._thread = None
            else:
                _close_at_end_of_worker()
        return self._thread is not None

    def _run(self) -> None:
        try:
            while self._wait_until_due():
                try:
                    self.flush()
                except Exception as error:  # noqa: BLE001 - noted, and raised by the next append
                    logger.warning("group commit failed, it will be tried again: %s", error)
        finally:
            self._until, self._thread = 0.0, None

    def _wait_until_due(self) -> bool:
        """Return when something has to be written; False when the buffer was closed."""
        with self._lock:
            while not self._closed:
                left = self._seconds_left()
                if left is not None and left <= 0:
                    return True
                self._state.wait(left)
        return False

    def _seconds_left(self) -> float | None:
        """Return the time until the next write in seconds, counted from the oldest value."""
        if not (self._pending or self._until):
            return None
        due = self._since + self._seconds if self._failure is None else self._tried + self._retry
        return due - time.monotonic()

    def _show(self) -> None:
        """Make what waits visible to a reader; a full store must not keep it from draining."""
        try:
            self.flush()
        except StorageFull as error:
            logger.warning("values wait in memory: %s", error)

    def latest(self, name: str) -> tuple[int, bytes] | None:
        self._show()
        return self._inner.latest(name)

    def range(self, name: str, start: int | None, stop: int | None) -> Iterator[tuple[int, bytes]]:
        self._show()
        return self._inner.range(name, start, stop)

    def pending(self, limit: int, after: int = 0) -> list[PendingPoint]:
        self._show()
        return self._inner.pending(limit, after)

    def acknowledge(self, seqs: Iterable[int]) -> int:
        return self._inner.acknowledge(seqs)

    def requeue(self, points: Sequence[tuple[str, int]]) -> int:
        self._show()
        return self._inner.requeue(points)

    def trim(self, before: int) -> int:
        return self._inner.trim(before)

    def names(self) -> Iterator[str]:
        self._show()
        return self._inner.names()

    def stats(self) -> SeriesStats:
        self._show()
        return self._inner.stats()


_open: Final[weakref.WeakSet[BufferedSeries]] = weakref.WeakSet()


def _close_at_exit(series: BufferedSeries) -> None:
    """Write what waits when the interpreter ends, and take no more then.

    What is registered last runs first: before the driver of the store ends, which was imported
    when the store was opened.
    """
    _open.add(series)
    atexit.unregister(_close_open)
    atexit.register(_close_open)


def _close_at_end_of_worker() -> None:
    """Do the same in a child of `multiprocessing`, which ends without calling `atexit`."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize  # noqa: PLC0415 - it is loaded in such a child

        Finalize(None, _close_open, exitpriority=next(_priorities))


_priorities: Final = itertools.count(100)


def _close_open() -> None:
    for series in list(_open):
        try:
            series.close()
        except StoreClosed:
            pass  # its engine was closed before it, or it is empty
        except Exception:
            logger.exception("values in memory could not be written at the end of the process")
