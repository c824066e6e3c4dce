"""An answer that gets lost changes nothing: every write is sent again and applied once."""

import re

import pytest
from smok_redis.client import Writers
from smok_testing.proxy import Mode, Proxy

from smok_core.engine.base import Ack, Limits, OnFull, When
from smok_core.settings import StoreSettings

#: Commands that change data; how often the server ran each tells whether a write came twice.
CHANGING = [
    "xadd",
    "xdel",
    "xtrim",
    "zadd",
    "zrem",
    "hdel",
    "hincrby",
    "unlink",
    "rename",
    "persist",
    "pexpire",
]


def table_writes(engine):
    """Every write of a table, with what it answers."""
    table = engine.table("t")
    yield table.put("a", b"1", pending=True)
    yield table.put("b", b"2", stamp=1.0, when=When.ABSENT)
    yield table.put("b", b"3", stamp=2.0, when=When.NEWER)
    yield table.put("b", b"4", expected_seq=table.get("b").seq, pending=True)
    handed = table.pending(10)
    yield table.acknowledge([Ack(row.key, row.seq, "tag", row.key == "b") for row in handed])
    yield table.delete("a", expected_seq=table.get("a").seq)
    yield table.replace({"x": b"1", "y": b"2"})
    yield table.delete("x")
    yield table.replace({f"k{number}": b"v" for number in range(2500)})


def series_writes(engine):
    """Every write of a series, with what it answers."""
    series = engine.series("s")
    yield series.append([("n", 5, b"1"), ("n", 9, b"2"), ("m", 7, b"3")])
    yield series.append([("n", 6, b"late"), ("n", 9, b"other")])
    yield series.acknowledge([pending.seq for pending in series.pending(9)][:3])
    yield series.requeue([("n", 6), ("m", 7)])
    yield series.acknowledge([pending.seq for pending in series.pending(9)])
    yield series.trim(9)
    capped = engine.series("c", Limits(2, OnFull.DROP_OLDEST))
    yield capped.append([("n", ts, b"v") for ts in range(5)])
    yield capped.stats()


def blob_writes(engine):
    """Every write of blobs, with what it answers."""
    blobs = engine.blobs("b")
    yield blobs.put("k", b"1", 1)
    yield blobs.put("k", b"2" * 2_500_000, 2)
    yield blobs.put("k", b"3", 2)
    yield blobs.put("j", b"", 7)
    yield blobs.delete("j")


WRITES = [table_writes, series_writes, blob_writes]


def content(engine):
    """Everything that can be read, without seqs."""
    table, blobs = engine.table("t"), engine.blobs("b")
    told = [list(map(_no_seq, table.rows())), list(map(_no_seq, table.pending(99)))]
    for series in (engine.series("s"), engine.series("c")):
        told += [list(map(_no_seq, series.pending(99))), series.stats()]
        told += [list(series.range(name, None, None)) for name in series.names()]
    return [*told, blobs.versions(), [blobs.get(key) for key in blobs.versions()]]


def _no_seq(found):
    return found._replace(seq=0)


def changes(server):
    """Count the changing commands the server has run since the last reset."""
    told = server.command("INFO", "commandstats").decode()
    calls = dict(re.findall(r"cmdstat_(\w+):calls=(\d+)", told))
    server.command("CONFIG", "RESETSTAT")
    return {name: calls.get(name, "0") for name in CHANGING}


@pytest.mark.parametrize("writes", WRITES)
@pytest.mark.parametrize("durability", ["crash", "power-loss"])
def test_a_write_whose_answer_is_lost_is_applied_once(own_server, opened, writes, durability):
    """Drop the answer of every single write: answers, content and the commands run are the same."""
    settings = StoreSettings(durability=durability)
    clear = opened(own_server.url, settings=settings)
    own_server.command("CONFIG", "RESETSTAT")
    answers = list(writes(clear))
    ran = changes(own_server)
    with Proxy(own_server.port) as proxy:
        lossy = opened(f"redis://127.0.0.1:{proxy.port}", settings=settings, timeout=20.0)
        own_server.command("CONFIG", "RESETSTAT")
        proxy.mode = Mode.LOSE_ONCE
        assert list(writes(lossy)) == answers
        proxy.mode = Mode.PASS
        assert proxy.lost >= len(answers)
        twice = changes(own_server)
        assert content(lossy) == content(clear)
        lossy.close()
    for harmless in ("pexpire",):  # the expiry of what lies staging may be set again
        ran.pop(harmless), twice.pop(harmless)
    assert twice == ran


def test_a_write_that_was_given_up_never_overtakes_a_later_one(own_server, opened):
    """A write that reaches the server after the client gave it up and wrote on is not applied."""
    engine = opened(own_server.url)
    table, client = engine.table("t"), engine._client
    table.put("k", b"first")
    writer = client.writers.take()
    name, number = writer.name, writer.number
    client.writers.give_back(writer, failed=True)
    table.put("k", b"second")  # the next number of the same writer
    late = ("", "k", "given up", "0.0", "", "always", "")
    keys = ("meta", "t:t:rows", "t:t:queue")
    full = [f"{client.keys.base}:{key}" for key in keys]
    from smok_redis.scripts import script

    answer = own_server.command(
        "EVALSHA", script("table_put").digest, 3, *full, client.store_id, name, number, *late
    )
    assert b"SMOKSTALE" in answer
    assert table.get("k").value == b"second"


def test_the_writer_of_a_write_that_was_given_up_is_the_next_to_write():
    """So nothing of the old write can arrive after what the same caller writes next."""
    now = [5.0]
    writers = Writers(lambda: now[0])
    first, second = writers.take(), writers.take()
    writers.give_back(first, failed=True)
    writers.give_back(second, failed=False)
    number, now[0] = first.number, -1e9
    assert writers.take() is first
    assert first.number == number + 1  # also when the clock went back
    assert writers.take() is second
