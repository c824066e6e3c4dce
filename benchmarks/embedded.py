"""smok-pickle through the roles, against sqlite3 written by hand with the same durability.

By hand is one plain table (path, ts, value) that nothing can be looked up in by pathpoint and that
has no upload queue: the least a program could do. Run: python benchmarks/embedded.py
"""

import itertools
import random
import sqlite3
import tempfile
from pathlib import Path

from figures import interleaved, judge, report

import smok_core

#: How many pathpoints a thousand values belong to; the more, the fewer values each has in a batch.
SHAPES = (1, 10, 100, 10_000)


def points(names: int) -> list[tuple[str, int, float]]:
    """Return a thousand values of so many pathpoints, in turn."""
    chance = random.Random(names)
    return [(f"plant/pump{i % names}", 1_700_000_000_000 + i, chance.random()) for i in range(1000)]


def by_hand(folder: Path, synchronous: str = "normal") -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "hand.db", isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute(f"pragma synchronous={synchronous}")
    connection.execute(
        "create table points (id integer primary key, path text, ts integer, value real)"
    )
    return connection


def open_databases(folder: Path, name: str, durability: str = "crash") -> smok_core.Databases:
    path = str(folder / name)
    stores = {"local": {"backend": "pickle", "path": path, "durability": durability}}
    return smok_core.open_databases(
        {"device": "bench", "stores": stores, "roles": {"default": "local"}}
    )


def shifted(batch: int, names: int = 100) -> list[tuple[str, int, float]]:
    """Return the points as of a later batch: nothing is ever stored twice."""
    first = batch * 1000
    return [
        (f"plant/pump{(first + at) % names}", ts + first, value)
        for at, (_, ts, value) in enumerate(points(names))
    ]


def one_by_one(folder: Path) -> float:
    hand, ours, batches = by_hand(folder), open_databases(folder, "row.db"), itertools.count()
    insert = "insert into points (path, ts, value) values (?, ?, ?)"

    def row_by_row() -> None:
        for point in shifted(0):
            hand.execute(insert, point)

    def through_the_role() -> None:
        put = ours.pathpoints.on_new_data
        for path, ts, value in shifted(next(batches)):
            put(path, ts, value)

    seconds, baseline = interleaved(through_the_role, row_by_row, 15)
    print(f"per call: ours {seconds * 1000:.1f} us, by hand {baseline * 1000:.1f} us")
    ours.close()
    return baseline / seconds


def in_thousands(folder: Path, names: int) -> float:
    hand, ours = by_hand(folder, "full"), open_databases(folder, "many.db", "power-loss")
    insert = "insert into points (path, ts, value) values (?, ?, ?)"
    batches = [shifted(batch, names) for batch in range(241)]
    by_us, by_them = iter(batches), iter(batches)

    def executemany() -> None:
        hand.execute("begin")
        hand.executemany(insert, next(by_them))
        hand.execute("commit")

    def through_the_role() -> None:
        ours.pathpoints.on_new_data_many(next(by_us))

    seconds, baseline = interleaved(through_the_role, executemany, 240)
    times = f"ours {seconds * 1000:.2f} us, by hand {baseline * 1000:.2f} us"
    print(f"per point in thousands, {names} pathpoints: {times}")
    ours.close()
    return baseline / seconds


def room(folder: Path, late: float = 0) -> tuple[float, float]:
    """Return the bytes of a reading while it is pending, and once it is acknowledged.

    No value comes twice; the share ``late`` of them is a minute older than the rest.
    """
    ours, count, chance = open_databases(folder, "room.db"), 100_000, random.Random(7)
    for batch in range(count // 1000):
        ours.pathpoints.on_new_data_many(
            (path, ts - 60_001 * (chance.random() < late), chance.random())
            for path, ts, _ in shifted(batch)
        )
    engine, file = ours.engines["local"], folder / "room.db"
    engine.checkpoint()
    pending = file.stat().st_size / count
    while batch := ours.pathpoints.get_data_to_sync():  # type: ignore[assignment]
        batch.acknowledge()  # type: ignore[attr-defined]
    engine.checkpoint()
    acknowledged = file.stat().st_size / count
    ours.close()
    return pending, acknowledged


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        ratio = one_by_one(Path(name))
        report(
            "3. on_new_data / insert and commit by hand, crash", ratio, ">= 0.8", met=ratio >= 0.8
        )
    for names in SHAPES:
        with tempfile.TemporaryDirectory() as name:
            ratio = in_thousands(Path(name), names)
            title = f"1. on_new_data_many / executemany by hand, power-loss, {names} pathpoints"
            report(title, ratio, ">= 0.8", met=ratio >= 0.8)
    for late, title in ((0, ""), (0.1, ", a tenth of them late")):
        with tempfile.TemporaryDirectory() as name:
            pending, acknowledged = room(Path(name), late)
        judge(f"6. bytes of a reading that is pending{title}", pending, "<= 45")
        judge(f"6. bytes of a reading that is acknowledged{title}", acknowledged, "<= 16")


if __name__ == "__main__":
    main()
