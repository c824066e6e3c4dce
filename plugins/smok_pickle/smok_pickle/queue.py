"""The queue of a series: not a table, but a mark in the log up to which all is acknowledged.

Seqs acknowledged out of order stand in the table ``done`` until the mark has passed them. So to
acknowledge what was handed out, the usual case, changes one row, which is why it works on a full
disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smok_core.errors import CorruptData
from smok_pickle.namespaces import span
from smok_pickle.write_log import Item, read, unpack

if TYPE_CHECKING:
    import sqlite3

    from smok_pickle.series_index import SeriesIndex

__all__ = ["acknowledge", "done_in", "heads", "next_seqs"]

_AHEAD: Final = 500


def done_in(raw: sqlite3.Connection, low: int, high: int) -> set[int]:
    """Give the seqs in ``low``..``high`` that were acknowledged out of order."""
    query = "SELECT seq FROM done WHERE seq BETWEEN ? AND ?"
    return {row[0] for row in raw.execute(query, (low, high))}


def heads(raw: sqlite3.Connection, index: SeriesIndex, limit: int, after: int = 0) -> list[Item]:
    """Give the ``limit`` pending points with the lowest seqs above ``after``."""
    if limit <= 0 or index.pending <= 0:
        return []
    mark, high = max(index.acknowledged, after), span(index.id)[1]
    done, found = done_in(raw, mark + 1, high), list[Item]()
    for row in read(raw, index.row_with(mark + 1), high):
        items = unpack(row)
        if items[0].seq <= mark or done:
            items = [item for item in items if item.seq > mark and item.seq not in done]
        found += items
        if len(found) >= limit:
            return found[:limit]
    if after <= index.acknowledged and len(found) != index.pending:
        raise CorruptData("tail", f"{len(found)} points are pending, {index.pending} were counted")
    return found


def next_seqs(raw: sqlite3.Connection, index: SeriesIndex, count: int) -> list[int]:
    """Give the ``count`` lowest pending seqs, of those handed out last if these suffice."""
    if len(index.offered) < count:
        index.offered = [item.seq for item in heads(raw, index, max(count, _AHEAD))]
    return index.offered[:count]


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
    """Give those of the seqs (ascending) that points have."""
    asked, found = set(wanted), set[int]()
    for row in read(raw, index.row_with(wanted[0]), wanted[-1]):
        found.update(item.seq for item in unpack(row) if item.seq in asked)
    return found
