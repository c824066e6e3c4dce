"""The upload queue of a series: the batches of its log, one document for each append.

A batch is inserted in one step, which is the commit. What is acknowledged is marked in it; when all
is, its points go and its header stays until the floor of the log passes it (`log.py`).
"""

import contextlib
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol

import msgspec
from bson import Binary
from pymongo import ASCENDING
from pymongo.database import Database

from smok_core.engine.base import PendingPoint
from smok_core.errors import BackendUnavailable, StorageFull
from smok_mongo.batches import (
    BATCHES,
    HEADER,
    Batch,
    Point,
    Totals,
    base_of,
    batch_id,
    document_of,
    full_mask,
    header_of,
    mask_bytes,
    mask_of,
    places,
    points_bytes,
    points_in,
    seqs_in,
    totals_of,
)
from smok_mongo.chunks import Chunks
from smok_mongo.commands import SLICE, Document, delete, find, slices, update
from smok_mongo.dead import keep_copy
from smok_mongo.ids import MAX_POSITIONS, POSITION_BITS
from smok_mongo.log import KEPT, Floor, HandedOver, QueueLog
from smok_mongo.store import Store

#: So many batches end before it is worth raising the floor.
_RAISE_EVERY: Final = 64
_TRIES: Final = 50
#: Points of a batch where none was seen.
_GUESS: Final = 10
_MAX_SEQ: Final = (1 << 63) - 1
_NO_TOTALS: Final = Totals(0, 0, 0)


class Complete(Protocol):
    """Does what follows from a batch."""

    def __call__(self, batch: Batch, *, mine: bool) -> None:
        """Do it; where it is not ``mine`` it most likely is done."""


class Counts(NamedTuple):
    """What the log says at one moment."""

    pending: int
    dropped: int
    totals: Totals | None  #: None for a log that no append of this release has begun


