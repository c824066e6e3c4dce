"""`Series` on SQLite: an append is one row of the write log, and acknowledged points are compacted.

Points that are newer than all of their name, the usual case, are one INSERT. It is bound to the
epoch, to the next seq and to the newest row that this process knows, so it changes nothing if
another process was faster, or put other contents into the store; then, and for everything unusual,
the same is done in a transaction that looks first.
"""

import bisect
import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from smok_core.engine.base import Limits, OnFull, PendingPoint, Series, SeriesStats
from smok_core.errors import QueueFull, StorageFull, StoreError
from smok_pickle import queue, segments
from smok_pickle.checksum import verify_label
from smok_pickle.compaction import Trimmed, compact, merge, names_with_old, trim
from smok_pickle.connection import Connection
from smok_pickle.segments import LAST, NEVER
from smok_pickle.series_index import ADVANCE, NO_ROW, UNSURE, Entry, SeriesIndex
from smok_pickle.shared_commit import SharedCommit
from smok_pickle.write_log import (
    COLUMNS,
    Item,
    LogRow,
    done_in,
    insert,
    pack,
    pieces,
    read,
    rewrite,
    unpack,
)

#: Without a checksum, the last column, the row is ignored. (`INSERT ... SELECT` of the table itself
#: would gather what it selects in another one first.)
_APPEND: Final = (
    f"INSERT OR IGNORE INTO tail({COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, (SELECT ?"  # noqa: S608
    " FROM sections, tail WHERE id = ? AND epoch = ? AND tail.seq = ? AND tail.ts_max = ?))"
)
_PAGE: Final = 1000
_FIRST_PAGE: Final = 16  # who asks for the first reading only shall not wait for a thousand
_PAGE_BYTES: Final = 2**20
_SMALL_ROWS: Final = 2048  # so many are merged
_BESIDES: Final = 32  # bytes that a point takes beside its name and value, at most
_ACKNOWLEDGED: Final = 128 * 1024  # so many points are compacted without waiting for a checkpoint

T = TypeVar("T")
_Given = tuple[str, int, bytes]
_Pairs = list[tuple[int, bytes]]


class _Found(NamedTuple):
    """A point that is stored."""

    name: int
    ts: int
    value: bytes
    seq: int  #: 0 in a segment
    row: int  #: the key of its row in the log; 0 in a segment


