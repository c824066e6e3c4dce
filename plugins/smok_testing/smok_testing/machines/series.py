"""A series against dicts: few names, few times, late, repeated, acknowledged, dropped, trimmed."""

from collections.abc import Callable
from typing import Any

from smok_core.engine.base import Limits, OnFull, PendingPoint, Series
from smok_core.errors import QueueFull
from smok_testing.checks import expect, same
from smok_testing.harness import Harness
from smok_testing.machines.running import Machine, precondition, rule, strategies

Place = tuple[str, int]

NAMES = strategies.sampled_from(["n", "n:1"])
TIMES = strategies.integers(-1, 3)
PLACES = strategies.tuples(NAMES, TIMES)
POINTS = strategies.tuples(NAMES, TIMES, strategies.sampled_from([b"", b"1", b"2"]))
LIMITS = strategies.sampled_from([Limits(), Limits(3), Limits(3, OnFull.DROP_OLDEST)])


class SeriesMachine(Machine):
    """Every rule does one call on the series and the same to two dicts."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        harness.fresh_engine()
        self.points: dict[Place, bytes] = {}
        self.queue: list[Place] = []
        self.handed: list[PendingPoint] = []
        self.seqs: dict[Place, int] = {}
        self.newest = self.dropped = 0
        self.limits = Limits()

    def begin(self, draw: Callable[[Any], Any]) -> None:
        """Choose what happens when the queue is full."""
        self.limits = draw(LIMITS)

    @property
    def series(self) -> Series:
        """Return the series with its limits."""
        return self.harness.series(limits=self.limits)

    @rule(points=strategies.lists(POINTS, max_size=5))
    def append(self, points: list[tuple[str, int, bytes]]) -> None:
        """Store a batch, late points and repeats included."""
        fresh = self._fresh(points)
        grown = len(fresh) - sum(place in self.queue for place, _ in fresh)
        try:
            self.series.append(points)
        except QueueFull:
            expect(self._full(len(fresh)), f"refused with {len(self.queue)} pending: {points}")
            return
        expect(not self._full(grown), f"took {points} with {len(self.queue)} pending")
        self._queue([place for place, _ in fresh])
        self.points.update(fresh)
        self._drop(bool(fresh))

    def _fresh(self, points: list[tuple[str, int, bytes]]) -> list[tuple[Place, bytes]]:
        """Of repeats only the last counts; what is stored already changes nothing."""
        wanted = []
        for at, (name, ts, value) in enumerate(points):
            again = any((n, t) == (name, ts) for n, t, _ in points[at + 1 :])
            if not again and self.points.get((name, ts)) != value:
                wanted.append(((name, ts), value))
        return wanted

    def _full(self, more: int) -> bool:
        bounded = self.limits.max_pending is not None and self.limits.on_full is OnFull.REFUSE
        return bounded and more > 0 and len(self.queue) + more > (self.limits.max_pending or 0)

    def _queue(self, places: list[Place]) -> None:
        self.queue = [place for place in self.queue if place not in places] + places
        for place in places:
            self.seqs.pop(place, None)

    def _drop(self, changed: bool) -> None:
        if changed and self.limits.on_full is OnFull.DROP_OLDEST:
            excess = max(len(self.queue) - (self.limits.max_pending or 0), 0)
            self.dropped += excess
            self.queue = self.queue[excess:]

    @rule(limit=strategies.integers(0, 9))
    def hand_out(self, limit: int) -> None:
        """Take the head of the queue, as an uploader would."""
        self.handed = self.series.pending(limit)
        same([(p.name, p.ts) for p in self.handed], self.queue[:limit], f"pending({limit})")

    @rule(part=strategies.sets(strategies.integers(0, 4), min_size=1))
    def acknowledge(self, part: set[int]) -> None:
        """Acknowledge some of what was handed out; perhaps again, perhaps late."""
        chosen = [point for at, point in enumerate(self.handed) if at in part]
        still = {(p.name, p.ts) for p in chosen if self.seqs.get((p.name, p.ts)) == p.seq}
        still &= set(self.queue)
        same(
            self.series.acknowledge([point.seq for point in chosen]),
            len(still),
            "points acknowledged",
        )
        self.queue = [place for place in self.queue if place not in still]

    @rule(places=strategies.lists(PLACES, max_size=3))
    def requeue(self, places: list[Place]) -> None:
        """Queue stored points again."""
        fresh = [p for p in dict.fromkeys(places) if p in self.points and p not in self.queue]
        if not self._fits(len(self.queue) + len(fresh)):
            return
        same(self.series.requeue(places), len(fresh), f"points pending again of {places}")
        self._queue(fresh)

    def _fits(self, count: int) -> bool:
        return self.limits.on_full is OnFull.REFUSE or count <= (self.limits.max_pending or count)

    @rule(before=TIMES)
    def trim(self, before: int) -> None:
        """Forget what is old, acknowledged and not the latest."""
        latest = {name: max(t for n, t in self.points if n == name) for name, _ in self.points}
        gone = [
            (name, ts)
            for name, ts in self.points
            if ts < before and (name, ts) not in self.queue and latest[name] != ts
        ]
        same(self.series.trim(before), len(gone), f"points forgotten before {before}")
        for place in gone:
            del self.points[place]

    @precondition(lambda self: self.persistent)
    @rule()
    def reopen(self) -> None:
        """Close the store and open it again."""
        self.harness.reopen_engine()

    @rule(name=NAMES, start=TIMES | strategies.none(), stop=TIMES | strategies.none())
    def read_a_range(self, name: str, start: int | None, stop: int | None) -> None:
        """Read any part of a name's points."""
        wanted = [
            (ts, value)
            for (found, ts), value in sorted(self.points.items())
            if found == name and (start is None or ts >= start) and (stop is None or ts <= stop)
        ]
        same(list(self.series.range(name, start, stop)), wanted, f"range {start} to {stop}")

    def check(self) -> None:
        """All that can be read is what the dicts say."""
        queue = self.series.pending(99)
        wanted = [(name, ts, self.points[name, ts]) for name, ts in self.queue]
        same([(p.name, p.ts, p.value) for p in queue], wanted, "queue")
        self._check_seqs(queue)
        stats, names = self.series.stats(), {name for name, _ in self.points}
        found = (stats.names, stats.points, stats.pending, stats.dropped, stats.oldest_pending)
        head = self.queue[0][1] if self.queue else None
        same(found, (len(names), len(self.points), len(queue), self.dropped, head), "stats")
        same(set(self.series.names()), names, "names")
        for name in names:
            newest = max(ts for n, ts in self.points if n == name)
            same(self.series.latest(name), (newest, self.points[name, newest]), "latest")

    def _check_seqs(self, queue: list[PendingPoint]) -> None:
        for point in queue:
            known = self.seqs.get((point.name, point.ts))
            fits = point.seq == known if known else point.seq > self.newest
            expect(fits, f"seq of {point} should be {known or f'above {self.newest}'}")
            self.newest = max(self.newest, point.seq)
            self.seqs[point.name, point.ts] = point.seq
        pending = set(self.queue)
        self.seqs = {place: seq for place, seq in self.seqs.items() if place in pending}
