"""The steps from older versions of a store to this one; each may be cut off anywhere.

Version 2 kept points in two tables: ``tail``, in their order, and ``chunks`` of one name each,
pending or not. Chunks of which nothing is pending become segments, some in each transaction; what
is left becomes rows of the write log, in the last one.
"""

import itertools
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from smok_core.errors import CorruptData
from smok_pickle import segments, write_log
from smok_pickle.checksum import fill
from smok_pickle.schema import SERIES, span, version_of
from smok_pickle.write_log import Item

_PIECE: Final = 64  # chunks in one transaction
_SPAN: Final = 2048  # the seqs in a chunk lie so close together

_ADD_SUMS: Final = (
    "CREATE TABLE recoveries(aside TEXT PRIMARY KEY, report TEXT NOT NULL);"
    " ALTER TABLE rows ADD COLUMN sum INTEGER; ALTER TABLE blobs ADD COLUMN sum INTEGER"
)
_SET_ASIDE: Final = (
    "ALTER TABLE tail RENAME TO old_tail; ALTER TABLE chunks RENAME TO old_chunks;" + SERIES
)
_DROP: Final = "DROP TABLE old_tail; DROP TABLE old_chunks;"
_CHUNK: Final = (
    "SELECT last_seq, first_seq, name, ts_min, ts_max, points, data FROM old_chunks AS old"
)
_ARCHIVED: Final = (
    f"{_CHUNK} WHERE last_seq <="  # noqa: S608 - fixed words only
    " (SELECT settled FROM sections WHERE id = old.last_seq >> 44) ORDER BY last_seq LIMIT ?"
)
_NEAR: Final = _CHUNK + " WHERE last_seq BETWEEN ? AND ?"
_TAIL: Final = "SELECT seq, name, ts, value FROM old_tail WHERE seq BETWEEN ? AND ?"
_NEXT: Final = (
    "SELECT min(seq) FROM (SELECT min(last_seq) AS seq FROM old_chunks WHERE last_seq"
    " BETWEEN ? AND ? UNION ALL SELECT min(seq) FROM old_tail WHERE seq BETWEEN ? AND ?)"
)
_decode = msgspec.msgpack.Decoder(tuple[list[int], list[int], list[bytes]]).decode


def migrate(
    raw: sqlite3.Connection, steps: dict[int, Callable[[sqlite3.Connection], None]] | None = None
) -> None:
    """Bring an older store up; one that was cut off goes on where it was."""
    known = _STEPS if steps is None else steps
    while (version := version_of(raw)) in known:
        known[version](raw)


def _to_2(raw: sqlite3.Connection) -> None:
    raw.executescript(f"BEGIN IMMEDIATE; {_ADD_SUMS}; PRAGMA user_version = 2; COMMIT")


def _to_3(raw: sqlite3.Connection) -> None:
    if not raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'old_tail'").fetchone():
        raw.executescript(f"BEGIN IMMEDIATE; {_SET_ASIDE} COMMIT")
    while _in_transaction(raw, _archive):
        pass
    _in_transaction(raw, _finish)


def _in_transaction(raw: sqlite3.Connection, work: Callable[[sqlite3.Connection], bool]) -> bool:
    raw.execute("BEGIN IMMEDIATE")
    try:
        more = work(raw)
        raw.execute("COMMIT")
    except BaseException:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raise
    return more


def _archive(raw: sqlite3.Connection) -> bool:
    """Make segments of some chunks of which all is acknowledged; tell whether there may be more."""
    chunks = raw.execute(_ARCHIVED, (_PIECE,)).fetchall()
    for chunk in chunks:
        points = [segments.Point(item.ts, item.value) for item in items_of_chunk(chunk)]
        segments.insert(raw, chunk[2], points, chunk[0])
    raw.executemany("DELETE FROM old_chunks WHERE last_seq = ?", [chunk[:1] for chunk in chunks])
    return len(chunks) == _PIECE


def _finish(raw: sqlite3.Connection) -> bool:
    """Make rows of the write log of what is left, in its order."""
    for (section,) in raw.execute("SELECT id FROM sections WHERE kind = 'series'").fetchall():
        for group in _windows(raw, *span(section)):
            write_log.insert(raw, map(write_log.pack, write_log.pieces(sorted(group))))
    for statement in (*_DROP.split(";"), "PRAGMA user_version = 3"):
        raw.execute(statement)
    return False


def _windows(raw: sqlite3.Connection, low: int, high: int) -> Iterator[list[Item]]:
    """Yield the points of a series, those of so many seqs at a time."""
    while (found := raw.execute(_NEXT, (low, high) * 2).fetchone()[0]) is not None:
        first = max(low, found - _SPAN)
        low = first + _SPAN
        tail = map(Item._make, raw.execute(_TAIL, (first, low - 1)).fetchall())
        chunks = raw.execute(_NEAR, (first, low - 1 + _SPAN)).fetchall()
        packed = itertools.chain.from_iterable(map(items_of_chunk, chunks))
        yield [*tail, *(item for item in packed if first <= item.seq < low)]


def items_of_chunk(chunk: tuple[Any, ...]) -> list[Item]:
    """Return the points of a chunk as version 2 wrote it, ascending by time.

    Raises:
        CorruptData: It is not what was written.
    """
    _, first_seq, name, ts_min, _, _, data = chunk
    body = data[4:]
    if zlib.crc32(body) != int.from_bytes(data[:4], "big"):
        raise CorruptData("chunk", f"the checksum of {len(data)} bytes of points is wrong")
    try:
        seqs, steps, values = _decode(body)
        stamps = itertools.accumulate(steps, initial=ts_min)
        return [
            Item(first_seq + seq, name, ts, value)
            for ts, seq, value in zip(stamps, seqs, values, strict=True)
        ]
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise CorruptData("chunk", f"{len(data)} bytes of points cannot be decoded") from error


def _to_4(raw: sqlite3.Connection) -> None:
    _in_transaction(raw, _sum_all)


def _sum_all(raw: sqlite3.Connection) -> bool:
    """Give a checksum to the labels, and to those rows that version 1 wrote."""
    for table in ("sections", "names"):
        raw.execute(f"ALTER TABLE {table} ADD COLUMN sum INTEGER")
    for table in ("sections", "names", "rows", "blobs"):
        fill(raw, table)
    raw.execute("PRAGMA user_version = 4")
    return False


_STEPS: Final[dict[int, Callable[[sqlite3.Connection], None]]] = {1: _to_2, 2: _to_3, 3: _to_4}
