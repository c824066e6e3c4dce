"""The built-in engine: everything in the memory of the process, nothing survives it.

It is the reference semantics of the primitives, as strict as a remote server: bytes go in and
out, iterators are snapshots. Roles that the config gives no store are kept here.
"""

import bisect
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from smok_core.engine import base
from smok_core.engine.codec import MsgpackCodec
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import QueueFull, StoreClosed

_PAGE = 1000


class _EngineLock:
    """One lock for the whole engine, which also knows whether it is closed."""

    def __init__(self, store: str) -> None:
        self.store, self._lock, self.closed = store, fork_safe_lock(Layer.ENGINE), False

    def __enter__(self) -> None:
        self._lock.acquire()
        if self.closed:
            self._lock.release()
            raise StoreClosed(self.store, "it was closed")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class MemoryTable(base.Table):
    """A dict of rows."""

    def __init__(self, engine_lock: _EngineLock) -> None:
        self._engine_lock, self._rows = engine_lock, dict[str, base.Row]()
        self._seq = self._dropped = 0

    def get(self, key: str) -> base.Row | None:
        with self._engine_lock:
            return self._rows.get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, base.Row]:
        with self._engine_lock:
            return {key: self._rows[key] for key in keys if key in self._rows}

    def put(
        self,
        key: str,
        value: bytes,
        *,
        stamp: float = 0.0,
        pending: bool = False,
        when: base.When = base.When.ALWAYS,
        expected_seq: int | None = None,
        max_pending: int | None = None,
        drop: Sequence[base.Ack] = (),
    ) -> bool:
        with self._engine_lock:
            old = self._rows.get(key)
            if not _may_write(old, stamp, when, expected_seq):
                return False
            if pending and not (old and old.pending):
                self._make_room(max_pending, drop)
            tag = old.tag if old else None
            self._rows[key] = base.Row(key, value, float(stamp), self._next(), pending, tag)
            return True

    def _make_room(self, max_pending: int | None, drop: Sequence[base.Ack]) -> None:
        if max_pending is None:
            return
        pending = [row for row in self._rows.values() if row.pending]
        excess = max(len(pending) + 1 - max_pending, 0)
        seqs = {row.key: row.seq for row in pending} if excess else {}
        victims = [done for done in drop if seqs.get(done.key) == done.seq][:excess]
        if len(victims) < excess:
            detail = f"{len(pending)} records wait, max_pending is {max_pending}"
            raise QueueFull(self._engine_lock.store, detail)
        self._dropped += sum(map(self._acknowledge, victims))

    def delete(self, key: str, *, expected_seq: int | None = None) -> bool:
        with self._engine_lock:
            row = self._rows.get(key)
            if row is None or expected_seq not in (None, row.seq):
                return False
            del self._rows[key]
            return True

    def rows(self) -> Iterator[base.Row]:
        with self._engine_lock:
            return iter(sorted(self._rows.values(), key=lambda row: row.seq))

    def replace(self, rows: Mapping[str, bytes]) -> None:
        with self._engine_lock:
            self._rows = {
                key: base.Row(key, value, 0.0, self._next(), pending=False, tag=None)
                for key, value in rows.items()
            }

    def pending(self, limit: int, after: int = 0) -> list[base.Row]:
        return [row for row in self.rows() if row.pending and row.seq > after][:limit]

    def acknowledge(self, acks: Sequence[base.Ack]) -> int:
        with self._engine_lock:
            return sum(map(self._acknowledge, acks))

    def _acknowledge(self, done: base.Ack) -> bool:
        row = self._rows.get(done.key)
        if row is None:
            return False
        current = row.seq == done.seq
        if current and done.remove:
            del self._rows[done.key]
            return True
        tag = row.tag if done.tag is None else done.tag
        self._rows[done.key] = row._replace(pending=row.pending and not current, tag=tag)
        return current and row.pending

    def stats(self) -> base.TableStats:
        with self._engine_lock:
            pending = sum(row.pending for row in self._rows.values())
            return base.TableStats(len(self._rows), pending, self._dropped)

    def _next(self) -> int:
        self._seq += 1
        return self._seq


