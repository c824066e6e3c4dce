"""The upload queue of a series: not a table, but a mark below which everything is settled.

Seqs settled out of order stand in the table ``done`` until the mark has passed them. So settling
what was handed out, the usual case, changes one row, which is why it works on a full disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smok_pickle.chunks import SPAN, Chunk
from smok_pickle.sections import span

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from smok_pickle.lines import Lines

__all__ = ["Queued", "acknowledge", "done_in", "heads", "next_seqs"]

#: (seq, id of the name, timestamp, value)
Queued = tuple[int, int, int, bytes]

_FROM: Final = (
    "SELECT last_seq, first_seq, name, ts_min, ts_max, points, data FROM chunks"
    " WHERE last_seq > ? AND last_seq <= ?"
)
_CHUNKS: Final = _FROM + " ORDER BY last_seq"
_OVERLAP: Final = _FROM + " AND first_seq <= ?"
_TAIL: Final = (
    "SELECT seq, name, ts, value FROM tail WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
)
_AHEAD: Final = 500


def done_in(raw: sqlite3.Connection, low: int, high: int) -> set[int]:
    """Give the seqs in ``low``..``high`` that were settled out of order."""
    query = "SELECT seq FROM done WHERE seq BETWEEN ? AND ?"
    return {row[0] for row in raw.execute(query, (low, high))}


def heads(raw: sqlite3.Connection, lines: Lines, limit: int, after: int = 0) -> list[Queued]:
    """Give the ``limit`` queued points with the lowest seqs above ``after``."""
    if limit <= 0 or lines.waiting <= 0:
        return []
    mark, high = max(lines.settled, after), span(lines.id)[1]
    done = done_in(raw, mark + 1, high)
    found, reached = list[Queued](), mark
    for row in raw.execute(_CHUNKS, (mark, high)):
        chunk = Chunk._make(row)
        found += _queued(chunk, mark, done)
        reached = chunk.last_seq
        if len(found) >= limit:
            break
    for row in raw.execute(_OVERLAP, (reached, reached + SPAN, reached)).fetchall():
        found += (item for item in _queued(Chunk._make(row), mark, done) if item[0] <= reached)
    for item in raw.execute(_TAIL, (mark, high, limit + len(done))):
        if item[0] not in done:
            found.append(item)
    found.sort()
    return found[:limit]


def _queued(chunk: Chunk, mark: int, done: set[int]) -> Iterator[Queued]:
    for ts, seq, value in chunk.unpacked():
        if seq > mark and seq not in done:
            yield seq, chunk.name, ts, value


def next_seqs(raw: sqlite3.Connection, lines: Lines, count: int) -> list[int]:
    """Give the ``count`` lowest queued seqs, of those handed out last if these suffice."""
    if len(lines.offered) < count:
        lines.offered = [item[0] for item in heads(raw, lines, max(count, _AHEAD))]
    return lines.offered[:count]


def acknowledge(raw: sqlite3.Connection, lines: Lines, wanted: list[int]) -> int:
    """Take the seqs (ascending) out of the queue; give how many were in it."""
    low, high = lines.settled + 1, lines.top
    wanted = [seq for seq in wanted if low <= seq <= high]
    if not wanted:
        return 0
    if next_seqs(raw, lines, len(wanted)) == wanted:
        lines.offered = lines.offered[len(wanted) :]
        _advance(raw, lines, wanted[-1])
        lines.pending -= len(wanted)
        return len(wanted)
    lines.offered = []
    found = _existing(raw, wanted) - done_in(raw, wanted[0], wanted[-1])
    if found:
        raw.executemany("INSERT INTO done(seq) VALUES(?)", [(seq,) for seq in sorted(found)])
        lines.pending -= len(found)
        head = heads(raw, lines, 1)
        _advance(raw, lines, head[0][0] - 1 if head else lines.top)
    return len(found)


def _advance(raw: sqlite3.Connection, lines: Lines, mark: int) -> None:
    raw.execute("DELETE FROM done WHERE seq > ? AND seq <= ?", (lines.settled, mark))
    lines.settled = mark


def _existing(raw: sqlite3.Connection, wanted: list[int]) -> set[int]:
    """Give those of the seqs (ascending) that points have."""
    asked, first, last = set(wanted), wanted[0], wanted[-1]
    found = {row[0] for row in raw.execute(_TAIL, (first - 1, last, -1)) if row[0] in asked}
    for row in raw.execute(_OVERLAP, (first - 1, last + SPAN, last)):
        found.update(seq for _, seq, _ in Chunk._make(row).unpacked() if seq in asked)
    return found
