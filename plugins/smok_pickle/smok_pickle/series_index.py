"""What a process remembers of a series: the counts, the names, and the heads of the log's rows.

The memory is never trusted without a look: `SeriesIndex.sync` compares the series' ``epoch``, which
changes when rows of the log do, with what is stored, and reads the heads of the rows that other
processes added. So opening a store reads nothing, and the first use reads heads only.
"""

import bisect
import functools
import itertools
import operator
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from smok_core.engine.base import PendingPoint
from smok_core.errors import CorruptData
from smok_pickle import segments
from smok_pickle.checksum import label_sum, verify_label
from smok_pickle.connection import Connection
from smok_pickle.namespaces import Namespace
from smok_pickle.schema import span
from smok_pickle.segments import LAST, NEVER, Point
from smok_pickle.write_log import (
    MOST_BYTES,
    MOST_POINTS,
    LogRow,
    pack_columns,
    pack_one,
    packed_id,
    points_of,
    read,
)

UNSURE: Final = -1  #: an epoch of no connection: the memory may be wrong
_MANY: Final = 200_000  # names remembered at most

_LOOK: Final = (
    "SELECT epoch, last, settled, rows, pending, dropped,"
    " (SELECT max(seq) FROM tail WHERE seq BETWEEN ? AND ?) FROM sections WHERE id = ?"
)
_HEADS: Final = (
    "SELECT seq, names, last, ts_min, ts_max, points, length(data) FROM tail"
    " WHERE seq BETWEEN ? AND ? ORDER BY seq"
)
_FIND: Final = "SELECT id, sum FROM names WHERE section = ? AND name = ?"
_ADD: Final = "INSERT INTO names(section, name) VALUES(?, ?)"
_SUM: Final = "UPDATE names SET sum = ? WHERE id = ?"
_SAVE: Final = (
    "UPDATE sections SET epoch = ?, last = ?, settled = ?, rows = ?, pending = ?, dropped = ?"
    " WHERE id = ?"
)
#: Moves the mark of the queue, if nobody has changed the counts since they were read, or put in
#: other contents that have the same.
ADVANCE: Final = (
    "UPDATE sections SET last = ?, settled = ?, rows = ?, pending = ?"
    " WHERE id = ? AND epoch = ? AND last = ? AND settled = ? AND pending = ?"
    " AND EXISTS (SELECT 1 FROM tail WHERE seq = ? AND ts_max = ?)"
)


class Head(NamedTuple):
    """What is remembered of a row of the log: nothing in it lies outside of these."""

    last: int
    ts_min: int
    ts_max: int
    points: int
    size: int  #: bytes of its points
    names: int | bytes  #: as in the row


NO_ROW: Final = 0, Head(0, 0, 0, 0, 0, 0)  #: a key and a head that no row has


class Entry:
    """One name: its id, and no less than its greatest timestamp.

    ``bound`` is raised before a point is written, so a write that fails leaves it too high, and so
    do rows that were not read. That only costs the next point a look at what is stored.
    """

    __slots__ = ("bound", "exact", "id")

    def __init__(self, number: int, bound: int) -> None:
        self.id, self.bound, self.exact = number, bound, False

    def raise_to(self, bound: int) -> None:
        """Allow for points of others up to ``bound``."""
        if bound > self.bound:
            self.bound, self.exact = bound, False


