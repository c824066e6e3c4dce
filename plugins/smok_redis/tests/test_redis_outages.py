"""Servers that die, hang, load, or come back empty: bounded, typed, and it goes on by itself."""

import re
import shutil
import threading
import time

import pytest
from smok_redis.engine import SCHEMA
from smok_testing.proxy import Mode, Proxy
from smok_testing.threads import at_once

from smok_core.engine.base import Ack, Durability
from smok_core.errors import BackendUnavailable, CorruptData, DataLost, DurabilityUnmet, StoreClosed
from smok_core.settings import StoreSettings
from tests.servers.redis_servers import Server, wait_until


@pytest.fixture
def own_server(tmp_path):
    """A server that loses nothing when it is killed.

    With everysec it may: it puts writing off while the disk is busy with the last second.
    """
    with Server("valkey", tmp_path / "srv", appendfsync="always") as running:
        yield running


def fill(engine, count=50):
    """Put something of each kind."""
    engine.series("s").append([("n", ts, b"%d" % ts) for ts in range(count)])
    engine.table("t").put("k", b"v", pending=True)
    engine.blobs("b").put("k", b"x" * 3_000_000, 3)


def check_filled(engine, count=50):
    """Everything that `fill` put is there."""
    assert [q.ts for q in engine.series("s").pending(999)] == list(range(count))
    assert [row.key for row in engine.table("t").pending(9)] == ["k"]
    assert engine.blobs("b").get("k") == (b"x" * 3_000_000, 3)


def timed(call):
    """Give the seconds a call takes."""
    start = time.monotonic()
    call()
    return time.monotonic() - start


def test_everything_survives_a_killed_server(own_server, opened):
    """What returned is there after kill -9 of the server, and the open engine goes on with it."""
    engine = opened(own_server.url)
    fill(engine)
    own_server.kill()
    own_server.start()
    check_filled(engine)
    engine.series("s").append([("n", 999, b"new")])
    assert engine.series("s").latest("n") == (999, b"new")


@pytest.mark.parametrize("round_", range(3))
def test_killing_the_server_between_operations_loses_nothing(own_server, opened, round_):
    """Kill -9 after every few operations: each acknowledged one is there, each once."""
    engine, series = (e := opened(own_server.url)), e.series("s")
    for number in range(12):
        series.append([("n", number, b"v")])
        assert engine.table("t").put(f"{number}", b"v", pending=True)
        if number % 4 == round_:
            own_server.kill()
            own_server.start()
    assert [q.ts for q in series.pending(99)] == list(range(12))
    assert [row.key for row in engine.table("t").pending(99)] == [f"{n}" for n in range(12)]


def test_a_missing_server_is_told_within_the_timeout(own_server, opened):
    """With the server gone a call ends with BackendUnavailable about in `timeout`, then at once."""
    engine = opened(own_server.url, timeout=1.0)
    fill(engine)
    own_server.kill()

    def fail():
        with pytest.raises(BackendUnavailable, match="try again"):
            engine.table("t").put("k", b"v")

    assert timed(fail) < 1.5
    assert timed(fail) < 0.3
    own_server.start()
    check_filled(engine)


def test_a_call_waits_for_a_server_that_comes_back(own_server, opened):
    """A call during a restart of the server just takes longer."""
    engine = opened(own_server.url, timeout=10.0)
    own_server.kill()
    starter = threading.Timer(0.5, own_server.start)
    starter.start()
    engine.series("s").append([("n", 1, b"v")])
    starter.join()
    assert len(engine.series("s").pending(9)) == 1


def test_a_hanging_server_is_told_within_the_timeout(own_server, opened):
    """A server that takes connections and answers nothing costs about `timeout`, and no data."""
    engine = opened(own_server.url, timeout=1.0)
    own_server.pause()

    def fail():
        with pytest.raises(BackendUnavailable, match="does not answer in time"):
            engine.series("s").append([("n", 1, b"v")])

    assert timed(fail) < 2.0
    own_server.resume()
    engine.series("s").append([("n", 1, b"v"), ("n", 2, b"v")])
    assert [q.ts for q in engine.series("s").pending(9)] == [1, 2]


