"""``max_pending`` of tables, and of every role's queue: kept in the very step that writes."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from smok_core.engine.base import Ack, Table, When
from smok_core.errors import QueueFull
from smok_core.hookspecs import Capability
from smok_testing.checks import raises, same
from smok_testing.clause import Level, clauses_of
from smok_testing.clauses.outbox import of_each_queue
from smok_testing.harness import Harness
from smok_testing.queues import Queue, sensor_write
from smok_testing.threads import at_once
from smok_testing.worker_process import Worker, begin_together

clause, in_writes = clauses_of("table"), clauses_of("sensor_writes")
CONCURRENT: dict[str, Any] = {"level": Level.CONCURRENT}
SHARED: dict[str, Any] = {
    "level": Level.CONCURRENT,
    "needs": Capability.MULTI_PROCESS,
    "ability": "processes",
}
THREADS, TURNS = 8, 30
PROCESSES, ROUNDS, STEPS, MOST = 4, 3, 25, 20


def add(table: Table, key: str, most: int | None, drop: Sequence[Ack] = ()) -> bool:
    """Put a row that waits, if there is none, within a bound."""
    return table.put(key, b"", pending=True, when=When.ABSENT, max_pending=most, drop=drop)


def filled(harness: Harness, keys: str) -> tuple[Table, list[Ack]]:
    """Return a table in which each of these keys waits, and the acks that remove them."""
    table = harness.table()
    for key in keys:
        add(table, key, None)
    return table, [Ack(row.key, row.seq, remove=True) for row in table.pending(100)]


def counts(table: Table) -> tuple[list[str], int]:
    """Return the keys that wait, and how many were dropped."""
    return [row.key for row in table.pending(1000)], table.stats().dropped


@clause("TA10", "Q5")
def a_full_queue_takes_no_more(harness: Harness) -> None:
    """At ``max_pending`` a row that would begin to wait is refused, and nothing has changed."""
    table, _ = filled(harness, "ab")
    table.put("quiet", b"old")
    before = list(table.rows())
    for key in ("c", "quiet"):
        with raises(QueueFull, what=f"a third row that waits, {key}"):
            table.put(key, b"new", pending=True, max_pending=2)
    same((list(table.rows()), table.stats().dropped), (before, 0), "rows and drops")
    same(add(table, "c", 3), True, "the row where three may wait")


@clause("TA10", "Q5")
def what_waits_already_needs_no_room(harness: Harness) -> None:
    """A full queue takes new versions of what waits in it, and what is not going to wait."""
    table, rows = filled(harness, "ab")
    same(table.put("a", b"2", pending=True, max_pending=2, drop=rows), True, "a newer version")
    same(table.put("c", b"", max_pending=1), True, "a row that does not wait")
    same(table.put("b", b"", max_pending=1), True, "the end of a wait")
    same(counts(table), (["a"], 0), "what waits, and drops")


@clause("TA10", "Q5", "TA2")
def a_write_that_fails_drops_nothing(harness: Harness) -> None:
    """Where a condition does not hold, or too little may go, everything stays."""
    table, rows = filled(harness, "ab")
    table.put("k", b"", stamp=5.0)
    same(add(table, "k", 2, rows), False, "a put of a key that is there")
    more: dict[str, Any] = {"pending": True, "max_pending": 2, "drop": rows}
    same(table.put("k", b"", stamp=4.0, when=When.NEWER, **more), False, "an older put")
    same(table.put("k", b"", expected_seq=rows[0].seq, **more), False, "a stale put")
    with raises(QueueFull, what="a put that one drop does not make room for"):
        add(table, "c", 1, rows[:1])
    same(counts(table), (["a", "b"], 0), "what waits, and drops")


@clause("TA10", "Q5")
def no_more_is_dropped_than_needed(harness: Harness) -> None:
    """What is named goes in its order, as far as room is needed, and is counted."""
    table, rows = filled(harness, "abcd")
    same(add(table, "e", 5, rows), True, "a put where there is room")
    same(counts(table), (list("abcde"), 0), "what waits, and drops")
    same(add(table, "f", 5, rows[1:]), True, "a put into the full queue")
    same(counts(table), (list("acdef"), 1), "what waits, and drops")
    same(add(table, "g", 3, rows), True, "a put with a lower bound")
    same(counts(table), (list("efg"), 4), "what waits, and drops")
    same([row.key for row in table.rows()], list("efg"), "all rows")


@clause("TA10", "Q2", "Q5")
def only_what_waits_unchanged_makes_room(harness: Harness) -> None:
    """A row that changed, is acknowledged or unknown is not dropped in another's place."""
    table, rows = filled(harness, "abc")
    table.put("a", b"newer", pending=True)
    table.acknowledge([rows[1]._replace(remove=False)])
    stale = [*rows[:2], Ack("x", 1, remove=True)]
    with raises(QueueFull, what="a put for which nothing can go"):
        add(table, "d", 2, stale)
    same(counts(table), (["c", "a"], 0), "what waits, and drops")
    same(add(table, "d", 2, [*stale, rows[2]]), True, "a put with one that can go")
    same(counts(table), (["a", "d"], 1), "what waits, and drops")
    same(table.get("b") is None, False, "the acknowledged row went")


