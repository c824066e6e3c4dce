"""Threads, processes, forks and devices on one server: each sees its own, nothing is lost."""

import os
import subprocess
import sys
import threading

import pytest
from smok_redis.keys import Keys
from smok_redis.wire import send

from smok_core.engine.base import When
from smok_core.errors import InvalidKey

DEVICES = [
    "pump",
    "pump}:x",
    "{pump}",
    "a:b",
    "a%3Ab",
    "*",
    "é",
    "e\N{COMBINING ACUTE ACCENT}",
    "",
    "%",
    "x\ny",
    "d" * 300,
]


def test_devices_do_not_see_each_other(server, opened):
    """Whatever the ids are, each device has keys of its own, all of them in one slot."""
    names = [device for device in DEVICES if device]
    engines = {device: opened(server.url, device=device, prefix="apart") for device in names}
    for device, engine in engines.items():
        engine.table("t").put("k", device.encode())
        engine.series("s").append([("n", 1, device.encode())])
        engine.blobs("b").put("k", device.encode(), 1)
    for device, engine in engines.items():
        assert engine.table("t").get("k").value == device.encode()
        assert engine.series("s").pending(9)[0].value == device.encode()
        assert engine.blobs("b").get("k") == (device.encode(), 1)
    bases = {Keys("smok", device).base for device in DEVICES}
    assert len(bases) == len(DEVICES)
    assert all(base.count("{") == base.count("}") == 1 and "{}" not in base for base in bases)


def test_a_device_id_that_is_no_text_is_refused():
    """A lone surrogate in the device's id is an error of its own."""
    with pytest.raises(InvalidKey):
        Keys("smok", "pump\ud800")


def test_prefixes_and_databases_keep_stores_apart(server, opened):
    """Two stores of one device on one server: told apart by prefix or database number."""
    urls = [(server.url, "smok"), (server.url, "other"), (server.url[:-1] + "2", "smok")]
    engines = [opened(url, device="twice", prefix=prefix) for url, prefix in urls]
    for number, engine in enumerate(engines):
        engine.table("t").put("k", b"%d" % number)
    assert [engine.table("t").get("k").value for engine in engines] == [b"0", b"1", b"2"]


def test_keys_are_data(engine):
    """No key or name of a row, point or blob reaches another one, or a command."""
    names = ["*", "a:b", "{x}", "}", "../k", "a\nb", "-", "(", "[", "+", "é", "e\u0301", "k" * 1024]
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    for number, name in enumerate(names):
        table.put(name, b"%d" % number)
        series.append([(name, number, b"v")])
        blobs.put(name, b"%d" % number, 1)
    assert {row.key: int(row.value) for row in table.rows()} == dict(
        zip(names, range(13), strict=True)
    )
    assert sorted(series.names()) == sorted(names)
    assert [series.latest(name)[0] for name in names] == list(range(len(names)))
    assert [int(blobs.get(name)[0]) for name in names] == list(range(len(names)))


def test_primitives_of_one_name_are_apart(engine):
    """A table, a series and blobs of one name share nothing."""
    engine.table("x").put("k", b"1")
    engine.series("x").append([("k", 1, b"2")])
    engine.blobs("x").put("k", b"3", 1)
    assert engine.table("x.y").get("k") is None
    assert engine.table("x").get("k").value == b"1"
    assert engine.series("x").latest("k") == (1, b"2")
    assert engine.blobs("x").get("k") == (b"3", 1)