def test_opening_without_a_server_is_told_within_the_timeout(own_server, opened):
    """Opening a store whose server is away is BackendUnavailable, within seconds."""
    own_server.kill()

    def fail():
        with pytest.raises(BackendUnavailable):
            opened(own_server.url, timeout=1.0)

    assert timed(fail) < 1.5


@pytest.mark.parametrize("kind", ["append", "acknowledge", "blob", "replace"])
def test_a_request_cut_in_the_middle_is_sent_again(own_server, opened, kind):
    """A connection that is cut while a request is under way: the request is whole, and once."""
    with Proxy(own_server.port) as proxy:
        engine = opened(f"redis://127.0.0.1:{proxy.port}", timeout=20.0)
        series, table, blobs = engine.series("s"), engine.table("t"), engine.blobs("b")
        series.append([("n", ts, b"v" * 50) for ts in range(5000)])
        seqs = [pending.seq for pending in series.pending(3000)]
        work = {
            "append": lambda: series.append([("m", ts, b"v" * 50) for ts in range(5000)]),
            "acknowledge": lambda: series.acknowledge(seqs),
            "blob": lambda: blobs.put("k", b"x" * 2_500_000, 1),
            "replace": lambda: table.replace({f"{n}": b"v" for n in range(2500)}),
        }
        proxy.mode = Mode.HALVE
        work[kind]()
        proxy.mode = Mode.PASS
        assert proxy.lost > 0
        assert series.stats().points == (10_000 if kind == "append" else 5000)
        assert series.stats().pending == {"append": 10_000, "acknowledge": 2000}.get(kind, 5000)
        assert table.stats().rows == (2500 if kind == "replace" else 0)
        assert (blobs.get("k") == (b"x" * 2_500_000, 1)) == (kind == "blob")
        engine.close()


def test_a_server_that_loads_for_too_long_is_unavailable(own_server, opened):
    """While the server loads its data it is unavailable, said so; afterwards it goes on."""
    engine = opened(own_server.url, timeout=2.0)
    fill(engine, 300)
    load_slowly(own_server, 30_000)
    with pytest.raises(BackendUnavailable, match="loading"):
        engine.table("t").get("k")
    wait_until(own_server._answers, 30)
    check_filled(engine, 300)


def test_a_loading_server_is_waited_for(own_server, opened):
    """What is called while the server loads is done in the same call, as soon as that has ended."""
    engine = opened(own_server.url, timeout=60.0)
    fill(engine)
    series, table, blobs = engine.series("s"), engine.table("t"), engine.blobs("b")
    load_slowly(own_server, 10_000)
    found = at_once(
        lambda: table.get("k").value,
        lambda: table.put("other", b"v"),
        lambda: series.append([("n", 999, b"new")]),
        lambda: len(series.pending(49)),
        lambda: blobs.put("k", b"y" * 3_000_000, 4),
        lambda: engine.health().schema,
        lambda: opened(own_server.url, timeout=60.0).health().schema,
    )
    assert found == [b"v", True, None, 49, None, SCHEMA, SCHEMA]
    assert series.latest("n") == (999, b"new")
    assert rejected(own_server) < 2000, "it is asked with growing pauses"


def load_slowly(server, keys):
    """Kill the server, and start it so that it takes its time to load what it has."""
    script = f"for i = 1, {keys} do redis.call('SET', 'other:' .. i, 1) end"
    server.command("EVAL", script, 0)
    server.kill()
    server.settings["key_load_delay"] = 100  # microseconds for each command
    server.start(ready=False)
    wait_until(lambda: b"LOADING" in _ping(server))


def rejected(server):
    """Count the commands that the server has refused since it was started."""
    stats = server.command("INFO", "commandstats").decode()
    return sum(map(int, re.findall(r"rejected_calls=(\d+)", stats)))


def _ping(server):
    try:
        return server.command("PING")
    except OSError:
        return b""


def test_a_server_that_runs_a_long_script_is_waited_for(own_server, opened):
    """A server busy with somebody's endless script is unavailable until that ends."""
    engine = opened(own_server.url, timeout=2.0)
    own_server.command("CONFIG", "SET", "lua-time-limit", 50)
    spin = threading.Thread(target=_spin, args=(own_server,))
    spin.start()
    wait_until(lambda: b"BUSY" in own_server.command("PING"))
    with pytest.raises(BackendUnavailable, match="busy"):
        engine.table("t").put("k", b"v")
    own_server.command("SCRIPT", "KILL")
    spin.join()
    assert engine.table("t").put("k", b"v")


