"""The upload queue of a series: one document per appended batch, inserted in one step.

A point's seq is its batch's base with its position below, so ids of batches are found from seqs
by arithmetic. ``done`` is a bit mask of the positions that are acknowledged; a batch whose
positions all are is removed. ``u`` is there until the batch is known to be in the archive; a
sparse index finds what a killed process left, however late its batch was inserted.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from bson import Binary
from pymongo import ASCENDING

from smok_core.engine.base import PendingPoint
from smok_core.errors import BackendUnavailable, StorageFull
from smok_mongo.commands import (
    SLICE,
    Document,
    delete,
    find,
    find_all,
    find_one,
    insert_one,
    slices,
    update,
)
from smok_mongo.dead import set_aside
from smok_mongo.ids import MAX_POSITIONS, POSITION_BITS, base_text, join, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pymongo.database import Database

    from smok_mongo.chunks import Chunks
    from smok_mongo.store import Store

__all__ = ["BATCHES", "Batch", "BatchQueue", "Point"]

Point = tuple[str, int, bytes]

BATCHES: Final = "smok_batches"
_HEADER: Final = {"count": 1, "left": 1, "done": 1, "token": 1, "size": 1, "u": 1}
#: Batches read at once to be archived.
_FEW: Final = 8
#: Batches of which the database is told at once that they are archived.
_NOTE_EVERY: Final = 64
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

    def __init__(
        self, store: Store, chunks: Chunks, prefix: str, archive: Callable[[Batch], None]
    ) -> None:
        self._server, self._chunks, self._prefix = store.server, chunks, prefix
        self._archive = archive
        #: Bases of batches that are archived while the database says otherwise.
        self._archived = set[int]()
        #: Points per batch as last seen: tells how many documents a batch takes.
        self._usual = 10

    def insert(self, batch: Batch) -> bool:
        """Commit the batch; False if another process has taken its base."""
        payload = self._chunks.store(batch.token, _encode(batch.points))
        count = len(batch.points)
        document = {
            "_id": self._id(batch.base),
            "u": self._id(batch.base),
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

    # --- archiving ---------------------------------------------------------------------------

    def recover(self) -> None:
        """Archive what a process that was killed may have left; doing so twice is harmless."""
        last = f"{self._prefix}|"
        while found := self._marked(last):
            self._archive_now(found)
            last = found[-1]["_id"]
        self.tell_archived()

    def recover_above(self, base: int) -> None:
        """Archive all batches above a base: those of schema 1 have no mark."""
        while found := self._page(base + 1, _FEW):
            self._archive_now(found)
            base = _base(found[-1])

    def _marked(self, above: str) -> list[Document]:
        query = {"u": {"$gt": above, "$lt": f"{self._prefix}}}"}}
        return find(self._server, BATCHES, query, sort="u", limit=_FEW)

    def _archive_now(self, documents: Iterable[Document]) -> None:
        for document in documents:
            base = _base(document)
            self._archive(Batch(base, document["token"], self._points(document)))
            self.note(base)

    def note(self, base: int) -> None:
        """Note that a batch is archived; the database is told of many at once."""
        self._archived.add(base)
        if len(self._archived) >= _NOTE_EVERY:
            self.tell_archived()

    def tell_archived(self) -> None:
        """Tell the database what is archived, so that nobody archives it again."""
        if told := sorted(self._archived):
            query = {"_id": {"$in": [self._id(base) for base in told]}}
            update(self._server, BATCHES, query, {"$unset": {"u": ""}})
            self._archived.difference_update(told)

    # --- acknowledging ----------------------------------------------------------------------------

    def acknowledge(self, seqs: Iterable[int]) -> int:
        """Take the seqs out of the queue; tell how many this call took out."""
        wanted: dict[str, int] = {}
        for seq in seqs:
            if 0 <= seq <= _MAX_SEQ:
                batch_id, bit = self._id(seq >> POSITION_BITS), 1 << seq % MAX_POSITIONS
                wanted[batch_id] = wanted.get(batch_id, 0) | bit
        return sum(self._acknowledge(dict(part)) for part in slices(wanted.items()))

    def _acknowledge(self, wanted: dict[str, int]) -> int:
        """Compare and set each batch's mask: what another process took out meanwhile is its."""
        taken = 0
        for _ in range(_TRIES):
            headers = find_all(self._server, BATCHES, wanted, _HEADER)
            open_ = {h["_id"]: wanted[h["_id"]] & ~_mask(h) & _full(h) for h in headers}
            whole = [h for h in headers if open_[h["_id"]] | _mask(h) == _full(h)]
            partly = [h for h in headers if open_[h["_id"]] and h not in whole]
            now = self._remove(whole) + sum(self._mark(h, open_[h["_id"]]) for h in partly)
            taken += now
            if now == sum(bits.bit_count() for bits in open_.values()):
                return taken
        raise BackendUnavailable(self._server.store, "other processes keep acknowledging the queue")

    def _remove(self, headers: list[Document]) -> int:
        """Remove batches whose masks are as they were read; tell how many points waited in them.

        One command removes those of which equally many points wait, so its count tells how many
        points went, also if another process removes some of them just now.
        """
        alike: dict[tuple[int, bytes], list[Document]] = {}
        for header in headers:
            alike.setdefault((int(header["count"]), bytes(header["done"])), []).append(header)
        self._archive_late(headers)
        return sum(self._remove_alike(count, done, part) for (count, done), part in alike.items())

    def _remove_alike(self, count: int, done: bytes, headers: list[Document]) -> int:
        ids = [header["_id"] for header in headers]
        query = {"_id": {"$in": ids}, "done": Binary(done)}
        gone = delete(self._server, BATCHES, query, meant=len(ids))
        kept = set[str]()
        if gone < len(ids):  # a batch that somebody else changed is still the owner of its chunks
            kept = {h["_id"] for h in find_all(self._server, BATCHES, ids, _HEADER)}
        self._chunks.drop(header for header in headers if header["_id"] not in kept)
        return gone * (count - int.from_bytes(done, "little").bit_count())

    def _archive_late(self, headers: list[Document]) -> None:
        """Archive what its writer has not, or has not told: it is lost with its batch.

        A full server must not keep a queue from being emptied; then its copy in the archive is.
        """
        late = [h["_id"] for h in headers if "u" in h and _base(h) not in self._archived]
        with contextlib.suppress(StorageFull):
            for part in slices(late, _FEW):
                self._archive_now(find_all(self._server, BATCHES, part))

    def _mark(self, header: Document, bits: int) -> int:
        """Set bits if nobody set any since the header was read; tell how many."""
        mask = _mask(header) | bits
        query = {"_id": header["_id"], "done": header["done"]}
        change = {"$set": {"done": _bytes(mask), "left": header["count"] - mask.bit_count()}}
        if not update(self._server, BATCHES, query, change, meant=1):
            return 0
        return bits.bit_count()

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