def together(*work):
    """Run each in a thread; raise what one of them raised."""
    failures = []

    def guard(task):
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - shown in the main thread
            failures.append(error)

    threads = [threading.Thread(target=guard, args=(task,)) for task in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


def test_threads_may_do_anything_at_once(engine):
    """Writers, acknowledgers and readers in eight threads: every point is handed over once."""
    series, table = engine.series("s"), engine.table("t")
    acknowledged = []

    def write(number):
        for ts in range(100):
            series.append([(f"n{number}", ts, b"v"), (f"n{number}", -ts - 1, b"v")])
            table.put(f"{number}", b"%d" % ts, pending=True)

    def acknowledge():
        while len(acknowledged) < 800 and not stop.is_set():
            batch = series.pending(50)
            if series.acknowledge([pending.seq for pending in batch]) == len(batch):
                acknowledged.extend((pending.name, pending.ts) for pending in batch)

    def read():
        for _ in range(50):
            list(series.range("n1", None, None))
            list(table.rows())
            series.stats()

    stop = threading.Event()
    together(acknowledge, *(lambda n=n: write(n) for n in range(4)), read, read)
    assert sorted(acknowledged) == sorted(set(acknowledged))
    assert len(acknowledged) == 800
    assert series.stats().points == 800


def test_compare_and_set_admits_one(engine):
    """Of many who write under one condition, exactly one succeeds."""
    table = engine.table("t")
    won = []
    together(
        *(lambda n=n: won.append(table.put("a", b"%d" % n, when=When.ABSENT)) for n in range(8))
    )
    assert won.count(True) == 1
    seq, won = table.get("a").seq, []
    together(
        *(lambda n=n: won.append(table.put("a", b"x%d" % n, expected_seq=seq)) for n in range(8))
    )
    assert won.count(True) == 1


def test_a_reader_sees_old_or_new_never_between(engine):
    """While a table and a blob are replaced, a reader sees a whole old or a whole new one."""
    table, blobs = engine.table("t"), engine.blobs("b")
    table.replace({f"{n}": b"0" for n in range(1200)})
    blobs.put("k", b"0" * 2_500_000, 1)

    def write():
        for turn in range(1, 9):
            table.replace({f"{n}": b"%d" % turn for n in range(1200 + turn % 2)})
            blobs.put("k", b"%d" % turn * 2_500_000, turn + 1)

    def read():
        for _ in range(12):
            values = [row.value for row in table.rows()]
            assert len(set(values)) == 1
            assert len(values) == 1200 + int(values[0]) % 2
            data, version = blobs.get("k")
            assert data == b"%d" % (version - 1) * 2_500_000

    together(write, read, read)


SCRIPT = """
import sys
from smok_core.hookspecs import StoreContext
from smok_core.settings import Secret
from smok_redis.options import RedisOptions
from smok_redis.plugin import smok_open_engine
url, device, number = sys.argv[1:]
options = RedisOptions(url=Secret(url))
engine = smok_open_engine(StoreContext(store="plant", device=device, options=options))
for ts in range(200):
    engine.series("s").append([("shared", ts, number.encode()), (number, ts, b"v")])
    engine.table("t").put(number, b"%d" % ts, pending=True)
print("done", flush=True)
sys.stdin.read()
engine.table("t").put("never", b"v")
"""


def test_processes_share_a_store_and_a_killed_one_loses_nothing(server, opened):
    """Two processes write one store and are killed -9: everything they wrote is there, once."""
    words = [sys.executable, "-c", SCRIPT, server.url, "shared device"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen([*words, name], env=env, stdin=pipe, stdout=pipe) for name in ("a", "b")
    ]
    for worker in workers:
        assert worker.stdout.readline() == b"done\n"
        worker.kill()
        worker.wait()
        worker.stdin.close()
        worker.stdout.close()
    engine = opened(server.url, device="shared device")
    series = engine.series("s")
    assert series.stats().points == 600
    for name in ("a", "b", "shared"):
        assert [ts for ts, _ in series.range(name, None, None)] == list(range(200))
    pending = [(q.name, q.ts) for q in series.pending(9999)]
    assert len(pending) == len(set(pending)) == 600
    assert [row.key for row in engine.table("t").rows()].count("never") == 0


FORKS = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@FORKS
def test_a_forked_child_goes_on_under_its_own_name(server, opened):
    """Parent and child of a fork both write on, through connections and writers of their own."""
    engine = opened(server.url)
    series = engine.series("s")
    series.append([("before", 1, b"v")])
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for ts in range(50):
                series.append([("child", ts, b"v")])
            status = 0
        finally:
            os._exit(status)
    for ts in range(50):
        series.append([("parent", ts, b"v")])
    assert os.waitpid(child, 0)[1] == 0
    assert series.stats().points == 101
    assert series.stats().pending == 101


@FORKS
def test_a_child_that_closes_leaves_the_session_of_its_parent(server, opened):
    """Used and closed in a child, the store's connection in the parent is still the same one."""
    engine = opened(server.url)
    table, primary = engine.table("t"), engine._client._link.primary
    before = send(primary(), ("CLIENT", "ID"))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            engine.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    child = os.fork()
    if child == 0:
        status = 1
        try:
            table.put("k", b"child")
            status = 0 if send(primary(), ("CLIENT", "ID")) != before else 2
            engine.close()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert send(primary(), ("CLIENT", "ID")) == before
    assert table.get("k").value == b"child"


def test_old_writers_are_forgotten(own_server, opened):
    """What is remembered of writers does not grow with every start of a process for ever."""
    opened(own_server.url, device="pump").close()
    key = "smok:{pump}:meta"
    fields = [word for number in range(300) for word in (f"w:old.{number}", "5 1")]
    own_server.command("HSET", key, *fields)
    engine = opened(own_server.url, device="pump")
    engine.table("t").put("k", b"v")
    for _ in range(3):
        opened(own_server.url, device="pump").close()
    assert int(own_server.command("HLEN", key).strip(b":\r\n")) < 101
