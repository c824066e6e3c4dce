"""A stream per name for the points in order, a sorted set for late ones, a stream as queue.

A stream keeps a point in a third of the memory of a sorted set, but takes only growing ids. The
id of a point is its place (the timestamp + 2^63) and its seq. What comes late goes to the
sorted set beside it, where the members sort by place; a reader merges the two.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from heapq import merge
from typing import Any

from smok_core.engine.base import Limits, OnFull, PendingPoint, Series, SeriesStats
from smok_core.errors import CorruptData, InvalidValue, QueueFull, StorageFull
from smok_redis.client import Client
from smok_redis.errors import JUNK
from smok_redis.keys import SeriesKeys
from smok_redis.packing import CHUNK, MOST, apart, chunks, pack, raw

_ZERO = 2**63
_FIRST, _LAST = 0, 2**64 - 1
_SEQS = range(1, 2**53)
_NAMES_PER_TRIM = 200


class RedisSeries(Series):
    """A series; see `smok_redis.keys.SeriesKeys` for what lies where."""

    def __init__(self, client: Client, keys: SeriesKeys, name: str, limits: Limits) -> None:
        self._client, self._keys, self._name, self._limits = client, keys, name, limits

    def append(self, points: Sequence[tuple[str, int, bytes]]) -> None:
        if not points:
            return
        most = self._limits.max_pending
        drops = self._limits.on_full is OnFull.DROP_OLDEST
        if len(points) == 1:
            answer = self._append_one(*points[0], "" if most is None else most, int(drops))
        else:
            answer = self._write("series_append", points, most is not None and most, drops)
        if isinstance(answer, list):
            detail = f"{answer[0]} points wait, max_pending is {most}"
            raise QueueFull(self._client.store, detail)

    def append_promised(self, points: Sequence[tuple[str, int, bytes]]) -> bool:
        """Store beyond ``max_pending``; a server without memory has none kept back."""
        RedisSeries(self._client, self._keys, self._name, Limits()).append(points)
        return True

    def _append_one(self, name: str, ts: int, value: bytes, most: int | str, drops: int) -> Any:
        """Send a point as it is: packing one takes longer than what the server saves by it."""
        keys = self._keys
        late, stream = keys.late + name, keys.stream + name
        return self._client.write(
            "series_append", (keys.queue, keys.names, stream, late), "", name, f"{ts + _ZERO:020d}",
            ts, value, most, drops, counters=keys.counters,
        )  # fmt: skip

    def _write(
        self, script: str, points: Sequence[tuple[str, int, bytes]], *more: int | bool
    ) -> Any:
        if len(points) > MOST:
            raise InvalidValue(
                self._name,
                "a call",
                f"holds {len(points)} points",
                f"Give at most {MOST} at once: a call is one atomic step of the server.",
            )
        names, flat = _flatten(points)
        keys = [self._keys.queue, self._keys.names, *self._keys_of(names)]
        packed = pack((names, flat, *more))
        return self._client.write(script, keys, packed, counters=self._keys.counters)

    def _keys_of(self, names: Iterable[str]) -> list[str]:
        stream, late = self._keys.stream, self._keys.late
        return [key for name in names for key in (stream + name, late + name)]

    def latest(self, name: str) -> tuple[int, bytes] | None:
        entries = self._client.read("series_latest", (self._keys.stream + name,))
        return _entry(entries[0][0], entries[0][1][1]) if entries else None

    def range(self, name: str, start: int | None, stop: int | None) -> Iterator[tuple[int, bytes]]:
        first = _FIRST if start is None else max(start + _ZERO, _FIRST)
        last = _LAST if stop is None else min(stop + _ZERO, _LAST)
        while first <= last:
            page, seen = self._page(name, first, last)
            yield from page
            first = seen + 1

    def _page(self, name: str, first: int, last: int) -> tuple[list[tuple[int, bytes]], int]:
        """Return points from place ``first`` on, and the place up to which these are all."""
        joined, members = self._client.read(
            "series_page", self._keys_of([name]), f"{first:020d}", f"{last:020d}", CHUNK
        )
        try:
            flat = apart(joined)
            in_order, late = list(map(_entry, flat[::2], flat[1::2])), list(map(_member, members))
        except ValueError as error:  # somebody else has written there
            raise CorruptData(
                self._client.store, f"a point of {name!r} cannot be read", JUNK
            ) from error
        ends = [part[-1][0] + _ZERO for part in (in_order, late) if len(part) == CHUNK]
        seen = min(ends, default=last)
        return [point for point in merge(in_order, late) if point[0] + _ZERO <= seen], seen

    def pending(self, limit: int, after: int = 0) -> list[PendingPoint]:
        found, start = list[PendingPoint](), b"(%d-0" % after
        while len(found) < limit:
            size = min(CHUNK, limit - len(found))
            page = self._client.read("series_pending", (self._keys.queue,), start, size)
            if page and type(page[0]) is not list:
                page = list(zip(*[iter(apart(page))] * 4, strict=True))
            try:
                found += [_point(*entry) for entry in page]
            except (ValueError, TypeError):
                found += self._readable(page)
            if len(page) < size:
                break
            start = b"(" + page[-1][0]
        return found

    def _readable(self, page: Sequence[Any]) -> Iterator[PendingPoint]:
        """Yield the points of a page; what cannot be read is set aside and not in their way."""
        for place, *rest in page:
            fields = rest[0] if len(rest) == 1 else _fields(*rest)
            try:
                yield _pending_point((place, fields))
            except (ValueError, TypeError):
                self._set_aside("XDEL", self._keys.queue, place, pack(list(map(raw, fields))))

    def _set_aside(self, command: str, key: str, member: bytes, kept: bytes) -> None:
        name = self._keys.counters.encode() + member
        keys = (key, self._client.keys.damaged)
        with suppress(StorageFull):  # then it is passed over, and set aside when there is room
            self._client.write("set_aside", keys, command, member, name, kept)

    def acknowledge(self, seqs: Iterable[int]) -> int:
        known = [seq for seq in seqs if seq in _SEQS]
        return sum(
            int(self._client.write("series_acknowledge", (self._keys.queue,), pack(some)))
            for some in chunks(known, MOST)
        )

    def requeue(self, points: Sequence[tuple[str, int]]) -> int:
        wanted = [(name, ts, b"") for name, ts in dict.fromkeys(points)]
        return int(self._write("series_requeue", wanted)) if wanted else 0

    def trim(self, before: int) -> int:
        last = f"{min(before - 1 + _ZERO, _LAST):020d}"
        if before + _ZERO <= _FIRST:
            return 0
        return sum(self._trim(some, last) for some in self._names(_NAMES_PER_TRIM))

    def _trim(self, names: list[str], last: str) -> int:
        keys, gone = [self._keys.queue, *self._keys_of(names)], 0
        at: list[Any] = [1, "s", f"{_FIRST:020d}"]
        while int(at[0]) <= len(names):
            answer = self._client.write(
                "series_trim", keys, last, CHUNK, *at, counters=self._keys.counters
            )
            count, *at = answer.split(b" ", 3)
            gone += int(count)
        return gone

    def names(self) -> Iterator[str]:
        for some in self._names(CHUNK):
            yield from some

    def _names(self, size: int) -> Iterator[list[str]]:
        start: str | bytes = "-"
        while page := self._client.read("series_names", (self._keys.names,), start, size):
            yield list(filter(None, map(self._readable_name, page)))
            if len(page) < size:
                return
            start = b"(" + page[-1]

    def _readable_name(self, name: bytes) -> str | None:
        try:
            return name.decode()
        except UnicodeDecodeError:
            self._set_aside("ZREM", self._keys.names, name, b"")
            return None

    def stats(self) -> SeriesStats:
        keys = (self._keys.queue, self._keys.names)
        names, points, pending, dropped, head = self._client.read(
            "series_stats", keys, counters=self._keys.counters
        )
        return SeriesStats(names, points, pending, dropped, _oldest(head))


def _flatten(points: Sequence[tuple[str, int, bytes]]) -> tuple[list[str], list[Any]]:
    """Number the names and leave out repeats: the last counts, at its own place."""
    if len(points) > 1:
        last = dict[tuple[str, int], bytes]()
        for name, ts, value in reversed(points):
            last.setdefault((name, ts), value)
        points = [(*at, value) for at, value in reversed(last.items())]
    numbers, flat = dict[str, int](), list[Any]()
    for name, ts, value in points:
        number = numbers.setdefault(name, len(numbers) + 1)
        flat += (number, f"{ts + _ZERO:020d}", str(ts), raw(value))
    return list(numbers), flat


def _entry(place: bytes, value: bytes) -> tuple[int, bytes]:
    return int(place.partition(b"-")[0]) - _ZERO, value


def _member(member: bytes) -> tuple[int, bytes]:
    return int(member[:20]) - _ZERO, member[37:]


def _oldest(head: Sequence[Any]) -> int | None:
    # Taking it sets it aside; counting changes nothing.
    with suppress(ValueError, TypeError, IndexError):
        return _pending_point(head[0]).ts
    return None


def _pending_point(entry: Any) -> PendingPoint:
    place, fields = entry
    return _point(place, *fields[1:6:2])


def _point(place: bytes, name: bytes, ts: bytes, value: bytes) -> PendingPoint:
    return PendingPoint(int(place.partition(b"-")[0]), name.decode(), int(ts), value)


def _fields(name: bytes, ts: bytes, value: bytes) -> list[bytes]:
    """Return the fields of an entry as they stand in the queue."""
    return [b"n", name, b"t", ts, b"v", value]
