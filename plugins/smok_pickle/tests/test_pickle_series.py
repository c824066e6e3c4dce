"""The series does what the engine in memory does, whatever comes in which order."""

from __future__ import annotations

import cProfile
import random
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from smok_pickle import queue, series as series_module

from smok_core.engine.base import Limits, OnFull
from smok_core.engine.memory import MemoryEngine
from smok_core.errors import BackendUnavailable, QueueFull

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smok_core.engine.base import Engine, Series


class Twins:
    """The same calls on both engines, with the same answers."""

    def __init__(self, chance: random.Random, ours: list[Series], model: Series) -> None:
        self.chance, self.ours, self.model = chance, ours, model
        self.names = [f"W{n}" for n in range(chance.choice([1, 3, 12]))]
        self.top, self.clock = chance.choice([30, 3000]), 0
        self.seqs: list[tuple[int, int]] = []

    def same(self, work: Callable[[Series], Any]) -> None:
        assert work(self.chance.choice(self.ours)) == work(self.model)

    def append(self) -> None:
        points, newer = [], self.chance.random() < 0.6
        for _ in range(self.chance.choice([1, 1, 1, 5, 40, 200])):
            self.clock += newer
            ts = self.clock if newer else self.chance.randrange(self.top)
            points.append((self.chance.choice(self.names), ts, self.chance.choice([b"a", b"b"])))
        self.same(lambda series: series.append(points))

    def pending(self) -> None:
        limit = self.chance.choice([1, 20, 500])
        ours, model = self.chance.choice(self.ours).pending(limit), self.model.pending(limit)
        assert [point[1:] for point in ours] == [point[1:] for point in model]
        self.seqs += [(one.seq, two.seq) for one, two in zip(ours, model, strict=True)]

    def acknowledge(self) -> None:
        count = min(len(self.seqs), self.chance.choice([1, 20, 500]))
        chosen = self.chance.sample(self.seqs, count)
        if self.chance.random() < 0.5:
            chosen = self.seqs[-count:] if count else []
        ours = self.chance.choice(self.ours).acknowledge(one for one, _ in chosen)
        assert ours == self.model.acknowledge(two for _, two in chosen)

    def read(self) -> None:
        name = self.chance.choice([*self.names, "unknown"])
        start, stop = (self.chance.choice([None, self.chance.randrange(self.top)]) for _ in "12")
        self.same(lambda series: list(series.range(name, start, stop)))
        self.same(lambda series: series.latest(name))
        self.same(lambda series: sorted(series.names()))
        self.same(lambda series: series.stats())

    def trim(self) -> None:
        before = self.chance.randrange(max(self.top, self.clock))
        self.same(lambda series: series.trim(before))

    def requeue(self) -> None:
        chosen = [
            (self.chance.choice(self.names), self.chance.randrange(self.top)) for _ in range(20)
        ]
        self.same(lambda series: series.requeue(chosen))


