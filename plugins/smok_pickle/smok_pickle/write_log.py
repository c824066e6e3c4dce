"""The write log of a series: one row for each append, in the order in which the points are pending.

A row holds the points of its append in their order. Its key is the seq that its first point got,
so no two appends can take the same place, whichever process they come from. A row of one point,
the usual case of a device that records as it reads, is kept as it is; the points of any other are
columns. Every row carries a checksum over all of it.
"""

import contextlib
import functools
import operator
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from smok_core.errors import CorruptData
from smok_pickle.columns import Widths, ints, join, packed, split

#: Of one row; a value that is larger has a row to itself.
MOST_POINTS: Final = 1000
MOST_BYTES: Final = 256 * 1024
COLUMNS: Final = "seq, last, names, ts_min, ts_max, points, data, sum"

_INSERT: Final = f"INSERT INTO tail({COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, ?)"
_READ: Final = f"SELECT {COLUMNS} FROM tail WHERE seq BETWEEN ? AND ? ORDER BY seq"  # noqa: S608
_FEW: Final = 256  # names that one byte can tell apart

Points = tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[bytes]]
_Columns = tuple[bytes, list[int] | None, bytes, Widths, bytes]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Columns).decode
packed_id: Final = struct.Struct("<I").pack  #: an id as it stands in the column ``names``
_head = struct.Struct("<qqqqq").pack
_head_of_one = struct.Struct("<qqqq").pack


class Item(NamedTuple):
    """A point in the log; sorts by its place in the queue."""

    seq: int
    name: int
    ts: int
    value: bytes


_item = functools.partial(tuple.__new__, Item)  # without a call of Python for each
_UNREADABLE: Final = (msgspec.DecodeError, ValueError, TypeError, LookupError, struct.error)


class LogRow(NamedTuple):
    """A row of the table ``tail``."""

    seq: int  #: its key, and no greater than the seq of its first point
    last: int  #: the seq of its last point
    names: int | bytes  #: the id of the name of its one point, or the ids of all its names
    ts_min: int
    ts_max: int
    points: int
    data: bytes
    sum: int

    @property
    def size(self) -> int:
        """The bytes of its points."""
        return len(self.data)


_row = functools.partial(tuple.__new__, LogRow)


def pack_one(seq: int, name: int, ts: int, value: bytes) -> LogRow:
    """Make the row of a single point."""
    total = zlib.crc32(value, zlib.crc32(_head_of_one(seq, seq, name, ts)))
    return _row((seq, seq, name, ts, ts, 1, value, total))


def pack(items: Sequence[Item], key: int | None = None) -> LogRow:
    """Make a row of points whose seqs ascend; raises ValueError if there are none.

    Args:
        items: The points.
        key: The row's key, if it is not the first seq.
    """
    seqs, ids, stamps, values = zip(*items, strict=True)
    return pack_columns(seqs, ids, stamps, values, key)


def pack_columns(
    seqs: Sequence[int], ids: Sequence[int], stamps: Sequence[int], values: Sequence[bytes],
    key: int | None = None,
) -> LogRow:  # fmt: skip
    """Make a row of the columns of its points."""
    first, last, count = seqs[0] if key is None else key, seqs[-1], len(seqs)
    if count == 1:
        total = zlib.crc32(values[0], zlib.crc32(_head_of_one(first, last, ids[0], stamps[0])))
        return LogRow(first, last, ids[0], stamps[0], stamps[0], 1, values[0], total)
    names = list(dict.fromkeys(ids))
    places = None if last - first + 1 == count else [seq - first for seq in seqs]
    body = _encode((_which(names, ids), places, packed("q", stamps), *join(values)))
    packed_names, in_time = packed("I", names), sorted(stamps)  # they mostly are: one look at each
    row = LogRow(first, last, packed_names, in_time[0], in_time[-1], count, body, 0)
    return row._replace(sum=_sum(row, packed_names))


def _which(names: list[int], ids: Sequence[int]) -> bytes:
    """Tell for each point which of the names it has; nothing if there is one only."""
    if len(names) == 1:
        return b""
    code = "B" if len(names) <= _FEW else "H"
    if len(names) == len(ids):  # each has its own, in the order of the names
        return packed(code, range(len(names)))
    number = {name: at for at, name in enumerate(names)}
    return packed(code, map(number.__getitem__, ids))


def _sum(row: LogRow, names: bytes) -> int:
    head = zlib.crc32(_head(row.seq, row.last, *row[3:6]))
    return zlib.crc32(row.data, zlib.crc32(names, head))