@clause("TA10", "Q5")
def what_is_dropped_may_stay(harness: Harness) -> None:
    """Without ``remove`` a dropped row is only no longer pending, and counts as dropped."""
    table, rows = filled(harness, "ab")
    add(table, "c", 2, [row._replace(remove=False) for row in rows])
    same(counts(table), (["b", "c"], 1), "what waits, and drops")
    same([row.key for row in table.rows()], list("abc"), "all rows")


@clause("TA10", "Q5", level=Level.DURABLE, needs=Capability.PERSISTENT)
def the_count_of_drops_survives_a_restart(harness: Harness) -> None:
    """Drops and bound are those of the store, not of the handle."""
    table, rows = filled(harness, "ab")
    add(table, "c", 2, rows)
    harness.reopen_engine()
    same(counts(harness.table()), (["b", "c"], 1), "what waits, and drops")
    with raises(QueueFull, what="a third row after the restart"):
        add(harness.table(), "d", 2)


@clause("TA10", "Q5", "G1", **CONCURRENT)
def threads_keep_the_bound(harness: Harness) -> None:
    """Of eight threads that put at one moment exactly as many get in as there is room."""
    table = harness.table()

    def attempt(turn: int, me: int) -> bool:
        with suppress(QueueFull):
            return add(table, f"{turn}-{me}", turn % 3 + 1)
        return False

    for turn in range(TURNS):
        got_in = sum(at_once(*(partial(attempt, turn, me) for me in range(THREADS))))
        rows = table.pending(100)
        same((got_in, len(rows)), (turn % 3 + 1,) * 2, "puts that got in, and rows that wait")
        table.acknowledge([Ack(row.key, row.seq, remove=True) for row in rows])


@in_writes("Q5", "SW1", "G1", **CONCURRENT)
def threads_drop_exactly_the_oldest(harness: Harness) -> None:
    """What many threads add beside each other waits or is counted as dropped, the last wait."""
    writes = harness.fresh_roles(max_pending=3, on_full="drop-oldest").sensor_writes

    def work(me: int) -> None:
        for turn in range(TURNS):
            writes.add_sw(sensor_write(turn * THREADS + me))

    at_once(*(partial(work, me) for me in range(THREADS)))
    for number in range(3):
        writes.add_sw(sensor_write(1_000_000 + number))
    total, found = THREADS * TURNS + 3, writes.stats()
    same((found.pending, found.dropped), (3, total - 3), "records pending and dropped")
    last = [event.timestamp for event in writes.get_sw_sync().events]
    same(last, [1_000_000, 1_000_001, 1_000_002], "the records that are left")


@in_writes("Q5", "G10", **SHARED)
def processes_keep_the_bound(harness: Harness) -> None:
    """Of what four processes add at the same time exactly as much gets in as there is room."""
    writes = harness.fresh_roles(max_pending=MOST).sensor_writes
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(harness, max_pending=MOST)) for _ in range(PROCESSES)]
        for turn in range(ROUNDS):
            _together(harness, workers, turn)
            same(writes.stats().pending, MOST, f"records that wait after round {turn}")
            writes.get_sw_sync().ack()
    same(writes.stats().dropped, 0, "records dropped")


@in_writes("Q5", "G10", **SHARED)
def processes_drop_exactly_the_oldest(harness: Harness) -> None:
    """What four processes add beyond the bound is dropped and counted, each record once."""
    settings: dict[str, Any] = {"max_pending": MOST, "on_full": "drop-oldest"}
    writes = harness.fresh_roles(**settings).sensor_writes
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(harness, **settings)) for _ in range(PROCESSES)]
        for turn in range(ROUNDS):
            _together(harness, workers, turn)
    found, total = writes.stats(), PROCESSES * ROUNDS * STEPS
    same((found.pending, found.dropped), (MOST, total - MOST), "records pending and dropped")


def _together(harness: Harness, workers: Sequence[Worker], turn: int) -> None:
    named = {f"{turn}{me}": worker for me, worker in enumerate(workers)}
    begin_together(harness, named, "crowding", STEPS - 1)
    for worker in workers:
        worker.finish()


@of_each_queue("Q5")
def a_full_queue_refuses(harness: Harness, queue: Queue) -> None:
    """At ``max_pending`` a new item is refused, and takes its place after the upload."""
    roles = harness.fresh_roles(max_pending=2)
    for number in (1, 2, 2, 1):  # what waits already needs no room
        queue.add(roles, number)
    with raises(QueueFull, what="a third item where two may wait"):
        queue.add(roles, 3)
    same(sorted(queue.offered(roles)), [1, 2], "items of the full queue")
    queue.acknowledge(queue.take(roles, 9))
    queue.add(roles, 3)
    same(queue.offered(roles), [3], "items after the upload")


@of_each_queue("Q5")
def a_full_queue_may_drop_its_oldest(harness: Harness, queue: Queue) -> None:
    """With ``drop-oldest`` the oldest goes and is counted; an open event never does."""
    roles = harness.fresh_roles(max_pending=2, on_full="drop-oldest")
    for number in (1, 2):
        queue.add(roles, number)
    if queue.name == "events":
        with raises(QueueFull, what="a third event beside two open ones"):
            queue.add(roles, 3)
        assert queue.change
        queue.change(roles, 1)
    queue.add(roles, 3)
    same(queue.offered(roles), [2, 3], "items that are left")
    same(dict(roles)[queue.role].stats().dropped, 1, "items dropped")
