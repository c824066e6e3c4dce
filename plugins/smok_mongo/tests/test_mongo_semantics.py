"""Random histories: MongoDB and the reference engine must tell the same after every step."""

import os
import random

import pytest

from smok_core.engine.base import Ack, Limits, OnFull, When
from smok_core.engine.buffered import BufferedSeries
from smok_core.engine.memory import MemoryEngine
from smok_core.errors import QueueFull

SEEDS = range(200) if os.environ.get("SMOK_LONG") else range(6)
STEPS = 60

KEYS = ["a", "a.b", "$ne", "{x}", "a|b", "../x", "*", "a\n", "é", "e\u0301", "🦆", "head", "%7C"]


class Both:
    """Does everything to both engines and holds their answers against each other."""

    def __init__(self, ours, reference):
        self.ours, self.reference = ours, reference
        self.seqs: dict[int, int] = {}  # the reference's seq -> ours


def row_view(row):
    return row and (row.key, row.value, row.stamp, row.pending, row.tag)


@pytest.mark.parametrize("seed", SEEDS)
def test_tables_do_what_the_reference_does(engine, seed):
    """Any history of a table leaves the same rows, order, tags and queue as in memory."""
    rng = random.Random(seed)
    ours, memory = engine.table("events"), MemoryEngine().table("events")
    for _ in range(STEPS):
        key, value = rng.choice(KEYS), rng.randbytes(3)
        match rng.choice(
            ["put", "put", "put", "delete", "acknowledge", "acknowledge", "replace", "cas"]
        ):
            case "put":
                how = {
                    "stamp": float(rng.randrange(4)),
                    "pending": rng.random() < 0.6,
                    "when": rng.choice(list(When)),
                }
                assert ours.put(key, value, **how) == memory.put(key, value, **how)
            case "cas":
                row, twin = ours.get(key), memory.get(key)
                stale = rng.random() < 0.5
                mine = row.seq - stale if row else 5
                its = twin.seq - stale if twin else 5
                assert ours.put(key, value, expected_seq=mine) == memory.put(
                    key, value, expected_seq=its
                )
            case "delete":
                assert ours.delete(key) == memory.delete(key)
            case "acknowledge":
                acknowledge_some(rng, ours, memory)
            case "replace" if rng.random() < 0.3:
                rows = {k: rng.randbytes(2) for k in rng.sample(KEYS, rng.randrange(4))}
                ours.replace(rows)
                memory.replace(rows)
        assert [row_view(r) for r in ours.rows()] == [row_view(r) for r in memory.rows()]
        assert [row_view(r) for r in ours.pending(5)] == [row_view(r) for r in memory.pending(5)]
    assert ours.stats() == memory.stats()
    assert {k: row_view(r) for k, r in ours.get_many(KEYS).items()} == {
        k: row_view(r) for k, r in memory.get_many(KEYS).items()
    }


def acknowledge_some(rng, ours, memory):
    """Acknowledge the same rows in both; some as they were before a later change, some unknown."""
    ours_rows, its_rows = list(ours.rows()), list(memory.rows())
    picked = [i for i in range(len(ours_rows)) if rng.random() < 0.5]
    mine, its = [], []
    for i in picked:
        tag, remove = rng.choice([None, "server\x00id", "t"]), rng.random() < 0.3
        mine.append(Ack(ours_rows[i].key, ours_rows[i].seq, tag, remove))
        its.append(Ack(its_rows[i].key, its_rows[i].seq, tag, remove))
    for i in picked[:2]:
        if rng.random() < 0.5:
            ours.put(ours_rows[i].key, b"changed", pending=True)
            memory.put(its_rows[i].key, b"changed", pending=True)
    unknown = Ack("nobody", 1, "x", remove=True)
    assert ours.acknowledge([*mine, unknown]) == memory.acknowledge([*its, unknown])


def point_view(point):
    return point.name, point.ts, point.value


