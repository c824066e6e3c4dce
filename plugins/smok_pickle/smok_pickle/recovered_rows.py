"""Copies what is readable of a damaged store into a new one, row by row, and counts.

Nothing read here is trusted: a row has the columns of its table and passes the table's own check,
or it is counted and left in the file that was put aside. So is a row whose owner (a section, a
name) cannot be found: its number may not be given to somebody else.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from smok_core.errors import CorruptData
from smok_pickle.btree_reader import Pages, index_records, records_of_page, table_records
from smok_pickle.checksum import checksum
from smok_pickle.chunks import Chunk, Point, chunks_between, drop_point, store, unpack
from smok_pickle.queue import done_in
from smok_pickle.schema import SEQ_BITS
from smok_pickle.sections import span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Report", "copy_rows"]

_Row = tuple[Any, ...]


@dataclass
class Report:
    """How many rows of each table were saved, and how many stay in the file put aside."""

    saved: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)

    def text(self) -> str:
        """Give one line for people."""
        saved = ", ".join(f"{count} of {table}" for table, count in sorted(self.saved.items()))
        left = ", ".join(f"{count} of {table}" for table, count in sorted(self.left.items()))
        return f"saved rows: {saved or 'none'}; rows that could not be used: {left or 'none'}"


class _Owners(NamedTuple):
    kinds: dict[int, str]  #: of each section
    names: dict[int, int]  #: the section of each name


class _Kind(NamedTuple):
    """One table: the types of its columns behind the key, what makes a row sound, how to insert."""

    columns: str
    types: _Row
    sound: Callable[[_Row, _Owners], bool]
    doubles: str = "ON CONFLICT DO NOTHING"
    proved: Callable[[_Row], bool] = lambda _: False  # by a checksum over the row
    numbered_anew: bool = False


def copy_rows(pages: Pages, doubtful: Iterable[bytes], target: sqlite3.Connection) -> Report:
    """Copy all sound rows of ``pages``, and of ``doubtful`` pages those that a checksum proves."""
    report, owners = Report(), _Owners({}, {})
    target.execute("BEGIN")
    for tables in (("sections",), ("names",), _CONTENT):
        _copy(table_records(pages), tables, owners, target, report)
        _copy_labels(pages, tables, owners, target, report)
        _learn(target, owners)
    for page in doubtful:
        _copy(_proved(records_of_page(pages, page)), _CONTENT, owners, target, report)
    _drop_doubles(target)
    _count_again(target)
    target.execute("COMMIT")
    return report


def _copy(
    records: Iterable[tuple[int, list[Any]]], tables: tuple[str, ...], owners: _Owners,
    target: sqlite3.Connection, report: Report,
) -> None:  # fmt: skip
    for rowid, values in records:
        table = _table_of(values)
        if table not in tables:
            continue
        row = (rowid, *values[1:])
        if _KINDS[table].sound(row, owners):
            report.saved[table] += _insert(target, table, row)
        else:
            report.left[table] += 1


def _insert(target: sqlite3.Connection, table: str, row: _Row) -> int:
    kind = _KINDS[table]
    marks = ", ".join("?" * len(row))
    columns = ", ".join(kind.columns.split(", ")[: len(row)])
    if kind.numbered_anew:  # two states of one row may stand under one number
        columns, marks, row = columns.removeprefix("id, "), marks[3:], row[1:]
    query = f"INSERT INTO {table}({columns}) VALUES({marks}) {kind.doubles}"
    try:
        return max(target.execute(query, row).rowcount, 0)
    except (sqlite3.IntegrityError, OverflowError):
        return _merge(target, row) if table == "chunks" else 0


def _merge(target: sqlite3.Connection, row: _Row) -> int:
    """Two chunks begin at one time or end with one seq: of each point the later state counts."""
    new, name = Chunk._make(row), row[2]
    rivals = "DELETE FROM chunks WHERE name = ? AND (ts_min = ? OR last_seq = ?) RETURNING *"
    order = "last_seq, first_seq, name, ts_min, ts_max, points, data"
    old = target.execute(rivals.replace("*", order), (name, new.ts_min, new.last_seq)).fetchall()
    points = sorted(_points([new, *map(Chunk._make, old)]), key=lambda point: point.seq)
    latest = {point.ts: point for point in points}
    rest = list(chunks_between(target, name, min(latest), max(latest)))
    for point in _points(rest):
        if point.ts in latest and point.seq >= latest[point.ts].seq:
            del latest[point.ts]
        elif point.ts in latest:
            drop_point(target, name, point.ts)
    if latest:
        store(target, name, [latest[ts] for ts in sorted(latest)])
    return 1


def _table_of(values: list[Any]) -> str:
    """Give the table whose columns a record has; its key stands elsewhere and is NULL here."""
    if not values or values[0] is not None:
        return ""
    for table, kind in _KINDS.items():
        most = len(kind.types)
        least = most - kind.columns.endswith(", sum")  # rows from before the checksums
        if least < len(values) <= most + 1 and all(map(isinstance, values[1:], kind.types)):
            return table
    return ""


def _proved(records: Iterator[tuple[int, list[Any]]]) -> Iterator[tuple[int, list[Any]]]:
    for rowid, values in records:
        table = _table_of(values)
        if table and _KINDS[table].proved((rowid, *values[1:])):
            yield rowid, values


def _copy_labels(
    pages: Pages, tables: tuple[str, ...], owners: _Owners,
    target: sqlite3.Connection, report: Report,
) -> None:  # fmt: skip
    """The names of things stand in an index too; a lost count is counted again."""
    for values in index_records(pages) if tables in (("sections",), ("names",)) else ():
        label = (values[-1], *values[:-1]) if values else ()
        row = (*label, 0, 0, 0, 0, 0) if tables == ("sections",) else label
        fits = _fits(row, _KINDS[tables[0]].types)
        if fits and _KINDS[tables[0]].sound(row, owners):
            report.saved[tables[0]] += _insert(target, tables[0], row)


def _fits(row: _Row, types: _Row) -> bool:
    most = len(types) + 1
    return most - 1 <= len(row) <= most and all(map(isinstance, row, (int, *types)))


def _learn(target: sqlite3.Connection, owners: _Owners) -> None:
    owners.kinds.update(target.execute("SELECT id, kind FROM sections").fetchall())
    owners.names.update(target.execute("SELECT id, section FROM names").fetchall())


# --- what makes a row sound ----------------------------------------------------------------------

_MOST_SECTIONS: Final = 1 << 62 - SEQ_BITS


def _section_is_sound(row: _Row, _: _Owners) -> bool:
    number, _device, kind, _name, _epoch, last, settled = row[:7]
    if not 0 < number < _MOST_SECTIONS or kind not in ("table", "series", "blobs"):
        return False
    low, high = span(number)
    return all(mark == 0 or low <= mark < high for mark in (last, settled))


def _name_is_sound(row: _Row, owners: _Owners) -> bool:
    return int(row[0]) > 0 and owners.kinds.get(row[1]) == "series" and len(row[2]) > 0


def _row_is_sound(row: _Row, owners: _Owners) -> bool:
    if owners.kinds.get(row[1]) != "table" or row[5] not in (0, 1) or row[3] >> SEQ_BITS != row[1]:
        return False
    return _sum_of(row, 8) is None or _row_is_proved(row)


def _row_is_proved(row: _Row) -> bool:
    _, section, key, seq, stamp, pending, tag, value = row[:8]
    return _sum_of(row, 8) == checksum(value, section, key, seq, float(stamp), pending, tag)


def _blob_is_sound(row: _Row, owners: _Owners) -> bool:
    if owners.kinds.get(row[1]) != "blobs":
        return False
    return _sum_of(row, 5) is None or _blob_is_proved(row)


def _blob_is_proved(row: _Row) -> bool:
    return _sum_of(row, 5) == checksum(row[4], row[1], row[2], row[3])


def _sum_of(row: _Row, place: int) -> int | None:
    return row[place] if len(row) > place else None


def _tail_is_sound(row: _Row, owners: _Owners) -> bool:
    return int(row[0]) > 0 and owners.names.get(row[1]) == row[0] >> SEQ_BITS


def _chunk_is_sound(row: _Row, owners: _Owners) -> bool:
    return owners.names.get(row[2]) == int(row[0]) >> SEQ_BITS and _chunk_is_proved(row)


def _chunk_is_proved(row: _Row) -> bool:
    last, first, _, ts_min, ts_max, count, data = row
    try:
        points = unpack(data, first, ts_min)
    except CorruptData:
        return False
    seqs = [point.seq for point in points]
    times = [point.ts for point in points]
    whole = bool(points) and len(points) == count and (min(seqs), max(seqs)) == (first, last)
    return whole and times == sorted(set(times)) and (times[0], times[-1]) == (ts_min, ts_max)


def _done_is_sound(row: _Row, owners: _Owners) -> bool:
    return owners.kinds.get(row[0] >> SEQ_BITS) == "series"


_NUMBER: Final = (int, float)
_SUM: Final = (int, type(None))
_TEXT: Final = (str, type(None))
_KINDS: Final = {
    "sections": _Kind(
        "id, device, kind, name, epoch, last, settled, rows, pending, dropped",
        (str, str, str, int, int, int, int, int, int), _section_is_sound,
    ),
    "names": _Kind("id, section, name", (int, str), _name_is_sound),
    "rows": _Kind(
        "id, section, key, seq, stamp, pending, tag, value, sum",
        (int, str, int, _NUMBER, int, _TEXT, bytes, _SUM), _row_is_sound,
        # A stale page may hold an older state of the same key: the later one counts.
        "ON CONFLICT(section, key) DO UPDATE SET seq = excluded.seq, stamp = excluded.stamp,"
        " pending = excluded.pending, tag = excluded.tag, value = excluded.value,"
        " sum = excluded.sum WHERE excluded.seq > rows.seq",
        _row_is_proved, numbered_anew=True,
    ),
    "blobs": _Kind(
        "id, section, key, version, data, sum", (int, str, int, bytes, _SUM), _blob_is_sound,
        proved=_blob_is_proved, numbered_anew=True,
    ),
    "tail": _Kind("seq, name, ts, value", (int, int, bytes), _tail_is_sound),
    "chunks": _Kind(
        "last_seq, first_seq, name, ts_min, ts_max, points, data",
        (int, int, int, int, int, bytes), _chunk_is_sound,
        "", _chunk_is_proved,
    ),
    "done": _Kind("seq", (), _done_is_sound),
}  # fmt: skip
_CONTENT: Final = ("rows", "blobs", "tail", "chunks", "done")


# --- what stands twice, and the counts -----------------------------------------------------------


_OLD_BLOBS: Final = """DELETE FROM blobs WHERE version < (SELECT max(version) FROM blobs AS other
  WHERE other.section = blobs.section AND other.key = blobs.key)"""


def _drop_doubles(target: sqlite3.Connection) -> None:
    """A page from before a change may have come back: of two places of a point the later wins."""
    target.execute(_OLD_BLOBS)
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
