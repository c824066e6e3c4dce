"""The log of a queue: one place for one batch, in order; limits and counts that are exact."""

import itertools
import threading
import time
from random import Random

import pytest

from plugins.smok_mongo.tests.mishaps import Killed, before, killed
from smok_core.engine.base import Limits, OnFull, SeriesStats
from smok_core.errors import QueueFull


@pytest.fixture
def three(server, raw, opened):
    """Three processes on one store."""
    return [opened(server.url) for _ in range(3)]


def drain(series, most=1000):
    """Hand over and acknowledge all; give the points."""
    handed = []
    while points := series.pending(most):
        handed += points
        assert series.acknowledge([p.seq for p in points]) == len(points)
    return handed


def test_a_writer_that_slept_through_everything_finds_a_place_of_its_own(three, raw):
    """Even the headers of its place are gone; no seq is used twice, and nothing of it is lost."""
    slow, quick, uploader = (engine.series("s") for engine in three)
    slow.append([("w", -1, b"")])
    handed = drain(uploader)

    def meanwhile():
        for n in range(100):
            quick.append([("w", n, b"quick")])
        handed.extend(drain(uploader))

    slow._queue._chunks.store = before(slow._queue._chunks.store, meanwhile)
    slow.append([("w", 500, b"slow")])
    assert raw.smok_batches.count_documents({}) < 90  # the floor was raised
    assert [(p.ts, p.value) for p in uploader.pending(9)] == [(500, b"slow")]
    handed += drain(uploader)
    assert len({p.seq for p in handed}) == len(handed) == 102
    assert [p.seq for p in handed] == sorted(p.seq for p in handed)
    assert uploader.stats() == SeriesStats(names=1, points=102)


def test_a_sleeper_that_another_has_stored_for_adds_nothing(three):
    """What it appends is stored by another meanwhile: it changes nothing, and waits once."""
    slow, quick, uploader = (engine.series("s") for engine in three)
    slow.append([("w", 0, b"")])
    call = slow._queue.insert
    slow._queue.insert = before(call, lambda: quick.append([("w", 1, b"1"), ("w", 2, b"2")]))
    slow.append([("w", 1, b"1"), ("w", 2, b"other"), ("w", 3, b"3")])
    assert [(p.ts, p.value) for p in drain(uploader)] == [
        (0, b""), (1, b"1"), (2, b"other"), (3, b"3"),
    ]  # fmt: skip
    assert slow.stats() == SeriesStats(names=1, points=4)


def test_two_that_append_at_once_keep_the_limit(three):
    """The decision and the commit are one step: one of two is refused, whoever looked first."""
    one, two, _ = (engine.series("s", Limits(5)) for engine in three)
    one.append([("w", 0, b""), ("w", 1, b"")])
    one._queue.insert = before(
        one._queue.insert, lambda: two.append([("w", 2, b""), ("w", 3, b"")])
    )
    with pytest.raises(QueueFull, match="4 points wait"):
        one.append([("w", 4, b""), ("w", 5, b"")])
    one.append([("w", 4, b"")])
    assert [p.ts for p in two.pending(9)] == [0, 1, 2, 3, 4]


def test_two_that_drop_at_once_drop_no_more_than_they_must(three):
    """What has to go is decided with the commit, so an excess is dropped once."""
    one, two, _ = (engine.series("s", Limits(5, OnFull.DROP_OLDEST)) for engine in three)
    one.append([("w", n, b"") for n in range(5)])
    one._queue.insert = before(
        one._queue.insert, lambda: two.append([("w", 5, b""), ("w", 6, b"")])
    )
    one.append([("w", 7, b"")])
    assert [p.ts for p in two.pending(9)] == [3, 4, 5, 6, 7]
    assert (one.stats().pending, one.stats().dropped) == (5, 3)


def test_a_drop_that_was_committed_is_carried_out_and_counted(three):
    """A process killed between its commit and its drop leaves it to the next one."""
    one, two, _ = (engine.series("s", Limits(3, OnFull.DROP_OLDEST)) for engine in three)
    one.append([("w", n, b"") for n in range(3)])
    one._archive.store = killed
    with pytest.raises(Killed):
        one.append([("w", 3, b""), ("w", 4, b"")])
    two.append([("w", 5, b"")])
    assert [p.ts for p in two.pending(9)] == [3, 4, 5]
    assert (two.stats().pending, two.stats().dropped) == (3, 3)


