"""A chunk: up to a thousand points of one name, packed into one row of the table ``chunks``.

Two rules make chunks cheap to use. The time spans of two chunks of one name never overlap, so the
chunk that could hold a timestamp is found by one look into an index. And the seqs in a chunk lie
within `SPAN`, so the points that are next in the queue are found by reading a bounded piece.
"""

from __future__ import annotations

import itertools
import operator
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from smok_core.errors import CorruptData

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from smok_pickle.dense import Columns

__all__ = [
    "SPAN",
    "Chunk",
    "Point",
    "chunks_between",
    "drop_point",
    "insert",
    "pack",
    "pack_columns",
    "rewrite",
    "store",
    "unpack",
]

SPAN: Final = 2048
_MOST: Final = 1000
_BYTES: Final = 256 * 1024

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[int], list[int], list[bytes]]).decode


_Point = tuple[int, int, bytes]


class Point(NamedTuple):
    """A stored point; sorts by time."""

    ts: int
    seq: int
    value: bytes


class Chunk(NamedTuple):
    """A row of the table ``chunks``."""

    last_seq: int
    first_seq: int
    name: int
    ts_min: int
    ts_max: int
    points: int
    data: bytes

    def unpacked(self) -> list[Point]:
        """Give the points, ascending by time."""
        return unpack(self.data, self.first_seq, self.ts_min)


def unpack(data: bytes, first_seq: int, ts_min: int) -> list[Point]:
    """Give the points of a chunk's bytes, ascending by time.

    Raises:
        CorruptData: The bytes are not what was written.
    """
    body = data[4:]
    if zlib.crc32(body) != int.from_bytes(data[:4], "big"):
        raise CorruptData("chunk", f"the checksum of {len(data)} bytes of points is wrong")
    try:
        seqs, steps, values = _decode(body)
        stamps = itertools.accumulate(steps, initial=ts_min)
        return [
            Point(ts, first_seq + seq, value)
            for ts, seq, value in zip(stamps, seqs, values, strict=True)
        ]
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise CorruptData("chunk", f"{len(data)} bytes of points cannot be decoded") from error


def pack(name: int, points: Sequence[_Point]) -> list[tuple[int, int, int, int, int, int, bytes]]:
    """Make chunks of ``(ts, seq, value)`` points, which ascend by time."""
    stamps, seqs, values = zip(*points, strict=True)
    first, last = min(seqs), max(seqs)
    if (
        last - first >= SPAN
        or len(seqs) > _MOST
        or (len(seqs) > 1 and sum(map(len, values)) > _BYTES)
    ):
        return [pack(name, piece)[0] for piece in _pieces(points)]
    steps = list(map(operator.sub, stamps[1:], stamps))
    body = _encode(([seq - first for seq in seqs], steps, values))
    data = zlib.crc32(body).to_bytes(4, "big") + body
    return [(last, first, name, stamps[0], stamps[-1], len(seqs), data)]


def pack_columns(name: int, first: int, group: Columns) -> list[tuple[Any, ...]]:
    """Make chunks of the columns of one name; ``first`` is the seq of the batch's place 0."""
    _, stamps, places, values = group
    low, high = places[0], places[-1]
    if high - low >= SPAN or len(places) > _MOST or sum(map(len, values)) > _BYTES:
        seqs = [first + place for place in places]
        return list(pack(name, list(zip(stamps, seqs, values, strict=True))))
    steps = list(map(operator.sub, stamps[1:], stamps))
    body = _encode(([place - low for place in places], steps, values))
    data = zlib.crc32(body).to_bytes(4, "big") + body
    return [(first + high, first + low, name, stamps[0], stamps[-1], len(places), data)]


def _pieces(points: Sequence[_Point]) -> Iterator[Sequence[_Point]]:
    """Cut points so that each piece obeys the limits of a chunk; one point alone always does."""
    start, low, high, size = 0, points[0][1], points[0][1], 0
    for at, (_, seq, value) in enumerate(points):
        low, high, size = min(low, seq), max(high, seq), size + len(value)
        if at > start and (high - low >= SPAN or at - start >= _MOST or size > _BYTES):
            yield points[start:at]
            start, low, high, size = at, seq, seq, len(value)
    yield points[start:]


_COLUMNS: Final = "last_seq, first_seq, name, ts_min, ts_max, points, data"
_INSERT: Final = f"INSERT INTO chunks({_COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?)"


def insert(raw: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Store what `pack` made of points that are newer than every chunk of their name."""
    raw.executemany(_INSERT, rows)


def store(raw: sqlite3.Connection, name: int, points: Sequence[_Point]) -> None:
    """Store points, ascending by time and at timestamps that no chunk has.

    Chunks in whose time span a new point falls are taken apart.
    """
    old = list(chunks_between(raw, name, points[0][0], points[-1][0]))
    marked = [(point, -1) for point in points]
    for place, chunk in enumerate(old):
        marked += [(point, place) for point in chunk.unpacked()]
    marked.sort()
    runs = [
        (place, [point for point, _ in run])
        for place, run in itertools.groupby(marked, key=operator.itemgetter(1))
    ]
    kept = {place for place, run in runs if place >= 0 and len(run) == old[place].points}
    gone = [(old[place].last_seq,) for place in range(len(old)) if place not in kept]
    raw.executemany("DELETE FROM chunks WHERE last_seq = ?", gone)
    for place, run in runs:
        if place not in kept:
            insert(raw, pack(name, run))


def chunks_between(
    raw: sqlite3.Connection, name: int, start: int | None, stop: int | None
) -> Iterator[Chunk]:
    """Give the chunks whose time span meets ``start``..``stop`` (inclusive), in order."""
    query, values = f"SELECT {_COLUMNS} FROM chunks WHERE name = ?", [name]  # noqa: S608 - fixed words only
    if start is not None:
        query += (
            " AND ts_min >= coalesce((SELECT max(ts_min) FROM chunks WHERE name = ?"
            " AND ts_min <= ?), ?) AND ts_max >= ?"
        )
        values += [name, start, start, start]
    if stop is not None:
        query += " AND ts_min <= ?"
        values.append(stop)
    return map(Chunk._make, raw.execute(f"{query} ORDER BY ts_min", values))


def rewrite(raw: sqlite3.Connection, chunk: Chunk, points: Iterable[Point]) -> None:
    """Put a part of a chunk's points in its place."""
    left = list(points)
    raw.execute("DELETE FROM chunks WHERE last_seq = ?", (chunk.last_seq,))
    if left:
        insert(raw, pack(chunk.name, left))


def drop_point(raw: sqlite3.Connection, name: int, ts: int) -> None:
    """Take one point out of the chunk that has it."""
    for chunk in list(chunks_between(raw, name, ts, ts)):
        rewrite(raw, chunk, (point for point in chunk.unpacked() if point.ts != ts))
