"""Tables: one document per row, written by comparing and setting its seq.

A row that waits to be handed over carries ``q``, its place in the queue, under a sparse index;
ending the wait removes ``q`` by its exact value, so a row that changed meanwhile stays pending.
With it goes ``s``, the row's slot in a queue that is bounded (``slots.py``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from bson import Binary, Int64
from pymongo import DeleteOne, UpdateOne

from smok_core.engine.base import Ack, Row, Table, TableStats, When
from smok_core.errors import InvalidValue
from smok_mongo.client import OperationLock
from smok_mongo.commands import (
    Document,
    bulk,
    count,
    delete,
    find,
    insert_new,
    insert_one,
    slices,
    update,
    update_unique,
)
from smok_mongo.ids import MAX_POSITIONS, POSITION_BITS, join, segment, seq_text, span
from smok_mongo.rows import Places, may_write, row_of, tag_bytes
from smok_mongo.slots import Slots
from smok_mongo.store import Store
from smok_mongo.table_versions import ROWS, TRIES, TableVersions, version_text

#: The server's limit is 16 MiB for the whole document.
_MAX_VALUE: Final = 15 << 20
_MAX_SEQ: Final = (1 << 63) - 1
_END_WAIT: Final = {"$unset": {"q": "", "s": ""}}


class MongoTable(Table):
    """The rows of one table of one device."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._server, self._name = store, store.server, name
        self._versions = TableVersions(store.server, join(store.device, segment(name)))
        self._places = Places(self._versions, name)
        self._slots = Slots(store.server, self._versions, self._places)
        self._operation_lock = OperationLock(store.server)

    # --- reading -----------------------------------------------------------------------------

    def get(self, key: str) -> Row | None:
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Row]:
        tails = [segment(key, self._name) for key in keys]
        with self._server.operation():
            return {row.key: row for row in map(row_of, self._versions.find(tails))}

    def rows(self) -> Iterator[Row]:
        """Read all rows before giving the first one; other processes may write meanwhile."""
        with self._operation_lock():
            found = self._versions.read(self._scan)
        return iter(sorted(map(row_of, found), key=lambda row: row.seq))

    def pending(self, limit: int, after: int = 0) -> list[Row]:
        if limit <= 0:
            return []

        def read(prefix: str) -> list[Document]:
            begin = seq_text(min(max(after + 1, 0), _MAX_SEQ))
            pending = {"q": {"$gte": join(prefix, begin), "$lt": f"{prefix}}}"}}
            return find(self._server, ROWS, pending, sort="q", limit=limit)

        with self._server.operation():
            return list(map(row_of, self._versions.read(read)))

    def stats(self) -> TableStats:
        with self._server.operation():
            counts = self._versions.read(self._count)
            return TableStats(counts.rows, counts.pending, self._slots.dropped.total())

    def _scan(self, prefix: str) -> list[Document]:
        return find(self._server, ROWS, {"_id": span(prefix)})

    def _count(self, prefix: str) -> TableStats:
        rows = count(self._server, ROWS, {"_id": span(prefix)})
        return TableStats(rows=rows, pending=count(self._server, ROWS, {"q": span(prefix)}))

    # --- writing -----------------------------------------------------------------------------

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
        self._check_size(key, value)
        mine = set[int]()
        with self._operation_lock():
            for _ in range(TRIES):
                old = self.get(key)
                if old is not None and old.seq in mine:
                    return True  # it was written, only the answer got lost
                if not may_write(old, stamp, when, expected_seq):
                    return False
                seq = self._store.sequence.row_seq(above=old.seq if old else 0)
                mine.add(seq)
                fields: Document = {"v": Binary(value), "stamp": float(stamp), "seq": Int64(seq)}
                if pending and max_pending is not None and not (old and old.pending):
                    fields["s"] = self._slots.take(max_pending, drop)
                if self._write(key, old, fields, pending=pending):
                    return True
        raise self._versions.contended()

    def _write(self, key: str, old: Row | None, fields: Document, *, pending: bool) -> bool:
        """Insert, or change the row if it still is as it was read."""
        place = {"q": self._places.place(fields["seq"], key)} if pending else {}
        if old is None:
            document = {"_id": self._places.id_of(key), **fields, **place}
            return insert_one(self._server, ROWS, document)
        query = {"_id": self._places.id_of(key), "seq": Int64(old.seq)}
        if old.pending:  # what ended its wait meanwhile would need room to wait again
            query["q"] = self._places.place(old.seq, key)
        change: Document = {"$set": fields | place}
        if not pending:
            change["$unset"] = {"q": "", "s": ""}
        return update_unique(self._server, ROWS, query, change)

    def delete(self, key: str, *, expected_seq: int | None = None) -> bool:
        tried = False
        with self._operation_lock():
            for _ in range(TRIES):
                old = self.get(key)
                if old is None or expected_seq not in (None, old.seq):
                    return tried and old is None
                query, tried = {"_id": self._places.id_of(key), "seq": Int64(old.seq)}, True
                if delete(self._server, ROWS, query):
                    return True
        raise self._versions.contended()

    def replace(self, rows: Mapping[str, bytes]) -> None:
        for key, value in rows.items():
            self._check_size(key, value)
        if len(rows) > MAX_POSITIONS:
            raise InvalidValue(self._name, "the set", "has too many rows", "Store fewer rows.")
        with self._operation_lock():
            for _ in range(TRIES):
                if self._replace(rows):
                    return
        raise self._versions.contended()

    def _replace(self, rows: Mapping[str, bytes]) -> bool:
        """Write the set as a new version and flip the head, unless somebody else did."""
        old = self._versions.current()
        base = self._store.sequence.take(above=self._versions.base_of(old))
        new = version_text(base, self._server.owner)
        prefix, first = join(self._versions.prefix, new), base << POSITION_BITS
        documents = [
            {
                "_id": join(prefix, segment(key, self._name)),
                "v": Binary(value),
                "stamp": 0.0,
                "seq": Int64(first + position),
            }
            for position, (key, value) in enumerate(rows.items())
        ]
        insert_new(self._server, ROWS, documents)
        flipped = self._versions.flip(old, new)
        if flipped:
            self._versions.sweep(below=new)
        return flipped

    # --- acknowledging ----------------------------------------------------------------------------

    def acknowledge(self, acks: Sequence[Ack]) -> int:
        """End waits: tags first, then the queue. A fault between leaves rows tagged and pending."""
        if not acks:
            return 0
        with self._operation_lock():
            self._versions.current()
            # All commands are made before the first is sent: what cannot be said changes nothing.
            tags = [self._tag(done) for done in acks if done.tag is not None]
            stay = [done for done in acks if not done.remove]
            go = [done for done in acks if done.remove]
            waits, removals = self._queries(stay), self._queries(go)
            bulk(self._server, ROWS, tags)
            ended = sum(update(self._server, ROWS, query, _END_WAIT) for query, _ in waits)
            return ended + sum(self._remove(query, part) for query, part in removals)

    def _tag(self, done: Ack) -> UpdateOne:
        change = {"$set": {"tag": tag_bytes(done.tag)}}
        return UpdateOne({"_id": self._places.id_of(done.key)}, change)

    def _queries(self, acks: Sequence[Ack]) -> list[tuple[Document, list[Ack]]]:
        return [(self._places.pending(part), part) for part in slices(acks)]

    def _remove(self, query: Document, acks: Sequence[Ack]) -> int:
        gone = delete(self._server, ROWS, query)
        return gone if gone == len(acks) else gone + self._remove_acknowledged(acks)

    def _remove_acknowledged(self, acks: Sequence[Ack]) -> int:
        """Remove rows that did not wait any more and still have the seq."""
        wanted = {done.key: done.seq for done in acks}
        rows = self.get_many(wanted).values()
        gone = [row for row in rows if row.seq == wanted[row.key]]
        bulk(
            self._server,
            ROWS,
            [
                DeleteOne({"_id": self._places.id_of(row.key), "seq": Int64(row.seq)})
                for row in gone
            ],
        )
        return len(gone)

    def _check_size(self, key: str, value: bytes) -> None:
        if len(value) > _MAX_VALUE:
            reason = f"has {len(value)} bytes, a row holds at most {_MAX_VALUE}"
            raise InvalidValue(self._name, key, reason, "Split it, or store it as a BAOB.")