class SqliteSeries(Series):
    """Every method is one transaction; `range` and `names` are one per page."""

    def __init__(self, connection: Connection, device: str, name: str) -> None:
        self._connection, self.limits = connection, Limits()
        self._index = SeriesIndex(connection, device, name)
        self._merge_at, self._shared = _SMALL_ROWS, SharedCommit(self._write)

    def detach(self, closed: Any) -> None:
        """Use ``closed`` from now on, which raises `StoreClosed` for every call."""
        self._connection = closed

    # --- appending -------------------------------------------------------------------------------

    def append(self, points: Sequence[_Given]) -> None:
        if self._connection.forces:
            self._shared.append(self._connection.lock, points)
        else:
            with self._connection.lock:
                self._write(points)

    def append_promised(self, points: Sequence[_Given]) -> bool:
        """Use the reserve, as an acknowledgement does, but for a quarter of it."""
        size = sum(_BESIDES + len(name) + len(value) for name, _, value in points)
        with self._connection.lock:
            self._connection.space.look_next()
            if not self._connection.space.can_promise(size):
                return False
            limits, self.limits = self.limits, Limits()
            try:
                self._connection.drain(lambda raw: self._append(raw, points))
            except StorageFull:
                return False
            finally:
                self.limits = limits
            return True

    def _write(self, points: Sequence[_Given]) -> None:
        self._connection.space.writes += len(points) - 1  # each may be the one to look for room
        if not self._append_at_once(points):
            self._connection.write(lambda raw: self._append(raw, points))
        if self._index.small >= self._merge_at:
            self._tidy(self._merge)
            self._merge_at = self._index.small + _SMALL_ROWS

    def _append_at_once(self, points: Sequence[_Given]) -> bool:
        """Add points in one statement; False if that is not possible, nothing has changed then."""
        index, epoch = self._index, self._connection.connection_epoch
        if index.connection_epoch != epoch:
            return False
        if self.limits.max_pending is not None and self._excess(len(points)):
            return False
        found = index.row_of(points)
        if found is None:
            return False
        index.connection_epoch = UNSURE  # a signal handler that appends in between looks first
        key, newest = next(reversed(index.rows.items()), NO_ROW)
        known = index.id, index.epoch, key, newest.ts_max
        added = self._connection.quick(_APPEND, (*found, *known))
        if added:
            index.note(found)
        index.changes += added
        index.connection_epoch = epoch if index.connection_epoch == UNSURE else UNSURE
        return bool(added)

    def _append(self, raw: sqlite3.Connection, points: Sequence[_Given]) -> None:
        index = self._index
        if not index.sync(raw):
            if not points:
                return
            index.namespace.make(raw)
            index.sync(raw)
        rows = None if self._excess(len(points)) else index.rows_of(points)
        if rows:
            self._insert(raw, rows)
        else:
            self._append_mixed(raw, points)
        index.changes = raw.total_changes

    def _append_mixed(self, raw: sqlite3.Connection, points: Sequence[_Given]) -> None:
        """Add points of which some are new names, late, stored already, or more than fit."""
        index = self._index
        entries = {name: index.make(raw, name) for name, _, _ in points}
        fresh, replaced = self._fresh(raw, entries, points)
        if self._excess(len(fresh)) and self.limits.on_full is OnFull.REFUSE:
            self._refuse(len(fresh))
        self._remove(raw, replaced)
        self._add(raw, entries, fresh)
        dropped = self._drop_excess(raw) if fresh else 0
        if replaced or dropped:
            index.save(raw, rows_changed=bool(replaced))

    def _fresh(
        self, raw: sqlite3.Connection, entries: dict[str, Entry], points: Sequence[_Given]
    ) -> tuple[Sequence[_Given], list[_Found]]:
        """Leave out what changes nothing, and tell what is replaced; the last repeat counts."""
        last = dict[tuple[str, int], bytes]()
        for name, ts, value in reversed(points):
            last.setdefault((name, ts), value)
        given = [(name, ts, value) for (name, ts), value in reversed(last.items())]
        stored = self._stored(raw, [(entries[name], ts) for name, ts, _ in given])
        old = [stored.get((entries[name].id, ts)) for name, ts, _ in given]
        fresh = [
            item for item, was in zip(given, old, strict=True) if not was or was.value != item[2]
        ]
        changed = [
            was for item, was in zip(given, old, strict=True) if was and was.value != item[2]
        ]
        return fresh, changed

    def _stored(
        self, raw: sqlite3.Connection, wanted: list[tuple[Entry, int]]
    ) -> dict[tuple[int, int], _Found]:
        """Return those points that are stored, by the id of the name and the timestamp."""
        by_name, rows = dict[int, list[int]](), set[int]()
        for entry, ts in wanted:
            if ts <= entry.bound and not entry.exact:
                self._index.tighten(raw, entry)
            if ts <= entry.bound:
                by_name.setdefault(entry.id, []).append(ts)
        for name, stamps in by_name.items():
            stamps.sort()
            rows.update(self._index.rows_at(name, stamps))
        asked = {(name, ts) for name, stamps in by_name.items() for ts in stamps}
        found = _in_log(raw, rows, asked)
        for name, stamps in by_name.items():
            found.update(_in_segments(raw, name, stamps))
        return found

    def _remove(self, raw: sqlite3.Connection, points: list[_Found]) -> None:
        """Take points out, and their places in the queue."""
        index, rows, names = self._index, dict[int, set[int]](), dict[int, list[int]]()
        for point in points:
            if point.row:
                rows.setdefault(point.row, set()).add(point.seq)
            else:
                names.setdefault(point.name, []).append(point.ts)
        for key, gone in rows.items():
            row = next(read(raw, key, key))
            left = [item for item in unpack(row) if item.seq not in gone]
            index.note_change(key, rewrite(raw, row, left))
            index.pending_then -= sum(seq > index.acknowledged for seq in gone)
            for seq in gone:
                done = raw.execute("DELETE FROM done WHERE seq = ?", (seq,)).rowcount
                index.pending_then += done
        for name, stamps in names.items():
            segments.take_out(raw, name, stamps)
        index.stored_then -= len(points)
        index.offered = [] if points else index.offered

    def _add(
        self, raw: sqlite3.Connection, entries: dict[str, Entry], points: Sequence[_Given]
    ) -> None:
        """Put points at the end of the log."""
        items = [
            Item(seq, entries[name].id, ts, value)
            for seq, (name, ts, value) in enumerate(points, self._index.top + 1)
        ]
        self._insert(raw, map(pack, pieces(items)))
        for name, ts, _ in points:
            entries[name].bound = max(entries[name].bound, ts)

    def _insert(self, raw: sqlite3.Connection, rows: Iterable[LogRow]) -> None:
        for row in rows:
            insert(raw, [row])
            self._index.note(row)

    def _excess(self, count: int) -> int:
        """Return by how many points the queue would be too long with ``count`` more."""
        most = self.limits.max_pending
        return 0 if most is None or not count else max(self._index.pending + count - most, 0)

    def _refuse(self, count: int) -> None:
        detail = f"{self._index.pending} points wait, {count} more exceed max_pending"
        raise QueueFull(str(self._connection.path), f"{detail} ({self.limits.max_pending})")

    def _drop_excess(self, raw: sqlite3.Connection) -> int:
        most, index = self.limits.max_pending, self._index
        excess = 0 if most is None else index.pending - most
        if excess <= 0 or self.limits.on_full is not OnFull.DROP_OLDEST:
            return 0
        dropped = queue.acknowledge(raw, index, queue.next_seqs(raw, index, excess))
        index.dropped += dropped
        return dropped

    # --- tidying ---------------------------------------------------------------------------------

    def checkpoint(self) -> None:
        """Compact what is acknowledged."""
        self._tidy(self._compact)

    def _tidy(self, step: Callable[[], None]) -> None:
        """Do what can be done later: what goes wrong now is nobody's who wrote or read."""
        with contextlib.suppress(StoreError), self._connection.lock:
            step()

    def _merge(self) -> None:
        self._connection.write(self._in_step(lambda raw: merge(raw, self._index)))

    def _compact(self) -> None:
        step = self._in_step(lambda raw: compact(raw, self._index, tight=False))
        while self._connection.write(step):
            pass

    def _in_step(self, work: Callable[[sqlite3.Connection], T]) -> Callable[..., T | None]:
        """Return ``work`` for a transaction: the memory is true then; None: there is no series."""
        return lambda raw: work(raw) if self._index.sync(raw) else None

    # --- reading ---------------------------------------------------------------------------------

    def latest(self, name: str) -> tuple[int, bytes] | None:
        def work(raw: sqlite3.Connection) -> tuple[int, bytes] | None:
            entry = self._index.entry(raw, name) if self._index.sync(raw) else None
            found = self._index.latest(raw, entry.id) if entry else None
            return (found.ts, found.value) if found else None

        return self._connection.read(work)

    def range(self, name: str, start: int | None, stop: int | None) -> Iterator[tuple[int, bytes]]:
        page, then = self._page(name, start, stop, _FIRST_PAGE)
        yield from page
        while then is not None:
            page, then = self._page(name, then, stop, _PAGE)
            yield from page

    def _page(
        self, name: str, start: int | None, stop: int | None, most: int
    ) -> tuple[_Pairs, int | None]:
        """Return at most so many points, and where to go on (None: these were all)."""

        def work(raw: sqlite3.Connection) -> tuple[_Pairs, int | None]:
            entry = self._index.entry(raw, name) if self._index.sync(raw) else None
            return _page_of(raw, self._index, entry, (start, stop), most) if entry else ([], None)

        return self._connection.read(work)

    def names(self) -> Iterator[str]:
        query = (
            "SELECT name, id, section, sum FROM names"
            " WHERE section = ? AND name > ? ORDER BY name LIMIT ?"
        )
        last = ""
        while True:

            def work(raw: sqlite3.Connection, last: str = last) -> list[Any]:
                values = (self._index.namespace.find(raw), last, _PAGE)
                found = raw.execute(query, values).fetchall()
                for name, number, section, total in found:
                    verify_label(total, number, section, name)
                return [row[0] for row in found]

            page = self._connection.read(work)
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1]

    def stats(self) -> SeriesStats:
        count = "SELECT count(*) FROM names WHERE section = ?"

        def work(raw: sqlite3.Connection) -> SeriesStats:
            index = self._index
            if not index.sync(raw):
                return SeriesStats()
            head = queue.heads(raw, index, 1)
            return SeriesStats(
                names=raw.execute(count, (index.id,)).fetchone()[0],
                points=index.stored,
                pending=index.pending,
                dropped=index.dropped,
                oldest_pending=head[0].ts if head else None,
            )

        return self._connection.read(work)

    # --- the queue -------------------------------------------------------------------------------

    def pending(self, limit: int, after: int = 0) -> list[PendingPoint]:
        def work(raw: sqlite3.Connection) -> list[PendingPoint]:
            found = self._index.sync(raw)
            return queue.heads(raw, self._index, limit, after) if found else []

        connection, found = self._connection, None
        with connection.lock:
            raw = connection.raw_if_unchanged()
            try:
                connection.busy = True  # a signal handler must not read ahead in between
                if raw and self._index.is_true(raw):
                    found = queue.remembered(self._index, limit, after)
            finally:
                connection.busy = False
            return connection.read(work) if found is None else found

    def acknowledge(self, seqs: Iterable[int]) -> int:
        wanted, index = sorted(set(seqs)), self._index
        with self._connection.lock:
            count = self._acknowledge_at_once(wanted) or self._connection.drain(
                lambda raw: self._acknowledge(raw, wanted)
            )
            if index.acknowledged - next(iter(index.rows), index.acknowledged) >= _ACKNOWLEDGED:
                self._tidy(self._compact)
            return count

    def _acknowledge_at_once(self, wanted: list[int]) -> int:
        """Acknowledge the head of the queue in one statement; 0 if that is not possible."""
        index, epoch = self._index, self._connection.connection_epoch
        values = index.advance(wanted) if index.connection_epoch == epoch else None
        if values is None:
            return 0
        index.connection_epoch = UNSURE  # as above
        done = self._connection.quick(ADVANCE, values, frees=True)
        if done and index.connection_epoch == UNSURE:
            index.advanced(len(wanted), *values)
        index.connection_epoch = epoch if index.connection_epoch == UNSURE else UNSURE
        return len(wanted) if done else 0

    def _acknowledge(self, raw: sqlite3.Connection, wanted: list[int]) -> int:
        index = self._index
        count = queue.acknowledge(raw, index, wanted) if wanted and index.sync(raw) else 0
        if count:
            index.save(raw)
        return count

    def requeue(self, points: Sequence[tuple[str, int]]) -> int:
        wanted = dict.fromkeys(points)

        def work(raw: sqlite3.Connection) -> int:
            if not self._index.sync(raw):
                return 0
            entries = {name: self._index.entry(raw, name) for name, _ in wanted}
            known = {name: entry for name, entry in entries.items() if entry is not None}
            asked = [(known[name], ts) for name, ts in wanted if name in known]
            stored = self._stored(raw, asked)
            done = done_in(raw, self._index.acknowledged + 1, self._index.top)
            again = {
                (name, ts): point
                for name, ts in wanted
                if name in known
                and (point := stored.get((known[name].id, ts)))
                and (point.seq <= self._index.acknowledged or point.seq in done)
            }
            self._remove(raw, list(again.values()))
            self._add(raw, known, [(*key, point.value) for key, point in again.items()])
            if again:
                self._index.save(raw, rows_changed=True)
            return len(again)

        return self._connection.write(work)

    def trim(self, before: int) -> int:
        """Forget; in many small transactions, so that it works with little room left."""
        before = min(before, LAST)
        with self._connection.lock:
            step = self._in_step(lambda raw: compact(raw, self._index, tight=True))
            while self._connection.drain(step):
                pass
            look = self._in_step(lambda raw: names_with_old(raw, self._index, before))
            names = self._connection.read(look)
            return sum(self._trim(name, before) for name in names or ())

    def _trim(self, name: int, before: int) -> int:
        gone, then = 0, None

        def work(raw: sqlite3.Connection) -> Trimmed:
            return trim(raw, self._index, name, before, then)

        while True:
            piece = self._connection.drain(self._in_step(work)) or Trimmed(0, None)
            gone, then = gone + piece.gone, piece.then
            if then is None:
                return gone