def _spin(server):
    server.command("EVAL", "while true do end", 0)


def test_scripts_are_sent_again_to_a_server_that_forgot_them(own_server, opened):
    """A server that lost its scripts, as after a failover, gets them again."""
    engine = opened(own_server.url)
    own_server.command("SCRIPT", "FLUSH")
    fill(engine)
    check_filled(engine)


@pytest.mark.parametrize("how", ["flush", "empty", "other"])
def test_a_server_that_came_back_empty_is_data_loss(own_server, opened, how):
    """FLUSHALL, a lost disk, another store's data: DataLost in every call, not "nothing stored"."""
    engine = opened(own_server.url, device="pump")
    fill(engine)
    lose(own_server, how, opened)
    calls = [
        lambda: engine.table("t").get("k"),
        lambda: engine.table("t").put("k", b"v"),
        lambda: list(engine.table("t").rows()),
        lambda: engine.table("t").acknowledge([]) or engine.table("t").pending(9),
        lambda: engine.series("s").append([("n", 1, b"v")]),
        lambda: engine.series("s").latest("n"),
        lambda: list(engine.series("s").range("n", None, None)),
        lambda: engine.series("s").pending(9),
        lambda: engine.series("s").stats(),
        lambda: engine.blobs("b").get("k"),
        lambda: engine.blobs("b").versions(),
        lambda: engine.blobs("b").put("k", b"v", 9),
        engine.health,
    ]
    for call in calls:
        with pytest.raises(DataLost, match="Restore the server's data"):
            call()
    assert b":0" in own_server.command("EXISTS", "smok:{pump}:s:s:queue")


def lose(server, how, opened):
    """Let a server lose its data in one of the ways servers do."""
    if how == "empty":
        server.kill()
        shutil.rmtree(server.folder)
        server.start()
    else:
        server.command("FLUSHALL")
    if how == "other":
        opened(server.url, device="pump")


def test_restored_data_is_used_again(own_server, opened, tmp_path):
    """An engine that met DataLost goes on by itself when the data is back."""
    engine = opened(own_server.url)
    fill(engine)
    own_server.kill()
    saved = own_server.folder.rename(tmp_path / "saved")
    own_server.start()
    with pytest.raises(DataLost):
        engine.table("t").get("k")
    own_server.kill()
    shutil.rmtree(own_server.folder)
    saved.rename(own_server.folder)
    own_server.start()
    check_filled(engine)


def test_a_remembered_store_that_is_gone_is_data_loss_at_open(own_server, opened, tmp_path):
    """With `remember` a server emptied while the device was off is noticed at the next start."""
    options = {"device": "pump", "base_dir": tmp_path, "remember": "var/plant.id"}
    opened(own_server.url, **options).close()
    opened(own_server.url, **options).close()
    own_server.command("FLUSHALL")
    for _ in range(2):  # noticing it changes nothing
        with pytest.raises(DataLost, match=r"delete .*var/plant\.id"):
            opened(own_server.url, **options)
        assert b":0" in own_server.command("DBSIZE")
    (tmp_path / "var/plant.id").unlink()
    opened(own_server.url, **options).close()


def test_a_damaged_memory_of_the_store_is_told(own_server, opened, tmp_path):
    """A `remember` file that holds no id is CorruptData naming the file, and is left alone."""
    (tmp_path / "plant.id").write_text("")
    with pytest.raises(CorruptData, match=r"plant\.id"):
        opened(own_server.url, base_dir=tmp_path, remember="plant.id")
    assert (tmp_path / "plant.id").read_text() == ""


def test_a_closed_store_says_so(own_server, opened):
    """After close every call raises StoreClosed; closing again is harmless."""
    engine = opened(own_server.url)
    table, series = engine.table("t"), engine.series("s")
    engine.close()
    engine.close()
    for call in (lambda: table.get("k"), lambda: series.append([("n", 1, b"")]), engine.health):
        with pytest.raises(StoreClosed):
            call()


