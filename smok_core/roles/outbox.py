"""The outbox: what waits for the cloud, handed out batch by batch (contract Q).

A role has an outbox for each of its queues. It gives out one batch at a time, and the same one
again until all of it is answered. Nothing is remembered beyond the process: a batch that is
forgotten, or dies with it, is simply made again from what is pending.

Every batch carries the number of the take it came from, and its parts carry the same one. An
answer counts only for records of the batch that is out, and once: a late second one, of an old
batch or of a part of it, finds another number and changes nothing.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Protocol, Self, TypeVar

import msgspec

from smok_core.engine.base import Ack, PendingPoint, Row, Series, Table
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import CorruptData
from smok_core.roles.base import BATCH, Counts, OnEngine

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: What decoding raises for bytes that no codec of ours wrote.
_DAMAGE: Final = (CorruptData, msgspec.ValidationError, ValueError, TypeError, LookupError)


class Batch(ABC):
    """Records on their way to the cloud, oldest first; falsy when there are none.

    It does not change once it is made. Answers may come from any thread; those after the first
    change nothing. What the published client's interface does not ask for has a default here: a
    batch that is written to that interface is answered as a whole, and never divided.
    """

    def __len__(self) -> int:
        """Count the records."""
        return len(self.to_json())

    def __bool__(self) -> bool:
        return len(self) > 0

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

        Raises:
            StoreError: Nothing is known to be acknowledged; the batch stays out, try again.
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

        Raises:
            StoreError: Some may be dead letters already, and are handed out again all the same.
        """
        logger.error("%d records stay pending: %s", len(self), reason)
        self.release()


R = TypeVar("R", Row, PendingPoint)
B = TypeVar("B", bound="StoredBatch[Any]")


class StoredBatch(Batch, Generic[T]):
    """A batch of an outbox: what the engine handed out in the take of this number, and decoded."""

    def __init__(
        self, outbox: Outbox[Any, T, Any], take: int, records: Sequence[Any], values: Sequence[T]
    ) -> None:
        self._outbox, self.take = outbox, take
        self.records, self.values = records, values

    def __len__(self) -> int:
        return len(self.records)

    def part(self, start: int, stop: int) -> Self:
        return type(self)(
            self._outbox, self.take, self.records[start:stop], self.values[start:stop]
        )

    def only(self, seqs: set[int]) -> Self:
        """Return the records with these seqs as a batch of the same take."""
        places = [at for at, record in enumerate(self.records) if record.seq in seqs]
        records, values = ([column[at] for at in places] for column in (self.records, self.values))
        return type(self)(self._outbox, self.take, records, values)

    def acknowledge(self) -> None:
        self._outbox.acknowledge(self)

    def release(self) -> None:
        self._outbox.release(self)

    def reject(self, reason: str) -> None:
        self._outbox.reject(self, reason)


class _Queue(Protocol[R]):
    """A table or a series."""

    def pending(self, limit: int, after: int = 0) -> list[R]: ...


