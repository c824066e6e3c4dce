"""A full server takes no new data, loses nothing, and the backlog still goes out (G13)."""

import pytest

from smok_core.engine.base import Ack, Limits, OnFull, When
from smok_core.errors import QueueFull, StorageFull
from tests.servers.redis_servers import FLAVOURS, Server


@pytest.fixture(params=list(FLAVOURS))
def full(request, tmp_path, opened):
    """A store with a backlog of 3000 points and 1500 rows, on a server that has no room left."""
    with Server(request.param, tmp_path / "srv") as server:
        engine = opened(server.url, device="pump")
        engine.series("s").append([(f"n{ts % 7}", ts, b"v" * 20) for ts in range(3000)])
        for number in range(1500):
            engine.table("t").put(f"{number}", b"v", pending=True)
        engine.blobs("b").put("k", b"v", 1)
        server.command("CONFIG", "SET", "maxmemory", 1)
        yield engine, server


def refused(engine):
    """Every write of new data; each has to be refused whole."""
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    yield lambda: series.append([("new", 1, b"v"), ("n1", 1, b"other")])
    yield lambda: engine.series("s", Limits(9, OnFull.DROP_OLDEST)).append([("new", 1, b"v")])
    yield lambda: table.put("new", b"v", pending=True)
    yield lambda: table.put("1", b"other", when=When.ALWAYS)
    yield lambda: table.replace({"a": b"1"})
    yield lambda: table.replace({f"{number}": b"1" for number in range(2000)})
    yield lambda: blobs.put("k", b"w", 2)
    yield lambda: blobs.put("k", b"w" * 2_000_000, 2)


def test_a_full_server_refuses_new_data_and_loses_nothing(full):
    """Each write of new data is StorageFull and has changed nothing; everything can be read."""
    engine, _ = full
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    before = [list(table.rows()), series.pending(9999), series.stats(), blobs.get("k")]
    for write in refused(engine):
        with pytest.raises(StorageFull) as caught:
            write()
        assert not isinstance(caught.value, QueueFull)
        assert "maxmemory" in str(caught.value)
    assert [list(table.rows()), series.pending(9999), series.stats(), blobs.get("k")] == before


def test_a_full_server_hands_over_and_acknowledges_everything(full, opened):
    """The whole backlog is acknowledged while the server is full, even by a new process."""
    first, server = full
    first.close()
    engine = opened(server.url, device="pump")
    series, table = engine.series("s"), engine.table("t")
    while batch := series.pending(1000):
        assert series.acknowledge([pending.seq for pending in batch]) == len(batch)
    assert series.trim(10_000) == 3000 - 7
    while rows := table.pending(400):
        fates = [Ack(row.key, row.seq, f"id-{row.key}", row.seq % 2 == 0) for row in rows]
        assert table.acknowledge(fates) == len(rows)
    kept = list(table.rows())
    assert 0 < len(kept) < 1500
    assert all(row.tag == f"id-{row.key}" for row in kept)


def test_a_tag_is_taken_on_a_full_server_even_if_nothing_is_freed(full):
    """An acknowledgement of a row that changed meanwhile frees nothing, and its tag is kept."""
    engine, _ = full
    table = engine.table("t")
    stale = table.get("3").seq - 1
    assert table.acknowledge([Ack("3", stale, "tag")]) == 0
    row = table.get("3")
    assert (row.tag, row.pending) == ("tag", True)


def test_what_is_not_needed_can_be_removed_from_a_full_server(full):
    """Rows and blobs can be deleted while the server is full."""
    engine, _ = full
    assert engine.table("t").delete("1")
    assert engine.blobs("b").delete("k")


def test_data_is_taken_again_when_there_is_room(full):
    """Nobody has to restart anything when the server has room again."""
    engine, server = full
    with pytest.raises(StorageFull):
        engine.series("s").append([("n", 1, b"v")])
    server.command("CONFIG", "SET", "maxmemory", 0)
    engine.series("s").append([("n", 1, b"v")])
    assert engine.series("s").latest("n") == (1, b"v")


def test_a_new_store_on_a_full_server_is_refused(full, opened):
    """Founding a store where there is no room is StorageFull and leaves nothing behind."""
    _, server = full
    with pytest.raises(StorageFull):
        opened(server.url, device="another")
    assert b":0" in server.command("EXISTS", "smok:{another}:meta")


def test_a_full_queue_refuses_or_drops_and_counts(engine, server, opened):
    """`max_pending` refuses whole batches, or drops the oldest and counts them for good."""
    series = engine.series("s", Limits(3))
    series.append([("n", 1, b"v"), ("n", 2, b"v")])
    with pytest.raises(QueueFull, match="max_pending"):
        series.append([("n", 3, b"v"), ("n", 4, b"v")])
    assert (series.stats().points, series.stats().pending) == (2, 2)
    series.append([("n", 1, b"v"), ("n", 3, b"v")])  # one of them is there already
    dropping = engine.series("d", Limits(3, OnFull.DROP_OLDEST))
    dropping.append([("n", ts, b"v") for ts in range(10)])
    dropping.append([("n", 99, b"v")])
    stats = dropping.stats()
    assert (stats.dropped, stats.pending, stats.points) == (8, 3, 11)
    assert [pending.ts for pending in dropping.pending(9)] == [8, 9, 99]
