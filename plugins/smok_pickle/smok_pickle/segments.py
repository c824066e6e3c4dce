"""A segment: up to 256 acknowledged points of one name, compressed, in one row.

The time spans of two segments of one name never overlap, so the one that could hold a timestamp is
found by one look into an index. Acknowledged points have no place in the queue any more; ``last``
is the highest seq that any of them had, which tells an older state of a segment from a newer one
when a damaged file shows both.
"""

import bisect
import functools
import operator
import sqlite3
import struct
import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from smok_core.errors import CorruptData
from smok_pickle.columns import Steps, Widths, join, split, stamps_of, steps_of

NEVER: Final = -(2**63) - 1  #: before every timestamp
LAST: Final = 2**63 - 1  #: the last timestamp there is
COLUMNS: Final = "name, last, ts_min, ts_max, data, points, sum"
_MOST: Final = 256  # whoever reads one point inflates them all
_BYTES: Final = 256 * 1024
_LARGEST: Final = 2**28  # bytes of a segment of one value, with room to spare
_SMALL: Final = 8  # a segment of so many times the points that come is not worth to be kept apart
_LEVEL: Final = 1

_SELECT: Final = f"SELECT {COLUMNS} FROM segments WHERE name = ?"  # noqa: S608
_AT: Final = _SELECT + " AND ts_min <= ? ORDER BY ts_min DESC LIMIT 1"
_NEXT: Final = "SELECT min(ts_min) FROM segments WHERE name = ? AND ts_min > ?"
_NEWEST: Final = _SELECT + " ORDER BY ts_min DESC LIMIT 1"
_INSERT: Final = f"INSERT INTO segments({COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?)"
_DELETE: Final = "DELETE FROM segments WHERE name = ? AND ts_min = ?"

Pair = tuple[int, bytes]  #: a `Point`, or the same without the names
_Columns = tuple[Steps, Widths, bytes]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Columns).decode
_value = operator.itemgetter(1)
_head = struct.Struct("<qqqqq").pack


class Point(NamedTuple):
    """A stored point; sorts by time."""

    ts: int
    value: bytes


_point: Final = functools.partial(tuple.__new__, Point)  # without a call of Python for each


class Segment(NamedTuple):
    """A row of the table ``segments``, without its number."""

    name: int
    last: int
    ts_min: int
    ts_max: int
    data: bytes
    points: int
    sum: int

    def unpacked(self) -> list[Point]:
        """Return the points, ascending by time; raises as `within`."""
        return list(map(_point, self.within(self.ts_min, self.ts_max, self.points)))

    def within(self, low: int, high: int, most: int) -> list[Pair]:
        """Return the first ``most`` points in ``low``..``high`` (us, inclusive), ascending by time.

        Only these are taken apart, so to read a few costs little more than to inflate the row. They
        are plain pairs of timestamp and value: `Point` would take as long as all the rest.

        Raises:
            CorruptData: The row is not what was written.
        """
        try:
            if self.sum != _sum(*self[:-1]):
                raise CorruptData("segments", f"the checksum of {self.points} points is wrong")
            steps, widths, values = _decode(_inflated(self.data))
            stamps = stamps_of(self.ts_min, steps, self.points)
            first = bisect.bisect_left(stamps, low)
            last = min(bisect.bisect_right(stamps, high), first + most)
            found = _values_at(widths, values, self.points, slice(first, last))
            return list(zip(stamps[first:last], found, strict=True))
        except (msgspec.DecodeError, zlib.error, struct.error, ValueError, TypeError) as error:
            raise CorruptData("segments", f"{self.points} points cannot be decoded") from error


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, _LARGEST)


def _in_columns(widths: Widths, values: bytes) -> bytes:
    """Put the first bytes of all values together, then the second ones: most are the same."""
    if not isinstance(widths, int):
        return values
    return b"".join(values[at::widths] for at in range(widths))


def _values_at(widths: Widths, values: bytes, count: int, places: slice) -> list[bytes]:
    """Return some of the ``count`` values; raises ValueError if they have another length."""
    if not isinstance(widths, int):
        return split(widths, values, count)[places]
    if len(values) != widths * count:
        raise ValueError("the values have another length than is said")
    return [values[at::count] for at in range(*places.indices(count))]


