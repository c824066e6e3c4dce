"""Copies what is readable of a damaged store into a new one, row by row, and counts.

Nothing read here is trusted: a row has the columns of its table and passes the table's own check,
or it is counted and left in the file that was put aside. So is a row whose owner (a section, a
name) cannot be found: its number may not be given to somebody else.

The points of the write log are gathered one by one, because a page may hold an older state of them,
and so are those of version 2. A place in the queue tells which state is the later one; in a segment
that is the highest place that any of its points had.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from smok_core.errors import CorruptData
from smok_pickle import segments, write_log
from smok_pickle.btree_reader import Pages, index_records, records_of_page, table_records
from smok_pickle.checksum import checksum, fill, label_sum
from smok_pickle.migration import items_of_chunk
from smok_pickle.schema import SEQ_BITS, span
from smok_pickle.segments import LAST, Segment
from smok_pickle.write_log import Item, LogRow, done_in

_Row = tuple[Any, ...]


@dataclass
class Report:
    """How many rows of each table were saved, and how many stay in the file put aside."""

    saved: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)

    def text(self) -> str:
        """Return one line for people."""
        saved = ", ".join(f"{count} of {table}" for table, count in sorted(self.saved.items()))
        left = ", ".join(f"{count} of {table}" for table, count in sorted(self.left.items()))
        return f"saved rows: {saved or 'none'}; rows that could not be used: {left or 'none'}"


#: The version from which on each row has a checksum.
_ALL_SUMMED: Final = 4


class _Owners(NamedTuple):
    kinds: dict[int, str]  #: of each section
    names: dict[int, int]  #: the section of each name
    unsummed: bool  #: rows may be without checksum: version 1 wrote none


class _Kind(NamedTuple):
    """One table: the types of its columns behind the key, what makes a row sound, how to insert."""

    columns: str
    types: _Row
    sound: Callable[[_Row, _Owners], bool]
    doubles: str = "ON CONFLICT DO NOTHING"
    proved: Callable[[_Row], bool] = lambda _: False  # by a checksum over the row
    numbered_anew: bool = False
    optional: int = 0  # columns at the end that rows of older versions lack
    label: int = 0  # columns, the id included, that tell what the id stands for
    items: Callable[[_Row], list[Item]] | None = None  # what a row of points holds


def copy_rows(pages: Pages, doubtful: Iterable[bytes], target: sqlite3.Connection) -> Report:
    """Copy all sound rows of ``pages``, and of ``doubtful`` pages those that a checksum proves."""
    report, owners = Report(), _Owners({}, {}, (pages.version or _ALL_SUMMED) < _ALL_SUMMED)
    target.execute(_FOUND)
    target.execute("BEGIN")
    for table in ("sections", "names"):
        _copy_labels(pages, table, owners, target, report)
        _learn(target, owners)
    _copy(table_records(pages), _CONTENT, owners, target, report)
    for page in doubtful:
        _copy(_proved(records_of_page(pages, page)), _CONTENT, owners, target, report)
    target.execute(_OLD_BLOBS)
    _drop_doubles(target)
    for table in ("rows", "blobs"):
        fill(target, table)
    _count_again(target)
    target.execute("COMMIT")
    target.execute("DROP TABLE found")
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
        kind, count = _KINDS[table], 0
        if kind.items is not None:
            count = _gather(target, kind.items, row, owners)
        elif kind.sound(row, owners):
            count = _insert(target, table, row)
        if count or kind.sound(row, owners):
            report.saved[table] += count
        else:
            report.left[table] += 1


def _gather(
    target: sqlite3.Connection, items_of: Callable[[_Row], list[Item]], row: _Row, owners: _Owners
) -> int:
    """Keep those points of a row whose name is known, the latest of each time; tell if all are."""
    try:
        items = items_of(row)
    except CorruptData:
        return 0
    known = [item for item in items if owners.names.get(item.name) == item.seq >> SEQ_BITS]
    target.executemany(_KEEP, known)
    return int(len(known) == len(items))


def _insert(target: sqlite3.Connection, table: str, row: _Row) -> int:
    kind = _KINDS[table]
    if table == "segments":
        return _add_segment(target, row)
    marks = ", ".join("?" * len(row))
    columns = ", ".join(kind.columns.split(", ")[: len(row)])
    if kind.numbered_anew:  # two states of one row may stand under one number
        columns, marks, row = columns.removeprefix("id, "), marks[3:], row[1:]
    query = f"INSERT INTO {table}({columns}) VALUES({marks}) {kind.doubles}"
    try:
        return max(target.execute(query, row).rowcount, 0)
    except (sqlite3.IntegrityError, OverflowError):
        return 0


def _add_segment(target: sqlite3.Connection, row: _Row) -> int:
    """Store a segment; where others hold points of the same times, the later state counts."""
    new = Segment._make(row[1:])
    rivals = list(segments.between(target, new.name, new.ts_min, new.ts_max))
    points = dict[int, segments.Point]()
    for one in sorted([new, *rivals], key=lambda one: one.last):
        points.update((point.ts, point) for point in one.unpacked())
    for one in rivals:
        segments.delete(target, one)
    last = max(one.last for one in [new, *rivals])
    segments.insert(target, new.name, [points[ts] for ts in sorted(points)], last)
    return 1


def _table_of(values: list[Any]) -> str:
    """Return the table whose columns a record has; its key stands elsewhere and is NULL here."""
    if not values or values[0] is not None:
        return ""
    for table, kind in _KINDS.items():
        most = len(kind.types)
        least = most - kind.optional
        if least < len(values) <= most + 1 and all(map(isinstance, values[1:], kind.types)):
            return table
    return ""


def _proved(records: Iterator[tuple[int, list[Any]]]) -> Iterator[tuple[int, list[Any]]]:
    for rowid, values in records:
        table = _table_of(values)
        if table and _KINDS[table].proved((rowid, *values[1:])):
            yield rowid, values


def _copy_labels(
    pages: Pages, table: str, owners: _Owners, target: sqlite3.Connection, report: Report
) -> None:
    """Copy the ids of things: what one stands for is said by its row, by a checksum and an index.

    Two of the three must agree, where they are there; a row whose owner is in doubt stays aside.
    """
    kind, listed = _KINDS[table], _listed(pages, table)
    rows = [
        (rowid, *values[1:]) for rowid, values in table_records(pages) if _table_of(values) == table
    ]
    for row in sorted(rows, key=kind.proved, reverse=True):
        label = row[: kind.label]
        right = label if _is_label_sound(row, kind) or label in listed else None
        for other in () if right else listed:
            right = other if other[0] == row[0] and label_sum(*other) == row[-1] else right
        saved = right and kind.sound((*right, *row[kind.label :]), owners)
        (report.saved if saved else report.left)[table] += 1
        if right and saved:
            _insert(target, table, (*right, *row[kind.label :]))
    known = {row[0] for row in rows}
    for label in listed:
        row = (*label, *(0,) * (len(kind.types) - kind.label))
        if label[0] not in known and kind.sound(row, owners):
            report.saved[table] += _insert(target, table, row)
    target.execute(f"UPDATE {table} SET sum = NULL")  # noqa: S608 - fixed words
    fill(target, table)


def _listed(pages: Pages, table: str) -> set[_Row]:
    """Return the ids and what they stand for as the index of the table has them."""
    kind = _KINDS[table]
    types = (int, *kind.types[: kind.label - 1])
    labels = ((values[-1], *values[:-1]) for values in index_records(pages) if values)
    return {
        label for label in labels if len(label) == len(types) and all(map(isinstance, label, types))
    }


def _is_label_sound(row: _Row, kind: _Kind) -> bool:
    return _sum_of(row, len(kind.types)) is None or kind.proved(row)


def _label_is_proved(columns: int) -> Callable[[_Row], bool]:
    return lambda row: len(row) > columns and row[-1] == label_sum(*row[:columns])


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
    return _row_is_proved(row) or (owners.unsummed and _sum_of(row, 8) is None)


def _row_is_proved(row: _Row) -> bool:
    _, section, key, seq, stamp, pending, tag, value = row[:8]
    return _sum_of(row, 8) == checksum(value, section, key, seq, float(stamp), pending, tag)


def _blob_is_sound(row: _Row, owners: _Owners) -> bool:
    if owners.kinds.get(row[1]) != "blobs":
        return False
    return _blob_is_proved(row) or (owners.unsummed and _sum_of(row, 5) is None)


def _blob_is_proved(row: _Row) -> bool:
    return _sum_of(row, 5) == checksum(row[4], row[1], row[2], row[3])


def _sum_of(row: _Row, place: int) -> int | None:
    return row[place] if len(row) > place else None


def _items_are_sound(_: _Row, __: _Owners) -> bool:
    return False  # unless all of its points were kept


def _items_of_row(row: _Row) -> list[Item]:
    return write_log.unpack(LogRow._make(row))


def _row_of_points_is_proved(row: _Row) -> bool:
    try:
        return bool(_items_of_row(row))
    except CorruptData:
        return False


def _items_of_old_row(row: _Row) -> list[Item]:
    return [Item._make(row)] if row[0] > 0 else []


def _chunk_is_proved(row: _Row) -> bool:
    try:
        return bool(items_of_chunk(row))
    except CorruptData:
        return False


def _segment_is_sound(row: _Row, owners: _Owners) -> bool:
    return owners.names.get(row[1]) == int(row[2]) >> SEQ_BITS and _segment_is_proved(row)


def _segment_is_proved(row: _Row) -> bool:
    try:
        stamps = [point.ts for point in Segment._make(row[1:]).unpacked()]
    except CorruptData:
        return False
    return stamps == sorted(set(stamps)) and (stamps[0], stamps[-1]) == row[3:5]


def _done_is_sound(row: _Row, owners: _Owners) -> bool:
    return owners.kinds.get(row[0] >> SEQ_BITS) == "series"


_NUMBER: Final = (int, float)
_SUM: Final = (int, type(None))
_TEXT: Final = (str, type(None))
_KINDS: Final = {
    "sections": _Kind(
        "id, device, kind, name, epoch, last, settled, rows, pending, dropped, sum",
        (str, str, str, int, int, int, int, int, int, _SUM), _section_is_sound,
        proved=_label_is_proved(4), optional=1, label=4,
    ),
    "names": _Kind(
        "id, section, name, sum", (int, str, _SUM), _name_is_sound,
        proved=_label_is_proved(3), optional=1, label=3,
    ),
    "rows": _Kind(
        "id, section, key, seq, stamp, pending, tag, value, sum",
        (int, str, int, _NUMBER, int, _TEXT, bytes, _SUM), _row_is_sound,
        # A stale page may hold an older state of the same key: the later one counts.
        "ON CONFLICT(section, key) DO UPDATE SET seq = excluded.seq, stamp = excluded.stamp,"
        " pending = excluded.pending, tag = excluded.tag, value = excluded.value,"
        " sum = excluded.sum WHERE excluded.seq > rows.seq",
        _row_is_proved, numbered_anew=True, optional=1,
    ),
    "blobs": _Kind(
        "id, section, key, version, data, sum", (int, str, int, bytes, _SUM), _blob_is_sound,
        proved=_blob_is_proved, numbered_anew=True, optional=1,
    ),
    "tail": _Kind(
        write_log.COLUMNS, (int, (int, bytes), int, int, int, bytes, int), _items_are_sound,
        proved=_row_of_points_is_proved, items=_items_of_row,
    ),
    "segments": _Kind(
        "id, " + segments.COLUMNS, (int, int, int, int, bytes, int, int), _segment_is_sound,
        proved=_segment_is_proved,
    ),
    "old_tail": _Kind(
        "seq, name, ts, value", (int, int, bytes), _items_are_sound, items=_items_of_old_row
    ),
    "old_chunks": _Kind(
        "last_seq, first_seq, name, ts_min, ts_max, points, data",
        (int, int, int, int, int, bytes), _items_are_sound,
        proved=_chunk_is_proved, items=items_of_chunk,
    ),
    "done": _Kind("seq", (), _done_is_sound),
}  # fmt: skip
_CONTENT: Final = ("rows", "blobs", "tail", "segments", "old_tail", "old_chunks", "done")


# --- what stands twice, and the counts -----------------------------------------------------------


_OLD_BLOBS: Final = """DELETE FROM blobs WHERE version < (SELECT max(version) FROM blobs AS other
  WHERE other.section = blobs.section AND other.key = blobs.key)"""


_FOUND: Final = """CREATE TEMP TABLE found(seq INTEGER NOT NULL, name INTEGER NOT NULL,
  ts INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY(name, ts)) WITHOUT ROWID"""
_KEEP: Final = """INSERT INTO found(seq, name, ts, value) VALUES(?, ?, ?, ?)
  ON CONFLICT(name, ts) DO UPDATE SET seq = excluded.seq, value = excluded.value
  WHERE excluded.seq > found.seq"""


def _drop_doubles(target: sqlite3.Connection) -> None:
    """A point that stands in the log and in a segment: the later state of it counts."""
    doubtful = """SELECT name, ts, seq FROM found WHERE ts <=
      (SELECT max(ts_max) FROM segments WHERE segments.name = found.name) ORDER BY name, ts"""
    home: Segment | None = None
    for name, ts, seq in target.execute(doubtful).fetchall():
        if home is None or home.name != name or home.ts_max < ts:
            home = segments.at(target, name, ts)
            stamps = {point.ts for point in home.unpacked()} if home else set[int]()
        if home is None or ts not in stamps:
            continue
        if seq > home.last:
            segments.take_out(target, name, [ts])
        else:
            target.execute("DELETE FROM found WHERE name = ? AND ts = ?", (name, ts))


def _count_again(target: sqlite3.Connection) -> None:
    """Counts are not trusted: they are made anew from what was saved."""
    sections = target.execute("SELECT id, kind, settled, last, pending FROM sections").fetchall()
    for section, kind, settled, last, counted in sections:
        low, high = span(section)
        known = {"low": low, "high": high, "section": section}
        if kind == "table":
            target.execute(_COUNT_ROWS, known)
        elif kind == "series":
            mark = min(max(settled, low), high, _mark_before(target, low, last, counted))
            count, pending, top = _write_log(target, low, high, mark)
            target.execute(
                _COUNT_POINTS,
                {**known, "settled": mark, "pending": pending, "count": count, "top": top},
            )


def _mark_before(target: sqlite3.Connection, low: int, last: int, pending: int) -> int:
    """Return the mark that leaves as many points pending as were counted; the lower one is right.

    Points that are offered again are no loss; those behind a mark that is too high would be.
    """
    query = (
        "SELECT seq FROM found WHERE seq BETWEEN ? AND ? AND seq NOT IN (SELECT seq FROM done)"
        " ORDER BY seq DESC LIMIT 1 OFFSET ?"
    )
    first = target.execute(query, (low, last, max(pending - 1, 0))).fetchone() if pending else None
    return int(first[0]) - 1 if first else LAST


def _write_log(target: sqlite3.Connection, low: int, high: int, mark: int) -> tuple[int, int, int]:
    """Write the log of a series anew; give its points, the pending ones, and the highest seq."""
    query = "SELECT seq, name, ts, value FROM found WHERE seq BETWEEN ? AND ? ORDER BY seq"
    done, found = done_in(target, mark, high), target.execute(query, (low, high))
    count, pending, top = 0, 0, low
    while items := [item for item in map(Item._make, found.fetchmany(1000)) if item.seq > top]:
        write_log.insert(target, map(write_log.pack, write_log.pieces(items)))
        count, top = count + len(items), items[-1].seq
        pending += sum(item.seq > mark and item.seq not in done for item in items)
    return count, pending, top


#: Seqs that were lost with their rows must not be given again: hence the gap above the highest.
_COUNT_ROWS: Final = """UPDATE sections SET (rows, pending, last) =
  (SELECT count(*), coalesce(sum(pending), 0),
    1048576 + max(coalesce(max(seq), :low), sections.last)
  FROM rows WHERE section = :section) WHERE id = :section"""
_COUNT_POINTS: Final = """UPDATE sections SET settled = :settled, pending = :pending,
  rows = :count + (SELECT coalesce(sum(points), 0) FROM segments
    JOIN names ON names.id = segments.name WHERE section = :section),
  last = 1048576 + max(last, :settled, :top,
    (SELECT coalesce(max(segments.last), 0) FROM segments JOIN names ON names.id = segments.name
     WHERE section = :section))
  WHERE id = :section"""
