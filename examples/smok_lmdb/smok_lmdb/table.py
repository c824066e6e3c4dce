"""Table: rows by key, and beside them the seqs of the rows that wait."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from smok_core.engine.base import Ack, Row, Table, TableStats, When
from smok_core.errors import QueueFull
from smok_lmdb.keys import key_of, seq_bytes
from smok_lmdb.scan import clear, entry_at, prefixed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import lmdb

    from smok_lmdb.connection import Connection


_HEAD: Final = struct.Struct(">QdH")
_PENDING, _ROWS, _SEQ, _DROPPED = b"p", b"r", b"s", b"d"


class _Stored(NamedTuple):
    """What stands in ``rows``; that a row waits, and its tag, stand elsewhere.

    So acknowledging writes small entries only, which is what a full store has room for.
    """

    key: str
    value: bytes
    stamp: float
    seq: int

    @classmethod
    def read(cls, entry: bytes) -> _Stored:
        seq, stamp, size = _HEAD.unpack_from(entry)
        middle = _HEAD.size + size
        return cls(entry[_HEAD.size : middle].decode(), entry[middle:], stamp, seq)

    def entry(self) -> bytes:
        key = self.key.encode()
        return b"%b%b%b" % (_HEAD.pack(self.seq, self.stamp, len(key)), key, self.value)


class LmdbTable(Table):
    """The table of one name."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self._space = connection, connection.space("table", name)

    def get(self, key: str) -> Row | None:
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Row]:
        with self._connection.reading() as transaction:
            found = ((key, self._stored(transaction, key)) for key in keys)
            return {key: self._row(transaction, stored) for key, stored in found if stored}

    def put(
        self,
        key: str,
        value: bytes,
        *,
        stamp: float = 0.0,
        pending: bool = False,
        when: When = When.ALWAYS,
        expected_seq: int | None = None,
        max_pending: int | None = None,
        drop: Sequence[Ack] = (),
    ) -> bool:
        with self._connection.writing(len(value)) as transaction:
            old = self._stored(transaction, key)
            if not _may_write(old, stamp, when, expected_seq):
                return False
            if pending and not (old and self._waits(transaction, old.seq)):
                self._make_room(transaction, max_pending, drop)
            if old:
                self._end_wait(transaction, old.seq)
            self._write(transaction, key, value, stamp)
            if pending:
                self._wait(transaction, key)
            self._count(transaction, _ROWS, 0 if old else 1)
            return True

    def delete(self, key: str, *, expected_seq: int | None = None) -> bool:
        with self._connection.acknowledging() as transaction:
            stored = self._stored(transaction, key)
            if stored is None or expected_seq not in (None, stored.seq):
                return False
            self._remove(transaction, stored)
            return True

    def rows(self) -> Iterator[Row]:
        with self._connection.reading() as transaction:
            entries = prefixed(transaction, self._connection.db("rows"), self._space)
            rows = [self._row(transaction, _Stored.read(entry)) for _, entry in entries]
        return iter(sorted(rows, key=lambda row: row.seq))

    def replace(self, rows: Mapping[str, bytes]) -> None:
        with self._connection.writing(sum(map(len, rows.values()))) as transaction:
            for section in ("rows", "pending", "tags"):
                clear(transaction, self._connection.db(section), self._space)
            for word in (_ROWS, _PENDING):
                self._count(transaction, word, -self._count(transaction, word))
            for key, value in rows.items():
                self._write(transaction, key, value, 0.0)
            self._count(transaction, _ROWS, len(rows))

    def pending(self, limit: int, after: int = 0) -> list[Row]:
        with self._connection.reading() as transaction:
            rows: list[Row] = []
            start = seq_bytes(after + 1)
            pending = self._connection.db("pending")
            for _, key in prefixed(transaction, pending, self._space, start):
                if len(rows) >= limit:
                    break
                stored = self._stored(transaction, key.decode())
                assert stored is not None  # both change in one transaction
                rows.append(self._row(transaction, stored))
            return rows

    def acknowledge(self, acks: Sequence[Ack]) -> int:
        with self._connection.acknowledging() as transaction:
            return sum([self._acknowledge(transaction, done) for done in acks])

    def stats(self) -> TableStats:
        with self._connection.reading() as transaction:
            return TableStats(
                rows=self._count(transaction, _ROWS),
                pending=self._count(transaction, _PENDING),
                dropped=self._count(transaction, _DROPPED),
            )

    def _make_room(
        self, transaction: lmdb.Transaction, most: int | None, drop: Sequence[Ack]
    ) -> None:
        pending = self._count(transaction, _PENDING)
        excess = 0 if most is None else max(pending + 1 - most, 0)
        victims = [done for done in drop if self._is_pending(transaction, done)][:excess]
        if len(victims) < excess:
            detail = f"{pending} records wait, max_pending is {most}"
            raise QueueFull(str(self._connection.path), detail)
        for done in victims:
            self._acknowledge(transaction, done)
        self._count(transaction, _DROPPED, len(victims))

    def _is_pending(self, transaction: lmdb.Transaction, done: Ack) -> bool:
        stored = self._stored(transaction, done.key)
        return bool(stored) and stored.seq == done.seq and self._waits(transaction, done.seq)

    def _waits(self, transaction: lmdb.Transaction, seq: int) -> bool:
        place = self._space + seq_bytes(seq)
        return entry_at(transaction, self._connection.db("pending"), place) is not None

    def _acknowledge(self, transaction: lmdb.Transaction, done: Ack) -> bool:
        stored = self._stored(transaction, done.key)
        if stored is None:
            return False
        if done.tag is not None:
            place = key_of(self._space, done.key)
            transaction.put(place, done.tag.encode(), db=self._connection.db("tags"))
        if stored.seq != done.seq:
            return False
        if done.remove:
            self._remove(transaction, stored)
            return True
        return self._end_wait(transaction, stored.seq)

    def _write(self, transaction: lmdb.Transaction, key: str, value: bytes, stamp: float) -> None:
        seq = self._count(transaction, _SEQ, 1)
        entry = _Stored(key, value, float(stamp), seq).entry()
        transaction.put(key_of(self._space, key), entry, db=self._connection.db("rows"))

    def _wait(self, transaction: lmdb.Transaction, key: str) -> None:
        place = self._space + seq_bytes(self._count(transaction, _SEQ))
        transaction.put(place, key.encode(), db=self._connection.db("pending"))
        self._count(transaction, _PENDING, 1)

    def _end_wait(self, transaction: lmdb.Transaction, seq: int) -> bool:
        place = self._space + seq_bytes(seq)
        ended: bool = transaction.delete(place, db=self._connection.db("pending"))
        self._count(transaction, _PENDING, -1 if ended else 0)
        return ended

    def _remove(self, transaction: lmdb.Transaction, stored: _Stored) -> None:
        self._end_wait(transaction, stored.seq)
        for section in ("rows", "tags"):
            place = key_of(self._space, stored.key)
            transaction.delete(place, db=self._connection.db(section))
        self._count(transaction, _ROWS, -1)

    def _stored(self, transaction: lmdb.Transaction, key: str) -> _Stored | None:
        entry = entry_at(transaction, self._connection.db("rows"), key_of(self._space, key))
        return None if entry is None else _Stored.read(entry)

    def _row(self, transaction: lmdb.Transaction, stored: _Stored) -> Row:
        tag = entry_at(transaction, self._connection.db("tags"), key_of(self._space, stored.key))
        pending = self._waits(transaction, stored.seq)
        key, value, stamp, seq = stored
        return Row(key, value, stamp, seq, pending, None if tag is None else tag.decode())

    def _count(self, transaction: lmdb.Transaction, word: bytes, more: int = 0) -> int:
        return self._connection.count(transaction, self._space, word, more)


def _may_write(old: _Stored | None, stamp: float, when: When, expected_seq: int | None) -> bool:
    if expected_seq is not None and (old is None or old.seq != expected_seq):
        return False
    if when is When.ABSENT:
        return old is None
    return when is When.ALWAYS or old is None or stamp > old.stamp
