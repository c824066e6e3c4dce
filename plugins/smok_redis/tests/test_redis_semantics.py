"""The primitives do what the in-memory engine does: random histories, played on both."""

import random

import pytest
import smok_redis
from smok_redis.packing import apart

from smok_core import Event
from smok_core.engine.base import Ack, Limits, OnFull, When
from smok_core.engine.buffered import BufferedSeries
from smok_core.engine.memory import MemoryEngine
from smok_core.errors import QueueFull

NAMES = ["a", "b:c", "{x}", "é\n*", "z" * 1024]
STAMPS = [0, 5, -7, 10**15, 10**15 + 1, 2**63 - 1, -(2**63)]


class Pair:
    """A reference and the real thing; what is done to one is done to the other.

    Seqs differ between the two; they are compared by their order, and each side gets its own.
    """

    def __init__(self, reference, real):
        self.sides = (reference, real)

    def same(self, ask, *, shape=lambda found: found):
        """Do it on both sides; tell what came, and insist that it is the same."""
        answers = [self._try(ask, side) for side in self.sides]
        shaped = [shape(answer) for answer in answers]
        assert shaped[0] == shaped[1]
        return answers

    @staticmethod
    def _try(ask, side):
        try:
            answer = ask(side)
        except QueueFull:
            return QueueFull
        return list(answer) if hasattr(answer, "__next__") else answer


def without_seq(found):
    """Leave out the seqs of rows or points, but keep that they grow."""
    seqs = [row.seq for row in found]
    assert seqs == sorted(set(seqs))
    return [row._replace(seq=0) for row in found]


def play_table(chance, pair):
    """One step of a table's life."""
    key = chance.choice(NAMES)
    value = chance.randbytes(chance.choice([0, 1, 40, 300]))
    stamp, pending = chance.choice([0.0, 1.5, 1e300, -2.0]), chance.random() < 0.6
    step = chance.randrange(8)
    if step < 4:
        when = chance.choice(list(When))
        pair.same(lambda t: t.put(key, value, stamp=stamp, pending=pending, when=when))
    elif step == 4:
        rows = pair.same(lambda t: t.get(key), shape=lambda row: row and row._replace(seq=0))
        wrong = chance.random() < 0.5

        def change(table):
            row = rows[pair.sides.index(table)]
            return table.put(key, value, expected_seq=(row.seq if row else 1) + wrong)

        pair.same(change)
    elif step == 5:
        pair.same(lambda t: t.delete(key))
    elif step == 6:
        new = {chance.choice(NAMES): chance.randbytes(9) for _ in range(chance.randrange(4))}
        pair.same(lambda t: t.replace(new))
    else:
        acknowledge_rows(chance, pair)


def acknowledge_rows(chance, pair):
    """Acknowledge some of what waits, some of it twice, some of it changed meanwhile."""
    handed = pair.same(lambda t: t.pending(3), shape=without_seq)
    if handed[0] and chance.random() < 0.5:
        key = handed[0][0].key
        pair.same(lambda t: t.put(key, b"changed", pending=True))
    fates = [(chance.choice([None, "id-7"]), chance.random() < 0.4) for _ in handed[0]]

    def acknowledge(table):
        rows = handed[pair.sides.index(table)]
        done = [Ack(row.key, row.seq, *fate) for row, fate in zip(rows, fates, strict=True)]
        return table.acknowledge([*done, *done[:1], Ack("nobody", 5, "x")])

    pair.same(acknowledge)


def play_series(chance, pair):
    """One step of a series' life."""
    step = chance.randrange(10)
    points = [
        (chance.choice(NAMES), chance.choice(STAMPS), chance.choice([b"", b"1", b"2" * 90]))
        for _ in range(chance.randrange(1, 9))
    ]
    name, start, stop = chance.choice(NAMES), chance.choice(STAMPS), chance.choice(STAMPS)
    if step < 5:
        pair.same(lambda s: s.append(points))
    elif step == 5:
        pair.same(lambda s: s.latest(name))
        pair.same(lambda s: s.range(name, start, stop))
        pair.same(lambda s: s.range(name, None, stop))
    elif step == 6:
        pair.same(lambda s: s.trim(stop))
    elif step == 7:
        pair.same(lambda s: s.requeue([(n, ts) for n, ts, _ in points]))
    else:
        acknowledge_points(chance, pair)


