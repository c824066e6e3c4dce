"""A batch of the queue: what it is in the program, and as a document.

A point's seq is its batch's base with its position below, so ids of batches are found from seqs
by arithmetic. ``done`` is a bit mask of the positions that are acknowledged, ``left`` how many are
not. ``d`` is there as soon as any is: a sparse index finds what counts have to leave out.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from bson import Binary, Int64

from smok_mongo.commands import Document
from smok_mongo.ids import POSITION_BITS, among, base_text, join

Point = tuple[str, int, bytes]

BATCHES: Final = "smok_batches"
#: The fields of a batch without what it carries.
HEADER: Final = {
    "count": 1, "left": 1, "done": 1, "token": 1, "size": 1, "u": 1, "totals": 1, "lost": 1,
}  # fmt: skip
_encode = msgspec.msgpack.Encoder().encode
_points = msgspec.msgpack.Decoder(list[Point]).decode
_seqs = msgspec.msgpack.Decoder(tuple[list[int], list[int]]).decode


class Totals(NamedTuple):
    """Counts of a series as they are when a batch and all before it are complete."""

    appended: int  #: points that were ever queued
    points: int  #: points that are stored
    names: int


class Batch(NamedTuple):
    """One step of a series: points that are appended, queued again, or (``trims``) forgotten."""

    base: int
    token: str
    points: Sequence[Point]
    totals: Totals
    replaced: Sequence[int] = ()  #: seqs that wait no more, because newer values do
    dropped: Sequence[int] = ()  #: seqs that wait no more, to keep the queue limit
    trims: bool = False

    @property
    def first_seq(self) -> int:
        """Return the seq of the first point."""
        return self.base << POSITION_BITS


def batch_id(prefix: str, base: int) -> str:
    """Return the id of a batch."""
    return join(prefix, base_text(base))


def document_of(batch: Batch, prefix: str, payload: Document) -> Document:
    """Make the document of a batch that nobody has acknowledged; ``payload`` names its points."""
    count = 0 if batch.trims else len(batch.points)
    document: Document = {
        "_id": batch_id(prefix, batch.base),
        "count": count,
        "left": count,
        "done": Binary(b""),
        "totals": [Int64(number) for number in batch.totals],
        **payload,
    }
    if batch.replaced or batch.dropped:
        document["ends"] = Binary(_encode([list(batch.replaced), list(batch.dropped)]))
    if batch.trims:
        document["trims"] = True
    return document


def points_bytes(points: Sequence[Point]) -> bytes:
    """Encode points."""
    return _encode(points)


def points_in(data: bytes) -> list[Point]:
    """Decode points; raises msgspec.DecodeError."""
    return _points(data)


def seqs_in(document: Document) -> tuple[list[int], list[int]]:
    """Return the seqs that the batch replaced, and those it dropped; raises msgspec.DecodeError."""
    return _seqs(bytes(document["ends"])) if "ends" in document else ([], [])


def totals_of(document: Document | None) -> Totals | None:
    """Return the totals; None if there are none, as before schema 3, or they are no numbers."""
    found: Any = (document or {}).get("totals")
    if not isinstance(found, list) or len(found) != len(Totals._fields):
        return None
    if not all(isinstance(number, int) and number >= 0 for number in found):
        return None
    return Totals(*map(int, found))


def base_of(document: Document) -> int:
    """Return the base that the id ends with."""
    return int(document["_id"].rpartition("|")[2], 16)


def header_of(document: Document) -> Document:
    """Return the batch without what it carries."""
    return {field: document[field] for field in document if field in HEADER or field == "_id"}


def places(ids: Sequence[str]) -> Document:
    """Return the condition that a batch is one of some; of a log without a gap only the ends."""
    first, last = min(ids), max(ids)
    if base_of({"_id": last}) - base_of({"_id": first}) == len(ids) - 1:
        return {"$gte": first, "$lte": last}
    return among(ids)


def full_mask(header: Document) -> int:
    """Return the mask of a batch that is acknowledged whole."""
    return (1 << int(header.get("count", 0))) - 1


def mask_of(header: Document) -> int:
    """Return the mask of what is acknowledged."""
    return int.from_bytes(bytes(header.get("done", b"")), "little")


def mask_bytes(mask: int) -> Binary:
    """Write a mask."""
    return Binary(mask.to_bytes((mask.bit_length() + 7) // 8, "little"))
