"""Series: an append commits by inserting one batch, and then brings the rest up to date.

Order of an append: bounds of the names, the batch (the commit point, and the queue entry), the
archive, the queue entries of replaced points. Who commits above a batch has completed it before,
so only the newest batch of all may be incomplete: by a process that is about to complete it, or was
killed. Every step may be repeated, by anybody.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from smok_core.engine.base import Limits, PendingPoint, Series, SeriesStats
from smok_core.errors import BackendUnavailable, InvalidValue, SmokError
from smok_mongo.archive import Archive
from smok_mongo.batches import Batch, Point, Totals, base_of, totals_of
from smok_mongo.chunks import Chunks
from smok_mongo.client import OperationLock
from smok_mongo.commands import Document
from smok_mongo.ids import MAX_POSITIONS, join, segment, time_text
from smok_mongo.names import Names
from smok_mongo.older import OlderSeries
from smok_mongo.queue import BatchQueue
from smok_mongo.queue_limit import QueueLimit
from smok_mongo.store import Store
from smok_mongo.trimming import Trimming

#: How often to begin again when other processes get in between.
_TRIES: Final = 100


class _Head(NamedTuple):
    """The newest batch that this process knows of; it and all before it are complete."""

    base: int
    totals: Totals


class _PendingCommit:
    """A batch that is not, or not for sure, in place everywhere."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.committed = batch, False


