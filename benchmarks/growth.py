"""What stays flat: a write in a table with 100 000 rows, an opening, and the memory of a backlog.

Run: python benchmarks/growth.py; archive.py does the same with ten million readings.
"""

import itertools
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from figures import interleaved, report

import smok_core
from smok_core.model import Event, Macro, SensorWriteEvent

Action = Callable[[smok_core.Databases, int, int], object]
START = 1_700_000_000


def open_databases(path: Path) -> smok_core.Databases:
    store = {"backend": "pickle", "path": str(path)}
    config = {"device": "bench", "stores": {"s": store}, "roles": {"default": "s"}}
    return smok_core.open_databases(config)


def put_plain(databases: smok_core.Databases, number: int, rows: int) -> None:
    databases.metadata.put_plain(f"key {number * 7919 % rows}", "x" * 20)


def event(databases: smok_core.Databases, number: int, _: int) -> None:
    made = Event(started_on=START + number, message="x" * 20)
    databases.events.add_event(made)
    made.ended_on = made.started_on + 1
    databases.events.close_event(made)


def add_sw(databases: smok_core.Databases, number: int, _: int) -> None:
    databases.sensor_writes.add_sw(SensorWriteEvent(
        timestamp=START * 1000 + number, who="w", hr_sensor="s", hr_value="1", fqts="T", value="1",
        reason="r"))  # fmt: skip


def baob(databases: smok_core.Databases, number: int, rows: int) -> None:
    databases.baobs.set_baob_value(f"key {number * 7919 % rows}", b"x" * 20, number + 1)


def macro(databases: smok_core.Databases, number: int, _: int) -> None:
    databases.macros.notify_macro_executed(f"m{number % 100}", START + number // 100)


def macros(databases: smok_core.Databases, rows: int) -> None:
    """Make them at once; a hundred have an occurrence for every call that is timed."""
    due = [START + number for number in range(20)]
    databases.macros.set_macros([
        Macro(macro_id=f"m{number}", commands={"p": 1},
              occurrences_not_done=due if number < 100 else due[:1])
        for number in range(rows)
    ])  # fmt: skip


def flat(title: str, action: Action, folder: Path) -> None:
    """Time the action on few rows and on many; both stores have been filled by it."""
    stores = []
    for rows in (100, 100_000):
        databases, numbers = open_databases(folder / f"{action.__name__}{rows}"), itertools.count()
        if action is macro:
            macros(databases, rows)
        else:
            for _ in range(rows):
                action(databases, next(numbers), rows)
        stores.append((databases, numbers, rows))

    def work(at: int) -> None:
        databases, numbers, rows = stores[at]
        for _ in range(150):
            action(databases, next(numbers), rows)

    seconds, few = interleaved(lambda: work(1), lambda: work(0), 11)
    for databases, *_ in stores:
        databases.close()
    ratio = seconds / few
    report(f"7. {title}, 100 000 rows / 100, time", ratio, "<= 1.2", met=ratio <= 1.2)


def memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fill(path: Path, count: int, *, acknowledge: bool) -> None:
    """Be a process of its own: record, hand over if told to, and tell how much memory that took."""
    with open_databases(path) as databases:
        role: Any = databases.pathpoints
        record(role, 0, 5000)
        before = memory_mib()
        record(role, 5000, count)
        while acknowledge and (batch := role.get_data_to_sync()):
            batch.acknowledge()
        print(memory_mib() - before)


def record(role: Any, first: int, last: int) -> None:
    for start in range(first, last, 5000):
        role.on_new_data_many(
            (f"plant/pump{i % 100}", START * 1000 + i, i / 7) for i in range(start, start + 5000)
        )


def filled(path: Path, count: int, how: str) -> float:
    command = [sys.executable, __file__, "fill", str(path), str(count), how]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def opening(path: Path) -> float:
    start = time.perf_counter()
    databases = open_databases(path)
    seconds = time.perf_counter() - start
    databases.close()
    return seconds


def openings(title: str, empty: Path, full: Path) -> None:
    pairs = [(opening(full), opening(empty)) for _ in range(12)][1:]
    ratio = statistics.median(a for a, _ in pairs) / statistics.median(b for _, b in pairs)
    report(f"8. opening, {title} / empty, time", ratio, "<= 2", met=ratio <= 2)


def backlog(folder: Path) -> None:
    for how, title in (("keep", "recording"), ("drain", "recording and handing over")):
        growth = filled(folder / how, 1_000_000, how)
        report(f"8. {title} 1 000 000, growth of memory, MiB", growth, "<= 30", met=growth <= 30)
    openings("1 000 000 pending", folder / "empty", folder / "keep")
    openings("1 000 000 acknowledged", folder / "empty", folder / "drain")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        backlog(Path(name))
        flat("put_plain", put_plain, Path(name))
        flat("add_event and close_event", event, Path(name))
        flat("add_sw", add_sw, Path(name))
        flat("set_baob_value", baob, Path(name))
        flat("notify_macro_executed", macro, Path(name))


if __name__ == "__main__":
    if sys.argv[1:2] == ["fill"]:
        fill(Path(sys.argv[2]), int(sys.argv[3]), acknowledge=sys.argv[4] == "drain")
    else:
        main()
