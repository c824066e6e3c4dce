"""A server that lost data: it is told, there is a way on, and no seq is given out twice."""

import itertools
import time
from pathlib import Path

import pytest
from smok_redis.options import RedisOptions
from smok_redis.plugin import smok_open_engine

from smok_core.engine.base import Durability
from smok_core.errors import DataLost
from smok_core.hookspecs import StoreContext
from smok_core.settings import Secret, StoreSettings
from tests.servers.redis_servers import FLAVOURS, Server, wait_until

QUEUE = "smok:{pump}:s:q:queue"
POWER_LOSS = StoreSettings(durability=Durability.POWER_LOSS)


@pytest.fixture(params=list(FLAVOURS))
def safe_server(request, tmp_path):
    """A server of each flavour that syncs each write."""
    with Server(request.param, tmp_path / "srv", appendfsync="always") as running:
        yield running


@pytest.fixture
def waiting_server(tmp_path):
    """A server that each write has to wait for."""
    with Server("valkey", tmp_path / "srv") as running:
        yield running


@pytest.mark.parametrize("replicas", [0, 1])
def test_an_emptied_store_opens_again_once_the_loss_was_told(waiting_server, opened, replicas):
    """A fenced write into a store that is gone writes nothing: the next opening founds it anew."""
    settings = None if replicas else POWER_LOSS
    engine = opened(waiting_server.url, "pump", settings=settings)
    if replicas:
        engine._client.fence_command = ("WAIT", 0, 100)
        engine._client.fence = engine._check_wait
    engine.table("t").put("k", b"v")
    waiting_server.command("FLUSHALL")
    with pytest.raises(DataLost, match="open the store anew"):
        engine.table("t").put("k", b"v")
    with pytest.raises(DataLost, match="open the store anew"):
        engine.health()
    assert waiting_server.command("DBSIZE") == b":0\r\n"
    again = opened(waiting_server.url, "pump", settings=settings)
    assert again.table("t").put("k", b"v")


def test_what_an_earlier_release_left_in_an_emptied_store_is_no_foreign_data(safe_server, opened):
    """A marker with nothing but the field `touched` is ours, and of no store."""
    safe_server.command("HSET", "smok:{pump}:meta", "touched", 1)
    assert opened(safe_server.url, "pump").table("t").put("k", b"v")


def test_a_remembered_store_opens_again_without_its_file(safe_server, opened, tmp_path):
    """With `remember` the loss is told until the file is deleted, as the error says."""
    path = tmp_path / "plant.id"
    opened(safe_server.url, "pump", base_dir=tmp_path, remember="plant.id").close()
    safe_server.command("FLUSHALL")
    for _ in range(2):
        with pytest.raises(DataLost, match=r"delete .*plant\.id"):
            opened(safe_server.url, "pump", base_dir=tmp_path, remember="plant.id")
    path.unlink()
    assert opened(safe_server.url, "pump", base_dir=tmp_path, remember="plant.id")


def test_an_idle_engine_notices_that_its_store_went(safe_server, opened):
    """Without a write `health` tells within a second that the store was emptied or replaced."""
    engine = opened(safe_server.url, "pump")
    assert engine.health().available
    safe_server.command("FLUSHALL")
    start = time.monotonic()
    with pytest.raises(DataLost):
        engine.health()
    opened(safe_server.url, "pump")
    with pytest.raises(DataLost):
        engine.health()
    assert time.monotonic() - start < 2


def with_clock(url, seconds):
    """Open a store of a process whose clock stands still, wrong by so many seconds."""
    return smok_open_engine(
        StoreContext(
            store="plant",
            device="pump",
            options=RedisOptions(url=Secret(url)),
            base_dir=Path(),
            clock=lambda: 1_800_000_000.0 + seconds,
        )
    )


def follow(replica, primary):
    """Make a replica, and wait until it has everything."""
    replica.command("REPLICAOF", "127.0.0.1", primary.port)
    wait_until(lambda: b"master_link_status:up" in replica.command("INFO", "replication"))


@pytest.mark.parametrize("skew", [-60, 60])
@pytest.mark.parametrize("flavour", list(FLAVOURS))
def test_a_failover_that_loses_writes_gives_no_seq_twice(tmp_path, flavour, skew):
    """Three servers take over one from another, each without its forerunner's last writes.

    The writers' clocks are 60 s apart. What was handed out and lost is acknowledged: that takes
    no other point or row out of the queue.
    """
    servers = [Server(flavour, tmp_path / n, repl_diskless_sync_delay=0) for n in "abc"]
    engines, lost = [], []
    try:
        for server in servers:
            server.start()
        for server in servers[1:]:
            follow(server, servers[0])
        for server, clock in zip(servers, [skew, 0, skew], strict=True):
            server.command("REPLICAOF", "NO", "ONE")
            engine = with_clock(server.url, clock)
            engines.append(engine)
            if server is servers[0]:
                engine.series("q").append([("n", 1, b"kept")])
                for other in servers[1:]:
                    wait_until(lambda at=other: at.command("EXISTS", QUEUE) == b":1\r\n")
                    other.command("REPLICAOF", "NO", "ONE")
            points = [(f"n{server.port}", ts, b"%d" % server.port) for ts in range(500)]
            engine.series("q").append(points)
            engine.table("t").put("k", b"%d" % server.port, pending=True)
            handed = {p.seq for p in engine.series("q").pending(999) if p.value != b"kept"}
            assert not handed.intersection(itertools.chain.from_iterable(lost))
            assert [engine.series("q").acknowledge(seqs) for seqs in lost] == [0] * len(lost)
            lost.append(handed)
    finally:
        for engine in engines:
            engine.close()
        for server in servers:
            server.stop()


def test_a_restarted_server_goes_on_above_its_seqs(safe_server, opened):
    """Each restart leaps: later seqs are higher, and still numbers that are exact in Lua."""
    engine = opened(safe_server.url, "pump")
    for ts in range(5):
        engine.series("q").append([("n", ts, b"v")])
        safe_server.kill()
        safe_server.start()
    seqs = [point.seq for point in engine.series("q").pending(9)]
    assert seqs == sorted(set(seqs))
    assert len(seqs) == 5
    assert seqs[-1] - seqs[0] > 4 * 2**36
    assert seqs[-1] < 2**53 / 4