def unpack(row: LogRow) -> list[Item]:
    """Return the points of a row in their order; raises as `columns`."""
    return list(map(_item, zip(*columns(row), strict=True)))


def columns(row: LogRow) -> Points:
    """Return the points of a row in their order, as columns: seqs, names, timestamps, values.

    Raises:
        CorruptData: The row is not what was written.
    """
    _check(row)
    if isinstance(row.names, int):
        return (row.last,), (row.names,), (row.ts_min,), (row.data,)
    try:
        which, places, stamps, widths, values = _decode(row.data)
        names, count = ints("I", row.names), row.points
        ids = list(map(names.__getitem__, _places(which, names, count)))
        first, times = row.seq, ints("q", stamps)
        seqs = range(first, first + count) if places is None else [first + at for at in places]
        if not len(seqs) == len(ids) == len(times) == count:
            raise _undecodable(row)
        return seqs, ids, times, split(widths, values, count)
    except _UNREADABLE as error:
        raise _undecodable(row) from error


def points_of(row: LogRow, name: int) -> list[tuple[int, bytes]]:
    """Return timestamp and value of the points that one name has in a row; raises as `unpack`."""
    _check(row)
    if isinstance(row.names, int):
        return [(row.ts_min, row.data)] if row.names == name else []
    try:
        which, _, stamps, widths, values = _decode(row.data)
        names, times, count = ints("I", row.names), ints("q", stamps), row.points
        if name not in names:  # it has gone out of the row, or its bytes stand across two others
            return []
        number = names.index(name)
        here = _where(number, _places(which, names, count)) if which else range(count)
        if isinstance(widths, int):
            return [(times[at], values[at * widths : (at + 1) * widths]) for at in here]
        parts = split(widths, values, count)
        return [(times[at], parts[at]) for at in here]
    except _UNREADABLE as error:
        raise _undecodable(row) from error


def _check(row: LogRow) -> None:
    try:
        if isinstance(row.names, int):  # here, and not by a call for each row of a batch
            right = row.sum == zlib.crc32(row.data, zlib.crc32(_head_of_one(*row[:4])))
        else:
            right = row.sum == _sum(row, row.names)
    except _UNREADABLE:  # not even the types are those that were written
        right = False
    if not right:
        raise _wrong_sum(row)


def _wrong_sum(row: LogRow) -> CorruptData:
    return CorruptData("tail", f"the checksum of a row of {row.points} points is wrong")


def _undecodable(row: LogRow) -> CorruptData:
    return CorruptData("tail", f"a row of {row.points} points cannot be decoded")


def _places(which: bytes, names: Sequence[int], count: int) -> Sequence[int]:
    """Return for each point the place of its name among the names."""
    if not which:
        return bytes(count)
    return which if len(names) <= _FEW else ints("H", which)


def _where(number: int, places: Sequence[int]) -> list[int]:
    """Return where a number stands; to look at each would make reading one name as slow as all."""
    found, at = list[int](), -1
    with contextlib.suppress(ValueError):
        while True:
            at = places.index(number, at + 1)
            found.append(at)
    return found


def pieces(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Cut points so that each piece obeys the limits of a row; one point alone always does."""
    start, size = 0, 0
    for at, item in enumerate(items):
        size += len(item.value)
        if at > start and (at - start >= MOST_POINTS or size > MOST_BYTES):
            yield items[start:at]
            start, size = at, len(item.value)
    if items:
        yield items[start:]


def insert(raw: sqlite3.Connection, rows: Iterable[LogRow]) -> None:
    """Store rows under keys that are free."""
    raw.executemany(_INSERT, rows)


def read(raw: sqlite3.Connection, first: int, last: int) -> Iterator[LogRow]:
    """Return the rows with a key in ``first``..``last``, in their order."""
    return map(_row, raw.execute(_READ, (first, last)))


def done_in(raw: sqlite3.Connection, low: int, high: int) -> set[int]:
    """Return the seqs in ``low``..``high`` that were acknowledged out of order."""
    query = "SELECT seq FROM done WHERE seq BETWEEN ? AND ?"
    return {row[0] for row in raw.execute(query, (low, high))}


def rewrite(raw: sqlite3.Connection, row: LogRow, left: Sequence[Item]) -> LogRow | None:
    """Put what is left of a row's points in its place; None, and no row, if nothing is."""
    raw.execute("DELETE FROM tail WHERE seq = ?", (row.seq,))
    if not left:
        return None
    new = pack(sorted(left, key=operator.itemgetter(0)), row.seq)
    insert(raw, [new])
    return new
