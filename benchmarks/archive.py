"""A store whose archive has ten million readings: opening it, and the first reading of a range.

The readings are recorded and handed over by a process of its own, five thousand a call; a table of
SQLite with the index that a range needs has the same ones. Run: python benchmarks/archive.py
[readings]; with ten million it takes a minute and a half and 1 GB of disk.
"""

import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figures import interleaved, judge, report
from growth import START, filled, open_databases, openings

QUERY = "select ts, value from points where path = ? and ts >= ? order by ts"
NAME = "plant/pump0"


def by_hand(path: Path, count: int) -> sqlite3.Connection:
    base = sqlite3.connect(path)
    base.execute("create table points (path text, ts integer, value real)")
    rows = ((f"plant/pump{i % 100}", START * 1000 + i, i / 7) for i in range(count))
    base.executemany("insert into points values (?, ?, ?)", rows)
    base.execute("create index by_path on points (path, ts)")
    base.commit()
    return base


def anywhere(count: int) -> Iterator[int]:
    """Yield timestamps after which there is a reading of each name."""
    chance = random.Random(7)
    while True:
        yield START * 1000 + chance.randrange(count - 200)


def first_readings(archive: Path, bare: sqlite3.Connection, count: int) -> float:
    """Compare the first reading of a range that begins anywhere; both read from the same place."""
    ours, theirs = anywhere(count), anywhere(count)
    with open_databases(archive) as databases:
        role = databases.pathpoints
        seconds, hand = interleaved(
            lambda: next(role.get_archive_data(NAME, next(ours))),
            lambda: bare.execute(QUERY, (NAME, next(theirs))).fetchone(),
            501,
        )
    return seconds / hand


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    title = f"{count:,}".replace(",", " ")
    with tempfile.TemporaryDirectory() as name:
        archive, start = Path(name, "archive"), time.perf_counter()
        growth = filled(archive, count, "drain")
        print(f"recorded and handed over in {time.perf_counter() - start:.0f} s")
        report(
            f"8. recording and handing over {title}, growth of memory, MiB", growth, "", met=None
        )
        openings(f"{title} acknowledged", Path(name, "empty"), archive)
        ratio = first_readings(archive, by_hand(Path(name, "bare"), count), count)
        judge(f"8. first reading of a range, {title} acknowledged / bare, time", ratio, "<= 3")


if __name__ == "__main__":
    main()
