"""Run the benchmark scripts of this folder (or those named) and write docs/benchmarks.md.

`make bench`; or python benchmarks/run.py [script ...]: the page says which scripts it is of.
"""

from __future__ import annotations

import json
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
- **time**, bytes and memory: the lower the better.

![Speed over that of each peer](benchmarks.svg)

| figure | value | goal | verdict |
|---|---|---|---|
{rows}

Of the scripts {scripts}{left_out}.

## Where the time goes

By `cProfile` over the same calls, for the goals that are missed:

- **One by one** is Python against a single call into C. With `buffered` nearly all of a call is
  `on_new_data`, `BufferedSeries.append` and its checks (name, order, room in memory); SQLite itself
  is a few percent.
- **Hand over and acknowledge** in thousands: about seven tenths are SQLite's (reading the write
  log, the commit), the rest is decoding and finding out what is acknowledged. The uploader takes
  a thousand; the row one by one shows what a batch costs of itself.
- **Eight threads** share commits, which can pay only where a commit waits for the medium. This row
  has not been profiled, and on a busy machine it tells little.
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
    rows.sort(
        key=lambda row: (not row[0][:1].isdigit(), row[0].split(".")[0] * row[0][0].isdigit())
    )
    (DOCS / "benchmarks.md").write_text(page(rows, scripts, failed, load))
    (DOCS / "benchmarks.svg").write_text(picture(rows))
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
