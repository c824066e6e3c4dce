"""Four processes on one store while processes and the server are killed, against a plain model."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.servers.redis_servers import Server

SECONDS = 300 if os.environ.get("SMOK_LONG") else 5
WORKER = Path(__file__).with_name("stress_worker.py")
sys.path.insert(0, str(WORKER.parent))


class Writers:
    """Four worker processes, and what each has told."""

    def __init__(self, kind, place):
        self._place, self._names = (kind, place), iter(f"w{n}" for n in range(10**6))
        self.told, self.failed, self.running = [], [], []
        for _ in range(4):
            self.start()

    def start(self):
        """Start one more."""
        name = next(self._names)
        words = [sys.executable, str(WORKER), *self._place, name]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        reader = threading.Thread(target=self._read, args=(name, process))
        reader.start()
        self.running.append((name, process, reader))

    def _read(self, name, process):
        with process:
            for line in process.stdout:
                if line.endswith("\n"):
                    self.told.append((name, *line.split()))
            self.failed.append(process.stderr.read())

    def kill(self):
        """Kill the one that was started first."""
        _, process, reader = self.running.pop(0)
        process.kill()
        reader.join()

    @property
    def ready(self):
        """Whether the one that was started first has written."""
        return any(told[0] == self.running[0][0] for told in list(self.told))


def drain(engine, handed):
    """Hand over and acknowledge; each seq names one point."""
    series = engine.series("s")
    batch = series.pending(500)
    for point in batch:
        assert handed.setdefault(point.seq, point) == point
    series.acknowledge([point.seq for point in batch])
    gone = {point.seq for point in batch}
    assert not gone & {point.seq for point in series.pending(500)}
    return bool(batch)


def check(writers, handed, engine):
    """What was acknowledged is there, once; what was counted and claimed was so by one."""
    assert not [text for text in writers.failed if text]
    points = {(point.name, point.ts) for point in handed.values()}
    assert len(points) == len(handed)
    wrote = {(told[0], int(told[2])) for told in writers.told if told[1] == "point"}
    assert wrote
    assert {(name, 2 * n + half) for name, n in wrote for half in (0, 1)} <= points
    for word in ("count", "claim"):
        numbers = [int(told[2]) for told in writers.told if told[1] == word]
        assert len(numbers) == len(set(numbers))
    counts = [int(told[2]) for told in writers.told if told[1] == "count"]
    assert int(engine.table("t").get("counter").value) >= max(counts)
    assert engine.series("s").stats().points == len(points)


def run(kind, place, break_it):
    """Run the writers, kill some, break the server, and check against the model."""
    from stress_worker import open_engine

    handed, chance = {}, random.Random(5)
    with open_engine(kind, place) as engine:
        engine.table("t").put("counter", b"0")
        writers = Writers(kind, place)
        try:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                drain(engine, handed)
                if not writers.ready:
                    continue
                writers.kill()
                writers.start()
                time.sleep(0.2)
                if chance.random() < 0.3:
                    break_it()
        finally:
            while writers.running:
                writers.kill()
        while drain(engine, handed):
            pass
        check(writers, handed, engine)


@pytest.mark.parametrize("flavour", ["valkey", "redis"])
def test_many_writers_of_a_server_that_is_killed(tmp_path, flavour):
    """Nothing acknowledged is lost or comes back, no seq or count is given twice."""
    with Server(flavour, tmp_path / "srv", appendfsync="always") as server:

        def restart():
            server.kill()
            server.start()

        run("redis", server.url, restart)


def test_many_writers_of_an_embedded_store(tmp_path):
    """The same on one file."""
    run("pickle", str(tmp_path / "s.db"), lambda: None)