class Outbox(ABC, Generic[R, T, B]):
    """Hands out what is pending, one batch at a time; any thread may call."""

    def __init__(self, database: OnEngine, queue: _Queue[R], batch: type[B]) -> None:
        self._database, self._batch = database, batch
        self._queue: _Queue[R] = queue
        # Held during calls of the engine: between the look whether a batch is out and its
        # acknowledgement nobody may answer it and take the next one.
        self._lock = fork_safe_lock(Layer.ROLE)
        self._out = batch(self, 0, (), ())
        self._unanswered: set[int] = set()

    def take(self, limit: int = BATCH) -> B:
        """Return the batch that is out, or make one of at most ``limit`` records.

        Of a batch that is answered in part, what is left of it is out.
        """
        with self._lock:
            if not self._unanswered:
                records, values = self._read(limit)
                self._out = self._batch(self, self._out.take + 1, records, values)
                self._unanswered = {record.seq for record in records}
            elif len(self._unanswered) < len(self._out.records):
                self._out = self._out.only(self._unanswered)
            return self._out

    def acknowledge(self, batch: B, tags: Sequence[str] | None = None) -> None:
        """End the wait of a batch's records, as they were handed out.

        Args:
            batch: One of this outbox, or a part of one.
            tags: What the cloud calls the records: the n-th belongs to the n-th. Records beyond
                the last tag are released. None: the cloud has no names for them.
        """
        with self._lock:
            known = batch.records if tags is None else batch.records[: len(tags)]
            left = self._still_out(batch, known)
            if left:
                self._acknowledge(left, _by_seq(known, tags) if tags else {})
            self._answered(batch)

    def release(self, batch: B) -> None:
        """Leave a batch's records pending."""
        with self._lock:
            self._answered(batch)

    def reject(self, batch: B, reason: str) -> None:
        """Set a batch's records aside, then end their wait: in this order a crash loses nothing."""
        with self._lock:
            left = self._still_out(batch, batch.records)
            for record in left:
                self._set_aside(record, reason)
            if left:
                self._acknowledge(left, {})
            self._answered(batch)

    @abstractmethod
    def counts(self) -> Counts:
        """Count what is stored, what is pending and what was dropped."""

    def _still_out(self, batch: B, records: Sequence[R]) -> Sequence[R]:
        if batch.take != self._out.take:
            return ()
        if batch is self._out and len(records) == len(self._unanswered):
            return records
        return [record for record in records if record.seq in self._unanswered]

    def _answered(self, batch: B) -> None:
        if batch is self._out:
            self._unanswered.clear()
        elif batch.take == self._out.take:
            self._unanswered.difference_update([record.seq for record in batch.records])

    def _read(self, limit: int) -> tuple[list[R], list[T]]:
        records, values = list[R](), list[T]()
        after, asked = 0, limit
        while asked > 0:
            page = self._queue.pending(asked, after)
            self._decode(page, records, values)
            # A short page is the last one. Of a full one some may not have been decodable.
            after = page[-1].seq if len(page) == asked else 0
            asked = limit - len(records) if after else 0
        return records, values

    def _decode(self, page: Sequence[R], records: list[R], values: list[T]) -> None:
        """Add a page and its values; what cannot be decoded is set aside (contract G11)."""
        try:
            values += self._load(page)
            records += page
        except _DAMAGE:
            if len(page) > 1:
                for record in page:
                    self._decode([record], records, values)
            else:
                self._set_aside(page[0], "cannot be decoded")
                self._remove(page[0])

    @abstractmethod
    def _load(self, records: Sequence[R]) -> list[T]:
        """Decode records; raises one of `_DAMAGE` if one of them is damaged."""

    @abstractmethod
    def _acknowledge(self, records: Sequence[R], tags: dict[int, str]) -> None:
        """End the wait of records in one atomic step; ``tags`` are the cloud's names by seq."""

    @abstractmethod
    def _set_aside(self, record: R, reason: str) -> None:
        """Copy a record to the dead letters."""

    @abstractmethod
    def _remove(self, record: R) -> None:
        """Let go of a record that was set aside because it cannot be decoded."""


class TableOutbox(Outbox[Row, T, B]):
    """The pending rows of a role's table.

    ``when`` tells the time of a decoded row, in seconds since the epoch; ``remove`` whether an
    acknowledged row leaves the table.
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
    ) -> None:
        super().__init__(database, table, batch)
        self._table, self._loader, self._when, self._leaves = table, load, when, remove

    def counts(self) -> Counts:
        found = self._table.stats()
        head = self._table.pending(1) if found.pending else []
        try:
            oldest = self._when(self._load(head)[0]) if head else None
        except _DAMAGE:
            oldest = None  # taking it sets it aside; counting changes nothing
        return Counts(found.rows, found.pending, found.dropped, oldest)

    def _load(self, records: Sequence[Row]) -> list[T]:
        return [self._loader(row) for row in records]

    def _acknowledge(self, records: Sequence[Row], tags: dict[int, str]) -> None:
        self._table.acknowledge(
            [Ack(row.key, row.seq, tags.get(row.seq), self._leaves(row)) for row in records]
        )

    def _set_aside(self, record: Row, reason: str) -> None:
        self._database.set_aside(self._table, record, reason)

    def _remove(self, record: Row) -> None:
        self._table.acknowledge([Ack(record.key, record.seq, remove=True)])


class SeriesOutbox(Outbox[PendingPoint, T, B]):
    """The pending points of a role's series; ``load`` decodes the values of a batch at once."""

    def __init__(
        self,
        database: OnEngine,
        series: Series,
        load: Callable[[list[bytes]], list[T]],
        batch: type[B],
    ) -> None:
        super().__init__(database, series, batch)
        self._series, self._loader = series, load

    def counts(self) -> Counts:
        found = self._series.stats()
        head = found.oldest_pending
        oldest = None if head is None else head / 1_000_000
        return Counts(found.points, found.pending, found.dropped, oldest)

    def _load(self, records: Sequence[PendingPoint]) -> list[T]:
        return self._loader([point.value for point in records])

    def _acknowledge(self, records: Sequence[PendingPoint], tags: dict[int, str]) -> None:  # noqa: ARG002 - a point has no tag
        self._series.acknowledge([point.seq for point in records])

    def _set_aside(self, record: PendingPoint, reason: str) -> None:
        self._database.dead.add_point(record, reason)

    def _remove(self, record: PendingPoint) -> None:
        self._series.acknowledge([record.seq])


def _by_seq(records: Sequence[Row | PendingPoint], tags: Sequence[str]) -> dict[int, str]:
    return dict(zip([record.seq for record in records], tags, strict=False))
