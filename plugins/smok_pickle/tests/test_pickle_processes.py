"""Several processes on one file: kills, concurrent writers, forks, pending."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from smok_core.errors import BackendUnavailable, StoreClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smok_core.engine.base import Engine

OPEN = """
import sys
from smok_core.hookspecs import StoreContext
from smok_pickle.options import PickleOptions
from smok_pickle.plugin import smok_open_engine
options = PickleOptions(path=sys.argv[1])
engine = smok_open_engine(StoreContext(store="local", device="pump", options=options))
series, table = engine.series("pathpoints"), engine.table("metadata")
"""
WRITE = (
    OPEN
    + """
number = int(sys.argv[2])
while True:
    if number % 50 == 0:
        series.append([(f"W{n % 5}", n, b"%d" % n) for n in range(number, number + 50)])
        number += 49
    else:
        series.append([(f"W{number % 5}", number, b"%d" % number)])
    if number % 7 == 0:
        table.put(f"key {number}", b"%d" % number, pending=True)
    if number % 400 == 0:
        series.acknowledge([point.seq for point in series.pending(100)])
    print(number, flush=True)
    number += 1
"""
)
APPEND = (
    OPEN
    + """
name, count = sys.argv[2], int(sys.argv[3])
for number in range(count):
    if number % 10:
        series.append([(name, number, b"x")])
    else:
        series.append([("shared", number, name.encode()), (name, number, b"x")])
    table.put(name, b"%d" % number)