def test_more_than_the_limit_at_once_leaves_the_newest(three):
    """A batch larger than the limit drops the older ones and the beginning of itself."""
    one, two, _ = (engine.series("s", Limits(3, OnFull.DROP_OLDEST)) for engine in three)
    one.append([("w", n, b"") for n in range(2)])
    one.append([("w", n, b"") for n in range(2, 10)])
    assert [p.ts for p in two.pending(9)] == [7, 8, 9]
    assert two.stats() == SeriesStats(names=1, points=10, pending=3, dropped=7, oldest_pending=7)


def test_one_point_that_nobody_takes_holds_no_others(three, raw):
    """The oldest waits for ever: what was acknowledged behind it is removed all the same."""
    series, other, _ = (engine.series("s") for engine in three)
    series.append([("w", 0, b"stuck"), ("w", 1, b"")])
    for n in range(2, 120):
        series.append([("w", n, b"")])
        series.acknowledge([p.seq for p in series.pending(9) if p.ts])
    assert raw.smok_batches.count_documents({}) < 85
    assert [p.value for p in other.pending(9)] == [b"stuck"]
    assert other.stats() == SeriesStats(names=1, points=120, pending=1, oldest_pending=0)
    stuck = other.pending(1)
    assert other.acknowledge([stuck[0].seq]) == 1
    assert series.stats().pending == 0


def test_counts_are_exact_whatever_happened_to_the_points(three):
    """Replaced, repeated, queued again, acknowledged in part and forgotten: all processes agree."""
    one, two, fresh = (engine.series("s") for engine in three)
    one.append([(name, n, b"1") for n in range(10) for name in "abc"])
    two.append([("a", 0, b"2"), ("a", 1, b"1"), ("d", 0, b"1")])
    seqs = [p.seq for p in one.pending(99)]
    one.acknowledge(seqs[3:20])
    assert two.requeue([("a", 3), ("a", 0), ("zz", 1)]) == 1
    gone = two.trim(5)
    assert gone == 10
    stored = sum(len(list(fresh.range(name, None, None))) for name in fresh.names())
    for series in (one, two, fresh):
        stats = series.stats()
        assert (stats.names, stats.points, stats.pending) == (4, stored, len(one.pending(99)))
    assert stored == 31 - gone


def test_a_trim_that_was_killed_is_finished(three):
    """What a killed process meant to forget is gone after the next append, and counted once."""
    one, two, _ = (engine.series("s") for engine in three)
    one.append([("w", n, b"") for n in range(10)])
    drain(one)
    one._archive.forget = killed
    with pytest.raises(Killed):
        one.trim(5)
    two.append([("w", 10, b"")])
    assert [ts for ts, _ in two.range("w", None, None)] == [5, 6, 7, 8, 9, 10]
    assert two.stats().points == 6


def test_stats_and_trim_cost_few_commands(proxy, raw, opened):
    """Counting asks for nothing that grows; forgetting takes a command for many names."""
    series = opened(proxy.url).series("s")
    series.append([(f"w{n}", ts, b"") for n in range(120) for ts in (1, 2, 30)])
    begun = len(proxy.commands)
    assert series.stats().points == 360
    asked = proxy.commands[begun:]
    assert len(asked) <= 6
    assert not [c for c in asked if "aggregate" in c or c.get("find") == "smok_points"]
    drain(series)
    begun = len(proxy.commands)
    assert series.trim(10) == 240
    assert len(proxy.commands) - begun < 40


def test_a_fresh_process_trims_many_names_with_few_commands(proxy, raw, opened):
    """Also where nothing is known of the names, and some of them only have old points."""
    series = opened(proxy.url).series("s")
    series.append([(f"w{n}", ts, b"") for n in range(120) for ts in (1, 2, 30 if n % 2 else 3)])
    drain(series)
    raw.smok_names.update_many({}, {"$unset": {"last": ""}})
    again = opened(proxy.url).series("s")
    begun = len(proxy.commands)
    assert again.trim(10) == 240
    assert len(proxy.commands) - begun < 40
    assert again.latest("w0") == (3, b"")
    assert again.latest("w1") == (30, b"")


