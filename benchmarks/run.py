"""Run the benchmark scripts of this folder (or those named) and write docs/benchmarks.md.

`make bench`; or python benchmarks/run.py [script ...]. The figures of each script are kept in
runs.json, with the day and the load of its run, until it is run again.
"""

import json
import math
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TypedDict

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
KEPT = HERE / "runs.json"
#: Name, value, goal and verdict of a figure, as `figures.report` writes them.
Row = tuple[str, float, str, str]


class Run(TypedDict):
    """The last run of a script that gave figures.

    Attributes:
        day: In UTC.
        machine: The versions of what it was taken with.
        load: Processes that wanted a core, in the minute before its start and before its end.
        seconds: How long it took.
        unfinished: Whether a run after it failed.
        rows: Its figures, in the order in which they were taken.
    """

    day: str
    machine: str
    load: list[float]
    seconds: int
    unfinished: bool
    rows: list[Row]


PAGE = """# Benchmarks

Written by `make bench`; every figure is a ratio of medians of runs taken in turn, or a count of
bytes. A time alone says nothing about another machine; only what a fleet needs on paper is one.

Each script was run when the [last table](#the-runs) says. On a machine that does other work (load
above its cores) a ratio of a few percent either side of its goal decides nothing. The goals are for
an idle one.

- **append, hand over and acknowledge**: our speed over the other's, the higher the better. Each
  side keeps the same readings of 100 pathpoints. *bare* is one table of SQLite that nothing can be
  looked up in, *raw file* is records of one size and a read position. `in thousands` is a
  transaction of 1000; `power-loss`, `crash` and `buffered` are our
  [durability](explanation/durability.md), and the other's is the same or weaker. litequeue is safe
  against
  a crash only; persist-queue is never weaker than `power-loss`, so it is compared only there.
- **Redis** and **MongoDB**: speed over the bare client's, with the server of the tests: a `mongod`,
  or FerretDB, which reads the whole collection for each find and each delete of either side's
  drain.
- **smok 0.21.0**: its own databases in their own environment. Its readings are in memory only, so
  that row compares a store with none; its metadata are written as a whole at each change.
- **upload**: taking, encoding, sending and acknowledging batches of a thousand against a loop of
  `requests.post` over the same bodies, each to a sandbox cloud of its own.
- **fleet**: 10 000 devices on one server or one cluster, whose data the cloud has taken; each has
  twenty readings of two pathpoints in its archive. A million is that times a hundred, on paper:
  nothing on the server is shared between devices but the scripts. Memory is nearly all what the
  archive of a pathpoint, a stream, reserves for its first readings, 4 KiB each; cores are what a
  point by itself takes of the server, times a million a minute. A device has all its keys in one
  slot, so a cluster of more servers shares both out. A request is one that the server has read.
- **time**, bytes and memory: the lower the better.

![Speed over that of each peer](benchmarks.svg)

| figure | value | goal | verdict |
|---|---|---|---|
{rows}

## Where the time goes

By `cProfile` over the same calls, for the goals that are missed:

- **One by one, crash**: by hand a reading is one INSERT, 7.3 us, nearly all of it the six locks
  and two writes of a transaction. Ours is one INSERT, too, of 9.4 us: the row has a checksum and
  its place in the queue (1.2), and names the epoch and the newest row that are known (0.9). That
  alone is 0.78 of the speed by hand. Around it are 15 calls of Python, 5 us, of which none is more
  than 1; one in 2048 merges the rows of all, 1.4 us for each. Only a write that is no transaction
  of SQLite would be faster.
- **Append in thousands**: in time of the processor as fast as by hand (0.9 us a reading), by the
  same number of syncs and a tenth fewer writes. What the clock tells beyond that, the disk
  decides.
- **Eight threads, power-loss**: eight readings share a commit, but each thread has to be woken for
  its own, 40 us. Where a sync takes 0.2 ms that is as long as two syncs, and the ratio 2.5; where
  it takes 0.3 ms it is above 3, and with a slow medium it goes to 8.
- **Hand over and acknowledge one by one**: by hand a SELECT and a DELETE, 11 us. Ours is a look
  whether another process has written (3), and an UPDATE of the mark (8), bound to all that was
  counted; these alone take as long. The rest are 33 calls of Python, 15 us. The uploader takes a
  thousand.
- **Redis, one point a call**: of the server's 42 us a bare call has 14. Asking the server who it
  is takes 11 of them (so that no seq is given twice after a failover); the rest is the newest
  place of the name, and the answer that is remembered so that a write is applied once.
- **MongoDB, drain of points appended one by one**: a find and a delete for each thousand, as by
  hand. On FerretDB each is a reading of the whole collection, and of a batch with one point, which
  has twice as many fields, that takes twice the time. mongo-java-server gives a drain 2.1 to 2.6
  times as fast as by hand, for a thousand batches are named by their ends, by hand by their ids.
- **Upload**: beside the request, a batch of a thousand takes 4.0 ms of the processor: 1.2 to
  compact what was acknowledged before, 0.9 to write MiniJSON, 0.9 to arrange it by name and in its
  shape, 0.8 to read the queue, 0.2 to acknowledge it. A request takes 1.0 of the device's and 5 of
  the cloud's, which decodes it on the same cores.
- **First reading of a range**: it is four statements (a transaction, a look at what others have
  done, the segment), 11 us, where by hand it is one look into an index. A segment of up to 256
  readings is inflated (6), and sixteen of them are taken apart (9).
- **Start-up**: of 27 ms of the processor beside the 33 of the libraries, 7 are `logging` and
  `pathlib`, which hardly a program does without; 4 are classes that are looked at before two
  threads can be the first to decode to one of them.
- **persist-queue** commits every reading even with `auto_commit=False`; **litequeue** commits
  every reading that it hands over.

## The runs

`python benchmarks/run.py drain.py` takes the figures of one script again; the rest stay.

| script | run on | load at the start and the end | took |
|---|---|---|---|
{runs}
"""


