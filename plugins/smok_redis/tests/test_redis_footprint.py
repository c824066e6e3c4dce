"""What it costs: round trips, memory, and commands that would hold up the server."""

import cProfile
import re
import sys

import pytest
from redis.connection import AbstractConnection
from smok_redis.scripts import NAMES, script

from smok_core.engine.base import Ack
from tests.servers.redis_groups import watched

#: Bytes of the server for an acknowledged point with an 8-byte value, as the README says.
ARCHIVED = 40
QUEUED = 75


def used(server):
    """Give the server's memory in use, in bytes."""
    told = server.command("INFO", "memory").decode()
    return int(told.split("used_memory:")[1].split()[0])


def of_key(server, key):
    """Give what one key takes, in bytes."""
    return int(server.command("MEMORY", "USAGE", key, "SAMPLES", 0).strip(b":\r\n"))


def test_a_point_takes_the_memory_the_readme_says(server, opened):
    """MEMORY USAGE of 20 000 points: the archive and, until the upload, the queue."""
    engine = opened(server.url, device="memory")
    series = engine.series("s")
    start = 1_700_000_000_000_000
    for batch in range(20):
        points = [start + (batch * 1000 + n) * 1_000_000 for n in range(1000)]
        series.append([("W1", ts, b"\xcb" + ts.to_bytes(8, "big")) for ts in points])
    archive = of_key(server, "smok:{memory}:s:s:p:W1") / 20_000
    queue = of_key(server, "smok:{memory}:s:s:queue") / 20_000
    assert archive < ARCHIVED
    assert queue < QUEUED
    before = of_key(server, "smok:{memory}:s:s:queue")
    series.acknowledge([pending.seq for pending in series.pending(20_000)])
    assert of_key(server, "smok:{memory}:s:s:queue") < before / 100


@pytest.fixture
def trips(monkeypatch):
    """Count round trips: how often the driver sends, after which it waits for answers."""
    sent = []
    send = AbstractConnection.send_packed_command

    def counted(self, *args, **options):
        sent.append(self)
        return send(self, *args, **options)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)

    def count(work):
        before = len(sent)
        work()
        return len(sent) - before

    return count


def start(opened, url):
    """Open a store and read something."""
    engine = opened(url, device="trips")
    engine.table("t").get("k")
    engine.close()


def test_opening_and_the_first_read_are_two_round_trips(server, opened, trips):
    """Open and read: one each, founding the store or finding it; a password is one more."""
    assert trips(lambda: start(opened, server.url)) == 2
    assert trips(lambda: start(opened, server.url)) == 2
    server.command("ACL", "SETUSER", "pump", "on", ">pw", "~*", "&*", "+@all")
    assert trips(lambda: start(opened, server.url.replace("//", "//pump:pw@"))) == 3


def test_opening_in_a_cluster_is_at_most_three_round_trips(shared_cluster, opened, trips):
    """A server that has not the device's slot says who has: one round trip more."""
    urls = [f"redis+cluster://127.0.0.1:{node.port}" for node in shared_cluster]
    assert sorted(trips(lambda url=url: start(opened, url)) for url in urls) == [2, 3, 3]


def test_opening_by_sentinel_is_three_round_trips(tmp_path, opened, trips):
    """The sentinel is asked once."""
    with watched("valkey", tmp_path) as plant:
        assert trips(lambda: start(opened, plant.url)) == 3


def test_every_operation_is_one_round_trip(engine, trips):
    """Each operation on up to 1000 rows is one request and one answer."""
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    thousand = [("n", ts, b"v") for ts in range(1000)]
    work = [
        lambda: table.put("k", b"v", pending=True),
        lambda: table.get("k"),
        lambda: table.get_many([f"{number}" for number in range(1000)]),
        lambda: table.pending(1000),
        lambda: table.acknowledge([Ack(f"{number}", 1) for number in range(1000)]),
        lambda: table.delete("k"),
        lambda: table.replace({f"{number}": b"v" for number in range(1000)}),
        lambda: list(table.rows()),
        table.stats,
        lambda: series.append(thousand),
        lambda: series.append(thousand * 20),
        lambda: series.latest("n"),
        lambda: next(series.range("n", None, None)),
        lambda: series.pending(1000),
        lambda: series.acknowledge(range(1, 1001)),
        lambda: series.requeue([("n", ts) for ts in range(1000)]),
        lambda: next(series.names()),
        series.stats,
        lambda: blobs.put("k", b"x" * (1 << 20), 1),
        lambda: blobs.get("k"),
        lambda: blobs.version("k"),
        blobs.versions,
        lambda: blobs.delete("k"),
        engine.health,
    ]
    assert [trips(step) for step in work] == [1] * len(work)


