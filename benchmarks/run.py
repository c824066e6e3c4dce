"""Run the benchmark scripts of this folder (or those named) and write docs/benchmarks.md.

`make bench`; or python benchmarks/run.py [script ...]: the page says which scripts it is of.
"""

from __future__ import annotations

import json
import math
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
#: Name, value, goal and verdict of a figure, as `figures.report` writes them.
Row = tuple[str, float, str, str]

PAGE = """# Benchmarks

Written by `make bench`; every figure is a ratio of medians of runs taken in turn, or a count of
bytes. A time alone says nothing about another machine, so there is none.

Taken on {day} with {python}, SQLite {sqlite}, {system}, {cores} cores, load {load} at the start and
{load_after} at the end. On a machine that does other work (load above its cores) a ratio of a few
percent either side of its goal decides nothing. The goals are for an idle one.

- **append, hand over and acknowledge**: our speed over the other's, the higher the better. Each
  side keeps the same readings of 100 pathpoints. *bare* is one table of SQLite that nothing can be
  looked up in, *raw file* is records of one size and a read position. `in thousands` is a
  transaction of 1000; `power-loss`, `crash` and `buffered` are our
  [durability](explanation/durability.md), and the other's is the same or weaker. litequeue is safe
  against
  a crash only; persist-queue is never weaker than `power-loss`, so it is compared only there.
- **Redis** and **MongoDB**: speed over the bare client's, with the server of the tests: a `mongod`,
  or FerretDB, which reads the whole collection for each batch of the bare side's drain.
- **smok 0.21.0**: its own databases in their own environment. Its readings are in memory only, so
  that row compares a store with none; its metadata are written as a whole at each change.
- **upload**: taking, encoding, sending and acknowledging batches of a thousand against a loop of
  `requests.post` over the same bodies, each to a sandbox cloud of its own.
- **fleet**: 10 000 devices on one server or one cluster, whose data the cloud has taken; each has
  twenty readings of two pathpoints in its archive. The memory of a million is that of one, times a
  million: nothing on the server is shared between devices but the scripts. Nearly all of it is
  what the archive of a pathpoint, a stream, reserves for its first readings: 4 KiB each.
- **time**, bytes and memory: the lower the better.

![Speed over that of each peer](benchmarks.svg)

| figure | value | goal | verdict |
|---|---|---|---|
{rows}

Of the scripts {scripts}{left_out}.

## Where the time goes

By `cProfile` over the same calls, for the goals that are missed:

- **One by one, crash**: the INSERT takes a tenth more than that by hand, for it names the epoch of
  the series and carries a checksum. What is around it in Python is 13 calls, a third of the whole;
  nothing of it is more than a tenth.
- **Append in thousands** takes 1.1 to 1.3 us of the processor a reading, by hand 1.1. The rest is
  what a busy disk makes of one sync for each thousand.
- **Hand over and acknowledge one by one**: a take is a transaction that asks whether another
  process has changed anything or restored a backup, an acknowledgement one UPDATE, and a batch 49
  and 17 calls of Python; by hand it is a SELECT and a DELETE. The uploader takes a thousand.
- **Redis, one point a call**: of the server's 42 us a bare call has 14. Asking the server who it is
  takes 11 of them (so that no seq is given twice after a failover); the rest is the newest place of
  the name, and the answer that is remembered so that a write is applied once.
- **First reading of a range**: it is five statements (a transaction, two looks at what others have
  changed, the segment) and a segment of up to 256 readings is inflated, of which sixteen are taken
  apart; by hand it is one look into an index.
- **Copy with the comparison**: both stores are read once more, archive and queue. Two fifths of all
  is waiting for the server, the rest mostly reading by name what lies in the order of the queue.
- **persist-queue** commits every reading even with `auto_commit=False`; **litequeue** commits
  every reading that it hands over.
"""


def page(rows: list[Row], scripts: list[Path], failed: list[str], load: float) -> str:
    lines = [
        f"| {name} | {value:.2f} | {goal} | {verdict} |" for name, value, goal, verdict in rows
    ]
    return PAGE.format(
        day=datetime.now(UTC).date(),
        python=f"Python {platform.python_version()}",
        sqlite=sqlite3.sqlite_version,
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count(),
        load=f"{load:.1f}",
        load_after=f"{os.getloadavg()[0]:.1f}",
        rows="\n".join(lines),
        scripts=", ".join(f"`{script.name}`" for script in scripts),
        left_out=f"; not finished: {', '.join(failed)}" if failed else "",
    )


def picture(rows: list[Row]) -> str:
    """Draw a bar for every speed; the line is the other's, and a bar ends at four times of it."""
    speeds = [row for row in rows if "append" in row[0] or "hand over" in row[0]]
    bars = []
    for at, (name, value, _, verdict) in enumerate(speeds):
        top, width = 10 + at * 22, min(value, 4) * 80
        color = {"met": "#2e7d32", "MISSED": "#c62828"}.get(verdict, "#5c6bc0")
        bars.append(
            f'<text x="440" y="{top + 12}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="450" y="{top}" width="{width:.0f}" height="15" fill="{color}"/>'
            f'<text x="{456 + width:.0f}" y="{top + 12}">{value:.2f}</text>'
        )
    height = 20 + len(speeds) * 22
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 {height}" font-size="11" '
        f'font-family="sans-serif"><rect width="840" height="{height}" fill="white"/>'
        + "\n".join(bars)
        + f'<line x1="530" x2="530" y1="4" y2="{height - 4}" stroke="black"/></svg>\n'
    )


def goal_number(name: str) -> float:
    """Give the number of the goal that a row is about; those without one come last."""
    number = name.partition(".")[0]
    return int(number) if number.isdigit() else math.inf


def main() -> int:
    """Run them one after the other; the exit status is the number that failed to run."""
    helpers = {"run.py", "figures.py"}
    scripts = [HERE / name for name in sys.argv[1:]] or sorted(
        path for path in HERE.glob("*.py") if path.name not in helpers
    )
    load, failed = os.getloadavg()[0], []
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "rows")
        kept.touch()
        for script in scripts:
            print(f"--- {script.name}", flush=True)
            environ = os.environ | {"SMOK_BENCH_ROWS": str(kept)}
            if subprocess.run([sys.executable, str(script)], check=False, env=environ).returncode:
                failed.append(script.name)
        rows = [tuple(json.loads(line)) for line in kept.read_text(encoding="utf-8").splitlines()]
    rows.sort(key=lambda row: goal_number(row[0]))
    (DOCS / "benchmarks.md").write_text(page(rows, scripts, failed, load))
    (DOCS / "benchmarks.svg").write_text(picture(rows))
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
