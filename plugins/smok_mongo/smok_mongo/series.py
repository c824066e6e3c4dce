"""Series: an append commits by inserting one batch document, and then brings the rest up to date.

Order of an append: bounds of the names, the batch (the commit point, and the queue entry), the
archive, the queue entries of replaced points. Until the last step is done the batch is this
process's pending commit, completed before anything else is read or written. What a killed process
left is completed by whoever uses the series next; every step may be repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smok_core.engine.base import Limits, Series, SeriesStats
from smok_core.errors import BackendUnavailable, InvalidValue, SmokError
from smok_mongo.archive import Archive
from smok_mongo.client import OperationLock
from smok_mongo.ids import MAX_POSITIONS, base_text, join, segment, time_text
from smok_mongo.metadata import SeriesMetadata
from smok_mongo.names import Names
from smok_mongo.queue import Batch, BatchQueue
from smok_mongo.queue_limit import Cap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smok_core.engine.base import PendingPoint
    from smok_mongo.chunks import Chunks
    from smok_mongo.queue import Point
    from smok_mongo.store import Store

__all__ = ["MongoSeries"]


class _PendingCommit:
    """A batch that is not, or not for sure, in place everywhere."""

    def __init__(self, batch: Batch, replaced: list[int]) -> None:
        self.batch, self.replaced = batch, replaced
        self.committed = False


class MongoSeries(Series):
    """The points of one series of one device."""

    def __init__(self, store: Store, chunks: Chunks, name: str) -> None:
        self._store, self._server, self._role = store, store.server, name
        prefix = join(store.device, segment(name))
        self._queue = BatchQueue(store, chunks, prefix, self._store_points)
        self._archive = Archive(store, prefix, name)
        self._names = Names(store, prefix, name)
        self._metadata = SeriesMetadata(store.server, store.sequence, prefix)
        self._queue_limit = Cap(store.server, self._queue, prefix)
        self._operation_lock = OperationLock(store.server)
        self._pending_commit: _PendingCommit | None = None
        self._recovered = False

    @property
    def limits(self) -> Limits:
        """The bound of the queue."""
        return self._queue_limit.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._queue_limit.limits = limits

    # --- appending ---------------------------------------------------------------------------

    def append(self, points: Sequence[Point]) -> None:
        last = self._checked(points)
        with self._operation_lock():
            self._own()
            self._names.learn(name for name, _, _ in last)
            fresh, replaced = self._fresh(last)
            self._queue_limit.refuse_if_full(len(fresh))
            if fresh:
                self._commit(fresh, replaced)
                self._queue_limit.drop_excess()

    def _checked(self, points: Sequence[Point]) -> list[Point]:
        """Keep the last of repeats at its own place; refuse what cannot be stored."""
        last: dict[tuple[str, int], bytes] = {}
        for name, ts, value in reversed(points):
            last.setdefault((name, ts), bytes(value))
        for name, ts in last:
            time_text(ts, self._role)
            segment(name, self._role)
        if len(last) > MAX_POSITIONS:
            remedy = f"Append at most {MAX_POSITIONS} at once."
            raise InvalidValue(self._role, "a batch", f"has {len(last)} points", remedy)
        return [(name, ts, value) for (name, ts), value in reversed(last.items())]

    def _own(self) -> None:
        """Make sure this process is the last writer and no commit of its own is pending."""
        self._ready()
        if not self._metadata.owned():
            self._queue.recover()
            self._metadata.take_over()
            self._names.forget()
            self._queue_limit.forget()

    def _ready(self) -> None:
        """Complete what is pending: of this process, or of one killed before it began."""
        if self._pending_commit is None and self._recovered:
            return
        with self._operation_lock():
            if self._pending_commit is not None:
                self._complete(self._pending_commit)
            if not self._recovered:
                self._recover()

    def _recover(self) -> None:
        if (archived := self._metadata.archived()) is not None:
            self._queue.recover_above(archived)
            self._metadata.forget_archived()
        self._queue.recover()
        self._recovered = True

    def _store_points(self, batch: Batch) -> None:
        self._archive.store(batch)
        self._names.mark({name for name, _, _ in batch.points})

    def _fresh(self, points: list[Point]) -> tuple[list[Point], list[int]]:
        """Leave out what is stored equally; give the rest, and the seqs of what it replaces."""
        asked = [(name, ts) for name, ts, _ in points if not self._names.is_new(name, ts)]
        stored = self._archive.find(asked) if asked else {}
        fresh = [
            (name, ts, value)
            for name, ts, value in points
            if (name, ts) not in stored or stored[name, ts].value != value
        ]
        return fresh, [stored[name, ts].seq for name, ts, _ in fresh if (name, ts) in stored]

    def _commit(self, points: list[Point], replaced: list[int]) -> None:
        latest: dict[str, int] = {}
        for name, ts, _ in points:
            latest[name] = max(ts, latest.get(name, ts))
        self._names.reserve(latest)
        self._pending_commit = _PendingCommit(self._batch(points), replaced)
        try:
            self._complete(self._pending_commit)
        except BackendUnavailable:
            raise  # it may have been committed: the pending_commit stays, and is paid later
        except SmokError:
            if not self._pending_commit.committed:
                self._pending_commit = None
            raise
        self._queue_limit.pending(len(points))

    def _batch(self, points: Sequence[Point]) -> Batch:
        base = self._metadata.base()
        return Batch(base, base_text(base) + self._server.owner, points)

    def _complete(self, pending_commit: _PendingCommit) -> None:
        while not pending_commit.committed:
            if self._queue.insert(pending_commit.batch):
                pending_commit.committed = True
            else:
                pending_commit.batch = self._batch(pending_commit.batch.points)
        self._store_points(pending_commit.batch)
        self._queue_limit.acknowledged(self._queue.acknowledge(pending_commit.replaced))
        self._pending_commit = None
        self._queue.note(pending_commit.batch.base)

    def note_archived(self) -> None:
        """Tell the database what is archived, so that a recovery leaves it out."""
        with self._operation_lock():
            self._queue.tell_archived()

    def requeue(self, points: Sequence[tuple[str, int]]) -> int:
        with self._operation_lock():
            self._own()
            stored = self._archive.find(points)
            pending = self._queue.open_seqs(old.seq for old in stored.values())
            again = [
                (name, ts, stored[name, ts].value)
                for name, ts in dict.fromkeys(points)
                if (name, ts) in stored and stored[name, ts].seq not in pending
            ]
            if again:
                self._commit(again, [])
            return len(again)

    # --- handing over ------------------------------------------------------------------------

    def pending(self, limit: int, after: int = 0) -> list[PendingPoint]:
        with self._server.operation():
            self._ready()
            return self._queue.read(limit, after) if limit > 0 else []

    def acknowledge(self, seqs: Iterable[int]) -> int:
        with self._operation_lock():
            self._ready()
            acknowledged = self._queue.acknowledge(seqs)
            self._queue_limit.acknowledged(acknowledged)
            return acknowledged

    # --- reading -----------------------------------------------------------------------------

    def latest(self, name: str) -> tuple[int, bytes] | None:
        with self._server.operation():
            self._ready()
            return self._archive.latest(name)

    def range(self, name: str, start: int | None, stop: int | None) -> Iterator[tuple[int, bytes]]:
        self._ready()
        return self._archive.range(name, start, stop)

    def names(self) -> Iterator[str]:
        self._ready()
        return self._names.stream()

    def stats(self) -> SeriesStats:
        with self._server.operation():
            self._ready()
            head = self._queue.read(1, 0)
            return SeriesStats(
                names=self._names.count(),
                points=self._archive.count(),
                pending=self._queue.pending_count(),
                dropped=self._queue_limit.dropped(),
                oldest_pending=head[0].ts if head else None,
            )

    # --- retention ---------------------------------------------------------------------------

    def trim(self, before: int) -> int:
        return sum(self._trim(name, before) for name in list(self.names()))

    def _trim(self, name: str, before: int) -> int:
        gone, latest = 0, None
        for page in self._archive.before(name, before):
            latest = latest or self._archive.latest(name)
            with self._operation_lock():
                pending = self._queue.open_seqs(page.values())
                keep = latest[0] if latest else None
                old = {ts: s for ts, s in page.items() if s not in pending and ts != keep}
                gone += self._archive.forget(name, old)
        return gone
