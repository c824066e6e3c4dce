"""The outbox: what waits for the cloud, handed out batch by batch (contract Q).

A role has an outbox for each of its queues. It gives out one batch at a time, and the same one
again until all of it is answered. Nothing is remembered beyond the process: a batch that is
forgotten, or dies with it, is simply made again from what is pending.

Every batch carries the number of the take it came from, and its parts carry the same one. An
answer counts only for records of the batch that is out, and once: a late second one, of an old
batch or of a part of it, finds another number and changes nothing.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, Generic, Self, TypeVar

from smok_core.engine.base import Ack, OnFull, PendingPoint, Row, Series, Table
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import QueueFull
from smok_core.roles.base import BATCH, DAMAGE, OnEngine, RoleStats

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R", Row, PendingPoint)
B = TypeVar("B", bound="StoredBatch[Any]")

_SEQ: Final = attrgetter("seq")
#: More victims are named than are needed: others may be at the oldest ones at the same time.
_SPARE: Final = 32


class Batch(ABC):
    """Records on their way to the cloud, oldest first; falsy when there are none.

    It does not change once it is made. Answers may come from any thread; those after the first
    change nothing. What the published client's interface does not ask for has a default here: a
    batch that is written to that interface is answered as a whole, and never divided.
    """

    values: Sequence[Any]  #: the records, where a batch is made of them

    def __len__(self) -> int:
        """Count the records."""
        return len(self.to_json())

    @abstractmethod
    def to_json(self) -> list[Any]:
        """Return the body that the cloud's API takes for this batch."""

    def part(self, start: int, stop: int) -> Self:  # noqa: ARG002 - for those that can be divided
        """Return the records ``start..stop-1`` as a batch that is answered for itself.

        One that cannot be divided returns itself.
        """
        return self

    @abstractmethod
    def acknowledge(self) -> None:
        """Take the records out of the outbox, exactly as they were handed out: the cloud has them.

        Raises StoreError: Nothing is known to be acknowledged; the batch stays out, try again.
        """

    def release(self) -> None:
        """Leave the records pending: they did not arrive, and will be handed out again."""
        if type(self).negative_acknowledge is not Batch.negative_acknowledge:
            self.negative_acknowledge()

    def negative_acknowledge(self) -> None:
        """Be `release`, by the published client's name; a class defines the one or the other."""
        if type(self).release is not Batch.release:
            self.release()

    def reject(self, reason: str) -> None:
        """Move the records to the dead letters: the cloud refused each of them for good.

        Where there are no dead letters they stay pending, and it is logged.

        Raises StoreError: Some may be dead letters already, and are handed out again all the same.
        """
        logger.error("%d records stay pending: %s", len(self), reason)
        self.release()


class StoredBatch(Batch, Generic[T]):
    """A batch of an outbox: what the engine handed out in the take of this number, and decoded."""

    def __init__(
        self, outbox: "Outbox[Any, T, Any]", take: int, records: Sequence[Any], values: Sequence[T]
    ) -> None:
        self._outbox, self.take = outbox, take
        self.records, self.values = records, values

    def __len__(self) -> int:
        return len(self.records)

    def part(self, start: int, stop: int) -> Self:
        records, values = self.records[start:stop], self.values[start:stop]
        return type(self)(self._outbox, self.take, records, values)

    def without(self, other: Self) -> Self | None:
        """Return the records that the other one does not have, as a batch of the same take."""
        gone = set(map(_SEQ, other.records))
        pairs = zip(self.records, self.values, strict=True)
        left = [pair for pair in pairs if pair[0].seq not in gone]
        return type(self)(self._outbox, self.take, *zip(*left, strict=True)) if left else None

    def acknowledge(self) -> None:
        self._outbox.acknowledge(self)

    def release(self) -> None:
        self._outbox.release(self)

    def reject(self, reason: str) -> None:
        self._outbox.reject(self, reason)