class BatchQueue:
    """The batches of one series of one device; ``complete`` does what follows from one."""

    def __init__(self, store: Store, chunks: Chunks, prefix: str, complete: Complete) -> None:
        self._server, self._chunks, self._prefix = store.server, chunks, prefix
        self._complete = complete
        self.log = QueueLog(store.server, prefix)
        #: Up to this base all batches are complete, as far as this process knows.
        self.complete_to = -1
        self._payload: Document = {}
        self._ended = 0  #: batches that ended since the floor was raised
        self._left = 0  #: headers that stayed since they were swept
        self._handed = HandedOver()  #: last, and not acknowledged
        #: Points of the batch read last, else of the first written: how many make a page.
        self._usual = 0

    def insert(self, batch: Batch) -> bool:
        """Commit the batch; False if its place is another's."""
        if self._payload.get("token") != batch.token:
            self.abandon()
            self._payload = self._chunks.store(batch.token, points_bytes(batch.points))
        return self.place(batch)

    def place(self, batch: Batch) -> bool:
        """Commit a batch whose points are stored, because it has lost a place before."""
        done = self.log.insert(document_of(batch, self._prefix, self._payload))
        if done:
            self._payload, self._usual = {}, self._usual or len(batch.points)
        return done

    def abandon(self) -> None:
        """Remove what was stored for a batch that is not going to have a place."""
        if self._payload:
            self._chunks.drop([self._payload])
            self._payload = {}

    # --- handing over ------------------------------------------------------------------------

    def hand_over(self, limit: int, after: int) -> list[PendingPoint]:
        """Do what `read` does, and remember the batches: they are going to be acknowledged."""
        points, self._handed = self._read(limit, after)
        return points

    def read(self, limit: int, after: int) -> list[PendingPoint]:
        """Return at most ``limit`` pending points with a seq above ``after``."""
        return self._read(limit, after)[0]

    def _read(self, limit: int, after: int) -> tuple[list[PendingPoint], HandedOver]:
        begin = min(max(after + 1, 0, self.log.seen.lowest << POSITION_BITS), _MAX_SEQ)
        query = self.log.from_place(begin >> POSITION_BITS) | {"left": {"$ne": 0}}
        per_answer = min(-(-limit // (self._usual or _GUESS)), SLICE) + 1

        def work(db: Database[Document]) -> tuple[list[PendingPoint], dict[str, Document]]:
            points: list[PendingPoint] = []
            headers: dict[str, Document] = {}
            found = db[BATCHES].find(query, limit=limit + 1, batch_size=per_answer)
            with found.sort("_id", ASCENDING) as documents:
                for document in documents:
                    if open_ := self._open_points(document):
                        points += (p for p in open_ if p.seq >= begin)
                        headers[document["_id"]] = header_of(document)
                    if len(points) >= limit:
                        break
            return points[:limit], headers

        points, headers = self._server.run(work)
        floor = self.log.floor() if points else self.log.seen
        handed = HandedOver(begin >> POSITION_BITS, headers)
        return [p for p in points if floor.has(p.seq >> POSITION_BITS)], handed

    def _page(self, base: int, count: int, fields: Document | None = None) -> list[Document]:
        query = self.log.from_place(base) | {"left": {"$ne": 0}}
        return find(self._server, BATCHES, query, fields, limit=count)

    def _open_points(self, document: Document) -> list[PendingPoint]:
        points, done = self._points(document), mask_of(document)
        first, self._usual = base_of(document) << POSITION_BITS, max(1, len(points))
        return [
            PendingPoint(first + position, name, ts, value)
            for position, (name, ts, value) in enumerate(points)
            if not done >> position & 1
        ]

    def _points(self, document: Document) -> list[Point]:
        """Decode a batch; one that cannot be is set aside, so that the others can be uploaded."""
        with contextlib.suppress(KeyError, TypeError, ValueError, msgspec.DecodeError):
            points = points_in(self._chunks.load(document) or b"")
            if not isinstance(document["done"], bytes) or not isinstance(document["token"], str):
                raise TypeError
            seqs_in(document)
            if document.get("trims") is True or len(points) == document["count"]:
                return points
        self._set_aside(document)
        return []

    def _set_aside(self, document: Document) -> None:
        """Keep a copy among the dead; the header stays, as if it had been acknowledged."""
        if keep_copy(self._server, BATCHES, document):
            count = self._count_of(document)
            change = _end(count, self._prefix)
            update(self._server, BATCHES, {"_id": document["_id"]}, change)

    def _count_of(self, document: Document) -> int:
        """Tell how many points a damaged batch had, from the totals before it and its own."""
        totals, base = totals_of(document), base_of(document)
        before = find(self._server, BATCHES, {"_id": batch_id(self._prefix, base - 1)}, HEADER)
        if totals and before and (others := totals_of(before[0])):
            return totals.appended - others.appended
        if totals and self.log.seen.base == base and not self.log.seen.kept:
            return totals.appended - self.log.seen.appended
        return int(document.get("count", 0))

    # --- what follows from a batch -----------------------------------------------------------

    def _batch_in(self, document: Document) -> Batch | None:
        """Return the batch that a document holds; None if nothing of it is left to be done."""
        if document.get("left") == 0 and document.get("trims") is not True:
            return None
        points = self._points(document)
        if not points:
            return None
        totals, trims = totals_of(document) or _NO_TOTALS, document.get("trims") is True
        return Batch(
            base_of(document), document["token"], points, totals, *seqs_in(document), trims
        )

    def complete(self, batch: Batch, *, mine: bool = True) -> None:
        """Do what follows from a batch; doing it again, or late, changes nothing."""
        self.complete_to = max(self.complete_to, batch.base - 1)
        self._complete(batch, mine=mine)
        self.complete_to = max(self.complete_to, batch.base)

    def complete_found(self, documents: Iterable[Document]) -> None:
        """Do what follows from batches that perhaps nobody has completed."""
        for document in documents:
            if batch := self._batch_in(document):
                self.complete(batch, mine=False)
            self.complete_to = max(self.complete_to, base_of(document))

    # --- acknowledging -----------------------------------------------------------------------

    def acknowledge(self, seqs: Iterable[int], *, dropping: bool = False) -> int:
        """Take the seqs out of the queue; tell how many this call took out.

        Those that are ``dropping`` are counted as dropped, in the same step.
        """
        wanted: dict[str, int] = {}
        for seq in seqs:
            if 0 <= seq <= _MAX_SEQ:
                key, bit = self._id(seq >> POSITION_BITS), 1 << seq % MAX_POSITIONS
                wanted[key] = wanted.get(key, 0) | bit
        if wanted and dropping:
            self.log.note_drops()
        taken = sum(self._acknowledge(dict(part), dropping) for part in slices(wanted.items()))
        if wanted:  # what was handed over is not as it was
            self._handed = HandedOver()
        return taken

    def _acknowledge(self, wanted: dict[str, int], dropping: bool) -> int:
        """Compare and set each batch's mask: what another process took out meanwhile is its."""
        taken, headers = 0, self._headers(wanted)
        for _ in range(_TRIES):
            open_ = {h["_id"]: wanted[h["_id"]] & ~mask_of(h) & full_mask(h) for h in headers}
            now = self._take_out(headers, open_, dropping)
            taken += now
            if now == sum(bits.bit_count() for bits in open_.values()):
                return taken
            headers = self._find_headers(wanted)
        raise BackendUnavailable(self._server.store, "other processes keep acknowledging the queue")

    def _take_out(self, headers: list[Document], open_: dict[str, int], dropping: bool) -> int:
        """Set the bits that are open; tell how many this did."""
        ended, partly = list[Document](), list[Document]()
        for header in headers:
            if bits := open_[header["_id"]]:
                whole = bits | mask_of(header) == full_mask(header)
                (ended if whole else partly).append(header)
        now = self._remove(ended, dropping)
        return now + sum(self._mark(h, open_[h["_id"]], dropping) for h in partly)

    def _headers(self, ids: Iterable[str]) -> list[Document]:
        """Return the headers as they were handed over, or as they are: a change compares them."""
        handed = self._handed.headers
        known = [handed[key] for key in ids if key in handed]
        return known + self._find_headers(key for key in ids if key not in handed)

    def _find_headers(self, ids: Iterable[str]) -> list[Document]:
        found: list[Document] = []
        for part in slices(ids):
            found += find(self._server, BATCHES, {"_id": places(part)}, HEADER, limit=len(part))
        return found

    def _remove(self, headers: list[Document], dropping: bool) -> int:
        """End batches whose masks are as they were read; tell how many points waited in them."""
        if not headers:
            return 0
        self._complete_late(headers)
        self._ended += len(headers)
        below = self._raise_floor([] if dropping else headers)
        gone = [h for h in headers if h["_id"] in below]
        kept = [h for h in headers if h["_id"] not in below]
        self._left += len(kept)
        return sum(self._delete(*each) for each in _alike(gone)) + sum(
            self._end(*each, dropping) for each in _alike(kept)
        )

    def _complete_late(self, headers: list[Document]) -> None:
        """Complete the newest of them if it may be the newest of all: it is lost with its points.

        A full server must not keep a queue from being emptied; then its copy in the archive is.
        """
        last = max(headers, key=base_of)
        if base_of(last) > self.complete_to:
            with contextlib.suppress(StorageFull):
                self.complete_found(find(self._server, BATCHES, {"_id": places([last["_id"]])}))

    def _raise_floor(self, headers: list[Document]) -> set[str]:
        """Raise the floor if it is worth it; tell which of the batches are below it now."""
        if self._ended < _RAISE_EVERY:
            return set()
        self._ended = 0
        sweep = self._left > 2 * KEPT
        below = self.log.raise_floor(headers, self._handed, self.complete_to, sweep=sweep)
        self._left = 0 if sweep else self._left
        self._chunks.drop(below)
        return {header["_id"] for header in below}

    def _delete(self, count: int, done: bytes, headers: list[Document]) -> int:
        """Remove batches of which equally many points wait, so that the count tells how many."""
        ids = [header["_id"] for header in headers]
        query = {"_id": places(ids), "done": Binary(done)}
        gone = delete(self._server, BATCHES, query, meant=len(ids))
        return gone * _waiting(count, done)

    def _end(self, count: int, done: bytes, headers: list[Document], dropping: bool) -> int:
        """Leave nothing but the headers of batches of which equally many points wait."""
        ids, waiting = [header["_id"] for header in headers], _waiting(count, done)
        query = {"_id": places(ids), "done": Binary(done)}
        change = _end(count, self._prefix)
        if dropping:
            change["$inc"] = {"lost": waiting}
        ended = update(self._server, BATCHES, query, change, meant=len(ids))
        kept = set[str]()
        if ended < len(ids):  # a batch that somebody else changed is still the owner of its chunks
            kept = {h["_id"] for h in self._find_headers(ids) if h["left"] != 0}
        self._chunks.drop(header for header in headers if header["_id"] not in kept)
        return ended * waiting

    def _mark(self, header: Document, bits: int, dropping: bool) -> int:
        """Set bits if nobody set any since the header was read; tell how many."""
        mask = mask_of(header) | bits
        query = {"_id": header["_id"], "done": header["done"]}
        left = header["count"] - mask.bit_count()
        change: Document = {"$set": {"done": mask_bytes(mask), "left": left, "d": self._prefix}}
        if dropping:
            change["$inc"] = {"lost": bits.bit_count()}
        if not update(self._server, BATCHES, query, change, meant=1):
            return 0
        return bits.bit_count()

    # --- counting ----------------------------------------------------------------------------

    def open_seqs(self, seqs: Iterable[int]) -> set[int]:
        """Return those of the seqs that are pending."""
        wanted = set(seqs)
        ids = {self._id(seq >> POSITION_BITS) for seq in wanted}
        headers = self._find_headers(ids)
        masks = {base_of(header): full_mask(header) & ~mask_of(header) for header in headers}
        return {s for s in wanted if masks.get(s >> POSITION_BITS, 0) >> s % MAX_POSITIONS & 1}

    def oldest(self, count: int) -> list[int]:
        """Return the lowest seqs in the queue."""
        found: list[int] = []
        base = self.log.seen.lowest
        while len(found) < count and (headers := self._page(base, 100, HEADER)):
            for header in headers:
                first, open_ = (
                    base_of(header) << POSITION_BITS,
                    full_mask(header) & ~mask_of(header),
                )
                found += (first + n for n in range(header["count"]) if open_ >> n & 1)
            base = base_of(headers[-1]) + 1
        return found[:count]

    def counts(self) -> Counts:
        """Count what waits, what was dropped and what is stored, from the newest batch's totals.

        Only batches of which part is acknowledged are looked at beside it.
        """
        for _ in range(_TRIES):
            floor = self.log.floor()
            partly = self._partly(floor)
            totals = totals_of(self.log.newest(HEADER))
            if self.log.floor() == floor:
                break
        ended = sum(int(header["count"]) - int(header["left"]) for header in partly)
        dropped = floor.dropped + sum(int(header.get("lost", 0)) for header in partly)
        if totals is None or not self.log.begun:
            return Counts(self._sum("left", floor), dropped, None)
        return Counts(totals.appended - floor.appended - ended, dropped, totals)

    def _partly(self, floor: Floor) -> list[Document]:
        query = self.log.from_place(floor.lowest) | {"d": self._prefix}
        fields = {"count": 1, "left": 1, "lost": 1}
        found = find(self._server, BATCHES, query, fields)
        return [header for header in found if floor.has(base_of(header))]

    def appended(self) -> int:
        """Count the points that were ever queued, where no totals tell it."""
        floor = self.log.floor()
        return floor.appended + self._sum("count", floor)

    def _sum(self, field: str, floor: Floor) -> int:
        group = {"_id": None, "sum": {"$sum": f"${field}"}}
        steps: list[Any] = [{"$match": self.log.from_place(floor.lowest)}, {"$group": group}]
        found = self._server.run(lambda db: list(db[BATCHES].aggregate(steps)))
        return int(found[0]["sum"]) if found else 0

    def _id(self, base: int) -> str:
        return batch_id(self._prefix, base)


def _end(count: int, prefix: str) -> Document:
    """Make the change that leaves a header of which nothing waits."""
    fields = {"done": mask_bytes((1 << count) - 1), "left": 0, "count": count}
    return {"$set": fields | {"d": prefix}, "$unset": {"b": "", "size": "", "ends": "", "u": ""}}


def _alike(headers: Iterable[Document]) -> list[tuple[int, bytes, list[Document]]]:
    """Put together those of which equally many points, at equal positions, wait."""
    alike: dict[tuple[int, bytes], list[Document]] = {}
    for header in headers:
        alike.setdefault((int(header["count"]), bytes(header["done"])), []).append(header)
    return [(count, done, part) for (count, done), part in alike.items()]


def _waiting(count: int, done: bytes) -> int:
    return count - int.from_bytes(done, "little").bit_count()
