"""`Series` on SQLite: points arrive in a plain table and are packed by name and time later.

A single point that is newer than all of its name, the usual case, is one INSERT. It is bound to
the epoch and to the next seq this process knows, so it changes nothing if another process was
faster; then, and for everything unusual, the same is done the long way in a transaction.
"""

from __future__ import annotations

import contextlib
import heapq
import operator
from typing import TYPE_CHECKING, Any, Final

from smok_core.engine.base import Limits, OnFull, PendingPoint, Series, SeriesStats
from smok_core.errors import QueueFull, StoreError
from smok_pickle import queue
from smok_pickle.chunks import Point, chunks_between, drop_point, insert, pack, pack_columns, store
from smok_pickle.dense import Columns, columns_of
from smok_pickle.lines import LAST, NEVER, Line, Lines
from smok_pickle.trim import Trimmed, fold, has_old_tail, old_names, trim

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from smok_pickle.connection import Connection

__all__ = ["SqliteSeries"]

_QUICK: Final = (
    "INSERT OR IGNORE INTO tail(seq, name, ts, value)"
    " SELECT ?, ?, ?, ? FROM sections WHERE id = ? AND epoch = ?"
)
_INSERT: Final = "INSERT INTO tail(seq, name, ts, value) VALUES(?, ?, ?, ?)"
_VALUE: Final = "SELECT value FROM tail WHERE seq = ?"
_PAGE: Final = 1000
_FOLD_ROWS: Final = 2048
_FOLD_BYTES: Final = 4 * 2**20
_DENSE: Final = 8  # points per name that make a chunk worth while at once

_Given = tuple[str, int, bytes]
_Groups = dict[str, list[tuple[int, int, bytes]]]  # by name: (ts, seq, value)