class Outbox(ABC, Generic[R, T, B]):
    """Hands out what is pending, one batch at a time; any thread may call.

    ``load`` decodes records, and raises one of `DAMAGE` if one of them is damaged.
    """

    def __init__(
        self,
        database: OnEngine,
        queue: Table | Series,
        load: Callable[[Sequence[R]], list[T]],
        batch: type[B],
    ) -> None:
        self._database, self._batch = database, batch
        self._load: Callable[[Sequence[R]], list[T]] = load
        self._queue: Any = queue
        # Held during calls of the engine: between the look whether a batch is out and its
        # acknowledgement nobody may answer it and take the next one.
        self._lock = fork_safe_lock(Layer.ROLE)
        self._takes = 0
        self._out: B | None = None  # what is not answered yet of the last take

    def take(self, limit: int = BATCH) -> B | None:
        """Return the batch that is out, or make one of at most ``limit`` records.

        Of a batch that is answered in part, what is left of it is out. None: nothing is pending.
        """
        with self._lock:
            if self._out is None:
                self._takes += 1
                records, values = self._read(limit)
                self._out = self._batch(self, self._takes, records, values) if records else None
            return self._out

    def acknowledge(self, batch: B, tags: Sequence[str] | None = None) -> None:
        """End the wait of a batch's records, as they were handed out.

        ``tags`` are what the cloud calls the records: the n-th belongs to the n-th, and records
        beyond the last are released. None: the cloud has no names for them.
        """
        with self._lock:
            known = batch.records if tags is None else batch.records[: len(tags)]
            left, rest = (known, None) if batch is self._out else self._divided(batch, known)
            if left:
                self._acknowledge(left, dict(zip(map(_SEQ, known), tags or (), strict=False)))
            self._out = rest

    def release(self, batch: B) -> None:
        """Leave a batch's records pending."""
        with self._lock:
            _, self._out = self._divided(batch, ())

    def reject(self, batch: B, reason: str) -> None:
        """Set a batch's records aside, then end their wait: in this order a crash loses nothing."""
        with self._lock:
            left, rest = self._divided(batch, batch.records)
            for record in left:
                self._set_aside(record, reason)
            if left:
                self._acknowledge(left, {})
            self._out = rest

    @abstractmethod
    def counts(self) -> RoleStats:
        """Count what is stored, what is pending and what the engine dropped."""

    def _divided(self, batch: B, records: Sequence[R]) -> tuple[Sequence[R], B | None]:
        """Return which records of a batch wait for an answer, and what is out beside it."""
        if batch is self._out:
            return records, None
        if self._out is None or batch.take != self._out.take:
            return (), self._out
        out = set(map(_SEQ, self._out.records))
        return [record for record in records if record.seq in out], self._out.without(batch)

    def _read(self, limit: int) -> tuple[list[R], list[T]]:
        records, values = list[R](), list[T]()
        after = 0
        while (asked := limit - len(records)) > 0:
            page: list[R] = self._queue.pending(asked, after)
            try:
                values += self._load(page)
                records += page
            except DAMAGE:
                for record, value in self._undamaged(page):
                    records.append(record)
                    values.append(value)
            # A short page is the last one. Of a full one some may not have been decodable.
            if len(page) < asked:
                break
            after = page[-1].seq
        return records, values

    def _undamaged(self, page: Sequence[R]) -> Iterator[tuple[R, T]]:
        """Decode one by one; what cannot be decoded is set aside (contract G11)."""
        for record in page:
            try:
                (value,) = self._load([record])
            except DAMAGE:
                self._set_aside(record, "cannot be decoded")
                self._remove(record)
            else:
                yield record, value

    @abstractmethod
    def _acknowledge(self, records: Sequence[R], tags: dict[int, str]) -> None:
        """End the wait of records in one atomic step; ``tags`` are the cloud's names by seq."""

    @abstractmethod
    def _set_aside(self, record: R, reason: str) -> None:
        """Copy a record to the dead letters."""

    def _remove(self, record: R) -> None:
        """Let go of a record that was set aside because it cannot be decoded."""
        self._acknowledge([record], {})