def pack(name: int, points: Sequence[Pair], last: int) -> Segment:
    """Make a segment of points, which ascend by time and obey its limits."""
    stamps, values = zip(*points, strict=True)
    widths, joined = join(values)
    body = _encode((steps_of(stamps), widths, _in_columns(widths, joined)))
    row = (name, last, stamps[0], stamps[-1], zlib.compress(body, _LEVEL), len(points))
    return Segment(*row, _sum(*row))


def _sum(name: int, last: int, ts_min: int, ts_max: int, data: bytes, points: int) -> int:
    return zlib.crc32(data, zlib.crc32(_head(name, last, ts_min, ts_max, points)))


def _pieces(points: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    start = 0
    while piece := points[start : start + _MOST]:
        while len(piece) > 1 and sum(map(len, map(_value, piece))) > _BYTES:
            piece = piece[: len(piece) // 2]
        yield piece
        start += len(piece)


def store(raw: sqlite3.Connection, name: int, points: Sequence[Pair], last: int) -> None:
    """Store points, ascending by time and at timestamps that no segment has.

    Those that fall into a segment are merged with it, and so are those behind a small one.
    """
    while points:
        home = at(raw, name, points[0][0])
        after = raw.execute(_NEXT, (name, points[0][0])).fetchone()[0]
        count = len(points) if after is None else bisect.bisect_left(points, (after,))
        here, points = points[:count], points[count:]
        if home is not None and (here[0][0] <= home.ts_max or _is_small(home, count)):
            replace(raw, home, sorted([*home.unpacked(), *here]), last)
        else:
            insert(raw, name, here, last)


def _is_small(home: Segment, count: int) -> bool:
    return home.points <= _SMALL * count and home.points + count <= _MOST


def replace(raw: sqlite3.Connection, old: Segment, points: Sequence[Pair], last: int = 0) -> None:
    """Put points in the place of a segment; none, and it is gone."""
    delete(raw, old)
    insert(raw, old.name, points, max(old.last, last))


def insert(raw: sqlite3.Connection, name: int, points: Sequence[Pair], last: int) -> None:
    """Store points, ascending by time, where no segment is."""
    raw.executemany(_INSERT, [pack(name, piece, last) for piece in _pieces(points)])


def delete(raw: sqlite3.Connection, segment: Segment) -> None:
    """Forget a segment."""
    raw.execute(_DELETE, (segment.name, segment.ts_min))


def at(raw: sqlite3.Connection, name: int, ts: int) -> Segment | None:
    """Return the segment that holds ``ts`` if any does, else the last one before it, or None."""
    row = raw.execute(_AT, (name, ts)).fetchone()
    return _checked(row) if row else None


def _checked(row: tuple[Any, ...]) -> Segment:
    """Make a segment of its columns; raises CorruptData if that is none by its types."""
    found = Segment._make(row)
    *numbers, data, points, _ = row
    if set(map(type, (*numbers, points))) != {int} or type(data) is not bytes:
        raise CorruptData("segments", "the head of a segment is damaged")
    return found


def newest(raw: sqlite3.Connection, name: int) -> int | None:
    """Return the greatest timestamp in any segment of the name."""
    row = raw.execute(_NEWEST, (name,)).fetchone()
    return _checked(row).ts_max if row else None


def between(
    raw: sqlite3.Connection, name: int, start: int | None, stop: int | None
) -> Iterator[Segment]:
    """Yield the segments whose time span meets ``start``..``stop`` (inclusive), in order.

    The first one is found by one look, and the others are looked for when they are asked for.
    """
    query, values = _SELECT, [name]
    if start is not None:
        first = at(raw, name, start)
        if first is not None and first.ts_max >= start:
            yield first
        query, values = query + " AND ts_min > ?", [name, start]
    if stop is not None:
        query, values = query + " AND ts_min <= ?", [*values, stop]
    yield from map(_checked, raw.execute(f"{query} ORDER BY ts_min", values))


def take_out(raw: sqlite3.Connection, name: int, stamps: Collection[int]) -> None:
    """Take points out of the segments that have them."""
    gone, left = set(stamps), sorted(stamps)
    while left:
        home = at(raw, name, left[0])
        if home is None or home.ts_max < left[0]:
            left = left[1:]
            continue
        replace(raw, home, [point for point in home.unpacked() if point.ts not in gone])
        left = [ts for ts in left if ts > home.ts_max]