@pytest.mark.parametrize("seed", range(12))
def test_like_the_engine_in_memory(
    seed: int, opened: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two connections in turn and the model in memory: always the same answers."""
    chance = random.Random(seed)
    monkeypatch.setattr(series_module, "_SMALL_ROWS", chance.choice([8, 40, 2048]))
    monkeypatch.setattr(series_module, "_ACKNOWLEDGED", chance.choice([40, 400, 10**6]))
    monkeypatch.setattr(series_module, "_PAGE", chance.choice([50, 1000]))
    monkeypatch.setattr(series_module, "_FIRST_PAGE", chance.choice([1, 3, 16]))
    monkeypatch.setattr(series_module, "_PAGE_BYTES", chance.choice([5, 2**20]))
    ours = [opened().series("s") for _ in range(chance.choice([1, 2]))]
    twins = Twins(chance, ours, MemoryEngine().series("s"))
    steps = [twins.append] * 9 + [twins.pending, twins.acknowledge] * 3
    steps += [twins.read] * 3 + [twins.trim, twins.requeue]
    for _ in range(250):
        chance.choice(steps)()


def test_threads_that_wait_share_a_commit(opened: Callable[..., Engine]) -> None:
    """One of them writes for all; what is wrong with one append is raised to nobody else."""
    engine = opened(durability="power-loss")
    series, errors = engine.series("s", Limits(12)), list[str]()
    series.append([("W0", 0, b"v")])

    def append(number: int, count: int) -> None:
        try:
            series.append([(f"W{number}", ts, b"v") for ts in range(1, count + 1)])
        except QueueFull:
            errors.append(f"W{number}")

    def all_at_once(count: int) -> set[int]:
        threads = [threading.Thread(target=append, args=(n, count)) for n in range(8)]
        with engine._connection.lock:
            for thread in threads:
                thread.start()
            while len(series._shared._tickets) < len(threads):
                time.sleep(0.001)
        for thread in threads:
            thread.join()
        return set(engine._connection.read(lambda raw: raw.execute(_POINTS).fetchall()))

    assert all_at_once(1) == {(1,), (8,)}
    assert not errors
    all_at_once(2)
    assert len(errors) == 5
    assert series.stats().pending == 12


def test_who_was_served_brings_its_next_points(
    opened: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one waits for the medium all others queue up again: two commits for eight points."""
    engine = opened(durability="power-loss")
    series, commits = engine.series("s"), list[int]()
    series.append([(f"W{number}", 0, b"v") for number in range(8)])
    write = series._write

    def slowly(points: Any) -> None:
        commits.append(len(points))
        time.sleep(0.02)  # the medium
        write(points)

    monkeypatch.setattr(series._shared, "_write", slowly)

    def record(number: int) -> None:
        for ts in range(1, 21):
            series.append([(f"W{number}", ts, b"v")])

    threads = [threading.Thread(target=record, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(commits) == 160
    assert len(commits) <= 60
    assert not series._shared._tickets


_POINTS = "SELECT points FROM tail"


def test_readings_take_little_room(path: Path, opened: Callable[..., Engine]) -> None:
    """At most 45 bytes a reading while it is pending, 16 when it is acknowledged, late or not."""
    engine, chance, count = opened(), random.Random(1), 60_000
    series = engine.series("s")
    points = [
        (f"plant/pump{n % 50}", 10**9 + n * 1000, engine.codec.dumps(chance.uniform(0, 100)))
        for n in range(count)
    ]
    late, timely = points[::50], [point for at, point in enumerate(points) if at % 50]
    for start in range(0, len(timely), 1000):
        series.append(timely[start : start + 1000])
    series.append(late)
    engine.checkpoint()
    assert path.stat().st_size <= 45 * count
    while batch := series.pending(1000):
        series.acknowledge([point.seq for point in batch])
    engine.checkpoint()
    assert path.stat().st_size <= 16 * count
    stored = {
        (name, ts, value) for name in series.names() for ts, value in series.range(name, None, None)
    }
    assert stored == set(points)


def test_refuse_and_drop(opened: Callable[..., Engine]) -> None:
    """At max_pending new points are refused, or the oldest dropped and counted for good."""
    engine = opened()
    series = engine.series("s", Limits(10, OnFull.REFUSE))
    for ts in range(10):
        series.append([("W", ts, b"v")])
    with pytest.raises(QueueFull, match="max_pending"):
        series.append([("W", 10, b"v")])
    series.append([("W", 3, b"v")])
    series = engine.series("s", Limits(10, OnFull.DROP_OLDEST))
    for ts in range(10, 1000):
        series.append([("W", ts, b"v")])
    engine.close()
    stats = opened().series("s").stats()
    assert (stats.pending, stats.dropped, stats.points) == (10, 990, 1000)
    assert stats.oldest_pending == 990


def test_large_values_make_no_large_rows(opened: Callable[..., Engine]) -> None:
    """Values of 64 KiB are streamed a few at a time."""
    engine = opened()
    series = engine.series("s")
    series.append([("W", ts, bytes([ts]) * 65536) for ts in range(200)])
    for table in ("tail", "segments"):
        query = f"SELECT max(length(data)) FROM {table}"
        sizes = engine._connection.read(lambda raw, query=query: raw.execute(query).fetchone())
        assert sizes[0] < 6 * 65536
        assert [value[0] for _, value in series.range("W", None, None)] == list(range(200))
        assert series.latest("W") == (199, bytes([199]) * 65536)
        series.acknowledge(point.seq for point in series.pending(1000))
        engine.checkpoint()


def test_the_ends_of_the_timescale(opened: Callable[..., Engine]) -> None:
    """64-bit timestamps of either sign are kept."""
    series = opened().series("s")
    ends = [-(2**63), -1, 0, 2**63 - 1]
    series.append([("W", ts, b"v") for ts in ends] * 10)
    series.append([("X", ts, b"v") for ts in ends])
    series.append([("W", ts, b"w") for ts in range(100, 120)])
    for name, count in (("W", 24), ("X", 4)):
        stamps = [ts for ts, _ in series.range(name, None, None)]
        assert len(stamps) == count
        assert stamps == sorted(stamps)
        assert stamps[0] == ends[0]
        assert series.latest(name) == (2**63 - 1, b"v")
        assert [ts for ts, _ in series.range(name, 2**63 - 1, 2**63 - 1)] == [2**63 - 1]
    series.acknowledge(point.seq for point in series.pending(100))
    assert series.trim(-(2**63)) == 0
    assert series.trim(2**63 - 1) == 26


def test_many_newer_points_cost_no_call_each(opened: Callable[..., Engine]) -> None:
    """Thousands at once, as a buffer writes them, are packed by columns, also beyond one row."""
    series = opened().series("s")
    series.append([(f"n{number % 10}", number, b"v") for number in range(100)])
    points = [(f"n{number % 10}", number, b"v") for number in range(100, 5100)]
    profile = cProfile.Profile()
    profile.runcall(series.append, points)
    assert sum(entry.callcount for entry in profile.getstats()) < len(points)
    assert [point[1:] for point in series.pending(9999)][100:] == points


def test_the_queue_is_read_ahead(opened: Callable[..., Engine]) -> None:
    """What comes next costs no look at the log, and its acknowledgement is one statement."""
    engine = opened()
    series = engine.series("s")
    series.append([("n", number, b"v") for number in range(1000)])
    assert [series.acknowledge([point.seq for point in series.pending(1)]) for _ in "12"] == [1, 1]
    statements: list[str] = []
    engine._connection.raw().set_trace_callback(statements.append)  # type: ignore[attr-defined]
    first = series.pending(1)
    assert not [text for text in statements if "SELECT seq" in text]
    statements.clear()
    assert series.acknowledge([first[0].seq]) == 1
    assert len(statements) == 1
    assert [point.ts for point in series.pending(1)] == [3]


def test_what_others_acknowledge_is_not_remembered(opened: Callable[..., Engine]) -> None:
    """Two engines take turns at one queue: each sees what the other did, in any order."""
    one, other = (opened().series("s") for _ in "12")
    one.append([("n", number, b"v") for number in range(60)])
    seqs = [point.seq for point in one.pending(60)]
    assert other.acknowledge(seqs[:10]) == 10
    assert one.acknowledge(seqs[:20]) == 10
    assert other.acknowledge(seqs[30:40]) == 10
    assert [point.seq for point in one.pending(15)] == [*seqs[20:30], *seqs[40:45]]
    assert one.acknowledge(seqs[20:45]) == 15
    other.append([("n", 60, b"v"), ("n", 50, b"w")])
    assert [point.ts for point in one.pending(99)] == [*range(45, 50), *range(51, 61), 50]
    assert one.acknowledge(seqs[45:50]) == 5
    assert (one.stats(), other.stats().pending) == (other.stats(), 11)


def test_the_first_of_a_range_reads_one_row(opened: Callable[..., Engine]) -> None:
    """What comes after it is read when it is asked for."""
    series = opened().series("s")
    for first in (0, 300, 600):
        series.append([("n", ts, b"v") for ts in range(first, first + 300)])
    found, profile = series.range("n", 10, None), cProfile.Profile()
    assert profile.runcall(next, found) == (10, b"v")
    codes = [entry for entry in profile.getstats() if not isinstance(entry.code, str)]
    assert sum(each.callcount for each in codes if each.code.co_name == "points_of") == 1
    assert [ts for ts, _ in found] == list(range(11, 900))


def test_the_first_of_a_range_takes_few_points_apart(opened: Callable[..., Engine]) -> None:
    """Of a segment only those are made that are asked for, wherever the range begins in it."""
    engine = opened()
    series = engine.series("s")
    series.append([("n", ts, b"%d" % (ts % 10)) for ts in range(0, 6000, 2)])
    series.acknowledge(point.seq for point in series.pending(3000))
    engine.checkpoint()
    statements: list[str] = []
    engine._connection.raw().set_trace_callback(statements.append)  # type: ignore[attr-defined]
    for expected in (5, 4):  # a transaction, the segment, a look at all others do; first, two looks
        statements.clear()
        assert next(series.range("n", 600, None)) == (600, b"0")
        assert len(statements) == expected
    engine._connection.raw().set_trace_callback(None)  # type: ignore[attr-defined]
    for start in (None, 0, 999, 3000):
        found, profile = series.range("n", start, None), cProfile.Profile()
        ts, value = profile.runcall(next, found)
        assert (ts, value) == (((start or 0) + 1) // 2 * 2, b"%d" % (ts % 10))
        assert sum(entry.callcount for entry in profile.getstats()) < 300
        assert [ts for ts, _ in found] == list(range(ts + 2, 6000, 2))


def test_one_of_many_names_is_read_from_a_row(opened: Callable[..., Engine]) -> None:
    """Up to 256 names and beyond, whose places in a row have one byte or two, and one alone."""
    for names in (1, 2, 256, 257, 600):
        series = opened().series(f"s{names}")
        series.append([(f"n{at}", 0, b"v") for at in range(names)])
        points = [(f"n{at * 7 % names}", at + 1, b"%d" % at) for at in range(1000)]
        series.append(points)
        for name in {"n0", f"n{names // 2}", f"n{names - 1}"}:
            expected = [(0, b"v")] + [(ts, value) for one, ts, value in points if one == name]
            assert list(series.range(name, None, None)) == expected


def test_what_was_appended_one_by_one_is_not_read_again(opened: Callable[..., Engine]) -> None:
    """It is handed out after one look at what others have done."""
    engine = opened()
    series = engine.series("s")
    series.append([("n", 0, b"v"), ("m", 0, b"v")])
    assert series.acknowledge(point.seq for point in series.pending(2)) == 2
    for ts in range(1, 30):
        series.append([(f"{'nm'[ts % 2]}", ts, b"%d" % ts)])
    statements: list[str] = []
    engine._connection.raw().set_trace_callback(statements.append)  # type: ignore[attr-defined]
    found = series.pending(20)
    assert statements == ["PRAGMA data_version"]
    assert [point[1:] for point in found] == [("nm"[ts % 2], ts, b"%d" % ts) for ts in range(1, 21)]
    assert series.acknowledge(point.seq for point in found) == 20
    assert [point.ts for point in series.pending(99)] == list(range(21, 30))


def test_what_was_appended_one_by_one_is_merged_from_memory(opened: Callable[..., Engine]) -> None:
    """Only the rows that are not remembered whole are read, each for itself."""
    engine = opened()
    series = engine.series("s")
    series.append([("n", 0, b"v"), ("m", 0, b"v")])
    for ts in range(1, 30):
        series.append([("n", ts, b"v")])
    statements: list[str] = []
    engine._connection.raw().set_trace_callback(statements.append)  # type: ignore[attr-defined]
    series._merge()
    read = [re.findall(r"BETWEEN (\d+) AND (\d+) ORDER", text) for text in statements]
    assert [first == last for spans in read for first, last in spans] == [True]
    assert [point.ts for point in series.pending(99)] == [0, *range(30)]


def test_a_signal_handler_in_the_middle_of_a_take_is_refused(
    opened: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would read ahead in between, and readings would be handed out twice."""
    series, plain = opened().series("pathpoints"), queue.remembered
    for ts in range(3):
        series.append([("n", ts, b"v")])
    series.acknowledge([series.pending(1)[0].seq])

    def interrupted(*given: Any) -> Any:
        with pytest.raises(BackendUnavailable, match="in the middle of another call"):
            series.pending(2)
        return plain(*given)

    monkeypatch.setattr(queue, "remembered", interrupted)
    assert [point.ts for point in series.pending(2)] == [1, 2]
    monkeypatch.undo()
    assert [point.ts for point in series.pending(2)] == [1, 2]
