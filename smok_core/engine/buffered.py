"""Group commit for a series: values wait a moment in memory and are written together.

This is what ``durability = "buffered"`` means (contract G3): at most ``flush_ms`` of values die
with the process. Everything but `append` first writes what waits, so a reader always sees what
was written before.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from smok_core.engine.base import QueuedPoint, Series, SeriesStats
from smok_core.errors import StorageFull, StoreClosed, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["BufferedSeries"]

logger = logging.getLogger(__name__)

#: Points that may wait; the writer that fills the buffer writes it out itself.
_MAX_WAITING: Final = 5000


class BufferedSeries(Series):
    """A series in front of another; thread-safe.

    A write that fails in the background is kept, tried again with the next one, and its error is
    raised to the next caller of `append` or `flush`, so that nobody believes all is well.
    """

    def __init__(self, inner: Series, flush_ms: int) -> None:
        self._inner, self._seconds = inner, flush_ms / 1000
        self._waiting: list[tuple[str, int, bytes]] = []
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._wake, self._closed = threading.Event(), threading.Event()
        self._failure: StoreError | None = None
        self._thread: threading.Thread | None = None

    def append(self, points: Sequence[tuple[str, int, bytes]]) -> None:
        """Keep the points for the next write, which is at most ``flush_ms`` away."""
        with self._lock:
            self._check_open()
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            full = len(self._waiting) + len(points) > _MAX_WAITING
        if full:
            # Before the new points are taken: if this fails, they were not, and memory is bounded.
            self.flush()
        with self._lock:
            self._check_open()  # closing writes what waits: what comes after that would be lost
            self._waiting.extend(points)
        self._wake.set()

    def flush(self) -> None:
        """Write what waits and return when it is stored as the inner series stores it."""
        with self._writing:
            with self._lock:
                batch, self._waiting = self._waiting, []
            if batch:
                self._write(batch)

    def close(self) -> None:
        """Write what waits and end the thread; a later `append` raises `StoreClosed`."""
        with self._lock:
            self._closed.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _write(self, batch: list[tuple[str, int, bytes]]) -> None:
        try:
            self._inner.append(batch)
        except StoreError:
            with self._lock:
                self._waiting[:0] = batch
            raise

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise StoreClosed("buffered series", "it was closed")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="smok-flush", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._wake.wait()
            self._wake.clear()
            self._closed.wait(self._seconds)  # lets a group gather; closing cuts it short
            self._flush_quietly()

    def _flush_quietly(self) -> None:
        try:
            self.flush()
        except StoreError as error:
            logger.warning("group commit failed, it will be tried again: %s", error)
            with self._lock:
                self._failure = error
            self._wake.set()

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

    def pending(self, limit: int, after: int = 0) -> list[QueuedPoint]:
        self._show()
        return self._inner.pending(limit, after)

    def settle(self, seqs: Iterable[int]) -> int:
        return self._inner.settle(seqs)

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
