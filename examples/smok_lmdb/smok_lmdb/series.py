"""Series: points by name and time, and beside them the queue by seq."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

from smok_core.engine.base import Limits, OnFull, PendingPoint, Series, SeriesStats
from smok_core.errors import QueueFull
from smok_lmdb.keys import key_of, seq_bytes, seq_of, ts_bytes, ts_of
from smok_lmdb.scan import entry_at, last_before, prefixed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import lmdb

    from smok_lmdb.connection import Connection


#: Points fetched, or forgotten, in one transaction.
_PAGE: Final = 500
_END: Final = b"\xff" * 8
_SEQ, _NAMES, _POINTS, _PENDING, _DROPPED = b"s", b"n", b"t", b"p", b"d"


class _Point(NamedTuple):
    """A point that is to be stored, and the seq of the one it replaces (None: there is none)."""

    name: str
    ts: int
    value: bytes
    old: int | None


class LmdbSeries(Series):
    """The series of one name.

    A point keeps the seq of its last place in the queue; it waits if the queue still has that
    seq. So acknowledging only touches the queue, which is what a full store has room for.
    """

    def __init__(self, connection: Connection, name: str, limits: Limits) -> None:
        self._connection, self._limits = connection, limits
        self._space = connection.space("series", name)

    def append(self, points: Sequence[tuple[str, int, bytes]]) -> None:
        size = sum(len(value) + 200 for _, _, value in points)
        with self._connection.writing(size) as transaction:
            fresh = self._fresh(transaction, points)
            self._refuse_excess(transaction, len(fresh))
            for point in fresh:
                self._store(transaction, point)
            if fresh:
                self._drop_excess(transaction)

    def _fresh(
        self, transaction: lmdb.Transaction, points: Sequence[tuple[str, int, bytes]]
    ) -> list[_Point]:
        """Leave out what changes nothing; of repeats the last counts, at its own place."""
        last: dict[tuple[str, int], bytes] = {}
        for name, ts, value in points:
            last.pop((name, ts), None)
            last[name, ts] = bytes(value)
        db, found = self._connection.db("points"), []
        for (name, ts), value in last.items():
            prefix = self._prefix(transaction, name)
            old = entry_at(transaction, db, prefix + ts_bytes(ts)) if prefix else None
            if old is None or old[8:] != value:
                found.append(_Point(name, ts, value, None if old is None else seq_of(old[:8])))
        return found

    def _refuse_excess(self, transaction: lmdb.Transaction, count: int) -> None:
        most = self._limits.max_pending
        if most is None or self._limits.on_full is not OnFull.REFUSE:
            return
        pending = self._count(transaction, _PENDING)
        if count and pending + count > most:
            detail = f"{pending} points wait, max_pending is {most}"
            raise QueueFull(str(self._connection.path), detail)

    def _store(self, transaction: lmdb.Transaction, point: _Point) -> None:
        if point.old is not None:
            self._unqueue(transaction, point.old)
        prefix = self._prefix(transaction, point.name) or self._new_name(transaction, point.name)
        self._enqueue(transaction, prefix + ts_bytes(point.ts), point.name, point.value)
        self._count(transaction, _POINTS, 1 if point.old is None else 0)

    def _enqueue(
        self, transaction: lmdb.Transaction, place: bytes, name: str, value: bytes
    ) -> None:
        seq = seq_bytes(self._count(transaction, _SEQ, 1))
        transaction.put(place, seq + value, db=self._connection.db("points"))
        entry = place[len(self._space) :] + name.encode()
        transaction.put(self._space + seq, entry, db=self._connection.db("queue"))
        self._count(transaction, _PENDING, 1)

    def _unqueue(self, transaction: lmdb.Transaction, seq: int) -> bool:
        place = self._space + seq_bytes(seq)
        gone: bool = transaction.delete(place, db=self._connection.db("queue"))
        self._count(transaction, _PENDING, -1 if gone else 0)
        return gone

    def _drop_excess(self, transaction: lmdb.Transaction) -> None:
        most = self._limits.max_pending
        excess = 0 if most is None else self._count(transaction, _PENDING) - most
        if excess > 0:
            queue = prefixed(transaction, self._connection.db("queue"), self._space)
            oldest = [key for key, _ in itertools.islice(queue, excess)]
            for key in oldest:
                self._unqueue(transaction, seq_of(key[len(self._space) :]))
            self._count(transaction, _DROPPED, excess)

    def latest(self, name: str) -> tuple[int, bytes] | None:
        with self._connection.reading() as transaction:
            found = self._latest(transaction, name)
            return None if found is None else (ts_of(found[0][-8:]), found[1][8:])

    def _latest(self, transaction: lmdb.Transaction, name: str) -> tuple[bytes, bytes] | None:
        prefix = self._prefix(transaction, name)
        points = self._connection.db("points")
        return last_before(transaction, points, prefix, _END) if prefix else None

    def range(self, name: str, start: int | None, stop: int | None) -> Iterator[tuple[int, bytes]]:
        page = self._page(name, start, stop)
        while page:
            yield from page
            page = self._page(name, page[-1][0] + 1, stop)

    def _page(self, name: str, start: int | None, stop: int | None) -> list[tuple[int, bytes]]:
        if start is not None and start >= 1 << 63:
            return []
        with self._connection.reading() as transaction:
            prefix = self._prefix(transaction, name)
            if prefix is None:
                return []
            first = b"" if start is None else ts_bytes(max(start, -(1 << 63)))
            entries = prefixed(transaction, self._connection.db("points"), prefix, first)
            points = ((ts_of(key[-8:]), entry[8:]) for key, entry in entries)
            inside = itertools.takewhile(lambda point: stop is None or point[0] <= stop, points)
            return list(itertools.islice(inside, _PAGE))

    def pending(self, limit: int, after: int = 0) -> list[PendingPoint]:
        with self._connection.reading() as transaction:
            queue = self._connection.db("queue")
            entries = prefixed(transaction, queue, self._space, seq_bytes(after + 1))
            heads = itertools.islice(entries, limit)
            return [self._pending_point(transaction, key, entry) for key, entry in heads]

    def _pending_point(
        self, transaction: lmdb.Transaction, key: bytes, entry: bytes
    ) -> PendingPoint:
        stored = entry_at(transaction, self._connection.db("points"), self._space + entry[:16])
        assert stored is not None  # both change in one transaction
        seq = seq_of(key[len(self._space) :])
        return PendingPoint(seq, entry[16:].decode(), ts_of(entry[8:16]), stored[8:])

    def acknowledge(self, seqs: Iterable[int]) -> int:
        with self._connection.acknowledging() as transaction:
            known = {seq for seq in seqs if seq > 0}
            return sum([self._unqueue(transaction, seq) for seq in sorted(known)])

    def requeue(self, points: Sequence[tuple[str, int]]) -> int:
        with self._connection.writing(100 * len(points)) as transaction:
            return sum([self._requeue(transaction, name, ts) for name, ts in points])

    def _requeue(self, transaction: lmdb.Transaction, name: str, ts: int) -> bool:
        prefix = self._prefix(transaction, name)
        place = (prefix or self._space) + ts_bytes(ts)
        entry = entry_at(transaction, self._connection.db("points"), place) if prefix else None
        if entry is None or self._waits(transaction, entry):
            return False
        self._enqueue(transaction, place, name, entry[8:])
        return True

    def trim(self, before: int) -> int:
        return sum(self._trim(name, before) for name in self.names())

    def _trim(self, name: str, before: int) -> int:
        """Forget page by page: one transaction for all might not fit into a full store."""
        forgotten = 0
        start: bytes | None = b""
        while start is not None:
            with self._connection.acknowledging() as transaction:
                count, start = self._trim_page(transaction, name, before, start)
                forgotten += count
        return forgotten

    def _trim_page(
        self, transaction: lmdb.Transaction, name: str, before: int, start: bytes
    ) -> tuple[int, bytes | None]:
        latest, db = self._latest(transaction, name), self._connection.db("points")
        prefix = self._prefix(transaction, name)
        if latest is None or prefix is None:
            return 0, None
        stop = min(latest[0], prefix + ts_bytes(max(before, -(1 << 63))))
        found = prefixed(transaction, db, prefix, start)
        page = list(itertools.islice(itertools.takewhile(lambda e: e[0] < stop, found), _PAGE))
        gone = [key for key, entry in page if not self._waits(transaction, entry)]
        for key in gone:
            transaction.delete(key, db=db)
        self._count(transaction, _POINTS, -len(gone))
        more = len(page) == _PAGE
        return len(gone), page[-1][0][len(prefix) :] + b"\0" if more else None

    def names(self) -> Iterator[str]:
        with self._connection.reading() as transaction:
            entries = prefixed(transaction, self._connection.db("names"), self._space)
            return iter([entry[8:].decode() for _, entry in entries])

    def stats(self) -> SeriesStats:
        head = self.pending(1)
        with self._connection.reading() as transaction:
            return SeriesStats(
                names=self._count(transaction, _NAMES),
                points=self._count(transaction, _POINTS),
                pending=self._count(transaction, _PENDING),
                dropped=self._count(transaction, _DROPPED),
                oldest_pending=head[0].ts if head else None,
            )

    def _prefix(self, transaction: lmdb.Transaction, name: str) -> bytes | None:
        """Return what the keys of a name's points begin with; None if it has none."""
        entry = entry_at(transaction, self._connection.db("names"), key_of(self._space, name))
        return None if entry is None else self._space + entry[:8]

    def _new_name(self, transaction: lmdb.Transaction, name: str) -> bytes:
        number = seq_bytes(self._count(transaction, _NAMES, 1))
        entry = number + name.encode()
        transaction.put(key_of(self._space, name), entry, db=self._connection.db("names"))
        return self._space + number

    def _waits(self, transaction: lmdb.Transaction, entry: bytes) -> bool:
        place = self._space + entry[:8]
        return entry_at(transaction, self._connection.db("queue"), place) is not None

    def _count(self, transaction: lmdb.Transaction, word: bytes, more: int = 0) -> int:
        return self._connection.count(transaction, self._space, word, more)
