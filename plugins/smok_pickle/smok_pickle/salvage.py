"""Copies what is readable from a file that was put aside into a new store."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from smok_core.errors import CorruptData
from smok_pickle.chunks import unpack
from smok_pickle.files import sibling
from smok_pickle.schema import SEQ_BITS, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["salvage"]

_PAGE: Final = 500
_SECONDS: Final = 60.0
_END: Final = 2**62
_KEYS: Final = {"tail": "seq", "chunks": "last_seq", "done": "seq", "rows": "seq"}


class _Source(NamedTuple):
    raw: sqlite3.Connection
    deadline: float


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
            return _copy_all(_Source(raw, time.monotonic() + _SECONDS), target)
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
        _count_again(target)
    except BaseException:
        target.execute("ROLLBACK")
        raise
    target.execute("COMMIT")
    return copied


def _copy(source: _Source, target: sqlite3.Connection, table: str) -> int:
    columns = [row[1] for row in target.execute(f"PRAGMA table_info({table})")]
    marks = ", ".join("?" * len(columns))
    insert = f"INSERT OR IGNORE INTO {table}({', '.join(columns)}) VALUES({marks})"
    copied = 0
    for row in _every(source, table, columns):
        with contextlib.suppress(sqlite3.Error):
            copied += target.execute(insert, row).rowcount
    return copied


def _every(source: _Source, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    key, listed = _KEYS.get(table, "id"), ", ".join(columns)
    query = f"SELECT {listed} FROM {table} WHERE {key} BETWEEN ? AND ? ORDER BY {key}"
    for row in _ranges(source, query, columns.index(key)):
        if _sound(table, row):
            yield row
    yield from _from_index(source, table, columns)


def _ranges(source: _Source, query: str, key: int) -> Iterator[tuple[Any, ...]]:
    """Read by ranges of the key, halving a range that cannot be read."""
    todo = [(0, _END)]
    while todo and time.monotonic() < source.deadline:
        low, high = todo.pop()
        try:
            rows = source.raw.execute(f"{query} LIMIT {_PAGE}", (low, high)).fetchall()
        except (sqlite3.Error, UnicodeDecodeError):
            middle = (low + high) // 2
            todo += [(middle + 1, high), (low, middle)] if low < high else []
            continue
        yield from rows
        if len(rows) == _PAGE and rows[-1][key] < high:
            todo.append((rows[-1][key] + 1, high))


_INDEXES: Final = {
    "sections": ("sections_by_name", "id, device, kind, name"),
    "names": ("names_by_name", "id, section, name"),
}


def _from_index(source: _Source, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """The names of things stand in an index too; a lost count is counted again."""
    if table not in _INDEXES:
        return
    index, listed = _INDEXES[table]
    try:
        rows = source.raw.execute(f"SELECT {listed} FROM {table} INDEXED BY {index}").fetchall()
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


def _count_again(target: sqlite3.Connection) -> None:
    """Counts are not trusted: they are made anew from what was saved."""
    for section, kind, settled in target.execute("SELECT id, kind, settled FROM sections").fetchall():
        low, high = section << SEQ_BITS, (section + 1 << SEQ_BITS) - 1
        counts = _COUNT[kind] if kind in _COUNT else None
        if counts:
            settled = min(max(settled, low), high)
            found = {"low": low, "high": high, "settled": settled, "section": section}
            target.execute("UPDATE sections SET settled = ? WHERE id = ?", (settled, section))
            target.execute(counts, found)


_COUNT: Final = {
    "table": (
        "UPDATE sections SET (rows, pending, last) = (SELECT count(*), coalesce(sum(pending), 0),"
        " max(coalesce(max(seq), :low), sections.last) FROM rows WHERE seq BETWEEN :low AND :high)"
        " WHERE id = :section"
    ),
    "series": (
        "UPDATE sections SET last = max(last, :low, settled,"
        " (SELECT coalesce(max(seq), 0) FROM tail WHERE seq BETWEEN :low AND :high),"
        " (SELECT coalesce(max(last_seq), 0) FROM chunks WHERE last_seq BETWEEN :low AND :high)),"
        " epoch = -1 WHERE id = :section"
    ),
}
