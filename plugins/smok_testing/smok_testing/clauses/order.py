"""Order: it is that of the seqs and timestamps, however the store has come to lie on its disk."""

from smok_core.engine.base import Ack, Series, Table
from smok_testing.checks import expect, rising, same
from smok_testing.clause import clauses_of
from smok_testing.clauses.series import stored
from smok_testing.clauses.series_queue import pending
from smok_testing.harness import Harness

in_table, in_series = map(clauses_of, ("table", "series"))

#: Enough for a planner to think anew.
MANY = 300


def scattered(count: int = MANY) -> list[int]:
    """Return the numbers below ``count`` in an order that is neither rising nor falling."""
    return [place * 7 % count for place in range(count)]


@in_table("TA5", "TA7", "G8")
def rows_keep_their_order_however_they_lie(harness: Harness) -> None:
    """After deletions, changes and housekeeping rows come, and wait, in the order of their seqs."""
    table = harness.table()
    order = _write_rows(table)
    harness.disturb()
    _expect_rows(table, order)
    table.acknowledge([Ack(row.key, row.seq) for row in table.pending(MANY)[::2]])
    harness.disturb()
    _expect_rows(table, order, order[1::2])


def _write_rows(table: Table) -> list[str]:
    keys = [f"k{number}" for number in scattered()]
    for key in keys:
        table.put(key, b"v" * 200, pending=True)
    for key in keys[::3]:
        table.delete(key)
    again = keys[1::9]
    for key in again:
        table.put(key, b"w", pending=True)
    return [key for key in keys if key not in {*keys[::3], *again}] + again


def _expect_rows(table: Table, order: list[str], waits: list[str] | None = None) -> None:
    rows, waits = list(table.rows()), order if waits is None else waits
    same([row.key for row in rows], order, "keys of the rows")
    rising([row.seq for row in rows], "seqs of the rows")
    same([row.key for row in table.pending(MANY)], waits, "keys of the rows that wait")
    first = table.pending(5)
    same([row.key for row in table.pending(5, first[-1].seq)], waits[5:10], "the next five")


@in_series("SR1", "SR3", "PP3", "G8")
def points_keep_their_order_however_they_lie(harness: Harness) -> None:
    """After late points, corrections, trimming and housekeeping, order is that of time and seq."""
    series = harness.series()
    series.append([(f"n{number % 3}", number, b"v" * 100) for number in scattered()])
    handed = series.pending(MANY)
    series.acknowledge([point.seq for point in handed[::2]])
    harness.disturb()
    _expect_points(series, [(point.name, point.ts) for point in handed[1::2]])
    series.append([(point.name, point.ts, b"w") for point in handed[:30:2]])
    series.trim(50)
    harness.disturb()
    late = [(point.name, point.ts) for point in handed[:30:2]]
    _expect_points(series, [(point.name, point.ts) for point in handed[1::2]] + late)


def _expect_points(series: Series, waits: list[tuple[str, int]]) -> None:
    same(pending(series), waits, "the queue")
    rising([point.seq for point in series.pending(MANY)], "seqs of the queue")
    for name in ("n0", "n1", "n2"):
        found = [ts for ts, _ in stored(series, name)]
        rising(found, f"timestamps of {name}")
        latest = series.latest(name)
        expect(latest and latest[0] == found[-1], f"latest of {name}: {latest}, not {found[-1]}")
        same([ts for ts, _ in series.range(name, 100, 120)],
             [ts for ts in found if 100 <= ts <= 120], f"a part of {name}")  # fmt: skip
