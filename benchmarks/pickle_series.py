"""Measures smok-pickle against hand-written sqlite3 on the same machine, in the same minute.

Run: python benchmarks/pickle_series.py [points]
"""

from __future__ import annotations

import contextlib
import pickle
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from smok_pickle.options import PickleOptions
from smok_pickle.plugin import smok_open_engine

from smok_core.hookspecs import StoreContext
from smok_core.roles.pathpoints import PathpointDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smok_core.engine.base import Engine, Table

ROUNDS = 5
NAMES = [f"W{number}" for number in range(100)]


@contextlib.contextmanager
def plain() -> Iterator[sqlite3.Connection]:
    """One table without an index: what a careful person writes in ten lines."""
    with tempfile.TemporaryDirectory() as folder:
        raw = sqlite3.connect(Path(folder) / "plain.db", isolation_level=None)
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = NORMAL")
        raw.execute(
            "CREATE TABLE points(id INTEGER PRIMARY KEY, name TEXT, ts INTEGER, value BLOB)"
        )
        yield raw
        raw.close()


@contextlib.contextmanager
def opened() -> Iterator[tuple[Engine, PathpointDatabase]]:
    """The role on our engine, durability = crash."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "ours.db")
        context = StoreContext(store="bench", device="dev", options=PickleOptions(path=path))
        with smok_open_engine(context) as engine:
            yield engine, PathpointDatabase(context, engine)


def points(count: int, start: int = 0) -> list[tuple[str, int, float]]:
    """A scan of 100 pathpoints each second."""
    return [
        (NAMES[n % 100], 1_700_000_000_000 + n // 100 * 1000, n * 0.5)
        for n in range(start, start + count)
    ]


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


INSERT = "INSERT INTO points(name, ts, value) VALUES(?, ?, ?)"


def plain_rows(raw: sqlite3.Connection, given: list[tuple[str, int, float]]) -> None:
    for name, ts, value in given:
        raw.execute(INSERT, (name, ts, pickle.dumps(value, 4)))


def plain_many(raw: sqlite3.Connection, given: list[tuple[str, int, float]]) -> None:
    for at in range(0, len(given), 1000):
        batch = [(name, ts, pickle.dumps(value, 4)) for name, ts, value in given[at : at + 1000]]
        raw.execute("BEGIN")
        raw.executemany(INSERT, batch)
        raw.execute("COMMIT")


def our_rows(role: PathpointDatabase, given: list[tuple[str, int, float]]) -> None:
    for name, ts, value in given:
        role.on_new_data(name, ts, value)


def our_many(role: PathpointDatabase, given: list[tuple[str, int, float]]) -> None:
    for at in range(0, len(given), 1000):
        role.on_new_data_many(given[at : at + 1000])


def compare(title: str, count: int, hand: Callable, ours: Callable) -> None:  # type: ignore[type-arg]
    """Alternate both, so that the machine's moods hit both; print the medians."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        with plain() as raw:
            times[0].append(seconds(lambda: hand(raw, points(count))))
        with opened() as (_, role):
            times[1].append(seconds(lambda: ours(role, points(count))))
    by_hand, by_us = (statistics.median(each) / count * 1e6 for each in times)
    print(
        f"{title:28} by hand {by_hand:7.2f} us  ours {by_us:7.2f} us  ratio {by_hand / by_us:.2f}"
    )


def drain(count: int) -> None:
    """Hand over and acknowledge everything in batches of 1000."""
    with opened() as (engine, role):
        our_many(role, points(count))
        series = engine.series("pathpoints")

        def work() -> None:
            while batch := series.pending(1000):
                series.acknowledge([point.seq for point in batch])

        print(f"drain {count}: {seconds(work):.3f} s")
        print(f"stats: {seconds(series.stats) * 1000:.2f} ms")
        print(f"range of one name: {seconds(lambda: list(series.range('W7', None, None))):.4f} s")
        print(f"latest: {seconds(lambda: [series.latest(name) for name in NAMES]) * 1e4:.1f} us")
        print(f"bytes per point: {(engine.health().size_bytes or 0) / count:.1f}")


def tables() -> None:
    """The cost of a put must not grow with the table."""
    with opened() as (engine, _):
        for count in (100, 100_000):
            table = engine.table(f"t{count}")
            table.replace({f"key {number}": b"x" * 100 for number in range(count)})
            keys = [f"key {number * 7919 % count}" for number in range(2000)]
            spent = statistics.median(put_all(table, keys) for _ in range(ROUNDS))
            print(f"put among {count:6} keys: {spent / 2000 * 1e6:.1f} us")


def put_all(table: Table, keys: list[str]) -> float:
    return seconds(lambda: [table.put(key, b"y" * 100, pending=True) for key in keys])


if __name__ == "__main__":
    amount = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    compare("one point per call", amount, plain_rows, our_rows)
    compare("1000 points per call", amount * 10, plain_many, our_many)
    drain(amount * 10)
    tables()
