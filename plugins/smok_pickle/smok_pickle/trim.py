"""Forgets old settled points of a series, and moves the tail into chunks."""

from __future__ import annotations

import itertools
import operator
from typing import TYPE_CHECKING, Final

from smok_pickle.chunks import Chunk, chunks_between, insert, pack, rewrite, store
from smok_pickle.queue import done_in
from smok_pickle.sections import span

if TYPE_CHECKING:
    import sqlite3

    from smok_pickle.lines import Lines

__all__ = ["fold", "trim"]

_TAIL: Final = (
    "SELECT name, ts, seq, value FROM tail WHERE seq BETWEEN ? AND ? ORDER BY name, ts"
)
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


def trim(raw: sqlite3.Connection, lines: Lines, before: int) -> int:
    """Forget the points with ``ts < before`` that are settled and not the newest of their name."""
    low, high = span(lines.id)
    done = done_in(raw, lines.settled + 1, high)
    folded = bool(raw.execute(_OLD, (low, high, before)).fetchone())
    if folded:
        fold(raw, lines)
    names = raw.execute("SELECT id FROM names WHERE section = ?", (lines.id,)).fetchall()
    gone = sum(_trim_name(raw, lines, name, before, done) for (name,) in names)
    if gone or folded:
        lines.rows -= gone
        lines.save(raw)
    return gone


def _trim_name(
    raw: sqlite3.Connection, lines: Lines, name: int, before: int, done: set[int]
) -> int:
    """With old points in the tail everything was folded, so chunks are all there is to look at."""
    gone = 0
    newest: int | None = None
    for chunk in list(chunks_between(raw, name, None, before - 1)):
        if newest is None:
            newest = lines.newest(raw, name)
        if chunk.ts_max < min(before, newest) and chunk.last_seq <= lines.settled:
            raw.execute("DELETE FROM chunks WHERE last_seq = ?", (chunk.last_seq,))
            gone += chunk.points
        else:
            gone += _trim_chunk(raw, chunk, min(before, newest), lines.settled, done)
    return gone


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