def acknowledge_points(chance, pair):
    """Acknowledge some of what waits, with strangers among them."""
    handed = pair.same(lambda s: s.pending(6), shape=without_seq)
    chosen = [number for number in range(len(handed[0])) if chance.random() < 0.7]

    def acknowledge(series):
        pending = handed[pair.sides.index(series)]
        return series.acknowledge([*(pending[n].seq for n in chosen), 0, -3, 2**70])

    pair.same(acknowledge)


@pytest.mark.parametrize("seed", range(6))
def test_a_table_behaves_as_the_reference(engine, seed):
    """Whatever is done to a table, in any order, every answer is the reference's."""
    chance = random.Random(seed)
    pair = Pair(MemoryEngine().table("t"), engine.table("t"))
    for _ in range(120):
        play_table(chance, pair)
        pair.same(lambda t: t.stats())
        pair.same(lambda t: t.rows(), shape=without_seq)
        pair.same(lambda t: t.pending(100), shape=without_seq)


@pytest.mark.parametrize("limits", [Limits(), Limits(9), Limits(7, OnFull.DROP_OLDEST)])
@pytest.mark.parametrize("seed", range(4))
def test_a_series_behaves_as_the_reference(engine, seed, limits):
    """Whatever is done to a series, in any order, every answer is the reference's."""
    chance = random.Random(seed)
    pair = Pair(MemoryEngine().series("s", limits), engine.series("s", limits))
    for _ in range(100):
        play_series(chance, pair)
        pair.same(lambda s: s.stats())
        pair.same(lambda s: s.pending(100), shape=without_seq)
    pair.same(lambda s: set(s.names()))
    for name in NAMES:
        pair.same(lambda s, name=name: s.range(name, None, None))


@pytest.mark.parametrize("seed", range(2))
def test_a_series_in_a_cluster_behaves_as_the_reference(shared_cluster, opened, seed):
    """In a Cluster, too, every answer is the reference's."""
    chance = random.Random(seed)
    url = f"redis+cluster://127.0.0.1:{shared_cluster[1].port}"
    pair = Pair(MemoryEngine().series("s"), opened(url).series("s"))
    for _ in range(60):
        play_series(chance, pair)
        pair.same(lambda s: s.stats())
        pair.same(lambda s: s.pending(100), shape=without_seq)


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_blobs_come_back_with_their_version(engine, size):
    """Bytes of any length come back together with their version, and a version must grow."""
    blobs, data = engine.blobs("b"), random.Random(size).randbytes(size)
    assert blobs.put("../k", data, 2**60) is None
    assert blobs.put("../k", b"old", 2**60) == 2**60
    assert blobs.put("../k", b"o" * 2_000_000, 2**60 - 1) == 2**60
    assert blobs.get("../k") == (data, 2**60)
    assert blobs.put("../k", b"new", 2**60 + 1) is None
    assert blobs.get("../k") == (b"new", 2**60 + 1)
    assert blobs.versions() == {"../k": 2**60 + 1}
    assert blobs.delete("../k")
    assert not blobs.delete("../k")
    assert blobs.get("../k") is None
    assert blobs.version("../k") is None


@pytest.mark.parametrize("version", [-5, -1, 0, 9, 10, 99, 2**53 + 1])
def test_versions_are_compared_as_numbers(engine, version):
    """A version is compared as the integer it is, negative or beyond 2^53."""
    blobs = engine.blobs("b")
    assert blobs.put("k", b"1", version) is None
    assert blobs.put("k", b"2", version - 1) == version
    assert blobs.put("k", b"3", version + 1) is None
    assert blobs.get("k") == (b"3", version + 1)