class MongoSeries(Series):
    """The points of one series of one device."""

    def __init__(self, store: Store, chunks: Chunks, name: str) -> None:
        self._store, self._server, self._role = store, store.server, name
        prefix = join(store.device, segment(name))
        self._queue = BatchQueue(store, chunks, prefix, self._complete_parts)
        self._older = OlderSeries(store, prefix, self._queue)
        self._archive = Archive(store, prefix, name)
        self._names = Names(store, prefix, name)
        self._queue_limit = QueueLimit(store.server, self._queue)
        self._operation_lock = OperationLock(store.server)
        self._pending_commit: _PendingCommit | None = None
        self._head: _Head | None = None
        self._recovered = False

    @property
    def limits(self) -> Limits:
        """The bound of the queue."""
        return self._queue_limit.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._queue_limit.limits = limits

    # --- committing --------------------------------------------------------------------------

    def _write(self, plan: Callable[[], Batch | None]) -> Batch | None:
        """Commit what is planned, above the newest batch; planned anew if others were faster.

        So what a plan has read (what is stored, what waits) holds at the moment of the commit.
        """
        self._ready()
        self._queue.log.turns.give()
        try:
            return self._try(plan)
        finally:
            self._queue.log.turns.end()
            if self._pending_commit is None:
                self._queue.abandon()

    def _try(self, plan: Callable[[], Batch | None]) -> Batch | None:
        before: Batch | None = None
        for number in range(_TRIES):
            if number > 1:
                self._queue.log.turns.ask()
            self._head = self._head or self._catch_up()
            if (batch := plan()) is None:
                return None
            if before and before.points == batch.points:  # they are stored under its token
                batch = batch._replace(token=before.token)
            if self._commit(batch, again=bool(before and before.token == batch.token)):
                return batch
            before = batch
            self._forget()
        raise BackendUnavailable(self._server.store, "other processes keep appending")

    def _forget(self) -> None:
        """Forget what is known of the series: another process has written."""
        self._head = None
        self._names.forget()
        self._queue_limit.forget()

    def _commit(self, batch: Batch, *, again: bool) -> bool:
        if not batch.trims:
            self._names.reserve(_latest(batch))
        self._pending_commit = _PendingCommit(batch)
        insert = self._queue.place if again else self._queue.insert
        try:
            return self._complete(self._pending_commit, insert)
        except BackendUnavailable:
            raise  # it may have been committed: the next operation finds out, and completes it
        except SmokError:
            if not self._pending_commit.committed:
                self._pending_commit = None
            raise

    def _complete(self, pending_commit: _PendingCommit, insert: Callable[[Batch], bool]) -> bool:
        """Commit and complete; False if the batch has lost its place and is not there."""
        batch = pending_commit.batch
        if not pending_commit.committed and not insert(batch):
            self._pending_commit = None
            return False
        pending_commit.committed = True
        self._queue.complete(batch)
        self._pending_commit, self._head = None, _Head(batch.base, batch.totals)
        self._queue_limit.changed(0 if batch.trims else len(batch.points))
        return True

    def _complete_parts(self, batch: Batch, *, mine: bool = True) -> None:
        """Do what follows from a batch; it is harmless to do it again, or late."""
        if batch.trims:
            self._archive.forget(batch)
        elif batch.points:
            (self._archive.store if mine else self._archive.restore)(batch)
            self._names.mark(_latest(batch))
        taken = self._queue.acknowledge(batch.replaced)
        taken += self._queue.acknowledge(batch.dropped, dropping=True)
        self._queue_limit.changed(-taken)

    # --- what others have committed ----------------------------------------------------------

    def _ready(self) -> None:
        """Complete what this process has committed, or the last one that was killed."""
        if self._pending_commit is None and self._recovered:
            return
        with self._operation_lock():
            self._end_pending_commit()
            if not self._recovered:
                self._complete_newest()

    def _end_pending_commit(self) -> None:
        """Find out whether a commit was made that got no answer; one that was not is no more."""
        commit = self._pending_commit
        if commit is not None and not self._complete(commit, self._queue.insert):
            self._queue.abandon()
            self._forget()

    def _complete_newest(self) -> Document | None:
        """Complete the newest batch, or what older releases left; give the newest."""
        newest = self._queue.log.newest()
        if newest and totals_of(newest) is None:
            self._older.complete()
        elif newest and base_of(newest) > self._queue.complete_to:
            self._queue.complete_found([newest])
        self._recovered = True
        return newest

    def _catch_up(self) -> _Head:
        """Find the newest batch; where no log has begun, count what it begins with."""
        newest = self._complete_newest()
        totals = totals_of(newest)
        if newest and totals and self._queue.log.has_begun():
            return _Head(base_of(newest), totals)
        first = self._older.begin(newest)
        found = Totals(self._queue.appended(), self._archive.count(), self._names.count())
        return _Head(first - 1, found)

    def checkpoint(self) -> None:
        """Complete the newest batch, if another process has not: it may have been killed."""
        with self._operation_lock():
            self._ready()
            self._complete_newest()

    # --- appending ---------------------------------------------------------------------------

    def append(self, points: Sequence[Point]) -> None:
        last = self._checked(points)
        with self._operation_lock():
            self._write(lambda: self._appended(last))

    def append_promised(self, points: Sequence[Point]) -> bool:
        """Store beyond ``max_pending``; a server that is full has no room kept back."""
        last = self._checked(points)
        with self._operation_lock():
            limits, self.limits = self.limits, Limits()
            try:
                self._write(lambda: self._appended(last))
            finally:
                self.limits = limits
        return True

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

    def _appended(self, points: list[Point]) -> Batch | None:
        """Plan a batch of what is not stored equally; None if all is."""
        self._names.learn(name for name, _, _ in points)
        fresh, replaced = self._fresh(points)
        if not fresh:
            return None
        self._queue_limit.refuse_if_full(len(fresh))
        unused = {name for name, _, _ in fresh if self._names.is_unused(name)}
        batch = self._batch(fresh, stored=len(fresh) - len(replaced), names=len(unused))
        seqs = range(batch.first_seq, batch.first_seq + len(fresh))
        dropped = self._queue_limit.dropped_for(seqs, replaced)
        return batch._replace(replaced=replaced, dropped=dropped)

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

    def _known_head(self) -> _Head:
        return self._head or _Head(-1, Totals(0, 0, 0))

    def _batch(self, points: Sequence[Point], *, stored: int = 0, names: int = 0) -> Batch:
        """Plan a batch above the newest one."""
        base, totals = self._known_head()
        after = Totals(totals.appended + len(points), totals.points + stored, totals.names + names)
        return Batch(base + 1, uuid.uuid4().hex, points, after)

    def requeue(self, points: Sequence[tuple[str, int]]) -> int:
        with self._operation_lock():
            batch = self._write(lambda: self._requeued(list(dict.fromkeys(points))))
        return len(batch.points) if batch else 0

    def _requeued(self, points: list[tuple[str, int]]) -> Batch | None:
        """Plan a batch of those that are stored and do not wait."""
        stored = self._archive.find(points)
        pending = self._queue.open_seqs(old.seq for old in stored.values())
        again = [
            (name, ts, stored[name, ts].value)
            for name, ts in points
            if (name, ts) in stored and stored[name, ts].seq not in pending
        ]
        return self._batch(again) if again else None

    # --- handing over ------------------------------------------------------------------------

    def pending(self, limit: int, after: int = 0) -> list[PendingPoint]:
        with self._server.operation():
            self._ready()
            return self._queue.hand_over(limit, after) if limit > 0 else []

    def acknowledge(self, seqs: Iterable[int]) -> int:
        with self._operation_lock():
            self._ready()
            acknowledged = self._queue.acknowledge(seqs)
            self._queue_limit.changed(-acknowledged)
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
            pending, dropped, totals = self._queue.counts()
            head = self._queue.read(1, 0)
            if totals is None:
                totals = Totals(0, self._archive.count(), self._names.count())
                dropped += self._older.dropped()
            return SeriesStats(
                names=totals.names,
                points=totals.points,
                pending=pending,
                dropped=dropped,
                oldest_pending=head[0].ts if head else None,
            )

    # --- retention ---------------------------------------------------------------------------

    def trim(self, before: int) -> int:
        gone, names = 0, list(self.names())
        trimming = Trimming(self._archive, self._names, self._queue, names, before)
        while not trimming.ended:
            with self._operation_lock():
                batch = self._write(lambda: self._trimmed(trimming))
            trimming.go_on()
            gone += len(batch.points) if batch else 0
        return gone

    def _trimmed(self, trimming: Trimming) -> Batch | None:
        """Plan a batch that forgets; nobody queues any of the points before it."""
        if not (points := trimming.page(self._known_head().totals)):
            return None
        batch = self._batch([], stored=-len(points))
        return batch._replace(points=points, trims=True)


def _latest(batch: Batch) -> dict[str, int]:
    """Return for each name the latest time in the batch."""
    latest: dict[str, int] = {}
    for name, ts, _ in batch.points:
        latest[name] = max(ts, latest.get(name, ts))
    return latest
