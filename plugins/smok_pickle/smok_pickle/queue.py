"""The queue of a series: not a table, but a mark in the log up to which all is acknowledged.

Seqs acknowledged out of order stand in the table ``done`` until the mark has passed them. So to
acknowledge what was handed out, the usual case, changes one row, which is why it works on a full
disk.
"""

import functools
import sqlite3
from typing import Final

from smok_core.engine.base import PendingPoint
from smok_core.errors import CorruptData
from smok_pickle.schema import span
from smok_pickle.series_index import SeriesIndex
from smok_pickle.write_log import columns, done_in, read, unpack

#: So much is read beyond what was asked for, and remembered: what comes next costs no look at rows.
_AHEAD: Final = 500
_AHEAD_BYTES: Final = 64 * 1024


#: Make it of a tuple without a call of Python for each.
_point = functools.partial(tuple.__new__, PendingPoint)


def heads(
    raw: sqlite3.Connection, index: SeriesIndex, limit: int, after: int = 0
) -> list[PendingPoint]:
    """Return the ``limit`` pending points with the lowest seqs above ``after``."""
    found = remembered(index, limit, after)
    if found is not None:
        return found
    if after > index.acknowledged:
        return _pending(raw, index, limit, after)[:limit]
    index.offered = _pending(raw, index, limit, index.acknowledged)
    return index.offered[:limit]


def remembered(index: SeriesIndex, limit: int, after: int = 0) -> list[PendingPoint] | None:
    """Return the same if the memory, which is true, has them all; else None."""
    most = min(limit, index.pending)
    if most <= 0:
        return []
    if after > index.acknowledged:
        return None
    if len(index.offered) < most:
        last = index.offered[-1].seq if index.offered else index.acknowledged
        index.offered += index.kept_after(last, max(limit, _AHEAD))
    return index.offered[:limit] if len(index.offered) >= most else None


def _pending(
    raw: sqlite3.Connection, index: SeriesIndex, limit: int, mark: int
) -> list[PendingPoint]:
    """Read the pending points above ``mark``, at least ``limit`` if there are so many."""
    high = span(index.id)[1]
    done, found, size = done_in(raw, mark + 1, high), list[PendingPoint](), 0
    names = index.texts(raw, set())
    for row in read(raw, index.row_with(mark + 1), high):
        seqs, ids, stamps, values = columns(row)
        if not names.keys() >= set(ids):
            names = index.texts(raw, set(ids))
        texts = map(names.__getitem__, ids)
        points = list(map(_point, zip(seqs, texts, stamps, values, strict=True)))
        if seqs[0] <= mark or done:
            points = [point for point in points if point.seq > mark and point.seq not in done]
        found += points
        size += len(row.data)
        if len(found) >= limit and (len(found) >= _AHEAD or size >= _AHEAD_BYTES):
            break
    else:
        if mark == index.acknowledged and len(found) != index.pending:
            raise CorruptData("tail", f"{len(found)} pending points, {index.pending} were counted")
    return found


def next_seqs(raw: sqlite3.Connection, index: SeriesIndex, count: int) -> list[int]:
    """Return the ``count`` lowest pending seqs."""
    return [item.seq for item in heads(raw, index, count)]


def acknowledge(raw: sqlite3.Connection, index: SeriesIndex, wanted: list[int]) -> int:
    """Take the seqs (ascending) out of the queue; give how many were in it."""
    low, high = index.acknowledged + 1, index.top
    if not wanted or not low <= wanted[0] <= wanted[-1] <= high:
        wanted = [seq for seq in wanted if low <= seq <= high]
    if not wanted:
        return 0
    if next_seqs(raw, index, len(wanted)) == wanted:
        index.offered = index.offered[len(wanted) :]
        _advance(raw, index, wanted[-1])
        index.pending_then -= len(wanted)
        return len(wanted)
    index.offered = []
    found = _stored(raw, index, wanted) - done_in(raw, wanted[0], wanted[-1])
    if found:
        raw.executemany("INSERT INTO done(seq) VALUES(?)", [(seq,) for seq in sorted(found)])
        index.pending_then -= len(found)
        head = heads(raw, index, 1)
        _advance(raw, index, head[0].seq - 1 if head else index.top)
    return len(found)


def _advance(raw: sqlite3.Connection, index: SeriesIndex, mark: int) -> None:
    raw.execute("DELETE FROM done WHERE seq > ? AND seq <= ?", (index.acknowledged, mark))
    index.acknowledged = mark


def _stored(raw: sqlite3.Connection, index: SeriesIndex, wanted: list[int]) -> set[int]:
    """Return those of the seqs (ascending) that points have."""
    asked, found = set(wanted), set[int]()
    for row in read(raw, index.row_with(wanted[0]), wanted[-1]):
        found.update(item.seq for item in unpack(row) if item.seq in asked)
    return found
