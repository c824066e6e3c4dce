"""Processes that start together and fight for the same rows and blobs; a further one looks on."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from smok_core.engine.base import Ack, Row
from smok_core.hookspecs import Capability
from smok_testing.checks import same
from smok_testing.clause import Level, clauses_of
from smok_testing.races import BLOBS, COUNTER, ROWS
from smok_testing.worker_process import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from smok_core.engine.base import Table
    from smok_testing.harness import Harness

in_table, in_blobs = clauses_of("table"), clauses_of("blobs")
SHARED: dict[str, Any] = {
    "level": Level.CONCURRENT,
    "needs": Capability.MULTI_PROCESS,
    "ability": "processes",
}
PROCESSES, STEPS = 3, 100


@in_table("TA2", "G10", **SHARED)
def one_process_puts_what_was_absent(harness: Harness) -> None:
    """Of processes that put a row if there is none, one is told that it did, and its row stays."""
    table = harness.engine.table(ROWS)
    _expect_one_winner(harness, "absent", lambda key: _value(table, key))


@in_table("TA2", "G10", **SHARED)
def one_process_puts_what_is_newer(harness: Harness) -> None:
    """Of processes that put one newer stamp, one is told that it did, and its row stays."""
    table = harness.engine.table(ROWS)
    for step in range(STEPS):
        table.put(f"k{step}", b"old")
    _expect_one_winner(harness, "newer", lambda key: _value(table, key))


@in_blobs("BL2", "G10", **SHARED)
def one_process_puts_a_version(harness: Harness) -> None:
    """Of processes that put one version, one is told that it did, and its data stays."""
    blobs = harness.engine.blobs(BLOBS)
    _expect_one_winner(harness, "version", lambda key: (blobs.get(key) or (b"", 0))[0])


@in_table("TA2", "G10", **SHARED)
def no_increment_of_processes_is_lost(harness: Harness) -> None:
    """Compare and set by several processes on one row loses no change."""
    table = harness.engine.table(ROWS)
    table.put(COUNTER, b"0")
    with _racing(harness, "counting") as workers:
        _finish(workers)
    same(int(_value(table, COUNTER)), PROCESSES * STEPS, "the number that all counted up")


@in_table("TA8", "TA3", "G10", "Q2", **SHARED)
def a_change_during_an_acknowledgement_is_handed_over(harness: Harness) -> None:
    """What processes write while another acknowledges is handed over, each under its own seq."""
    table, handed = harness.engine.table(ROWS), dict[int, Row]()
    with _racing(harness, "changing") as workers:
        for step in range(STEPS):
            _hand_over(table, handed)
            workers[0].follow(f"done {step}")
        _finish(workers)
    _hand_over(table, handed)
    last = {row.key: row.value for _, row in sorted(handed.items())}
    stored = {row.key: row.value for row in table.rows()}
    same(last, stored, "the last that was handed over of each row, beside what is stored")


def _hand_over(table: Table, handed: dict[int, Row]) -> None:
    """Acknowledge what waits; fail if a seq stands for another write than before."""
    rows = table.pending(100)
    for row in rows:
        before = handed.setdefault(row.seq, row)
        same((row.key, row.value), (before.key, before.value), f"the write with seq {row.seq}")
    table.acknowledge([Ack(row.key, row.seq) for row in rows])


def _expect_one_winner(harness: Harness, race: str, stored: Callable[[str], bytes]) -> None:
    with _racing(harness, race) as workers:
        _finish(workers)
    for step in range(STEPS):
        winners = [str(me) for me, worker in enumerate(workers) if step in worker.won]
        same(len(winners), 1, f"processes that were told they wrote k{step}")
        same(stored(f"k{step}").decode(), winners[0], f"process whose k{step} is stored")


@contextmanager
def _racing(harness: Harness, race: str) -> Iterator[Sequence[Worker]]:
    """Give processes that have the store open and begin at the same moment."""
    start = harness.place.with_suffix(".start")
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(harness)) for _ in range(PROCESSES)]
        for me, worker in enumerate(workers):
            worker.start(harness.place, race, STEPS - 1, me=str(me), barrier=start)
        for worker in workers:
            worker.follow("open")
        start.touch()
        yield workers


def _finish(workers: Sequence[Worker]) -> None:
    for worker in workers:
        worker.finish()


def _value(table: Table, key: str) -> bytes:
    row = table.get(key)
    return row.value if row else b""