def _may_write(old: base.Row | None, stamp: float, when: base.When, expected: int | None) -> bool:
    if expected is not None and (old is None or old.seq != expected):
        return False
    if when is base.When.ABSENT:
        return old is None
    return when is base.When.ALWAYS or old is None or stamp > old.stamp


class _Stored(NamedTuple):
    value: bytes
    seq: int  #: 0 when the point is not pending


class _Line:
    """One name of a series: its timestamps in order, and what is stored at each."""

    def __init__(self) -> None:
        self.stamps: list[int] = []
        self.points: dict[int, _Stored] = {}

    def put(self, ts: int, point: _Stored) -> None:
        if ts not in self.points:
            bisect.insort(self.stamps, ts)
        self.points[ts] = point

    def page(self, start: int | None, stop: int | None) -> list[tuple[int, bytes]]:
        first = 0 if start is None else bisect.bisect_left(self.stamps, start)
        last = len(self.stamps) if stop is None else bisect.bisect_right(self.stamps, stop)
        found = self.stamps[first : min(last, first + _PAGE)]
        return [(ts, self.points[ts].value) for ts in found]

    def trim(self, before: int) -> int:
        gone = [ts for ts in self.stamps[:-1] if ts < before and not self.points[ts].seq]
        for ts in gone:
            del self.points[ts]
        self.stamps = sorted(self.points)
        return len(gone)


class MemorySeries(base.Series):
    """Sorted timestamps per name, and the queue as a dict in the order of its seqs."""

    def __init__(self, engine_lock: _EngineLock, store: str) -> None:
        self._engine_lock, self.store, self.limits = engine_lock, store, base.Limits()
        self._lines: dict[str, _Line] = {}
        self._queue: dict[int, tuple[str, int]] = {}
        self._seq = self._dropped = 0

    def append(self, points: Sequence[tuple[str, int, bytes]]) -> None:
        with self._engine_lock:
            fresh = self._fresh(points)
            self._make_room(len(fresh))
            for name, ts, value in fresh:
                self._put(name, ts, value)
            if fresh and self.limits.on_full is base.OnFull.DROP_OLDEST:
                self._drop_excess()

    def _fresh(self, points: Sequence[tuple[str, int, bytes]]) -> list[tuple[str, int, bytes]]:
        """Leave out what changes nothing; of repeats the last one counts, at its own place."""
        last = dict[tuple[str, int], bytes]()
        for name, ts, value in reversed(points):
            last.setdefault((name, ts), value)
        found = reversed(last.items())
        return [(name, ts, value) for (name, ts), value in found if self._at(name, ts) != value]

    def _at(self, name: str, ts: int) -> bytes | None:
        line = self._lines.get(name)
        point = line.points.get(ts) if line else None
        return point.value if point else None

    def _make_room(self, count: int) -> None:
        pending, most = len(self._queue), self.limits.max_pending
        fits = most is None or pending + count <= most
        if count and not fits and self.limits.on_full is base.OnFull.REFUSE:
            raise QueueFull(self.store, f"{pending} points wait, max_pending is {most}")

    def _put(self, name: str, ts: int, value: bytes) -> None:
        line = self._lines.setdefault(name, _Line())
        if ts in line.points:
            self._queue.pop(line.points[ts].seq, None)
        self._seq += 1
        line.put(ts, _Stored(value, self._seq))
        self._queue[self._seq] = (name, ts)

    def _drop_excess(self) -> None:
        most = self.limits.max_pending
        excess = 0 if most is None else len(self._queue) - most
        if excess > 0:
            self._acknowledge(list(self._queue)[:excess])
            self._dropped += excess

    def latest(self, name: str) -> tuple[int, bytes] | None:
        with self._engine_lock:
            line = self._lines.get(name)
            return (line.stamps[-1], line.points[line.stamps[-1]].value) if line else None

    def range(self, name: str, start: int | None, stop: int | None) -> Iterator[tuple[int, bytes]]:
        page = self._page(name, start, stop)
        while page:
            yield from page
            page = self._page(name, page[-1][0] + 1, stop)

    def _page(self, name: str, start: int | None, stop: int | None) -> list[tuple[int, bytes]]:
        with self._engine_lock:
            return self._lines.get(name, _Line()).page(start, stop)

    def pending(self, limit: int, after: int = 0) -> list[base.PendingPoint]:
        with self._engine_lock:
            found = (item for item in self._queue.items() if item[0] > after)
            return [
                base.PendingPoint(seq, name, ts, self._lines[name].points[ts].value)
                for seq, (name, ts) in itertools.islice(found, limit)
            ]

    def acknowledge(self, seqs: Iterable[int]) -> int:
        with self._engine_lock:
            return self._acknowledge(seqs)

    def _acknowledge(self, seqs: Iterable[int]) -> int:
        found = [(seq, self._queue.pop(seq)) for seq in set(seqs) if seq in self._queue]
        for _, (name, ts) in found:
            point = self._lines[name].points[ts]
            self._lines[name].points[ts] = point._replace(seq=0)
        return len(found)

    def requeue(self, points: Sequence[tuple[str, int]]) -> int:
        with self._engine_lock:
            return sum(self._requeue(name, ts) for name, ts in points)

    def _requeue(self, name: str, ts: int) -> bool:
        line = self._lines.get(name)
        point = line.points.get(ts) if line else None
        if point is None or point.seq:
            return False
        self._put(name, ts, point.value)
        return True

    def trim(self, before: int) -> int:
        with self._engine_lock:
            return sum(line.trim(before) for line in self._lines.values())

    def names(self) -> Iterator[str]:
        with self._engine_lock:
            return iter(list(self._lines))

    def stats(self) -> base.SeriesStats:
        with self._engine_lock:
            points = sum(len(line.points) for line in self._lines.values())
            _, oldest = next(iter(self._queue.values()), (None, None))
            names, pending = len(self._lines), len(self._queue)
            return base.SeriesStats(names, points, pending, self._dropped, oldest)