class SeriesIndex:
    """The memory of one series; use it under the connection's lock only."""

    def __init__(self, connection: Connection, device: str, name: str) -> None:
        self._connection = connection
        self.namespace = Namespace(connection, device, "series", name)
        self.id: int | None = None
        self.connection_epoch = UNSURE
        self._seen = self.changes = UNSURE  # the file's version, and our own changes to it
        connection.memories.add(self)
        self.epoch = self.last = self.acknowledged = self.stored_then = self.pending_then = 0
        self.dropped = 0
        self._forget()

    def _forget(self) -> None:
        self.by_name, self._texts = dict[str, Entry](), dict[int, str]()
        self.rows = dict[int, Head | LogRow]()  # by key, ascending
        self.top, self.small, self._newest = 0, 0, NEVER
        self._oldest, self._oldest_to = LAST, -1  # no later than any point of rows up to this key
        self.offered = list[PendingPoint]()  # the head of the queue, as it was read last

    @property
    def pending(self) -> int:
        """How many points are pending, those included that were appended since the last `save`."""
        return self.pending_then + self.top - self.last

    @property
    def stored(self) -> int:
        """How many points are stored."""
        return self.stored_then + self.top - self.last

    # --- in step with the file -------------------------------------------------------------------

    def sync(self, raw: sqlite3.Connection) -> bool:
        """Make the memory true for the running transaction; tell whether the series exists."""
        if self.is_true(raw):
            return True
        if self.connection_epoch != self._connection.connection_epoch:
            self._forget()
            self.connection_epoch, self.epoch = self._connection.connection_epoch, -1
        self.id = self.namespace.find(raw)
        row = raw.execute(_LOOK, (*span(self.id), self.id)).fetchone()
        if row is None:
            return False
        before = self.acknowledged, self.pending_then - self.last
        if set(map(type, row[:6])) != {int}:
            raise CorruptData("sections", "a count is no number")
        epoch, self.last, mark, self.stored_then, self.pending_then, self.dropped, newest = row
        if epoch != self.epoch:
            self._forget()
            self.epoch = epoch
        self.acknowledged = mark
        if (mark, self.pending_then - self.last) != before:  # another one has acknowledged
            self.offered = []
        self.top = max(self.top, self.last)
        if newest is not None and newest not in self.rows:
            whole = not self.rows
            self._read_heads(raw, next(reversed(self.rows), span(self.id)[0]) + 1)
            if whole:
                self._compare_counts(raw)
        self._seen, self.changes = self._connection.version, raw.total_changes
        return True

    def is_true(self, raw: sqlite3.Connection) -> bool:
        """Tell whether neither another process nor this one has changed the file since `sync`.

        What this process wrote by itself to the series it may add to `changes`.
        """
        seen = self.connection_epoch, self._seen, self.changes
        connection = self._connection
        return seen == (connection.connection_epoch, connection.version, raw.total_changes)

    def _compare_counts(self, raw: sqlite3.Connection) -> None:
        """Raise if the pending points that were counted cannot be those that the log has."""
        mark = self.acknowledged
        behind = sum(head.points for key, head in self.rows.items() if key > mark)
        cut = sum(head.points for key, head in self.rows.items() if key <= mark < head.last)
        query = "SELECT count(*) FROM done WHERE seq BETWEEN ? AND ?"
        gone = raw.execute(query, (mark + 1, span(self.id)[1])).fetchone()[0]
        if not behind <= self.pending + gone <= behind + cut:
            raise CorruptData("tail", f"{self.pending} pending points were counted, not {behind}")

    def _read_heads(self, raw: sqlite3.Connection, first: int) -> None:
        end = first - 1
        for key, *columns in raw.execute(_HEADS, (first, span(self.id)[1])):
            head = _checked_head(key, columns, end)
            self._note(key, head)
            self._newest, end = max(self._newest, head.ts_max), head.last
        for entry in self.by_name.values():
            entry.raise_to(self._newest)

    def note(self, row: LogRow) -> None:
        """Remember a row that was added to the log; a signal handler may have read it already."""
        if row.seq not in self.rows:
            kept = row.points == 1 and len(row.data) <= _KEPT
            self._note(row.seq, row if kept else head_of(row))

    def _note(self, key: int, head: Head | LogRow) -> None:
        self.rows[key] = head
        self.top = max(self.top, head.last)
        self.small += head.points <= _SMALL

    def note_change(self, key: int, row: LogRow | None) -> None:
        """Remember what became of a row: it lost points or took those of others, or is gone."""
        self.small -= self.rows[key].points <= _SMALL
        if row is None:
            del self.rows[key]
        else:
            self.rows[key] = head_of(row)
            self.small += row.points <= _SMALL

    def note_merged(self, first: int, rest: Sequence[int], row: LogRow) -> None:
        """Remember a row that has taken the place of several, and the key of the first."""
        self.note_change(first, row)
        self.small -= sum(self.rows.pop(key).points <= _SMALL for key in rest)

    def save(self, raw: sqlite3.Connection, *, rows_changed: bool = False) -> None:
        """Store the counts; ``rows_changed`` tells other processes to read the heads again."""
        self.stored_then, self.pending_then, self.last = self.stored, self.pending, self.top
        if rows_changed:
            self._oldest, self._oldest_to = LAST, -1
            self.epoch += 1
        counts = (self.stored_then, self.pending_then, self.dropped)
        raw.execute(_SAVE, (self.epoch, self.last, self.acknowledged, *counts, self.id))

    def advance(self, seqs: Sequence[int]) -> tuple[Any, ...] | None:
        """Return the values for `ADVANCE` to acknowledge ascending seqs.

        None: they are not known to be the first in the queue, without a gap.
        """
        count, first, offered = len(seqs), self.acknowledged + 1, self.offered
        if not 0 < count <= len(offered) or seqs[0] != first:
            return None
        if not seqs[-1] == offered[count - 1].seq == first + count - 1:
            return None
        key, newest = next(reversed(self.rows.items()), NO_ROW)
        new = self.top - self.last
        counts = self.top, seqs[-1], self.stored_then + new, self.pending_then + new - count
        known = self.id, self.epoch, self.last, self.acknowledged, self.pending_then
        return *counts, *known, key, newest.ts_max

    def advanced(self, count: int, *values: Any) -> None:
        """Remember that ``count`` points were acknowledged with these values."""
        self.last, self.acknowledged, self.stored_then, self.pending_then = values[:4]
        self.changes += 1
        del self.offered[:count]

    def kept_after(self, seq: int, most: int) -> list[PendingPoint]:
        """Return the points behind a pending one whose rows this process wrote and remembers whole.

        They are at most so many; none if a row, a name or a point between them is not remembered.
        """
        if self.pending != self.top - self.acknowledged:
            return []
        keys, texts = list(self.rows), self._texts
        start = bisect.bisect_right(keys, seq)
        rows: list[Any] = list(map(self.rows.get, keys[start : start + most]))
        if set(map(type, rows)) != {LogRow} or rows[0].seq != seq + 1:
            return []
        if not texts.keys() >= {row[2] for row in rows}:
            return []
        return [
            _pending((last, texts[name], ts, data)) for _, last, name, ts, _, _, data, _ in rows
        ]

    # --- names -----------------------------------------------------------------------------------

    def entry(self, raw: sqlite3.Connection, name: str) -> Entry | None:
        """Return the entry of a name, or None if the name has no point."""
        found = self.by_name.get(name)
        if found is not None:
            return found
        row = raw.execute(_FIND, (self.id, name)).fetchone()
        if row is None:
            return None
        verify_label(row[1], row[0], self.id, name)
        return self._learn(raw, name, row[0])

    def make(self, raw: sqlite3.Connection, name: str) -> Entry:
        """Return the entry of a name; the name is stored in the running transaction if need be."""
        found = self.entry(raw, name)
        if found is None:
            added = raw.execute(_ADD, (self.id, name)).lastrowid
            assert added is not None
            raw.execute(_SUM, (label_sum(added, self.id, name), added))
            found = self._learn(raw, name, added)
        return found

    def _learn(self, raw: sqlite3.Connection, name: str, number: int) -> Entry:
        if len(self.by_name) >= _MANY:
            self.by_name.clear()
            self._texts.clear()
            self._newest = max((head.ts_max for head in self.rows.values()), default=NEVER)
        self._texts[number] = name
        newest = segments.newest(raw, number)
        bound = self._newest if newest is None else max(self._newest, newest)
        return self.by_name.setdefault(name, Entry(number, bound))

    def texts(self, raw: sqlite3.Connection, numbers: set[int]) -> dict[int, str]:
        """Return the names that have these ids, and perhaps others."""
        if len(self._texts) >= _MANY:
            self._texts.clear()
        for number in numbers.difference(self._texts):
            query = "SELECT section, name, sum FROM names WHERE id = ?"
            row = raw.execute(query, (number,)).fetchone()
            if row is None:
                raise CorruptData("names", "points are stored under a name that is lost")
            verify_label(row[2], number, *row[:2])
            self._texts[number] = row[1]
        return self._texts

    # --- rows ------------------------------------------------------------------------------------

    def row_with(self, seq: int) -> int:
        """Return the key of the row that a point with this seq would be in."""
        keys = list(self.rows)
        return keys[max(bisect.bisect_right(keys, seq) - 1, 0)] if keys else seq

    def _heads_of(self, name: int) -> Iterator[tuple[int, Head | LogRow]]:
        """Yield the rows that may hold a name, the last one first."""
        for key, head in reversed(self.rows.items()):
            if _may_hold(head.names, name):
                yield key, head

    def rows_at(self, name: int, stamps: Sequence[int]) -> list[int]:
        """Return the keys of the rows that may have a point at one of the ascending stamps."""
        found = list[int]()
        for key, head in self._heads_of(name):
            at = bisect.bisect_left(stamps, head.ts_min)
            if at < len(stamps) and stamps[at] <= head.ts_max:
                found.append(key)
        return found

    def parts(
        self, raw: sqlite3.Connection, name: int, low: int, high: int
    ) -> list[tuple[int, Callable[[], list[Point]]]]:
        """Return what reads the points of a name in each row between two times, in order."""
        if high < self._start():
            return []
        here = [
            (head.ts_min, key, head.names)
            for key, head in self.rows.items()
            if head.ts_min <= high and head.ts_max >= low
        ]
        return [
            (begins, functools.partial(_points_in, raw, key, name))
            for begins, key, names in sorted(here, key=operator.itemgetter(0))
            if _may_hold(names, name)
        ]

    def _start(self) -> int:
        """Return a time before which no row has a point; most of the archive is before it."""
        last = next(reversed(self.rows), -1)
        if last != self._oldest_to:
            fresh = itertools.takewhile(lambda key: key > self._oldest_to, reversed(self.rows))
            self._oldest = min([self._oldest, *[self.rows[key].ts_min for key in fresh]])
            self._oldest_to = last
        return self._oldest

    def latest(self, raw: sqlite3.Connection, name: int) -> Point | None:
        """Return the point of a name that has the greatest timestamp, or None if there is none."""
        found = segments.at(raw, name, LAST)
        best = found.within(found.ts_max, LAST, 1) if found else []
        for key, head in self._heads_of(name):
            if not best or head.ts_max > best[0][0]:
                best = sorted([*best, *_points_in(raw, key, name)])[-1:]
        return _point(best[0]) if best else None

    def tighten(self, raw: sqlite3.Connection, entry: Entry) -> None:
        """Make the bound of a name its greatest timestamp."""
        newest = self.latest(raw, entry.id)
        entry.bound, entry.exact = newest.ts if newest else NEVER, True

    def row_of(self, points: Sequence[tuple[str, int, bytes]]) -> LogRow | None:
        """Make the row of points that are simply newer than all of their names; None: they are not.

        It is the usual case, and decides how fast a device can record.
        """
        if len(points) != 1:
            rows = self.rows_of(points) if len(points) <= MOST_POINTS else None
            return rows[0] if rows else None
        name, ts, value = points[0]
        entry = self.by_name.get(name)
        if entry is None or ts <= entry.bound:
            return None
        entry.bound = ts
        return pack_one(self.top + 1, entry.id, ts, value)

    def rows_of(self, points: Sequence[tuple[str, int, bytes]]) -> list[LogRow] | None:
        """Do the same with any number of points."""
        if not points:
            return None
        names, stamps, values = (list(map(each, points)) for each in _FIELDS)
        cuts = [slice(at, at + MOST_POINTS) for at in range(0, len(names), MOST_POINTS)]
        entries: list[Any] = list(map(self.by_name.get, names))
        if any(sum(map(len, values[cut])) > MOST_BYTES for cut in cuts):
            return None
        if not _are_newer(entries, stamps):
            return None
        ids, seqs = list(map(_id_of, entries)), range(self.top + 1, self.top + 1 + len(names))
        return [pack_columns(seqs[cut], ids[cut], stamps[cut], values[cut]) for cut in cuts]