def test_many_names_with_few_points_are_trimmed_by_the_page(proxy, raw, opened):
    """No command names them one by one; what is pending, and the latest of each name, stay."""
    series = opened(proxy.url).series("s")
    names = [f"w{n}" for n in range(400)]
    series.append([(name, ts, b"") for ts in (1, 2) for name in names])
    series.append([(name, 3, b"") for name in names[::2]])
    drain(series)
    series.append([(name, 0, b"") for name in names[:5]])
    again = opened(proxy.url).series("s")
    begun = len(proxy.commands)
    assert again.trim(3) == 600
    asked = proxy.commands[begun:]
    assert len(asked) < 30
    assert not [c for c in asked if c.get("find") == "smok_points" and "$or" in c["filter"]]
    times = [[ts for ts, _ in series.range(name, None, None)] for name in names]
    assert times[:6] == [[0, 3], [0, 2], [0, 3], [0, 2], [0, 3], [2]]
    assert times[6:] == [[3], [2]] * 197
    assert again.stats() == SeriesStats(400, 405, pending=5, oldest_pending=0)


def test_a_writer_that_is_overtaken_again_and_again_gets_its_turn(three):
    """Whoever plans slowly asks the quick ones to let it go first."""
    slow, quick, _ = (engine.series("s") for engine in three)
    slow.append([("w", -1, b"")])
    stop, plan = threading.Event(), slow._fresh

    def dawdle(points):
        time.sleep(0.2)
        return plan(points)

    def hurry():
        for n in itertools.takewhile(lambda _: not stop.is_set(), itertools.count()):
            quick.append([("q", n, b"")])

    slow._fresh = dawdle
    thread = threading.Thread(target=hurry)
    thread.start()
    try:
        begun = time.monotonic()
        for n in range(3):
            slow.append([("w", n, b"")])
        assert time.monotonic() - begun < 10
    finally:
        stop.set()
        thread.join()
    assert [p.ts for p in quick.pending(9999) if p.name == "w"] == [-1, 0, 1, 2]


def test_who_asks_for_its_turn_and_dies_costs_the_others_a_second_once(three, raw):
    """What it asked stays in the database, and nobody waits for it twice."""
    series, _, _ = (engine.series("s") for engine in three)
    series.append([("w", 0, b"")])
    raw.smok_heads.insert_one({"_id": "pump-17|s|floor|!dead"})
    begun = time.monotonic()
    for n in range(1, 8):
        series.append([("w", n, b"")])
    assert 0.9 < time.monotonic() - begun < 3
    assert series.stats().pending == 8


def test_a_name_with_many_points_is_trimmed_beside_many_with_few(three):
    """Pages end within a name, and names sort otherwise than they are read."""
    series, other, _ = (engine.series("s") for engine in three)
    many = [(name, ts, b"") for name in ("a b", "a|", "é") for ts in range(1500)]
    few = [(f"n{n}", ts, b"") for n in range(30) for ts in (1, 2)]
    series.append(many + few)
    drain(series)
    assert series.trim(1499) == 3 * 1499 + 30
    assert [len(list(other.range(name, None, None))) for name in ("a b", "a|", "é")] == [1, 1, 1]
    assert other.stats().points == 33


def test_points_appended_one_by_one_leave_with_one_command(proxy, opened, raw):
    """Who acknowledges what it was handed over reads none of it again, and names only the ends."""
    series = opened(proxy.url).series("s")
    for n in range(120):
        series.append([("w", n, b"")])
    begun = len(proxy.commands)
    assert series.acknowledge([p.seq for p in series.pending(100)]) == 100
    asked = [next(iter(c.items())) for c in proxy.commands[begun:]]
    assert [name for name, of in asked if of == "smok_batches"] == ["find", "delete"]
    assert len(asked) <= 6
    assert (raw.smok_batches.count_documents({}), series.stats().pending) == (20, 20)


def test_a_small_append_does_not_lengthen_answers_of_large_batches(proxy, opened, raw):
    """How many batches come in one answer follows what was read, not what was appended last."""
    series = opened(proxy.url).series("s")
    for begin in range(0, 1500, 500):
        series.append([("w", n, b"") for n in range(begin, begin + 500)])
    assert len(series.pending(1000)) == 1000
    series.append([("w", 1500, b"")])
    begun = len(proxy.commands)
    assert len(series.pending(1000)) == 1000
    (query,) = [c for c in proxy.commands[begun:] if c.get("find") == "smok_batches"]
    assert query["batchSize"] == 3


@pytest.mark.parametrize("taken", [slice(70), slice(0, 70, 2), slice(99)])
def test_what_another_acknowledges_meanwhile_counts_once(three, taken):
    """What was handed over is known as it was then; who acknowledges sees that it has changed."""
    one, two, _ = (engine.series("s") for engine in three)
    for n in range(50):
        one.append([("w", 2 * n, b""), ("w", 2 * n + 1, b"")])
    seqs = [p.seq for p in one.pending(99)]
    assert two.acknowledge(seqs[taken]) == len(seqs[taken])
    assert one.acknowledge(seqs) == 99 - len(seqs[taken])
    assert one.acknowledge(seqs) == 0
    assert [p.ts for p in two.pending(9)] == [99]
    assert (one.stats().pending, two.stats().pending) == (1, 1)