class MemoryBlobs(base.Blobs):
    """A dict of (data, version)."""

    def __init__(self, engine_lock: _EngineLock) -> None:
        self._engine_lock, self._blobs = engine_lock, dict[str, tuple[bytes, int]]()

    def put(self, key: str, data: bytes, version: int) -> int | None:
        with self._engine_lock:
            stored = self._blobs.get(key)
            if stored and stored[1] >= version:
                return stored[1]
            self._blobs[key] = (bytes(data), version)
            return None

    def get(self, key: str) -> tuple[bytes, int] | None:
        with self._engine_lock:
            return self._blobs.get(key)

    def version(self, key: str) -> int | None:
        found = self.get(key)
        return found[1] if found else None

    def versions(self) -> dict[str, int]:
        with self._engine_lock:
            return {key: version for key, (_, version) in self._blobs.items()}

    def delete(self, key: str) -> bool:
        with self._engine_lock:
            return self._blobs.pop(key, None) is not None


class MemoryEngine(base.Engine):
    """The engine of the built-in backend ``memory``."""

    def __init__(self, store: str = "memory") -> None:
        self.codec = MsgpackCodec()
        self._engine_lock, self._store = _EngineLock(store), store
        self._tables: dict[str, MemoryTable] = {}
        self._series: dict[str, MemorySeries] = {}
        self._blobs: dict[str, MemoryBlobs] = {}

    def table(self, name: str) -> MemoryTable:
        with self._engine_lock:
            return self._tables.setdefault(name, MemoryTable(self._engine_lock))

    def series(self, name: str, limits: base.Limits = base.Limits()) -> MemorySeries:  # noqa: B008 - frozen
        with self._engine_lock:
            series = self._series.setdefault(name, MemorySeries(self._engine_lock, self._store))
            series.limits = limits
            return series

    def blobs(self, name: str) -> MemoryBlobs:
        with self._engine_lock:
            return self._blobs.setdefault(name, MemoryBlobs(self._engine_lock))

    def health(self) -> base.Health:
        with self._engine_lock:
            place, notes = "memory of the process", ("nothing survives the end of the process",)
            return base.Health(location=place, durability=base.Durability.BUFFERED, notes=notes)

    def close(self) -> None:
        self._engine_lock.closed = True