def test_a_table_is_replaced_in_pieces_at_once(engine):
    """More rows than fit in one call replace a table all at once, in their order."""
    table = engine.table("t")
    table.put("old", b"1", pending=True)
    rows = {f"k{number}": b"%d" % number for number in range(3500)}
    table.replace(rows)
    found = list(table.rows())
    assert {row.key: row.value for row in found} == rows
    assert [row.key for row in found] == list(rows)
    assert table.stats().pending == 0
    table.put("k7", b"x")
    assert list(table.rows())[-1].key == "k7"


def test_long_queues_and_ranges_are_paged(engine):
    """What is longer than one call may carry comes whole, once, and in order."""
    series, table = engine.series("s"), engine.table("t")
    points = [("w", (number * 37) % 5003, b"%d" % number) for number in range(5003)]
    series.append(points)
    assert [(q.name, q.ts, q.value) for q in series.pending(10_000)] == points
    assert list(series.range("w", None, None)) == sorted(p[1:] for p in points)
    assert len(series.pending(1500)) == 1500
    half = series.pending(2500)
    rest = series.pending(9999, after=half[-1].seq)
    assert [q.ts for q in (*half, *rest)] == [p[1] for p in points]
    assert series.acknowledge(q.seq for q in half) == 2500
    assert 5002 in [q.ts for q in half]  # the newest, which stays
    assert series.trim(10_000) == 2499
    assert series.stats().points == 5003 - 2499
    for number in range(1200):
        table.put(f"{number}", b"v", pending=True)
    assert [row.key for row in table.pending(5000)] == [f"{number}" for number in range(1200)]
    assert len(table.get_many([f"{number}" for number in range(3000)])) == 1200


def test_many_names_are_listed_and_trimmed(engine):
    """Names are listed once each, and trimmed, however many there are."""
    series = engine.series("s")
    points = [(f"n{name}", ts, b"v") for name in range(2300) for ts in (1, 2, 3)]
    series.append(points)
    assert sorted(series.names()) == sorted({name for name, _, _ in points})
    assert series.trim(3) == 0
    series.acknowledge(q.seq for q in series.pending(10_000))
    assert series.trim(100) == 2300 * 2
    assert series.stats().points == 2300


def test_databases_without_a_config_share_a_store(server):
    """The published client's class names work on a server, with a URL and nothing else."""
    events = smok_redis.RedisEventDatabase(server.url, device="shortcut")
    metadata = smok_redis.RedisMetadataDatabase(server.url, device="shortcut")
    try:
        event = Event(started_on=5)
        events.add_event(event)
        metadata.put_plain("name", "pump")
        assert metadata.get_plain("name") == "pump"
        assert [found.started_on for found in events.get_all_events()] == [5]
    finally:
        events.close()
        metadata.close()


@pytest.mark.parametrize("size", [9, 2000])
def test_a_page_of_many_points_comes_whole(engine, size):
    """Small values come as one text; large ones, which the client would hold twice, apart."""
    series = engine.series("pages")
    points = [(f"n{i % 3}", i, bytes([i % 256]) * size) for i in range(1500)]
    series.append(points)
    assert [point[1:] for point in series.pending(1500)] == points
    for name in ("n0", "n1", "n2"):
        assert list(series.range(name, None, None)) == [
            point[1:] for point in points if point[0] == name
        ]


def test_a_torn_page_is_no_points():
    """The texts are as long together as is said, or nothing is believed of them."""
    whole = b"\x03\0\0\0\x92\x01\x02abb"
    assert apart(whole) == [b"a", b"bb"]
    for torn in (whole[:-1], whole + b"c", b"\x03\0\0\0\xc0abb"):
        with pytest.raises(ValueError, match=r".+"):
            apart(torn)


def test_what_a_buffer_has_taken_gets_in_beyond_the_bound(server, opened):
    """`buffered` promises it; what comes after it is refused until something was acknowledged."""
    inner = opened(server.url).series("pathpoints", Limits(3))
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
