"""Moves acknowledged points from the log into segments, merges small rows, forgets old points.

Each piece is one small transaction, so that all of it works with little room left, and may be cut
anywhere.
"""

import bisect
import itertools
import operator
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from smok_pickle import segments
from smok_pickle.schema import span
from smok_pickle.segments import LAST
from smok_pickle.series_index import SeriesIndex
from smok_pickle.write_log import (
    MOST_BYTES,
    MOST_POINTS,
    Item,
    LogRow,
    Points,
    columns,
    done_in,
    insert,
    pack,
    read,
    rewrite,
    unpack,
)

_PIECE: Final = 16  # rows or segments per transaction: a full disk has room for a small one only
_ROOMY_PIECE: Final = 32
_ts: Final = operator.itemgetter(0)
_fields: Final = operator.itemgetter(1, 2, 3, 6)  # those of an `Item`, out of the row of one point


class Trimmed(NamedTuple):
    """How many points went, and where to go on (None: that was all of the name)."""

    gone: int
    then: int | None


# --- from the log into segments ------------------------------------------------------------------


def _acknowledged_rows(raw: sqlite3.Connection, index: SeriesIndex) -> tuple[list[int], set[int]]:
    """Return the keys of the rows that have an acknowledged point, and the seqs in ``done``."""
    done, keys = done_in(raw, *span(index.id)), list(index.rows)
    found = set(keys[: bisect.bisect_right(keys, index.acknowledged)])
    found.update(map(index.row_with, done))
    return sorted(found), done


def compact(raw: sqlite3.Connection, index: SeriesIndex, *, tight: bool) -> bool:
    """Move the acknowledged points of some rows into segments; tell whether there are more."""
    keys, done = _acknowledged_rows(raw, index)
    here = keys[: _PIECE if tight else _ROOMY_PIECE]
    moved = list[Points]()
    for run in _runs(here, index):
        for row in list(read(raw, *run)):
            moved.append(_take_acknowledged(raw, index, row, done))
    _store(raw, moved)
    gone = [(seq,) for seqs, *_ in moved for seq in done.intersection(seqs)] if done else []
    raw.executemany("DELETE FROM done WHERE seq = ?", gone)
    if here:
        index.save(raw, rows_changed=True)
    return len(here) < len(keys)


def _take_acknowledged(
    raw: sqlite3.Connection, index: SeriesIndex, row: LogRow, done: set[int]
) -> Points:
    """Take the acknowledged points out of a row, and give them as columns."""
    points, mark = columns(row), index.acknowledged
    if points[0][-1] <= mark:  # as nearly always
        index.note_change(row.seq, rewrite(raw, row, []))
        return points
    taken, left = list[Item](), list[Item]()
    for item in map(Item, *points):
        (taken if item.seq <= mark or item.seq in done else left).append(item)
    if not taken:
        return (), (), (), ()
    index.note_change(row.seq, rewrite(raw, row, left))
    seqs, ids, stamps, values = zip(*taken, strict=True)
    return seqs, ids, stamps, values


def _runs(keys: list[int], index: SeriesIndex) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of the keys that stand side by side in the log."""
    place = {key: at for at, key in enumerate(index.rows)}
    for _, run in itertools.groupby(enumerate(keys), lambda pair: place[pair[1]] - pair[0]):
        found = [key for _, key in run]
        yield found[0], found[-1]


def _store(raw: sqlite3.Connection, moved: list[Points]) -> None:
    by_name, last = defaultdict[int, list[segments.Pair]](list), dict[int, int]()
    for seqs, ids, stamps, values in moved:
        last.update(zip(ids, seqs, strict=True))  # they ascend
        for name, point in zip(ids, zip(stamps, values, strict=True), strict=True):
            by_name[name].append(point)
    for name, points in by_name.items():
        points.sort(key=_ts)
        segments.store(raw, name, points, last[name])


# --- small rows into larger ones -----------------------------------------------------------------


def merge(raw: sqlite3.Connection, index: SeriesIndex) -> None:
    """Put rows of few points that stand side by side into one row; the seqs stay."""
    for first, *rest in list(_small_runs(index)):
        new = pack(_items(raw, index, [first, *rest]), first)
        raw.execute("DELETE FROM tail WHERE seq BETWEEN ? AND ?", (first, rest[-1]))
        insert(raw, [new])
        index.note_merged(first, rest, new)
    index.save(raw, rows_changed=True)


def _items(raw: sqlite3.Connection, index: SeriesIndex, keys: list[int]) -> list[Item]:
    """Return the points of rows that stand side by side; single ones are often remembered."""
    found = list[Any]()
    for key in keys:
        row = index.rows[key]
        if type(row) is LogRow:
            found.append(_fields(row))
        else:
            found += unpack(next(read(raw, key, key)))
    return found


def _small_runs(index: SeriesIndex) -> Iterator[list[int]]:
    run, points, size = list[int](), 0, 0
    for key, head in index.rows.items():
        more, bytes_more = head.points, head.size
        if run and (points + more > MOST_POINTS or size + bytes_more > MOST_BYTES):
            if len(run) > 1:
                yield run
            run, points, size = [], 0, 0
        run.append(key)
        points, size = points + more, size + bytes_more
    if len(run) > 1:
        yield run


# --- old points ----------------------------------------------------------------------------------


def names_with_old(raw: sqlite3.Connection, index: SeriesIndex, before: int) -> list[int]:
    """Return the ids of the names that have a segment with points before ``before``."""
    query = "SELECT id FROM names WHERE section = ?"
    first = "SELECT min(ts_min) < ? FROM segments WHERE name = ?"
    names = [row[0] for row in raw.execute(query, (index.id,))]
    return [name for name in names if raw.execute(first, (before, name)).fetchone()[0]]


def trim(
    raw: sqlite3.Connection, index: SeriesIndex, name: int, before: int, start: int | None
) -> Trimmed:
    """Forget old points in the segments of a name, a bounded piece per call; never its newest.

    Args:
        raw: A connection in a transaction.
        index: The memory of the series, in sync.
        name: The id of the name.
        before: Points with ``ts < before`` go.
        start: Where the last call stopped.
    """
    newest = index.latest(raw, name)
    before = min(before, newest.ts if newest else before)
    if before < -LAST:
        return Trimmed(0, None)  # nothing lies before the first timestamp there is
    found = list(itertools.islice(segments.between(raw, name, start, before - 1), _PIECE))
    gone = 0
    for segment in found:
        left = [] if segment.ts_max < before else segment.unpacked()
        left = [point for point in left if point.ts >= before]
        segments.replace(raw, segment, left)
        gone += segment.points - len(left)
    if gone:
        index.stored_then -= gone
        index.save(raw)
    then = min(found[-1].ts_max + 1, LAST) if len(found) == _PIECE else None
    return Trimmed(gone, then)
