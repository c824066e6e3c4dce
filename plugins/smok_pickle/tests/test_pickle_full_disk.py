"""A full disk refuses new data, loses nothing, and lets the backlog go (G13): on a real one."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from smok_core.engine.base import Ack, Limits
from smok_core.engine.buffered import BufferedSeries
from smok_core.errors import StorageFull
from tests.conftest import skip_or_fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from smok_core.engine.base import Engine, Series, Table


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        skip_or_fail("full-disk", "there is no mount command here")
    if done.returncode:
        reason = f"a file system cannot be mounted here: {done.stderr.strip()}"
        skip_or_fail("full-disk", reason)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill_up(series: Series, size: int, batch: int) -> int:
    """Append until the store refuses; give how many points were taken."""
    count = 0
    while True:
        points = [(f"W{n % 10}", n, b"v" * size) for n in range(count, count + batch)]
        try:
            series.append(points)
        except StorageFull:
            return count
        count += batch


def eat(disk: Path) -> None:
    """Let somebody else take all room that is left."""
    with (disk / "other").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def put_many(table: Table, count: int) -> None:
    for number in range(count):
        table.put(f"key {number}", b"v" * 1000)


def drain(series: Series) -> list[int]:
    """Hand over and acknowledge everything in batches; give the timestamps in order."""
    seen: list[int] = []
    while batch := series.pending(1000):
        assert series.acknowledge([point.seq for point in batch]) == len(batch)
        seen += [point.ts for point in batch]
    return seen


@pytest.mark.parametrize("batch", [1, 200])
@pytest.mark.parametrize("reopen", [False, True])
def test_what_was_taken_can_be_handed_over(
    batch: int, reopen: bool, disk: Path, opened: Callable[..., Engine]
) -> None:
    """Everything acknowledged is there, is handed over and acknowledged; nobody frees anything."""
    engine = opened(path=disk / "smok.db")
    series = engine.series("pathpoints")
    count = fill_up(series, size=60 if batch > 1 else 600, batch=batch)
    eat(disk)
    assert count > 3000
    if reopen:
        engine.close()
        eat(disk)
        engine = opened(path=disk / "smok.db")
        series = engine.series("pathpoints")
    assert series.stats().pending == count
    with pytest.raises(StorageFull):
        series.append([("W1", 10**9 + n, b"v" * 5000) for n in range(50)])
    assert sorted(drain(series)) == list(range(count))
    assert series.stats().pending == 0
    assert len(list(series.range("W3", None, None))) == len(range(3, count, 10))
    assert any("full" in warning for warning in engine.health().warnings)


def test_it_takes_new_data_when_there_is_room_again(
    disk: Path, opened: Callable[..., Engine]
) -> None:
    """When somebody has made room, the reserve is taken again and new data is stored."""
    engine = opened(path=disk / "smok.db")
    series = engine.series("pathpoints")
    count = fill_up(series, size=100, batch=100)
    eat(disk)
    drain(series)
    with pytest.raises(StorageFull):
        series.append([("W1", 10**9, b"v" * 3_000_000)])
    (disk / "other").unlink(missing_ok=True)
    series.trim(count // 2)
    for _ in range(50):
        engine.checkpoint()
    assert (disk / "smok.db.reserve").stat().st_blocks * 512 >= 2**20
    series.append([("W1", 10**9, b"v")])
    assert not engine.health().warnings


def test_a_disk_eaten_by_somebody_else(disk: Path, opened: Callable[..., Engine]) -> None:
    """Rows are acknowledged and removed although another program filled the disk."""
    engine = opened(path=disk / "smok.db")
    table, series = engine.table("events"), engine.series("pathpoints")
    for number in range(2000):
        table.put(f"key {number}", b"v" * 100, pending=True)
    series.append([("W1", number, b"v" * 20) for number in range(20_000)])
    eat(disk)
    while rows := table.pending(200):
        done = [Ack(row.key, row.seq, tag="id", remove=True) for row in rows]
        assert table.acknowledge(done) == len(rows)
    assert table.stats().rows == 0
    assert drain(series) == list(range(20_000))
    with pytest.raises(StorageFull):
        put_many(table, 100_000)
    assert os.statvfs(disk).f_bavail * 4096 < 2**21


def append_until_refused(series: BufferedSeries, first: int) -> list[int]:
    """Append without a pause; give the timestamps that were taken."""
    taken: list[int] = []
    with contextlib.suppress(StorageFull):
        for ts in itertools.count(first):
            series.append([("W1", ts, b"v" * 200)])
            taken.append(ts)
            time.sleep(0.001)
    return taken


def written(series: BufferedSeries) -> bool:
    """Tell whether nothing waits in memory any more; give it some seconds."""
    deadline = time.monotonic() + 5
    while series._pending and time.monotonic() < deadline:
        time.sleep(0.01)
    return not series._pending


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("full", ["disk", "queue"])
def test_what_a_buffer_has_taken_survives_a_kill(
    full: str, disk: Path, opened: Callable[..., Engine]
) -> None:
    """With "buffered", what was taken when the disk or queue got full is stored all the same."""
    there, here = os.pipe()
    child = os.fork()
    if child == 0:
        limits = Limits(60 if full == "queue" else None)
        inner = opened(path=disk / "smok.db").series("pathpoints", limits)
        series = BufferedSeries(inner, flush_ms=50)
        series.append([("W1", ts, b"v") for ts in range(50)])
        series.flush()
        if full == "disk":
            eat(disk)
        taken = append_until_refused(series, 50)
        os.write(here, f"{len(taken)} {written(series)}".encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    count = int(os.read(there, 100).split()[0])
    assert count >= 1
    found = opened(path=disk / "smok.db").series("pathpoints").range("W1", None, None)
    assert [ts for ts, _ in found] == list(range(50 + count))


def test_the_reserve_keeps_promises_and_can_still_be_drained(
    disk: Path, opened: Callable[..., Engine]
) -> None:
    """Nothing new gets in through the buffer, much of the reserve is left, and room is noticed."""
    engine = opened(path=disk / "smok.db")
    inner = engine.series("pathpoints")
    inner.append([("W1", ts, b"v" * 50) for ts in range(-20_000, 0)])
    series = BufferedSeries(inner, flush_ms=60_000)
    series.append([("W1", 0, b"v" * 100_000)])
    engine.checkpoint()  # there is no room left in the log
    eat(disk)
    series.flush()
    for ts in range(1, 20):
        with pytest.raises(StorageFull):
            series.append([("W1", ts, b"v" * 100)])
    assert not series.warnings()
    assert any("full" in warning for warning in engine.health().warnings)
    assert os.statvfs(disk).f_bavail * 4096 >= 2**19
    assert drain(inner) == list(range(-20_000, 1))
    (disk / "other").unlink()
    series._tried = 0.0  # a second later
    series.append([("W1", 1, b"v")])
    assert inner.latest("W1") == (1, b"v")
    assert not engine.health().warnings
    series.close()


def test_nothing_is_taken_again_before_the_reserve_is_back(
    disk: Path, opened: Callable[..., Engine]
) -> None:
    """Who found the reserve used up by others does not go on as soon as a few bytes are free."""
    inner = opened(path=disk / "smok.db").series("pathpoints")
    series = BufferedSeries(inner, flush_ms=60_000)
    series.append([("W1", 0, b"v" * 100_000)])
    (disk / "smok.db.reserve").unlink()  # as another process does
    eat(disk)
    with pytest.raises(StorageFull):
        series.flush()
    os.truncate(disk / "other", (disk / "other").stat().st_size - 500_000)
    with pytest.raises(StorageFull):
        inner.append([("W1", 1, b"v")])
    (disk / "other").unlink()
    inner.append([("W1", 1, b"v")])
    assert (disk / "smok.db.reserve").exists()
    series.close()


def test_a_buffer_holds_what_the_reserve_takes(disk: Path, opened: Callable[..., Engine]) -> None:
    """A buffer that is as full as it gets, with large values or with many, fits into its part."""
    for number, size in enumerate((10, 300, 4000)):
        engine = opened(path=disk / f"{number}.db")
        inner = engine.series("pathpoints")
        series = BufferedSeries(inner, flush_ms=60_000)
        count = 0
        while not count or series._pending:  # the one that is too many writes all
            series.append([(f"W{count % 10}", count, b"v" * size)])
            count += 1
        for ts in range(count, 2 * count - 1):
            series.append([(f"W{ts % 10}", ts, b"v" * size)])
        engine.checkpoint()
        eat(disk)
        series.flush()
        assert inner.stats().points == 2 * count - 1
        series.close()
        engine.close()
        for file in disk.iterdir():
            file.unlink()


def test_another_process_sees_that_the_reserve_is_in_use(
    disk: Path, opened: Callable[..., Engine]
) -> None:
    """What is left of it is for acknowledgements: a batch looks first, however few came before."""
    engine = opened(path=disk / "smok.db")
    series, batch = engine.series("pathpoints"), [("W1", ts, b"v" * 50) for ts in range(200)]
    series.append(batch)
    engine.checkpoint()
    eat(disk)
    assert engine._connection.space.reserve.release()  # as another process does
    with pytest.raises(StorageFull):
        series.append([("W1", 1000 + ts, b"v") for ts in range(200)])
    assert drain(series) == list(range(200))


def test_a_backlog_drains_when_all_that_may_be_was_promised(
    disk: Path, opened: Callable[..., Engine]
) -> None:
    """What promises leave of the reserve is enough for rows and points of any number."""
    engine = opened(path=disk / "smok.db")
    table, series = engine.table("events"), engine.series("pathpoints")
    for number in range(2000):
        table.put(f"key {number}", b"v" * 100, pending=True)
    series.append([(f"W{ts % 50}", ts, b"v" * 20) for ts in range(20_000)])
    engine.checkpoint()
    eat(disk)
    count = 20_000
    while series.append_promised([("W1", count + n, b"v" * 200) for n in range(20)]):
        count += 20
    assert count > 22_000
    while rows := table.pending(200):
        done = [Ack(row.key, row.seq, tag="id", remove=True) for row in rows]
        assert table.acknowledge(done) == len(rows)
    assert drain(series) == list(range(count))


def test_a_reserve_that_is_too_small_is_told(disk: Path, opened: Callable[..., Engine]) -> None:
    """What does not fit into its part of it stays in memory, in `warnings`, and gets in."""
    inner = opened(path=disk / "smok.db", ballast_kib=64).series("pathpoints")
    series = BufferedSeries(inner, flush_ms=60_000)
    series.append([("W1", 0, b"v" * 100_000)])
    eat(disk)
    with pytest.raises(StorageFull):
        series.flush()
    assert "1 values in memory cannot be written" in series.warnings()[0]
    (disk / "other").unlink()
    series.close()
    assert inner.stats().points == 1
