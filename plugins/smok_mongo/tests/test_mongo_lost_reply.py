"""The server does what it is told and the answer gets lost: whatever is sent again applies once."""

import pytest

from smok_core.engine.base import Ack, Limits, OnFull, When
from tests.servers.mongo_proxy import WRITES

READS = {"find", "aggregate", "getMore"}


@pytest.fixture(params=["answer lost", "request halved"])
def disturbed(request, raw, proxy, opened):
    """A store whose every write loses its first answer, or reaches the server by half first."""
    engine = opened(proxy.url, retry_ms=20_000)
    (proxy.losing if request.param == "answer lost" else proxy.halving).update(WRITES)
    return engine


def lost(proxy, *names):
    """The test has disturbed what it means to disturb."""
    return set(names) <= set(proxy.names)


def test_a_row_is_put_once(disturbed, proxy):
    """Insert, overwrite, compare-and-set and delete each happen once and say so."""
    table = disturbed.table("events")
    assert table.put("k", b"1", when=When.ABSENT, pending=True) is True
    first = table.get("k")
    assert table.put("k", b"2", pending=True) is True
    assert table.put("k", b"3", expected_seq=first.seq) is False
    second = table.get("k")
    assert second.seq > first.seq
    assert table.put("k", b"4", expected_seq=second.seq, stamp=1.0, when=When.NEWER) is True
    assert [row.value for row in table.rows()] == [b"4"]
    assert table.delete("k") is True
    assert table.delete("k") is False
    assert lost(proxy, "insert", "update", "delete")


def test_an_acknowledgement_is_made_once(disturbed, proxy):
    """Tags, ended waits and removals are all there, and what changed meanwhile still waits."""
    table = disturbed.table("events")
    for key in "abc":
        table.put(key, b"1", pending=True)
    a, b, c = table.pending(9)
    table.put("c", b"2", pending=True)
    table.acknowledge(
        [
            Ack("a", a.seq, "uuid a"),
            Ack("b", b.seq, remove=True),
            Ack("c", c.seq, "uuid c"),
        ]
    )
    assert [(r.key, r.pending, r.tag) for r in table.rows()] == [
        ("a", False, "uuid a"),
        ("c", True, "uuid c"),
    ]
    assert lost(proxy, "update", "delete")


def test_a_table_is_replaced_once(disturbed, proxy, raw):
    """The new set is there whole, the old one and its documents are gone."""
    table = disturbed.table("predicates")
    table.replace({"a": b"1", "b": b"2"})
    table.replace({"b": b"3", "c": b"4"})
    assert {row.key: row.value for row in table.rows()} == {"b": b"3", "c": b"4"}
    assert raw.smok_rows.count_documents({}) == 3
    assert lost(proxy, "insert", "update", "delete")


def test_a_batch_is_appended_once(disturbed, proxy):
    """Every point is stored and pending once; a replaced one is pending at its new place only."""
    series = disturbed.series("pp")
    series.append([("w", ts, b"%d" % ts) for ts in range(30)])
    series.append([("w", 3, b"new"), ("w", 4, b"4"), ("v", 1, b"1")])
    points = [(p.name, p.ts, p.value) for p in series.pending(99)]
    old = [("w", ts, b"%d" % ts) for ts in range(30) if ts != 3]
    assert points == [*old, ("w", 3, b"new"), ("v", 1, b"1")]
    assert series.stats().points == 31
    assert lost(proxy, "insert", "update")


def test_a_batch_is_acknowledged_once(disturbed, proxy):
    """Part of a batch, and then the rest, leave the queue; the points stay."""
    series = disturbed.series("pp")
    series.append([("w", ts, b"x") for ts in range(10)])
    series.acknowledge([p.seq for p in series.pending(4)])
    assert series.stats().pending == 6
    series.acknowledge([p.seq for p in series.pending(99)])
    assert series.stats().pending == 0
    assert series.stats().points == 10
    assert series.requeue([("w", 2), ("w", 3)]) == 2
    assert [p.ts for p in series.pending(9)] == [2, 3]
    assert series.trim(8) == 6
    assert lost(proxy, "insert", "update", "delete")


def test_dropping_the_oldest_is_counted_once(disturbed):
    """A full queue drops its oldest points, and counts each of them once."""
    series = disturbed.series("pp", Limits(5, OnFull.DROP_OLDEST))
    for start in range(0, 20, 4):
        series.append([("w", ts, b"x") for ts in range(start, start + 4)])
    assert [p.ts for p in series.pending(9)] == [15, 16, 17, 18, 19]
    assert series.stats().dropped == 15


@pytest.mark.parametrize("size", [10, 3 << 20], ids=["inline", "chunked"])
def test_a_blob_is_put_once(disturbed, proxy, raw, size):
    """Put says that it stored, data and version belong together, no chunk is left behind."""
    blobs = disturbed.blobs("baobs")
    assert blobs.put("k", b"a" * size, 1) is None
    assert blobs.put("k", b"b" * size, 2) is None
    assert blobs.get("k") == (b"b" * size, 2)
    assert blobs.delete("k") is True
    assert raw.smok_chunks.count_documents({}) == 0
    assert lost(proxy, "insert", "update", "delete")


def test_every_kind_of_read_survives_a_lost_answer(raw, proxy, opened):
    """Reads are asked again, and give what is stored."""
    engine = opened(proxy.url, retry_ms=20_000)
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    table.put("k", b"1", pending=True)
    series.append([("w", 1, b"1")])
    blobs.put("k", b"1", 1)
    proxy.losing.update(READS)
    assert table.get("k").value == b"1"
    assert [r.key for r in table.rows()] == [r.key for r in table.pending(1)] == ["k"]
    assert table.stats().pending == series.stats().pending == 1
    assert list(series.range("w", None, None)) == [series.latest("w")] == [(1, b"1")]
    assert list(series.names()) == ["w"]
    assert blobs.get("k") == (b"1", 1)
    assert blobs.versions() == {"k": 1}
    assert {"find", "aggregate"} <= set(proxy.names)