class SqliteSeries(Series):
    """Every method is one transaction; `range` and `names` are one per page."""

    def __init__(self, connection: Connection, device: str, name: str) -> None:
        self._connection, self.limits = connection, Limits()
        self._lines = Lines(connection, device, name)

    def detach(self, closed: Any) -> None:
        """Use ``closed`` from now on, which raises `StoreClosed` for every call."""
        self._connection = closed

    # --- appending -------------------------------------------------------------------------------

    def append(self, points: Sequence[_Given]) -> None:
        with self._connection.lock:
            self._connection.raw()
            if len(points) != 1 or not self._append_quickly(*points[0]):
                self._connection.write(lambda raw: self._append(raw, points))
            elif self._fold_is_due():
                self._fold_later()

    def _append_quickly(self, name: str, ts: int, value: bytes) -> bool:
        """Add a point in one statement; False if that is not possible, nothing has changed then."""
        lines, cap = self._lines, self.limits.max_pending
        line = lines.by_name.get(name)
        if (
            line is None
            or ts <= line.top
            or lines.connection_epoch != self._connection.connection_epoch
        ):
            return False
        if cap is not None and lines.waiting >= cap:
            return False
        seq = lines.top + 1
        if not self._connection.quick(_QUICK, (seq, line.id, ts, value, lines.id, lines.epoch)):
            return False
        lines.top = seq
        lines.note(line, ts, seq, len(value))
        return True

    def _append(self, raw: sqlite3.Connection, points: Sequence[_Given]) -> None:
        lines = self._lines
        if not lines.sync(raw):
            if not points:
                return
            lines.section.make(raw)
            lines.sync(raw)
        if len(points) > 2 * _DENSE and self._append_dense(raw, points):
            return
        groups = self._groups(raw, points)
        if groups is None:
            points = self._fresh(raw, points)
            groups = _grouped(points, lines.top + 1)
        elif not self._has_room(len(points)):
            self._refuse(len(points))
        if points:
            self._add(raw, groups, len(points))
            self._drop_excess(raw)
            lines.save(raw)

    def _append_dense(self, raw: sqlite3.Connection, points: Sequence[_Given]) -> bool:
        """Add a batch of simply newer points as chunks; False, and nothing, if it is none."""
        lines, rows = self._lines, list[Any]()
        groups = columns_of(points, _DENSE)
        if groups is None or not all(self._is_newer(raw, group) for group in groups):
            return False
        if not self._has_room(len(points)):
            self._refuse(len(points))
        for group in groups:
            line = lines.make(raw, group.name)
            rows += pack_columns(line.id, lines.top + 1, group)
            line.top = group.stamps[-1]
        insert(raw, rows)
        lines.top += len(points)
        self._drop_excess(raw)
        lines.save(raw)
        return True

    def _is_newer(self, raw: sqlite3.Connection, group: Columns) -> bool:
        line = self._lines.line(raw, group.name)
        return line is None or group.stamps[0] > line.top

    def _groups(self, raw: sqlite3.Connection, points: Sequence[_Given]) -> _Groups | None:
        """Give the points by name with their seqs if all of them are simply newer, else None."""
        groups = _grouped(points, self._lines.top + 1)
        for name, group in groups.items():
            line, stamps = self._lines.line(raw, name), [point[0] for point in group]
            if line is not None and stamps[0] <= line.top:
                return None
            if len(stamps) > 1 and not all(map(operator.lt, stamps, stamps[1:])):
                return None
        return groups

    def _fresh(self, raw: sqlite3.Connection, points: Sequence[_Given]) -> list[_Given]:
        """Leave out what changes nothing, make way for what replaces; the last repeat counts."""
        last = dict[tuple[str, int], bytes]()
        for name, ts, value in reversed(points):
            last.setdefault((name, ts), value)
        given = [(name, ts, value) for (name, ts), value in reversed(last.items())]
        stored = self._stored(raw, given)
        fresh = [
            item for item in given if (old := stored.get(item[:2])) is None or old[1] != item[2]
        ]
        if not self._has_room(len(fresh)):
            self._refuse(len(fresh))
        for name, ts, _ in fresh:
            if (name, ts) in stored:
                self._remove(raw, name, ts, stored[name, ts][0])
        return fresh

    def _stored(
        self, raw: sqlite3.Connection, given: list[_Given]
    ) -> dict[tuple[str, int], tuple[int, bytes]]:
        """Give seq and value of those points that are stored already."""
        found = dict[tuple[str, int], tuple[int, bytes]]()
        for name, group in _grouped(given, 0).items():
            line = self._lines.line(raw, name)
            stamps = sorted(point[0] for point in group)
            for point in _lookup(raw, line, stamps) if line else ():
                found[name, point.ts] = (point.seq, point.value)
        return found

    def _remove(self, raw: sqlite3.Connection, name: str, ts: int, seq: int) -> None:
        """Take out a point that is about to be replaced, and its place in the queue."""
        lines = self._lines
        line = lines.make(raw, name)
        if line.tail.pop(ts, None) is None:
            drop_point(raw, line.id, ts)
        else:
            raw.execute("DELETE FROM tail WHERE seq = ?", (seq,))
            lines.tail_rows -= 1
        lines.rows -= 1
        lines.offered = []
        settled = raw.execute("DELETE FROM done WHERE seq = ?", (seq,)).rowcount
        lines.pending -= int(seq > lines.settled and not settled)

    def _add(self, raw: sqlite3.Connection, groups: _Groups, count: int) -> None:
        lines = self._lines
        if count >= _FOLD_ROWS or (count >= _DENSE * len(groups) and count > 2 * _DENSE):
            self._add_chunks(raw, groups)
        else:
            self._add_to_tail(raw, groups)
        lines.top += count
        if self._fold_is_due():
            fold(raw, lines)

    def _add_to_tail(self, raw: sqlite3.Connection, groups: _Groups) -> None:
        for name, group in groups.items():
            line = self._lines.make(raw, name)
            raw.executemany(_INSERT, [(seq, line.id, ts, value) for ts, seq, value in group])
            for ts, seq, value in group:
                self._lines.note(line, ts, seq, len(value))

    def _add_chunks(self, raw: sqlite3.Connection, groups: _Groups) -> None:
        rows = list[Any]()
        for name, group in groups.items():
            line = self._lines.make(raw, name)
            group.sort()
            if group[0][0] > line.top:
                rows += pack(line.id, group)
            else:
                store(raw, line.id, group)
            line.top = max(line.top, group[-1][0])
        insert(raw, rows)

    def _has_room(self, count: int) -> bool:
        cap = self.limits.max_pending
        refuse = cap is not None and self.limits.on_full is OnFull.REFUSE
        return not (refuse and count and self._lines.waiting + count > (cap or 0))

    def _refuse(self, count: int) -> None:
        detail = f"{self._lines.waiting} points wait, {count} more exceed max_pending"
        raise QueueFull(str(self._connection.path), f"{detail} ({self.limits.max_pending})")

    def _drop_excess(self, raw: sqlite3.Connection) -> None:
        cap, lines = self.limits.max_pending, self._lines
        excess = 0 if cap is None else lines.waiting - cap
        if excess > 0 and self.limits.on_full is OnFull.DROP_OLDEST:
            lines.dropped += queue.acknowledge(raw, lines, queue.next_seqs(raw, lines, excess))

    def _fold_is_due(self) -> bool:
        lines = self._lines
        return lines.tail_rows >= _FOLD_ROWS or lines.tail_bytes >= _FOLD_BYTES

    def _fold_later(self) -> None:
        """Fold after a point that is stored already: what goes wrong now is not that point's."""
        if self._lines.tail_rows % 128 and self._lines.tail_rows > _FOLD_ROWS:
            return  # it failed a moment ago
        with contextlib.suppress(StoreError):
            self._connection.write(self._fold)

    # --- reading ---------------------------------------------------------------------------------

    def latest(self, name: str) -> tuple[int, bytes] | None:
        def work(raw: sqlite3.Connection) -> tuple[int, bytes] | None:
            line = self._lines.line(raw, name) if self._lines.sync(raw) else None
            if line is None or line.top == NEVER:
                return None
            point = _lookup(raw, line, [line.top])[0]
            return point.ts, point.value

        return self._connection.read(work)

    def range(self, name: str, start: int | None, stop: int | None) -> Iterator[tuple[int, bytes]]:
        page, then = self._page(name, start, stop)
        yield from page
        while then is not None:
            page, then = self._page(name, then, stop)
            yield from page

    def _page(
        self, name: str, start: int | None, stop: int | None
    ) -> tuple[list[tuple[int, bytes]], int | None]:
        """Give some points, and where to go on (None: these were all)."""

        def work(raw: sqlite3.Connection) -> tuple[list[tuple[int, bytes]], int | None]:
            line = self._lines.line(raw, name) if self._lines.sync(raw) else None
            return _page_of(raw, line, start, stop) if line else ([], None)

        return self._connection.read(work)

    def names(self) -> Iterator[str]:
        query = "SELECT name FROM names WHERE section = ? AND name > ? ORDER BY name LIMIT ?"
        last = ""
        while True:

            def work(raw: sqlite3.Connection, last: str = last) -> list[Any]:
                values = (self._lines.section.find(raw), last, _PAGE)
                return raw.execute(query, values).fetchall()

            page = self._connection.read(work)
            yield from (row[0] for row in page)
            if len(page) < _PAGE:
                return
            last = page[-1][0]

    def stats(self) -> SeriesStats:
        count = "SELECT count(*) FROM names WHERE section = ?"

        def work(raw: sqlite3.Connection) -> SeriesStats:
            lines = self._lines
            if not lines.sync(raw):
                return SeriesStats()
            head = queue.heads(raw, lines, 1)
            return SeriesStats(
                names=raw.execute(count, (lines.id,)).fetchone()[0],
                points=lines.stored,
                pending=lines.waiting,
                dropped=lines.dropped,
                oldest_pending=head[0][2] if head else None,
            )

        return self._connection.read(work)

    # --- the queue -------------------------------------------------------------------------------

    def pending(self, limit: int, after: int = 0) -> list[PendingPoint]:
        def work(raw: sqlite3.Connection) -> list[PendingPoint]:
            lines = self._lines
            if not lines.sync(raw):
                return []
            found = queue.heads(raw, lines, limit, after)
            if after <= lines.settled:
                lines.offered = [item[0] for item in found]
            names = lines.texts(raw, {item[1] for item in found})
            return [PendingPoint(seq, names[name], ts, value) for seq, name, ts, value in found]

        return self._connection.read(work)

    def acknowledge(self, seqs: Iterable[int]) -> int:
        wanted = sorted(set(seqs))

        def work(raw: sqlite3.Connection) -> int:
            lines = self._lines
            settled = queue.acknowledge(raw, lines, wanted) if wanted and lines.sync(raw) else 0
            if settled:
                lines.save(raw)
            return settled

        return self._connection.drain(work)

    def requeue(self, points: Sequence[tuple[str, int]]) -> int:
        wanted = dict.fromkeys(points)

        def work(raw: sqlite3.Connection) -> int:
            again = self._settled_ones(raw, list(wanted)) if self._lines.sync(raw) else []
            for name, ts, _, seq in again:
                self._remove(raw, name, ts, seq)
            if again:
                given = [(name, ts, value) for name, ts, value, _ in again]
                self._add(raw, _grouped(given, self._lines.top + 1), len(given))
                self._lines.save(raw)
            return len(again)

        return self._connection.write(work)

    def _settled_ones(
        self, raw: sqlite3.Connection, points: list[tuple[str, int]]
    ) -> list[tuple[str, int, bytes, int]]:
        """Give ``(name, ts, value, seq)`` of those points that are stored and not queued."""
        stored = self._stored(raw, [(name, ts, b"") for name, ts in points])
        lines = self._lines
        done = queue.done_in(raw, lines.settled + 1, lines.top)
        return [
            (name, ts, stored[name, ts][1], stored[name, ts][0])
            for name, ts in points
            if (name, ts) in stored
            and (stored[name, ts][0] <= lines.settled or stored[name, ts][0] in done)
        ]

    def trim(self, before: int) -> int:
        """Forget; in many small transactions, so that it works with little room left."""

        def look(raw: sqlite3.Connection) -> tuple[bool, list[int]]:
            lines = self._lines
            if not lines.sync(raw):
                return False, []
            return has_old_tail(raw, lines, before), old_names(raw, lines, before)

        before = min(before, LAST)
        with self._connection.lock:
            unfolded, names = self._connection.read(look)
            if unfolded:
                self._connection.drain(self._fold)
                names = self._connection.read(look)[1]
            return sum(self._trim(name, before) for name in names)

    def _trim(self, name: int, before: int) -> int:
        gone, then = 0, None

        def work(raw: sqlite3.Connection) -> Trimmed:
            self._lines.sync(raw)
            return trim(raw, self._lines, name, before, then)

        while True:
            piece = self._connection.drain(work)
            gone, then = gone + piece.gone, piece.then
            if then is None:
                return gone

    def _fold(self, raw: sqlite3.Connection) -> None:
        self._lines.sync(raw)
        fold(raw, self._lines)
        self._lines.save(raw)