def page(runs: dict[str, Run]) -> str:
    """Return the text of the page; the figures come by goal, the runs by script."""
    rows = "\n".join(
        f"| {name} | {value:.2f} | {goal} | {verdict} |"
        for name, value, goal, verdict in by_goal(runs)
    )
    return PAGE.format(rows=rows, runs="\n".join(told(name, runs[name]) for name in sorted(runs)))


def told(script: str, run: Run) -> str:
    """Return the line of a run in the last table."""
    start, end = run["load"]
    since = "; not finished since" if run["unfinished"] else ""
    when = f"{run['day']}, {run['machine']}{since}"
    return f"| `{script}` | {when} | {start:.1f}, {end:.1f} | {run['seconds']} s |"


def by_goal(runs: dict[str, Run]) -> list[Row]:
    """Return the figures of all runs, sorted by the goals that they are about."""
    rows = [row for script in sorted(runs) for row in runs[script]["rows"]]
    return sorted(rows, key=lambda row: goal_number(row[0]))


def picture(runs: dict[str, Run]) -> str:
    """Draw a bar for every speed; the line is the other's, and a bar ends at four times of it."""
    speeds = [row for row in by_goal(runs) if "append" in row[0] or "hand over" in row[0]]
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
    """Return the number of the goal that a row is about; those without one come last."""
    number = name.partition(".")[0]
    return int(number) if number.isdigit() else math.inf


def run(script: Path) -> Run | None:
    """Run a script and give its figures, none if it was skipped; None if it failed."""
    load, start = os.getloadavg()[0], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder, "rows")
        rows.touch()
        environ = os.environ | {"SMOK_BENCH_ROWS": str(rows)}
        if subprocess.run([sys.executable, str(script)], check=False, env=environ).returncode:
            return None
        figures = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    return {
        "day": str(datetime.now(UTC).date()),
        "machine": machine(),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "seconds": round(time.monotonic() - start),
        "unfinished": False,
        "rows": figures,
    }


def machine() -> str:
    """Name what the figures are taken with."""
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return f"{versions}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def keep(runs: dict[str, Run]) -> None:
    """Write all that is known; after each script, for the next one takes long."""
    KEPT.write_text(json.dumps(runs, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (DOCS / "benchmarks.md").write_text(page(runs), encoding="utf-8")
    (DOCS / "benchmarks.svg").write_text(picture(runs), encoding="utf-8")


def main() -> int:
    """Run them one after the other; the exit status is the number that failed to run."""
    helpers = {"run.py", "figures.py"}
    scripts = [HERE / name for name in sys.argv[1:]] or sorted(
        path for path in HERE.glob("*.py") if path.name not in helpers
    )
    runs, failed = json.loads(KEPT.read_text(encoding="utf-8")), 0
    for script in scripts:
        print(f"--- {script.name}", flush=True)
        taken = run(script)
        if taken is None:
            failed += 1
            runs.get(script.name, {})["unfinished"] = True
        elif taken["rows"]:
            runs[script.name] = taken
        keep(runs)
    return failed


if __name__ == "__main__":
    sys.exit(main())
