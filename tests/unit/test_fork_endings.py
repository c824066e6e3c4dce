"""Ways to start and end processes: what was taken is stored, and no side hangs (contract G15)."""

import os
import socket
import subprocess
import sys
import threading
import time

import msgspec
import pytest
from smok_cloud.https import RequestsTransport
from smok_cloud.service import Service

import smok_core
import smok_core.shortcuts
from smok_core.engine.memory import MemoryEngine
from smok_core.roles.metadata import MetadataDatabase
from tests.unit.test_forks import exit_code

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

COMMON = """
import multiprocessing, os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import smok_core

def config(flush_ms=60_000):
    store = {"backend": "pickle", "path": sys.argv[1], "durability": "buffered"}
    return {"device": "d", "stores": {"s": store | {"flush_ms": flush_ms}},
            "roles": {"default": "s"}}

def write(databases, name, count=100):
    for ts in range(count):
        databases.pathpoints.on_new_data(name, ts, ts)

def open_and_write(name):
    write(smok_core.open_databases(config()), name)
"""

ENDINGS = {
    "the interpreter ends without close": """
databases = smok_core.open_databases(config())
write(databases, "w")
""",
    "sys.exit in another function": """
def work():
    write(smok_core.open_databases(config()), "w")
    sys.exit(0)
work()
""",
    "an exception ends the program": """
try:
    databases = smok_core.open_databases(config())
    write(databases, "w")
    raise SystemExit(0)
finally:
    pass
""",
    "a forked child ends by sys.exit": """
databases = smok_core.open_databases(config())
write(databases, "p")
databases.flush()
if os.fork() == 0:
    write(databases, "w")
    sys.exit(0)
assert os.wait()[1] == 0
""",
    "a daemon, whose parent ends by os._exit": """
databases = smok_core.open_databases(config(flush_ms=50))
write(databases, "p")
databases.flush()
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
write(databases, "w")
databases.close()
print("written", flush=True)
os._exit(0)
""",
    "os._exit, a moment after flush_ms": """
databases = smok_core.open_databases(config(flush_ms=50))
write(databases, "p")
if os.fork() == 0:
    write(databases, "w")
    behind = databases.engines["s"].series("pathpoints")
    while len(list(behind.range("w", None, None))) < 100:
        time.sleep(0.01)
    os._exit(0)
assert os.wait()[1] == 0
""",
    "multiprocessing, fork": """
databases = smok_core.open_databases(config())
write(databases, "p")
process = multiprocessing.get_context("fork").Process(target=write, args=(databases, "w"))
process.start(); process.join()
assert process.exitcode == 0
""",
    "multiprocessing, forkserver": """
if __name__ == "__main__":
    databases = smok_core.open_databases(config())
    write(databases, "p")
    process = multiprocessing.get_context("forkserver").Process(target=open_and_write, args=("w",))
    process.start(); process.join()
    assert process.exitcode == 0
""",
    "multiprocessing, spawn": """
if __name__ == "__main__":
    databases = smok_core.open_databases(config())
    write(databases, "p")
    process = multiprocessing.get_context("spawn").Process(target=open_and_write, args=("w",))
    process.start(); process.join()
    assert process.exitcode == 0
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_taken_is_stored(ending, tmp_path):
    """100 of 100 values are there, whichever way the process that wrote them came and went."""
    pytest.importorskip("smok_pickle", reason="smok_pickle is not installed")
    script, store = tmp_path / "program.py", tmp_path / "s.db"
    script.write_text(COMMON + ENDINGS[ending])
    command = [sys.executable, str(script), str(store)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    settings = {"backend": "pickle", "path": str(store)}
    config = {"device": "d", "stores": {"s": settings}, "roles": {"default": "s"}}
    with smok_core.open_databases(config) as databases:
        found = [ts for ts, _ in databases.pathpoints.get_archive_data("w")]
        assert found == list(range(100)), done.stderr
        before = list(databases.pathpoints.get_archive_data("p"))
        assert len(before) in (0, 100)


class Slow:
    """A synchronizer that works until it is stopped."""

    def run(self, stop):
        while not stop.wait(0.0005):
            pass


def test_a_service_does_not_run_in_a_child():
    """There stopping returns at once; the parent's thread goes on, and ends when it is told to."""
    api = RequestsTransport("http://127.0.0.1:1")
    with smok_core.open_databases({"device": "d"}) as databases:
        service = Service(databases, api)
        service.synchronizer = Slow()
        with service:
            codes = [exit_code(lambda: 0 if service.stop(timeout=2) else 1) for _ in range(20)]
            assert codes == [0] * 20
            assert service._thread.is_alive()
        assert not service._thread.is_alive()


def test_a_child_leaves_the_cloud_connections_of_its_parent():
    """Closing there ends no request that the parent has under way."""
    transport = RequestsTransport("http://127.0.0.1:1")
    ended = []

    class Deadline:
        def end(self, reason):
            ended.append(reason)

    transport._deadlines.add(Deadline())

    def close():
        transport.close()
        return len(ended)

    assert exit_code(close) == 0
    transport.close()
    assert ended == ["the client was closed"]


class Shortcut(smok_core.shortcuts.Shortcut, MetadataDatabase):
    open_engine = staticmethod(lambda _: MemoryEngine())


OPENINGS = {
    "a config": lambda: smok_core.open_databases({"roles": {"default": "memory"}}),
    "a shortcut": lambda: Shortcut(msgspec.defstruct("Options", [], frozen=True)()),
}


@pytest.mark.parametrize("way", OPENINGS)
def test_a_daemon_that_closed_its_standard_streams_prints_into_no_socket(way):
    """Of any backend, or of the cloud: what is opened with a store never becomes 0, 1 or 2."""

    def daemon():
        os.closerange(0, 3)
        _kept = OPENINGS[way]()
        with socket.socket() as connection:
            return int(connection.fileno() <= 2)

    assert exit_code(daemon) == 0


def test_opening_stores_beside_forks_hangs_nobody():
    """A thread that makes parts while another forks: neither waits for the other for ever."""
    stop, opened = threading.Event(), []

    def open_often():
        while not stop.is_set():
            with smok_core.open_databases({"device": "d"}) as databases:
                databases.pathpoints.on_new_data("a", 1, 1)
            opened.append(1)

    threads = [threading.Thread(target=open_often, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    codes = [exit_code(lambda: 0) for _ in range(50)]
    before = len(opened)
    deadline = time.monotonic() + 20
    while len(opened) < before + 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    assert codes == [0] * 50
    assert len(opened) >= before + 4