@pytest.mark.parametrize("name", NAMES)
def test_scripts_name_their_keys_and_never_search(name):
    """A script touches only keys it was given, and no command that walks over the server."""
    text = re.sub(r"--[^\n]*", "", script(name).text.decode())
    commands = set(re.findall(r"redis\.p?call\(\s*'(\w+)'", text))
    assert not commands & {"KEYS", "SCAN", "FLUSHDB", "FLUSHALL", "SMEMBERS", "SORT", "EVAL"}
    assert "smok:" not in text


def test_queue_and_archive_forget_what_is_done(server, opened):
    """After upload and trim a series takes next to nothing, however much went through."""
    engine = opened(server.url, device="through")
    series, base = engine.series("s"), "smok:{through}:s:s"
    for batch in range(30):
        ts = range(batch * 1000, batch * 1000 + 1000)
        series.append([("W1", t, b"\xcb12345678") for t in ts])
        series.acknowledge([pending.seq for pending in series.pending(1000)])
        series.trim(batch * 1000)
    assert series.trim(10**9) == 1999 - 1000
    assert of_key(server, f"{base}:p:W1") < 6000  # one node
    assert of_key(server, f"{base}:queue") < 6000
    assert series.latest("W1") == (29_999, b"\xcb12345678")


def test_an_append_of_one_packs_nothing(server, opened):
    """A point goes as it is: few calls of Python, and as small as a script's call can be."""
    series = opened(server.url, device="one").series("s")
    series.append([("W1", 1, b"v")])
    calls = []

    def note(frame, event, _):
        if event == "call" and frame.f_globals.get("__name__", "").startswith("smok_redis"):
            calls.append(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        series.append([("W1", 2, b"v")])
    finally:
        sys.setprofile(None)
    assert len(calls) <= 13, calls
    assert [(point.ts, point.value) for point in series.pending(9)] == [(1, b"v"), (2, b"v")]


def test_reading_an_archive_takes_no_list_apart_for_each_point(server, opened):
    """The answer is one list of ids and values: the client's time is what is waited for."""
    series, profile = opened(server.url, device="range").series("s"), cProfile.Profile()
    points = [("W1", ts, b"%d" % ts) for ts in range(-1500, 1500)]
    series.append([*points[::2], *points[1::2]])
    series.append([("W1", ts, b"x") for ts in range(2000, 12_000)])
    found = profile.runcall(list, series.range("W1", 2000, None))
    assert [ts for ts, _ in found] == list(range(2000, 12_000))
    replies = [one for one in profile.getstats() if "_read_response" in str(one.code)]
    assert max((one.callcount for one in replies), default=0) < 2.5 * len(found)
    assert list(series.range("W1", None, 1499)) == [point[1:] for point in points]


def test_reading_the_queue_takes_no_list_apart_for_each_point(server, opened):
    """Id, name, timestamp and value are four steps of the client's parser, no more."""
    series, profile = opened(server.url, device="queue").series("s"), cProfile.Profile()
    points = [(f"W{ts % 3}", ts, b"%d" % ts) for ts in range(2500)]
    series.append(points)
    found = profile.runcall(series.pending, 2500)
    assert [point[1:] for point in found] == points
    replies = [one for one in profile.getstats() if "_read_response" in str(one.code)]
    assert max((one.callcount for one in replies), default=0) < 4.5 * len(found)


def test_a_strange_entry_of_the_queue_is_kept_whole(server, opened):
    """Whatever its fields are, it is set aside with all of them and is in nobody's way."""
    engine = opened(server.url, device="strange")
    series = engine.series("s")
    series.append([("W", 1, b"v")])
    strange = [
        ("n", "W", "t", "soon", "v", "x"),
        ("n", "W"),
        ("a", "W", "t", "5", "v", "x", "w", "y"),
    ]
    (first,) = series.pending(1)
    for seq, fields in enumerate(strange, first.seq + 1):
        server.command("XADD", "smok:{strange}:s:s:queue", f"{seq}-0", *fields)
    assert [point.ts for point in series.pending(9)] == [1, 5]
    kept = server.command("HVALS", "smok:{strange}:damaged")
    assert b"soon" in kept
    assert [point.ts for point in series.pending(9)] == [1, 5]