def test_a_queue_that_fills_and_empties_keeps_few_headers(engine, raw):
    """The newest headers of each backlog stay, and go with one of the next."""
    series = engine.series("s")
    for begin in range(0, 800, 80):
        for n in range(begin, begin + 80):
            series.append([("w", n, b"")])
        drain(series)
        assert raw.smok_batches.count_documents({}) < 90
        assert series.stats().pending == 0


def test_what_waits_before_what_was_handed_over_stays(three):
    """Who reads on by a seq has not seen what is before it: the floor does not pass that."""
    one, two, _ = (engine.series("s") for engine in three)
    for n in range(100):
        one.append([("w", n, b"")])
    first = one.pending(5)[-1].seq
    assert one.acknowledge([p.seq for p in one.pending(80, first)]) == 80
    assert [p.ts for p in two.pending(99)] == [*range(5), *range(85, 100)]
    assert two.stats().pending == 20


@pytest.mark.parametrize("seed", range(2))
def test_small_batches_that_leave_in_any_order_all_leave(three, seed):
    """Three processes take and acknowledge some of what waits: no point is lost, counts hold."""
    random, clock, waiting = Random(seed), itertools.count(), set()
    processes = [engine.series("s") for engine in three]
    for _ in range(8):
        one, other = random.sample(processes, 2)
        for n in itertools.islice(clock, 40):
            one.append([("w", n, b"")] + [("v", n, b"")] * random.randrange(2))
        waiting |= {p.seq for p in other.pending(9999)}
        after = random.choice([0, 0, min(waiting)])
        handed = one.pending(random.randrange(1, 150), after), other.pending(100)
        for series, points in zip((one, other), handed, strict=True):
            seqs = {p.seq for p in points if random.random() < 0.97}
            assert series.acknowledge(seqs) == len(waiting & seqs)
            waiting -= seqs
        assert {p.seq for p in one.pending(9999)} == waiting
        assert [series.stats().pending for series in processes] == [len(waiting)] * 3


def test_what_is_dropped_while_it_is_uploaded_is_counted(three):
    """Another process drops what is handed over: below the floor it counts as dropped as well."""
    uploader, other, _ = (engine.series("s", Limits(100, OnFull.DROP_OLDEST)) for engine in three)
    for n in range(100):
        other.append([("w", n, b"")])
    seqs = [p.seq for p in uploader.pending(90)]
    for n in range(100, 110):
        other.append([("w", n, b"")])
    assert uploader.acknowledge(seqs) == 80
    assert uploader.stats() == other.stats()
    assert (other.stats().pending, other.stats().dropped) == (20, 10)


def test_a_queue_that_drops_for_weeks_keeps_few_headers(engine, raw):
    """Nobody uploads: what is dropped goes below the floor too, and is counted."""
    series = engine.series("s", Limits(3, OnFull.DROP_OLDEST))
    for n in range(200):
        series.append([("w", n, b"")])
    assert raw.smok_batches.count_documents({}) < 90
    assert (series.stats().pending, series.stats().dropped) == (3, 197)
    assert [p.ts for p in series.pending(9)] == [197, 198, 199]


def test_a_batch_that_is_acknowledged_while_the_floor_passes_it_counts(three):
    """It waited when the floor was raised past it, and ends before the others are removed."""
    one, two, _ = (engine.series("s") for engine in three)
    for n in range(100):
        one.append([("w", n, b"")])
    first, *others = [p.seq for p in two.pending(100)]
    log = one._queue.log
    log._sweep = before(log._sweep, lambda: two.acknowledge([first]))
    assert one.acknowledge(others) == 99
    assert one.stats().pending == two.stats().pending == 0


def test_two_floors_at_one_place_count_each_batch_once(three):
    """Who comes second raises nothing: the first says that a batch waits which the second ended."""
    one, two, _ = (engine.series("s") for engine in three)
    for n in range(100):
        one.append([("w", n, b"")])
    seqs = [p.seq for p in one.pending(100)]
    log = one._queue.log
    log._insert = before(log._insert, lambda: two.acknowledge(seqs[1:]))
    assert one.acknowledge(seqs) == 1
    assert one.stats().pending == two.stats().pending == 0