"""
)

OBEY = OPEN + "for line in sys.stdin: print(eval(line), flush=True)\n"


def start(script: str, *arguments: object, stdin: int | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        command, stdin=stdin, stdout=subprocess.PIPE, text=True, env=environment
    )


@contextlib.contextmanager
def told(path: Path) -> Iterator[Callable[[str], str]]:
    """Give a function that has another process evaluate a line, and gives what it prints."""
    with start(OBEY, path, stdin=subprocess.PIPE) as other:
        asked, answers = other.stdin, other.stdout
        assert asked is not None
        assert answers is not None

        def tell(line: str) -> str:
            asked.write(f"{line}\n")
            asked.flush()
            return answers.readline().strip()

        yield tell
        asked.close()


def killed_after(path: Path, first: int, seconds: float) -> list[int]:
    """Let a child write from ``first`` on and kill it; give the numbers it acknowledged."""
    child = start(WRITE, path, first)
    assert child.stdout is not None
    told = [int(child.stdout.readline())]
    timer = threading.Timer(seconds, child.send_signal, [signal.SIGKILL])
    timer.start()
    told += [int(line) for line in child.stdout if line.endswith("\n")]
    child.wait()
    timer.join()
    child.stdout.close()
    return told


def test_kill_loses_nothing(path: Path, opened: Callable[..., Engine]) -> None:
    """After kill -9 at any time everything acknowledged is there, whole and once."""
    chance, last, written = random.Random(17), -1, set[int]()
    for _ in range(6):
        told = killed_after(path, last + 1, chance.uniform(0.01, 0.2))
        written.update(told)
        last = told[-1]
        with opened() as engine:
            series = engine.series("pathpoints")
            stored = [
                (ts, value) for n in range(5) for ts, value in series.range(f"W{n}", None, None)
            ]
            assert {ts for ts, _ in stored} >= set(range(last + 1))
            assert all(value == b"%d" % ts for ts, value in stored)
            assert len(stored) == series.stats().points == len(set(stored))
            assert len(series.pending(10**6)) == series.stats().pending
            rows = {row.key for row in engine.table("metadata").rows()}
            assert rows >= {f"key {n}" for n in written if n % 7 == 0}
            last = max(ts for ts, _ in stored)
            assert not engine.health().warnings


def test_two_processes_append_at_once(path: Path, opened: Callable[..., Engine]) -> None:
    """Nothing is lost, no seq is given twice, and the order of each name holds."""
    children = [start(APPEND, path, f"name{n}", 3000) for n in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    for child in children:
        assert child.stdout is not None
        child.stdout.close()
    series = opened().series("pathpoints")
    pending = series.pending(10**6)
    assert len({point.seq for point in pending}) == len(pending)
    for n in range(2):
        assert [point.ts for point in pending if point.name == f"name{n}"] == list(range(3000))
    assert [ts for ts, _ in series.range("shared", None, None)] == list(range(0, 3000, 10))
    assert series.stats().points == 6300


def test_threads_share_an_engine(opened: Callable[..., Engine]) -> None:
    """Eight threads on one engine: every point is there, readers are not disturbed."""
    engine = opened()
    series = engine.series("pathpoints")

    def work(number: int) -> None:
        for ts in range(500):
            series.append([(f"W{number}", ts, b"v")])
            engine.table("t").put(f"{number}", b"%d" % ts)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert len(list(series.range("W1", None, None))) <= 500
    for thread in threads:
        thread.join()
    assert series.stats().points == 4000
    assert len(series.pending(10_000)) == 4000


def test_a_range_outlives_writers(opened: Callable[..., Engine]) -> None:
    """A point that is there all the time is given once, whatever writers do meanwhile."""
    series = opened().series("pathpoints")
    series.append([("W", ts, b"v") for ts in range(0, 10_000, 2)])
    seen = []
    for ts, _ in series.range("W", None, None):
        seen.append(ts)
        if ts % 1000 == 0:
            series.append([("W", ts + 1, b"late"), ("W", 20_000 + ts, b"new")])
            series.append([("W", ts + 50, b"other")])
            series.acknowledge(point.seq for point in series.pending(300))
            series.trim(ts - 2000)
    assert [ts for ts in seen if ts % 2 == 0 and ts < 10_000] == list(range(0, 10_000, 2))
    assert seen == sorted(set(seen))


def test_rows_are_a_snapshot(opened: Callable[..., Engine]) -> None:
    """What was there when `rows` was called is given, whatever happens meanwhile."""
    table = opened().table("t")
    for n in range(3000):
        table.put(f"{n}", b"old")
    stream = table.rows()
    next(stream)
    table.replace({"new": b"new"})
    assert [row.key for row in stream] == [f"{n}" for n in range(1, 3000)]


def test_a_fork_opens_its_own_connection(path: Path, opened: Callable[..., Engine]) -> None:
    """Parent and child write on after a fork; nothing is lost."""
    series = opened().series("pathpoints")
    series.append([("parent", 1, b"v")])
    child = os.fork()
    if child == 0:
        try:
            for ts in range(100):
                series.append([("child", ts, b"v")])
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a child must never run on into pytest
            os._exit(1)
    for ts in range(2, 100):
        series.append([("parent", ts, b"v")])
    assert os.waitpid(child, 0)[1] == 0
    assert series.stats().points == 199
    assert len(list(series.range("child", None, None))) == 100


def test_pending_too_long_is_temporary(path: Path, opened: Callable[..., Engine]) -> None:
    """A writer that does not end makes others give up after busy_timeout_ms, and says so."""
    engine = opened(busy_timeout_ms=50)
    series = engine.series("pathpoints")
    series.append([("W", 1, b"v")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    for work in (
        lambda: series.append([("W", 2, b"v")]),
        lambda: series.append([("new", 2, b"v"), ("W", 3, b"v")]),
        lambda: engine.table("t").put("k", b"v"),
    ):
        with pytest.raises(BackendUnavailable, match="temporary"):
            work()
    assert time.monotonic() - started < 3
    assert series.latest("W") == (1, b"v")
    other.close()
    series.append([("W", 2, b"v")])


def _descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - links to nowhere are no paths


def test_nothing_is_left_open(path: Path, opened: Callable[..., Engine]) -> None:
    """Closing lets go of every file; later calls raise StoreClosed; twice is harmless."""
    before = _descriptors()
    engine = opened()
    series, table = engine.series("s"), engine.table("t")
    series.append([("W", 1, b"v")])
    engine.close()
    engine.close()
    assert _descriptors() == before
    for work in (
        lambda: series.append([("W", 2, b"v")]),
        lambda: series.append([]),
        lambda: list(series.range("W", None, None)),
        lambda: table.get("k"),
        engine.health,
        engine.flush,
        engine.checkpoint,
    ):
        with pytest.raises(StoreClosed):
            work()
    assert not Path(f"{path}-wal").exists()


def test_what_another_process_does_is_not_remembered(
    path: Path, opened: Callable[..., Engine]
) -> None:
    """Taken, acknowledged, replaced, merged and compacted there, in turn with what is done here."""
    engine = opened()
    series = engine.series("pathpoints")
    series.append([("n", 0, b"v")])
    with told(path) as tell:
        for ts in range(1, 20):
            series.append([("n", ts, b"v")])
        assert [point.ts for point in series.pending(2)] == [0, 1]
        assert tell("series.acknowledge([point.seq for point in series.pending(5)])") == "5"
        assert [point.ts for point in series.pending(2)] == [5, 6]
        tell("series.append([('n', 6, b'w'), ('n', 20, b'v')])")
        series.append([("n", 21, b"v")])
        assert [(p.ts, p.value) for p in series.pending(99)] == [
            *((ts, b"v") for ts in range(5, 20) if ts != 6),
            *((6, b"w"), (20, b"v"), (21, b"v")),
        ]
        assert tell("series.acknowledge([series.pending(3)[2].seq])") == "1"
        assert [point.ts for point in series.pending(3)] == [5, 7, 9]
        tell("engine.checkpoint()")
        assert tell("series._merge()") == "None"
        assert [point.ts for point in series.pending(3)] == [5, 7, 9]
        assert [ts for ts, _ in series.range("n", None, None)] == list(range(22))
        assert series.acknowledge([point.seq for point in series.pending(99)]) == 16
        assert tell("series.pending(9)") == "[]"
