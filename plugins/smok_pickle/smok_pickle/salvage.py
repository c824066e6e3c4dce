"""Copies what is readable from a file that was put aside into a new store."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from smok_core.errors import CorruptData
from smok_pickle.chunks import Chunk, Point, chunks_between, drop_point, store, unpack
from smok_pickle.files import sibling
from smok_pickle.leaves import rows_in_leaves
from smok_pickle.queue import done_in
from smok_pickle.schema import TABLES
from smok_pickle.sections import span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["salvage"]

_SECONDS: Final = 60.0  # a device that starts late is better than lost data, to a point
_ATTEMPTS: Final = 500  # per table
_END: Final = 2**62
_KEYS: Final = {"tail": "seq", "chunks": "last_seq", "done": "seq"}


class _Source(NamedTuple):
    path: Path
    raw: sqlite3.Connection
    deadline: float
    damaged: set[str]  #: the tables in which a bad page was met


def salvage(aside: Path, target: sqlite3.Connection, template: Path) -> int:
    """Copy the readable rows; give their number.

    ``target`` is a new store, complete on disk as ``template``: where the first page of the
    damaged file is gone, the one of the new file takes its place, for the tables of all stores
    of one schema version start at the same pages.
    """
    if not aside.exists() or aside.stat().st_size < 512:
        return 0
    if not _readable(aside):
        _transplant(aside, template)
    try:
        with contextlib.closing(sqlite3.connect(aside, isolation_level=None)) as raw:
            raw.text_factory = lambda data: data.decode(errors="strict")
            source = _Source(aside, raw, time.monotonic() + _SECONDS, set())
            return _copy_all(source, target)
    except sqlite3.Error:
        return 0


def _readable(aside: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(aside)) as raw:
            found = {row[0] for row in raw.execute("SELECT name FROM sqlite_master")}
            return set(TABLES) <= found
    except sqlite3.Error:
        return False


def _transplant(aside: Path, template: Path) -> None:
    """Give the damaged file a good first page; its own is kept beside it."""
    with template.open("rb") as file:
        page = bytearray(file.read(4096))
    with aside.open("r+b") as file:
        sibling(aside, ".page1").write_bytes(file.read(4096))
        pages = aside.stat().st_size // 4096
        page[28:32] = pages.to_bytes(4, "big")
        page[32:40] = bytes(8)  # no list of free pages: it may lead anywhere
        page[92:96] = page[24:28]
        file.seek(0)
        file.write(page)


def _copy_all(source: _Source, target: sqlite3.Connection) -> int:
    copied = 0
    target.execute("BEGIN IMMEDIATE")
    try:
        for table in TABLES:
            copied += _copy(source, target, table)
        _drop_doubles(target)
        _count_again(target)
    except BaseException:
        target.execute("ROLLBACK")
        raise
    target.execute("COMMIT")
    return copied


def _copy(source: _Source, target: sqlite3.Connection, table: str) -> int:
    columns = [row[1] for row in target.execute(f"PRAGMA table_info({table})")]
    marks = ", ".join("?" * len(columns))
    # A later row is a later change; the index knows names only, so it must not replace.
    verb = "REPLACE" if table == "rows" else "IGNORE"
    insert = f"INSERT OR {verb} INTO {table}({', '.join(columns)}) VALUES({marks})"
    copied = 0
    for row in _every(source, table, columns):
        with contextlib.suppress(sqlite3.Error):
            copied += target.execute(insert, row).rowcount
    return (
        copied + _copy_leaves(source, target, table, insert) if table in source.damaged else copied
    )


def _copy_leaves(source: _Source, target: sqlite3.Connection, table: str, insert: str) -> int:
    """Add the rows that only their pages still have; what was found by the tree stands."""
    if time.monotonic() >= source.deadline:
        return 0
    copied, insert = 0, insert.replace("OR REPLACE", "OR IGNORE")
    rows = (row for row in rows_in_leaves(source.path, table) if _sound(table, row))
    # Of versions of one row in the table of rows the latest change comes first, and stays.
    for row in sorted(rows, key=lambda row: -row[3]) if table == "rows" else rows:
        with contextlib.suppress(sqlite3.Error):
            copied += target.execute(insert, row).rowcount
    return copied


def _every(source: _Source, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    key, listed = _KEYS.get(table, "id"), ", ".join(columns)
    where = f"{key} BETWEEN ? AND ? ORDER BY {key}"
    query = f"SELECT {listed} FROM {table} WHERE {where}"  # noqa: S608 - fixed words only
    for row in _around_damage(source, table, query, columns.index(key)):
        if _sound(table, row):
            yield row
    yield from _from_index(source, table, columns)


def _around_damage(source: _Source, table: str, query: str, key: int) -> Iterator[tuple[Any, ...]]:
    """Read a range of keys from both ends up to the damage; what lies between is halved."""
    todo, attempts = [(0, _END)], 0
    while todo and attempts < _ATTEMPTS and time.monotonic() < source.deadline:
        low, high = todo.pop()
        attempts += 1
        for row in (reader := _Reader(source.raw, query, (low, high))):
            yield row
            low = row[key] + 1
        if not reader.failed:
            continue
        source.damaged.add(table)
        for row in _Reader(source.raw, f"{query} DESC", (low, high)):
            yield row
            high = row[key] - 1
        middle = (low + high) // 2
        todo += [(middle + 1, high), (low, middle)] if low < high else []


class _Reader:
    """Iterates over a query until it ends or meets a damaged page; ``failed`` tells which."""

    def __init__(self, raw: sqlite3.Connection, query: str, values: tuple[int, int]) -> None:
        self._raw, self._query, self._values, self.failed = raw, query, values, False

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._raw.execute(self._query, self._values)
        except (sqlite3.Error, UnicodeDecodeError):
            self.failed = True


_INDEXES: Final = {
    "sections": ("sections_by_name", "id, device, kind, name"),
    "names": ("names_by_name", "id, section, name"),
}


def _from_index(source: _Source, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """The names of things stand in an index too; a lost count is counted again."""
    if table not in _INDEXES:
        return
    index, listed = _INDEXES[table]
    query = f"SELECT {listed} FROM {table} INDEXED BY {index}"  # noqa: S608 - fixed words only
    try:
        rows = source.raw.execute(query).fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        return
    for row in rows:
        yield (*row, *(0 for _ in columns[len(row) :]))


def _sound(table: str, row: tuple[Any, ...]) -> bool:
    if table != "chunks":
        return True
    try:
        unpack(row[6], row[1], row[3])
    except CorruptData:
        return False
    return True


def _drop_doubles(target: sqlite3.Connection) -> None:
    """A page from before a change may have come back: of two places of a point the later wins."""
    names = [row[0] for row in target.execute("SELECT id FROM names").fetchall()]
    for name in names:
        chunks = list(chunks_between(target, name, None, None))
        if any(one.ts_max >= other.ts_min for one, other in itertools.pairwise(chunks)):
            points = {p.ts: p for p in sorted(_points(chunks), key=lambda p: p.seq)}
            target.execute("DELETE FROM chunks WHERE name = ?", (name,))
            store(target, name, [points[ts] for ts in sorted(points)])
    for name, ts, seq in target.execute(
        "SELECT name, ts, max(seq) FROM tail GROUP BY 1, 2"
    ).fetchall():
        target.execute("DELETE FROM tail WHERE name = ? AND ts = ? AND seq < ?", (name, ts, seq))
        drop_point(target, name, ts)


def _points(chunks: list[Chunk]) -> Iterator[Point]:
    for chunk in chunks:
        yield from chunk.unpacked()


def _count_again(target: sqlite3.Connection) -> None:
    """Counts are not trusted: they are made anew from what was saved."""
    sections = target.execute("SELECT id, kind, settled FROM sections").fetchall()
    for section, kind, settled in sections:
        low, high = span(section)
        known = {"low": low, "high": high, "section": section}
        if kind == "table":
            target.execute(_COUNT_ROWS, known)
        elif kind == "series":
            mark = min(max(settled, low), high)
            pending = _count_pending(target, mark, high)
            target.execute(_COUNT_POINTS, {**known, "settled": mark, "pending": pending})


def _count_pending(target: sqlite3.Connection, mark: int, high: int) -> int:
    queued = {row[0] for row in target.execute(_LATER_TAIL, (mark, high))}
    for row in target.execute(_LATER_CHUNKS, (mark, high)):
        queued.update(point.seq for point in unpack(*row) if point.seq > mark)
    return len(queued - done_in(target, mark, high))


#: Seqs that were lost with their rows must not be given again: hence the gap above the highest.
_LATER_TAIL: Final = "SELECT seq FROM tail WHERE seq > ? AND seq <= ?"
_LATER_CHUNKS: Final = (
    "SELECT data, first_seq, ts_min FROM chunks WHERE last_seq > ? AND last_seq <= ?"
)
_COUNT_ROWS: Final = """UPDATE sections SET (rows, pending, last) =
  (SELECT count(*), coalesce(sum(pending), 0),
    1048576 + max(coalesce(max(seq), :low), sections.last)
  FROM rows WHERE section = :section) WHERE id = :section"""
_COUNT_POINTS: Final = """UPDATE sections SET settled = :settled, pending = :pending,
  rows = (SELECT count(*) FROM tail WHERE seq BETWEEN :low AND :high)
    + (SELECT coalesce(sum(points), 0) FROM chunks WHERE last_seq BETWEEN :low AND :high),
  last = 1048576 + max(last, :settled,
    (SELECT coalesce(max(seq), 0) FROM tail WHERE seq BETWEEN :low AND :high),
    (SELECT coalesce(max(last_seq), 0) FROM chunks WHERE last_seq BETWEEN :low AND :high))
  WHERE id = :section"""