def _grouped(points: Sequence[_Given], first: int) -> _Groups:
    """Give the points by name, in their order, numbered from ``first``."""
    groups: _Groups = {}
    for seq, (name, ts, value) in enumerate(points, first):
        if name in groups:
            groups[name].append((ts, seq, value))
        else:
            groups[name] = [(ts, seq, value)]
    return groups


def _lookup(raw: sqlite3.Connection, line: Line, stamps: list[int]) -> list[Point]:
    """Give the stored points at these timestamps, which ascend."""
    found, here, until = list[Point](), dict[int, Point](), NEVER
    for ts in stamps:
        if ts in line.tail:
            seq = line.tail[ts]
            found.append(Point(ts, seq, raw.execute(_VALUE, (seq,)).fetchone()[0]))
            continue
        if until < ts <= line.top:
            chunk = next(chunks_between(raw, line.id, ts, ts), None)
            if chunk is not None:
                here, until = {point.ts: point for point in chunk.unpacked()}, chunk.ts_max
        if ts in here:
            found.append(here[ts])
    return found


def _page_of(
    raw: sqlite3.Connection, line: Line, start: int | None, stop: int | None
) -> tuple[list[tuple[int, bytes]], int | None]:
    low = NEVER if start is None else start
    packed, end, then = list[tuple[int, bytes]](), stop, None
    for chunk in chunks_between(raw, line.id, start, stop):
        packed += ((ts, value) for ts, _, value in chunk.unpacked() if ts >= low)
        if len(packed) >= _PAGE:
            end, then = chunk.ts_max, min(chunk.ts_max + 1, LAST)
            break
    if stop is not None:
        packed = [point for point in packed if point[0] <= stop]
        end = min(stop, line.top if end is None else end)
    stamps = sorted(ts for ts in line.tail if low <= ts and (end is None or ts <= end))
    recent = [(point.ts, point.value) for point in _lookup(raw, line, stamps)]
    if then is not None and (end == LAST or (stop is not None and then > stop)):
        then = None
    return list(heapq.merge(packed, recent)), then