def test_a_torn_append_only_file_costs_no_more_than_its_tail(own_server, opened):
    """After a power cut that tore the server's file, the store opens with all that was whole."""
    engine = opened(own_server.url)
    fill(engine)
    engine.series("s").append([("n", 50, b"torn")])
    own_server.kill()
    last = own_server.last_log
    last.write_bytes(last.read_bytes()[:-10])
    own_server.start()
    check_filled(engine, 50)


def test_a_replica_is_no_place_to_write(own_server, opened, tmp_path):
    """A server that became a replica is told; when it is primary again, it goes on by itself."""
    engine = opened(own_server.url, timeout=1.0)
    engine.table("t").put("k", b"v")
    with Server("valkey", tmp_path / "other") as other:
        other.command("REPLICAOF", "127.0.0.1", own_server.port)
        wait_until(lambda: b"link_status:up" in other.command("INFO", "replication"))
        from smok_core.errors import ReadOnlyStore

        with pytest.raises(ReadOnlyStore, match="primary"):
            opened(other.url, timeout=0.5)
        own_server.command("REPLICAOF", "127.0.0.1", other.port)
        with pytest.raises(ReadOnlyStore, match="primary"):
            engine.table("t").put("k", b"w")
        own_server.command("REPLICAOF", "NO", "ONE")
        assert engine.table("t").put("k", b"w")


def test_a_seq_is_not_given_twice_by_a_server_that_lost_its_last_seconds(own_server, opened):
    """Failover or a power cut took the last writes: their seqs are not used for others."""
    engine = opened(own_server.url, device="pump")
    series, table = engine.series("s"), engine.table("t")
    series.append([("n", 1, b"v")])
    state = [own_server.command("HGET", "smok:{pump}:meta", name) for name in ("seq", "s:s:points")]
    series.append([("n", 2, b"lost")])
    table.put("lost", b"v", pending=True)
    handed, row = series.pending(9)[1], table.pending(9)[0]
    seq, points = (told.split(b"\r\n")[1].decode() for told in state)
    own_server.command("HSET", "smok:{pump}:meta", "seq", seq, "s:s:points", points)
    for place in ("t:t:rows", "t:t:queue"):
        own_server.command("DEL", f"smok:{{pump}}:{place}")
    for place in ("s:s:queue", "s:s:p:n"):
        ids = own_server.command("XREVRANGE", f"smok:{{pump}}:{place}", "+", "-", "COUNT", 1)
        own_server.command("XDEL", f"smok:{{pump}}:{place}", ids.split(b"\r\n")[3].decode())
    series.append([("n", 3, b"new")])
    table.put("new", b"v", pending=True)
    assert series.acknowledge([handed.seq]) == 0
    assert table.acknowledge([Ack("new", row.seq)]) == 0
    assert [pending.ts for pending in series.pending(9)] == [1, 3]


POWER_LOSS = StoreSettings(durability=Durability.POWER_LOSS)


def started_anew(server, **settings):
    """End the server as an operator does, and start it with other settings on the same data."""
    server.stop()
    server.settings.update(settings)
    server.start()


def test_a_server_started_anew_with_less_is_noticed_by_the_next_write(own_server, opened):
    """A write is not confirmed by a server that cannot keep what was promised at opening."""
    engine = opened(own_server.url, settings=POWER_LOSS)
    table = engine.table("t")
    table.put("k", b"1")
    started_anew(own_server, maxmemory="100mb", maxmemory_policy="allkeys-lru")
    with pytest.raises(DurabilityUnmet, match="allkeys-lru"):
        table.put("k", b"2")
    with pytest.raises(DurabilityUnmet):
        table.put("k", b"3")
    own_server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert table.put("k", b"4")
    assert table.get("k").value == b"4"


def test_a_server_started_anew_that_syncs_later_is_waited_for(own_server, opened):
    """With `everysec` each write waits for the disk from then on, the first one as well."""
    engine = opened(own_server.url, settings=POWER_LOSS)
    series = engine.series("s")
    series.append([("w", 1, b"x")])
    started_anew(own_server, appendfsync="everysec")
    begun = own_server.command("INFO", "commandstats").count(b"cmdstat_waitaof")
    series.append([("w", 2, b"x")])
    assert (begun, own_server.command("INFO", "commandstats").count(b"cmdstat_waitaof")) == (0, 1)
    assert [p.ts for p in series.pending(9)] == [1, 2]
    assert series.stats().points == 2
