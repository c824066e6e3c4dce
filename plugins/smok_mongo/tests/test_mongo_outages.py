"""Servers that die, hang, hide and come back: errors are typed and bounded, nothing is lost."""

import contextlib
import threading
import time

import pytest
from smok_testing.proxy import Mode

from smok_core.engine.base import Ack
from smok_core.errors import BackendUnavailable, StoreClosed
from tests.servers.mongo_proxy import MongoProxy

QUICK = {"server_selection_ms": 300, "connect_ms": 300, "socket_ms": 500, "retry_ms": 400}
#: What QUICK allows for one operation, and a margin for a busy machine.
BOUND = 1.2 + 2.0


def test_a_killed_server_comes_back_with_everything(own_server, opened):
    """After kill -9 of the server whatever had returned is there, and the same engine goes on."""
    engine = opened(own_server.url)
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    table.put("k", b"1", pending=True)
    series.append([("w", ts, b"x") for ts in range(100)])
    blobs.put("k", b"y" * (2 << 20), 7)
    own_server.kill()
    own_server.start()
    assert table.get("k").pending
    assert len(series.pending(999)) == 100
    assert blobs.get("k") == (b"y" * (2 << 20), 7)
    series.append([("w", 100, b"x")])
    assert series.stats().points == 101


def test_a_dead_server_is_unavailable_within_the_configured_time(own_server, opened):
    """Every operation on a dead server raises BackendUnavailable, soon."""
    engine = opened(own_server.url, **QUICK)
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    series.append([("w", 1, b"x")])
    own_server.kill()
    for operation in (
        lambda: table.put("k", b"1"),
        lambda: table.get("k"),
        lambda: table.acknowledge([Ack("k", 1)]),
        lambda: series.append([("w", 2, b"x")]),
        lambda: series.pending(1),
        lambda: blobs.put("k", b"1", 1),
        engine.health,
    ):
        start = time.monotonic()
        with pytest.raises(BackendUnavailable):
            operation()
        assert time.monotonic() - start < BOUND


def test_opening_without_a_server_fails_within_the_configured_time(opened):
    """Server selection never blocks for the driver's 30 seconds."""
    start = time.monotonic()
    with pytest.raises(BackendUnavailable) as caught:
        opened("mongodb://user:secret@127.0.0.1:1/", **QUICK)
    assert time.monotonic() - start < BOUND
    assert "secret" not in str(caught.value)


def test_a_hanging_server_is_unavailable_and_then_serves_again(own_server, opened):
    """A server that answers nothing costs the configured time; afterwards the retry is harmless."""
    engine = opened(own_server.url, **QUICK)
    series = engine.series("s")
    series.append([("w", 1, b"x")])
    own_server.pause()
    start = time.monotonic()
    with pytest.raises(BackendUnavailable):
        series.append([("w", 2, b"x")])
    assert time.monotonic() - start < BOUND
    own_server.resume()
    patiently(lambda: series.append([("w", 2, b"x")]))
    assert [p.ts for p in series.pending(9)] == [1, 2]
    assert series.stats().points == 2


def test_threads_pending_for_a_hanging_server_all_come_back(own_server, opened):
    """Threads that queue behind one another are not delayed without bound."""
    engine = opened(own_server.url, **QUICK)
    table = engine.table("t")
    own_server.pause()
    ended: list[float] = []

    def put():
        with pytest.raises(BackendUnavailable):
            table.put("k", b"1")
        ended.append(time.monotonic())

    start = time.monotonic()
    threads = [threading.Thread(target=put) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(ended) == 6
    assert max(ended) - start < 3 * BOUND


def patiently(work):
    """Do as a caller does on BackendUnavailable: try again."""
    for _ in range(50):
        try:
            return work()
        except BackendUnavailable:
            time.sleep(0.1)
    return work()


def test_a_bulk_cut_in_the_middle_is_finished_by_the_retry(server, raw, opened):
    """A connection that is cut twelve times in the middle of inserts costs and doubles nothing."""
    with MongoProxy(server.port) as proxy:
        series = opened(proxy.url, retry_ms=20_000).series("s")
        cuts = [threading.Timer(0.02 + 0.17 * number, proxy.cut_all) for number in range(12)]
        for cut in cuts:
            cut.start()
        for start in range(0, 3000, 500):
            batch = [("w", ts, b"v%d" % ts) for ts in range(start, start + 500)]
            patiently(lambda batch=batch: series.append(batch))
        for cut in cuts:
            cut.join()
        expected = [(ts, b"v%d" % ts) for ts in range(3000)]
        assert [(p.ts, p.value) for p in series.pending(9999)] == expected
        assert list(series.range("w", None, None)) == expected


def test_a_failed_append_is_there_whole_or_not_at_all(server, raw, opened):
    """After an append that raised, the queue and the archive hold all of its points or none."""
    with MongoProxy(server.port) as proxy:
        series = opened(proxy.url, **QUICK).series("s")
        series.append([("w", 0, b"x")])
        for number in range(1, 6):
            batch = [("w", number * 100 + i, b"x") for i in range(50)]
            timer = threading.Timer(0.002 * number, setattr, [proxy, "mode", Mode.REFUSE])
            timer.start()
            with contextlib.suppress(BackendUnavailable):
                series.append(batch)
            timer.join()
            proxy.mode = Mode.PASS
            pending = patiently(lambda: series.pending(9999))
            mine = [p for p in pending if p.ts // 100 == number]
            stored = list(series.range("w", number * 100, number * 100 + 99))
            assert len(mine) == len(stored)
            assert len(mine) in (0, 50)


def test_a_closed_engine_says_so(server, raw, opened):
    """After close every call raises StoreClosed; closing again is harmless."""
    engine = opened(server.url)
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    engine.close()
    engine.close()
    for operation in (
        lambda: engine.table("t"),
        lambda: table.get("k"),
        lambda: series.append([("w", 1, b"")]),
        lambda: series.pending(1),
        blobs.versions,
        engine.health,
    ):
        with pytest.raises(StoreClosed):
            operation()