class SeriesOutbox(Outbox[PendingPoint, T, B]):
    """The pending points of a role's series."""

    _queue: Series

    def counts(self) -> RoleStats:
        found = self._queue.stats()
        oldest = None if found.oldest_pending is None else found.oldest_pending / 1_000_000
        return RoleStats(
            rows=found.points, pending=found.pending, dropped=found.dropped, oldest_pending=oldest
        )

    def _acknowledge(self, records: Sequence[PendingPoint], tags: dict[int, str]) -> None:  # noqa: ARG002 - a point has no tag
        self._queue.acknowledge(list(map(_SEQ, records)))

    def _set_aside(self, record: PendingPoint, reason: str) -> None:
        self._database.dead.add_point(record, reason)


class TableOutbox(Outbox[Row, T, B]):
    """The rows of a role's table that wait. The engine keeps the bound, and counts what it drops.

    Args:
        when: Tells the time of a decoded row, in seconds since the epoch.
        remove: Whether an acknowledged row leaves the table, or only waits no more.
        droppable: Which decoded rows may give way when ``max_pending`` is reached (contract Q5).
        drop: Whether a row that gives way leaves the table; as ``remove`` unless given.
    """

    def __init__(
        self,
        database: OnEngine,
        table: Table,
        load: Callable[[Row], T],
        batch: type[B],
        *,
        when: Callable[[T], float],
        remove: Callable[[Row], bool] = lambda _: False,
        droppable: Callable[[T], bool] = lambda _: True,
        drop: Callable[[Row], bool] | None = None,
    ) -> None:
        super().__init__(database, table, lambda rows: list(map(load, rows)), batch)
        self._table, self._loader, self._when, self._leaves = table, load, when, remove
        self._droppable, self._drop = droppable, drop or remove
        limits = database.context.settings.limits
        self._most, self._drops = limits.max_pending, limits.on_full is OnFull.DROP_OLDEST

    def put(self, key: str, value: bytes, **conditions: Any) -> bool:
        """Write a row that waits; see `Table.put`, whose other arguments it takes.

        It begins again as long as others change what it would drop: each time one of them got on.

        Raises QueueFull: The policy is ``refuse``, or too little may be dropped; nothing changed.
        """
        role, victims = self._database.role, list[Ack]()
        bound = {"pending": True, "max_pending": self._most, **conditions}
        while True:
            try:
                done = self._table.put(key, value, drop=victims, **bound)
            except QueueFull:
                seen, victims = victims, self._oldest() if self._drops else []
                if victims == seen:
                    full = f"{role}: max_pending is {self._most} and as many wait"
                    raise QueueFull(self._database.context.store, full) from None
            else:
                if victims:
                    logger.warning("%s: dropped the oldest, max_pending is %d", role, self._most)
                return done

    def _oldest(self) -> list[Ack]:
        """Name what may go, oldest first. What begins to wait later stands behind these."""
        wanted = self._table.stats().pending + 1 + _SPARE - (self._most or 0)
        found: list[Ack] = []
        after = 0
        while len(found) < wanted and (rows := self._table.pending(min(wanted, BATCH), after)):
            after = rows[-1].seq
            found += [
                Ack(row.key, row.seq, remove=self._drop(row))
                for row, item in self._database.decoded(self._table, rows, self._loader)
                if self._droppable(item)
            ]
        return found[:wanted]

    def counts(self) -> RoleStats:
        found = self._table.stats()
        head = self._table.pending(1) if found.pending else []
        try:
            oldest = self._when(self._loader(head[0])) if head else None
        except DAMAGE:
            oldest = None  # taking it sets it aside; counting changes nothing
        return RoleStats(
            rows=found.rows, pending=found.pending, dropped=found.dropped, oldest_pending=oldest
        )

    def _acknowledge(self, records: Sequence[Row], tags: dict[int, str]) -> None:
        self._table.acknowledge(
            [Ack(row.key, row.seq, tags.get(row.seq), self._leaves(row)) for row in records]
        )

    def _set_aside(self, record: Row, reason: str) -> None:
        self._database.set_aside(self._table, record, reason)

    def _remove(self, record: Row) -> None:
        self._table.acknowledge([Ack(record.key, record.seq, remove=True)])