def _checked_head(key: int, columns: Sequence[Any], end: int) -> Head:
    """Make the head of a row; raises CorruptData if it is none, or not behind the one before."""
    names, *numbers = columns
    if type(names) not in (int, bytes) or any(type(number) is not int for number in numbers):
        raise CorruptData("tail", "the head of a row is damaged")
    if not end < key <= numbers[0]:
        raise CorruptData("tail", "the rows of the log are in disorder")
    return Head._make((*numbers, names))


def _may_hold(names: int | bytes, name: int) -> bool:
    """Tell whether a row with these names may have a point of one."""
    return names == name if isinstance(names, int) else packed_id(name) in names


def head_of(row: LogRow) -> Head:
    """Return what is remembered of a row."""
    return Head(row.last, row.ts_min, row.ts_max, row.points, row.size, row.names)


_KEPT: Final = 64  # bytes of a single point that is remembered until it is merged
_SMALL: Final = 64  # points of a row that had better be merged with others
_point: Final = functools.partial(tuple.__new__, Point)  # without a call of Python for each
_pending: Final = functools.partial(tuple.__new__, PendingPoint)
_id_of = operator.attrgetter("id")
#: Take a column out of points; `zip` would make an object for each, and wake the garbage collector.
_FIELDS: Final = tuple(map(operator.itemgetter, range(3)))


def _are_newer(entries: Sequence[Entry | None], stamps: Sequence[int]) -> bool:
    """Tell whether each point is newer than all before it; the bounds are raised to them."""
    if None in entries:
        return False
    for entry, ts in zip(entries, stamps, strict=True):
        if ts <= entry.bound:  # type: ignore[union-attr]
            return False
        entry.bound = ts  # type: ignore[union-attr]
    return True


def _points_in(raw: sqlite3.Connection, key: int, name: int) -> list[Point]:
    """Return the points of a name in a row of the log."""
    rows = read(raw, key, key)
    return [_point(pair) for row in rows for pair in points_of(row, name)]