def _in_log(
    raw: sqlite3.Connection, keys: Iterable[int], asked: set[tuple[int, int]]
) -> dict[tuple[int, int], _Found]:
    found = dict[tuple[int, int], _Found]()
    for key in keys:
        for row in read(raw, key, key):
            for seq, name, ts, value in unpack(row):
                if (name, ts) in asked:
                    found[name, ts] = _Found(name, ts, value, seq, key)
    return found


def _in_segments(
    raw: sqlite3.Connection, name: int, stamps: list[int]
) -> Iterator[tuple[tuple[int, int], _Found]]:
    """Yield the points at these timestamps, which ascend."""
    here, until = dict[int, bytes](), NEVER
    newest = segments.newest(raw, name)
    for ts in stamps:
        if newest is not None and until < ts <= newest:
            home = segments.at(raw, name, ts)
            if home is not None and home.ts_max >= ts:
                here, until = dict(home.unpacked()), home.ts_max
        if ts in here:
            yield (name, ts), _Found(name, ts, here[ts], 0, 0)


def _page_of(
    raw: sqlite3.Connection,
    index: SeriesIndex,
    entry: Entry,
    ends: tuple[int | None, int | None],
    most: int,
) -> tuple[_Pairs, int | None]:
    """Read segments until there are enough points, then those rows that have any among them."""
    start, stop = ends
    low, page = NEVER if start is None else start, _Page(most, LAST if stop is None else stop)
    for segment in segments.between(raw, entry.id, start, stop):
        page.add(segment.within(low, page.high, most + 1))
        if page.then is not None:
            break
    for begins, load in index.parts(raw, entry.id, low, page.high):
        if begins > page.high:
            break
        page.add([point for point in load() if low <= point[0] <= page.high])
    return sorted(page.points), page.then


class _Page:
    """The points of one page, at most so many and so many bytes, but one at least.

    All that were added and are not after ``high`` are on it; ``then`` is the first of the others.
    """

    def __init__(self, most: int, high: int) -> None:
        self.points: _Pairs = []
        self.then: int | None = None
        self._most, self._size, self.high = most, 0, high

    def add(self, points: Sequence[tuple[int, bytes]]) -> None:
        self.points += points
        self._size += sum([len(value) for _, value in points])
        if len(self.points) > self._most or self._size > _PAGE_BYTES:
            self._cut()

    def _cut(self) -> None:
        self.points.sort()
        fit = self._most
        if self._size > _PAGE_BYTES:
            sizes = list(itertools.accumulate([len(value) for _, value in self.points]))
            fit = min(max(bisect.bisect_right(sizes, _PAGE_BYTES), 1), fit)
        if fit < len(self.points):
            self.then = self.points[fit][0]
            self.high = self.then - 1
        self._size -= sum([len(value) for _, value in self.points[fit:]])
        del self.points[fit:]
