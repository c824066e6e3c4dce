"""The upload queue of a series: one document per appended batch, inserted in one step.

A point's seq is its batch's base with its position below, so ids of batches are found from seqs
by arithmetic. ``done`` is a bit mask of the positions that are acknowledged; a batch whose
positions all are is removed. Two processes that take the same base collide on ``_id``, and one
takes another.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from bson import Binary
from pymongo import ASCENDING, UpdateOne

from smok_core.engine.base import PendingPoint
from smok_core.errors import BackendUnavailable
from smok_mongo.commands import (
    SLICE,
    Document,
    bulk,
    delete,
    find,
    find_all,
    find_one,
    insert_one,
    slices,
)
from smok_mongo.dead import set_aside
from smok_mongo.ids import MAX_POSITIONS, POSITION_BITS, base_text, join, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pymongo.database import Database

    from smok_mongo.chunks import Chunks
    from smok_mongo.store import Store

__all__ = ["BATCHES", "Batch", "BatchQueue", "Point"]

Point = tuple[str, int, bytes]

BATCHES: Final = "smok_batches"
_HEADER: Final = {"count": 1, "left": 1, "done": 1, "token": 1, "size": 1}
_TRIES: Final = 50
_MAX_SEQ: Final = (1 << 63) - 1
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Point]).decode


class Batch(NamedTuple):
    """A batch as it was appended."""

    base: int
    token: str
    points: Sequence[Point]

    @property
    def first_seq(self) -> int:
        """Give the seq of the first point."""
        return self.base << POSITION_BITS


class BatchQueue:
    """The batches of one series of one device."""

    def __init__(self, store: Store, chunks: Chunks, prefix: str) -> None:
        self._server, self._chunks, self._prefix = store.server, chunks, prefix
        #: Points per batch as last seen: tells how many documents a batch takes.
        self._usual = 10

    def insert(self, batch: Batch) -> bool:
        """Commit the batch; False if another process has taken its base."""
        payload = self._chunks.store(batch.token, _encode(batch.points))
        count = len(batch.points)
        document = {
            "_id": self._id(batch.base),
            "count": count,
            "left": count,
            "done": Binary(b""),
            **payload,
        }
        if insert_one(self._server, BATCHES, document):
            return True
        found = find_one(self._server, BATCHES, {"_id": document["_id"]}, _HEADER)
        return found is not None and found["token"] == batch.token

    # --- handing over ------------------------------------------------------------------------

    def read(self, limit: int, after: int) -> list[PendingPoint]:
        """Give at most ``limit`` pending points with a seq above ``after``."""
        begin = min(max(after + 1, 0), _MAX_SEQ)
        query = self._from(begin >> POSITION_BITS)
        per_answer = min(-(-limit // self._usual) + 1, SLICE)

        def work(db: Database[Document]) -> list[PendingPoint]:
            points: list[PendingPoint] = []
            found = db[BATCHES].find(query, limit=limit + 1, batch_size=per_answer)
            with found.sort("_id", ASCENDING) as documents:
                for document in documents:
                    points += (p for p in self._open_points(document) if p.seq >= begin)
                    if len(points) >= limit:
                        break
            return points[:limit]

        return self._server.run(work)

    def _page(self, base: int, count: int, fields: Document | None = None) -> list[Document]:
        query = self._from(base)
        return find(self._server, BATCHES, query, fields, limit=count)

    def _from(self, base: int) -> Document:
        return {"_id": {"$gte": self._id(base), "$lt": f"{self._prefix}}}"}}

    def _open_points(self, document: Document) -> Iterator[PendingPoint]:
        points, done = self._points(document), _mask(document)
        first, self._usual = _base(document) << POSITION_BITS, max(1, len(points))
        for position, (name, ts, value) in enumerate(points):
            if not done >> position & 1:
                yield PendingPoint(first + position, name, ts, value)

    def _points(self, document: Document) -> list[Point]:
        """Decode a batch; one that cannot be is set aside, so that the others can be uploaded."""
        with contextlib.suppress(KeyError, TypeError, ValueError, msgspec.DecodeError):
            points = _decode(self._chunks.load(document) or b"")
            if len(points) == document["count"]:
                return points
        set_aside(self._server, BATCHES, document)
        return []

    def since(self, base: int) -> Iterator[Batch]:
        """Stream the batches above ``base``, oldest first."""
        while documents := self._page(base + 1, 8):
            for document in documents:
                yield Batch(_base(document), document["token"], self._points(document))
            base = _base(documents[-1])

    # --- acknowledging ----------------------------------------------------------------------------

    def acknowledge(self, seqs: Iterable[int]) -> int:
        """Take the seqs out of the queue; tell how many were in it."""
        wanted: dict[str, int] = {}
        for seq in seqs:
            if 0 <= seq <= _MAX_SEQ:
                batch_id, bit = self._id(seq >> POSITION_BITS), 1 << seq % MAX_POSITIONS
                wanted[batch_id] = wanted.get(batch_id, 0) | bit
        return sum(self._acknowledge(dict(part)) for part in slices(wanted.items()))

    def _acknowledge(self, wanted: dict[str, int]) -> int:
        acknowledged = 0
        for _ in range(_TRIES):
            headers = find_all(self._server, BATCHES, wanted, _HEADER)
            news = {h["_id"]: wanted[h["_id"]] & ~_mask(h) & _full(h) for h in headers}
            self._remove([h for h in headers if _mask(h) | news[h["_id"]] == _full(h)])
            partly = [
                h for h in headers if news[h["_id"]] and _mask(h) | news[h["_id"]] != _full(h)
            ]
            missed = self._mark(partly, news)
            acknowledged += sum(new.bit_count() for key, new in news.items() if key not in missed)
            if not missed:
                return acknowledged
            wanted = {key: wanted[key] for key in missed}
        raise BackendUnavailable(self._server.store, "other processes keep acknowledging the queue")

    def _remove(self, headers: list[Document]) -> None:
        if headers:
            query = {"_id": {"$in": [header["_id"] for header in headers]}}
            delete(self._server, BATCHES, query)
            self._chunks.drop(headers)

    def _mark(self, headers: list[Document], news: dict[str, int]) -> set[str]:
        """Set bits, if nobody else set any meanwhile; give the ids where somebody did."""
        if not headers:
            return set()
        changes = [(header, _mask(header) | news[header["_id"]]) for header in headers]
        operations = [
            UpdateOne(
                {"_id": header["_id"], "done": header["done"]},
                {"$set": {"done": _bytes(mask), "left": header["count"] - mask.bit_count()}},
            )
            for header, mask in changes
        ]
        if bulk(self._server, BATCHES, operations) == len(operations):
            return set()
        now = find_all(self._server, BATCHES, news, _HEADER)
        masks = {header["_id"]: _mask(header) for header in now}
        return {h["_id"] for h, mask in changes if masks.get(h["_id"], mask) & mask != mask}

    # --- counting ----------------------------------------------------------------------------

    def open_seqs(self, seqs: Iterable[int]) -> set[int]:
        """Give those of the seqs that are pending."""
        wanted = set(seqs)
        ids = {self._id(seq >> POSITION_BITS) for seq in wanted}
        headers = find_all(self._server, BATCHES, ids, _HEADER)
        masks = {_base(header): _full(header) & ~_mask(header) for header in headers}
        return {s for s in wanted if masks.get(s >> POSITION_BITS, 0) >> s % MAX_POSITIONS & 1}

    def oldest(self, count: int) -> list[int]:
        """Give the lowest seqs in the queue."""
        found: list[int] = []
        base = 0
        while len(found) < count and (headers := self._page(base, 100, _HEADER)):
            for header in headers:
                first, open_ = _base(header) << POSITION_BITS, _full(header) & ~_mask(header)
                found += (first + n for n in range(header["count"]) if open_ >> n & 1)
            base = _base(headers[-1]) + 1
        return found[:count]

    def pending_count(self) -> int:
        """Count the pending points."""
        group = {"_id": None, "points": {"$sum": "$left"}}
        steps: list[Any] = [{"$match": {"_id": span(self._prefix)}}, {"$group": group}]
        found = self._server.run(lambda db: list(db[BATCHES].aggregate(steps)))
        return int(found[0]["points"]) if found else 0

    def _id(self, base: int) -> str:
        return join(self._prefix, base_text(base))


def _base(document: Document) -> int:
    return int(document["_id"].rpartition("|")[2], 16)


def _full(header: Document) -> int:
    return (1 << int(header.get("count", 0))) - 1


def _mask(header: Document) -> int:
    return int.from_bytes(bytes(header.get("done", b"")), "little")


def _bytes(mask: int) -> Binary:
    return Binary(mask.to_bytes((mask.bit_length() + 7) // 8, "little"))
