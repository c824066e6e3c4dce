"""Forgets old settled points of a series, and moves the tail into chunks."""

from __future__ import annotations

import itertools
import operator
from typing import TYPE_CHECKING, Final, NamedTuple

from smok_pickle.chunks import Chunk, chunks_between, insert, pack, rewrite, store
from smok_pickle.lines import LAST
from smok_pickle.queue import done_in
from smok_pickle.sections import span

if TYPE_CHECKING:
    import sqlite3

    from smok_pickle.lines import Lines

__all__ = ["Trimmed", "fold", "has_old_tail", "old_names", "trim"]

_PIECE: Final = 16  # chunks per transaction: a full disk has room for a small one only


class Trimmed(NamedTuple):
    """How many points went, and where to go on (None: that was all of the name)."""

    gone: int
    then: int | None


_TAIL: Final = "SELECT name, ts, seq, value FROM tail WHERE seq BETWEEN ? AND ? ORDER BY name, ts"
_OLD: Final = "SELECT 1 FROM tail WHERE seq BETWEEN ? AND ? AND ts < ? LIMIT 1"
_NEWEST: Final = "SELECT ts_max FROM chunks WHERE name = ? ORDER BY ts_min DESC LIMIT 1"


def fold(raw: sqlite3.Connection, lines: Lines) -> None:
    """Move all points of the tail into chunks; the seqs stay."""
    low, high = span(lines.id)
    rows = raw.execute(_TAIL, (low, high)).fetchall()
    for name, group in itertools.groupby(rows, key=operator.itemgetter(0)):
        points = [(ts, seq, value) for _, ts, seq, value in group]
        newest = raw.execute(_NEWEST, (name,)).fetchone()
        if not newest or points[0][0] > newest[0]:
            insert(raw, pack(name, points))
        else:
            store(raw, name, points)
    raw.execute("DELETE FROM tail WHERE seq BETWEEN ? AND ?", (low, high))
    lines.folded()


def has_old_tail(raw: sqlite3.Connection, lines: Lines, before: int) -> bool:
    """Tell whether the tail has points that `trim` would have to look at."""
    return bool(raw.execute(_OLD, (*span(lines.id), before)).fetchone())


def old_names(raw: sqlite3.Connection, lines: Lines, before: int) -> list[int]:
    """Give the ids of the names that have a chunk with points before ``before``."""
    query = "SELECT id FROM names WHERE section = ?"
    first = "SELECT min(ts_min) < ? FROM chunks WHERE name = ?"
    names = [row[0] for row in raw.execute(query, (lines.id,))]
    return [name for name in names if raw.execute(first, (before, name)).fetchone()[0]]


def trim(
    raw: sqlite3.Connection, lines: Lines, name: int, before: int, start: int | None
) -> Trimmed:
    """Forget old settled points of a name, a bounded piece per call; never its newest.

    Args:
        raw: A connection in a transaction.
        lines: The memory of the series, in sync.
        name: The id of the name.
        before: Points with ``ts < before`` go.
        start: Where the last call stopped.
    """
    newest = lines.newest(raw, name)
    done = done_in(raw, lines.settled + 1, span(lines.id)[1])
    before = min(before, newest)
    if before < -LAST:
        return Trimmed(0, None)  # nothing lies before the first timestamp there is
    chunks = list(itertools.islice(chunks_between(raw, name, start, before - 1), _PIECE))
    gone = 0
    for chunk in chunks:
        if chunk.ts_max < before and chunk.last_seq <= lines.settled:
            raw.execute("DELETE FROM chunks WHERE last_seq = ?", (chunk.last_seq,))
            gone += chunk.points
        else:
            gone += _trim_chunk(raw, chunk, before, lines.settled, done)
    if gone:
        lines.rows -= gone
        lines.save(raw)
    then = min(chunks[-1].ts_max + 1, LAST) if len(chunks) == _PIECE else None
    return Trimmed(gone, then)


def _trim_chunk(
    raw: sqlite3.Connection, chunk: Chunk, before: int, settled: int, done: set[int]
) -> int:
    kept = [
        point
        for point in chunk.unpacked()
        if point.ts >= before or (point.seq > settled and point.seq not in done)
    ]
    if len(kept) < chunk.points:
        rewrite(raw, chunk, kept)
    return chunk.points - len(kept)