@pytest.mark.parametrize("seed", SEEDS)
def test_series_do_what_the_reference_does(server, raw, opened, seed):
    """Any history of a series, reopened now and then, tells the same as in memory."""
    rng = random.Random(seed)
    engine = opened(server.url)
    limits = rng.choice(
        [Limits(), Limits(12, OnFull.REFUSE), Limits(12, OnFull.DROP_OLDEST), Limits(3)]
    )
    ours, memory = engine.series("pp", limits), MemoryEngine().series("pp", limits)
    for _ in range(STEPS):
        match rng.choice(["append"] * 4 + ["acknowledge"] * 2 + ["trim", "requeue", "reopen"]):
            case "append":
                points = [
                    (rng.choice(KEYS[:5]), rng.randrange(-4, 12), rng.choice([b"", b"1", b"2"]))
                    for _ in range(rng.randrange(6))
                ]
                assert outcome(ours, points) == outcome(memory, points)
            case "acknowledge":
                mine, its = ours.pending(99), memory.pending(99)
                picked = [i for i in range(len(mine)) if rng.random() < 0.5]
                assert ours.acknowledge(
                    [mine[i].seq for i in picked] + [7, 2**70, -1]
                ) == memory.acknowledge([its[i].seq for i in picked])
            case "trim":
                before = rng.randrange(-5, 14)
                assert ours.trim(before) == memory.trim(before)
            case "requeue":
                points = [(rng.choice(KEYS[:5]), rng.randrange(-4, 12)) for _ in range(4)]
                assert ours.requeue(points) == memory.requeue(points)
            case "reopen":
                engine.close()
                engine = opened(server.url)
                ours = engine.series("pp", limits)
        same_series(rng, ours, memory)


def outcome(series, points):
    """Append; tell whether the queue was full."""
    try:
        series.append(points)
    except QueueFull:
        return "full"
    return "stored"


def same_series(rng, ours, memory):
    limit = rng.choice([1, 3, 99])
    mine, its = ours.pending(limit), memory.pending(limit)
    assert list(map(point_view, mine)) == list(map(point_view, its))
    assert [p.seq for p in mine] == sorted({p.seq for p in mine})
    if mine:
        half = len(mine) // 2
        rest, its_rest = ours.pending(99, mine[half].seq), memory.pending(99, its[half].seq)
        assert list(map(point_view, rest)) == list(map(point_view, its_rest))
    assert ours.stats() == memory.stats()
    name = rng.choice(KEYS[:5])
    start, stop = rng.choice([(None, None), (-2, 5), (3, None), (None, 3), (9, 2)])
    assert list(ours.range(name, start, stop)) == list(memory.range(name, start, stop))
    assert ours.latest(name) == memory.latest(name)
    assert sorted(ours.names()) == sorted(memory.names())


@pytest.mark.parametrize("seed", SEEDS)
def test_blobs_do_what_the_reference_does(engine, seed):
    """Any history of blobs, small and chunked, tells the same as in memory."""
    rng = random.Random(seed)
    ours, memory = engine.blobs("baobs"), MemoryEngine().blobs("baobs")
    for _ in range(15):
        key = rng.choice(KEYS)
        if rng.random() < 0.7:
            data = bytes([rng.randrange(256)]) * rng.choice([0, 5, 9, 1 << 20, (1 << 20) + 1])
            version = rng.randrange(-3, 9) + rng.choice([0, 2**80])
            assert ours.put(key, data, version) == memory.put(key, data, version)
        else:
            assert ours.delete(key) == memory.delete(key)
        assert ours.get(key) == memory.get(key)
        assert ours.version(key) == memory.version(key)
        assert ours.versions() == memory.versions()


def test_what_a_buffer_has_taken_gets_in_beyond_the_bound(engine):
    """`buffered` promises it; what comes after it is refused until something was acknowledged."""
    inner = engine.series("pathpoints", Limits(3))
    series = BufferedSeries(inner, flush_ms=60_000)
    for ts in range(8):
        series.append([("W1", ts, b"v")])
    series.flush()
    assert [point.ts for point in inner.pending(10)] == list(range(8))
    with pytest.raises(QueueFull):
        series.append([("W1", 8, b"v")])
    with pytest.raises(QueueFull):
        inner.append([("W1", 8, b"v")])
    inner.acknowledge([point.seq for point in inner.pending(6)])
    series._tried = 0.0  # a second later
    series.append([("W1", 9, b"v")])
    series.close()
    assert [ts for ts, _ in inner.range("W1", None, None)] == [*range(8), 9]
