"""Processes that meet in one step of one primitive: one of them wins, and all see the same."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from smok_core.engine.base import Ack, Engine, PendingPoint, Row
from smok_core.hookspecs import Capability
from smok_testing import worker_process
from smok_testing.checks import expect, same, show
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.races import BLOBS, GROUP, times_added, wins
from smok_testing.worker_process import Worker, begin_together

SHARED: dict[str, Any] = {
    "level": Level.CONCURRENT,
    "needs": Capability.MULTI_PROCESS,
    "ability": "processes",
}
in_table, in_series, in_blobs, in_engine = map(clauses_of, ("table", "series", "blobs", "engine"))

STEPS = 60
WRITERS = 2


def race(
    harness: Harness, script: str, watch: Callable[[Engine], object] = lambda _: None,
    steps: int = STEPS,
) -> None:  # fmt: skip
    """Let processes take the same steps at the same time; ``watch`` looks on until they end."""
    engine = harness.engine
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(harness)) for _ in range(WRITERS)]
        named = {str(me): worker for me, worker in enumerate(workers)}
        begin_together(harness, named, script, steps - 1)
        deadline = time.monotonic() + worker_process.PATIENCE
        while not all(worker.has_ended() for worker in workers):
            watch(engine)
            expect(time.monotonic() < deadline, "processes that meet: expected an end, got none")
        for worker in workers:
            worker.finish()
        watch(engine)


def _one_winner_each(harness: Harness) -> list[int]:
    """Fail if two won one step; give for each step who did, -1 for nobody."""
    found = _winners(harness)
    return [found.get(str(step), -1) for step in range(STEPS)]


def _winners(harness: Harness) -> dict[str, int]:
    """Fail if two won the same; give for all that was won who did."""
    won = [set(wins(harness.engine, me)) for me in range(WRITERS)]
    twice = sorted(set.intersection(*won))
    expect(not twice, f"steps with one winner: expected all, got two winners of {show(twice)}")
    return {step: me for me, steps in enumerate(won) for step in steps}


# --- conditions ----------------------------------------------------------------------------------


@in_table("TA2", "G10", **SHARED)
def one_process_is_first_with_a_key(harness: Harness) -> None:
    """Of two processes that write one absent key, exactly one succeeds, and its value stays."""
    race(harness, "absent")
    winners = _one_winner_each(harness)
    rows = harness.table("race.rows").get_many([f"k{step}" for step in range(STEPS)])
    stored = [int(rows[f"k{step}"].value) if f"k{step}" in rows else -1 for step in range(STEPS)]
    same(stored, winners, "whose value stands in each row, as the processes were told")


@in_table("TA2", "G10", **SHARED)
def one_process_is_first_with_a_stamp(harness: Harness) -> None:
    """Of two processes that write one newer stamp, at most one succeeds; the newest stays."""
    race(harness, "newer")
    winners = _one_winner_each(harness)
    row = harness.table("race.rows").get("k")
    expect(row is not None, "the row that all wrote: expected one, got none")
    assert row is not None
    same((row.stamp, int(row.value)), (float(STEPS), winners[-1]), "stamp and winner of the row")


@in_table("TA2", "G10", **SHARED)
def no_compare_and_set_of_two_processes_is_lost(harness: Harness) -> None:
    """A number that two processes raise by compare-and-set has been raised by each of them."""
    race(harness, "counting")
    row = harness.table("race.rows").get("n")
    same(row and int(row.value), WRITERS * STEPS, "the number that both raised")


@in_blobs("BL2", "G10", **SHARED)
def one_process_is_first_with_a_version(harness: Harness) -> None:
    """Of two processes that store one version, at most one is told so, and its bytes stay."""
    race(harness, "versions", lambda engine: _expect_whole(engine.blobs("race.blobs").get("k0")))
    winners = _winners(harness)
    for key in BLOBS:
        wanted = (b"%d" % winners.get(f"{STEPS - 1} {key}", -1) * STEPS, STEPS)
        same(harness.blobs("race.blobs").get(key), wanted, f"the last version of {key}")


def _expect_whole(found: tuple[bytes, int] | None) -> None:
    data, version = found or (b"", 0)
    same(len(data), version, "length of a blob, which is its version in this race")


# --- the queue -----------------------------------------------------------------------------------


@in_series("SR3", "Q2", "G10", **SHARED)
def a_reader_of_the_queue_skips_no_process(harness: Harness) -> None:
    """Who reads a queue on and on, by the last seq it saw, sees what every process appended."""
    seen: list[PendingPoint] = []

    def watch(engine: Engine) -> None:
        page = engine.series("race.points").pending(50, seen[-1].seq if seen else 0)
        seen.extend(page)

    race(harness, "adding", watch)
    while harness.series("race.points").pending(1, seen[-1].seq):
        watch(harness.engine)
    seqs = [point.seq for point in seen]
    expect(len(set(seqs)) == len(seqs), "seqs of a queue: expected each once, got repeats")
    for me in range(WRITERS):
        wanted = [ts for step in range(STEPS) for ts in times_added(step, me)]
        same([p.ts for p in seen if p.name == f"w{me}"], wanted, f"what process {me} appended")


@in_series("SR4", "SR2", "Q2", "G10", **SHARED)
def the_last_value_of_every_process_is_handed_out(harness: Harness) -> None:
    """While processes change the same points, nothing is acknowledged that was not handed out."""
    handed: dict[tuple[str, int], bytes] = {}
    names: dict[int, tuple[str, int, bytes]] = {}

    def watch(engine: Engine) -> None:
        batch = engine.series("race.points").pending(7)
        for seq, name, ts, value in batch:
            named = names.setdefault(seq, (name, ts, value))
            same((name, ts, value), named, f"the point that is called by seq {seq}")
            handed[name, ts] = value
        engine.series("race.points").acknowledge([point.seq for point in batch])
        engine.series("race.points").acknowledge([point.seq for point in batch])

    race(harness, "changing", watch)
    series = harness.series("race.points")
    while series.stats().pending:
        watch(harness.engine)
    stored = {(name, ts): v for name in series.names() for ts, v in series.range(name, None, None)}
    same(handed, stored, "the last value that was handed out of each point")


@in_table("TA8", "TA3", "Q2", "G10", **SHARED)
def the_last_row_of_every_process_is_handed_out(harness: Harness) -> None:
    """While processes change the same rows, none is acknowledged as it was not handed out."""
    handed: dict[str, bytes] = {}
    rows: dict[int, tuple[str, bytes]] = {}

    def watch(engine: Engine) -> None:
        table = engine.table("race.rows")
        batch: list[Row] = table.pending(2)
        for row in batch:
            same((row.key, row.value), rows.setdefault(row.seq, (row.key, row.value)),
                 f"the row that is called by seq {row.seq}")  # fmt: skip
            handed[row.key] = row.value
        table.acknowledge([Ack(row.key, row.seq) for row in batch])
        for row in table.get_many([row.key for row in batch]).values():
            known = row.pending or row.seq in rows
            expect(known, f"the row {row.key!r}: its seq {row.seq} was acknowledged unseen")

    race(harness, "changing", watch)
    table = harness.table("race.rows")
    while table.stats().pending:
        watch(harness.engine)
    stored = {row.key: row.value for row in table.rows()}
    same(handed, stored, "the last value that was handed out of each row")


# --- whole or not at all -------------------------------------------------------------------------


@in_engine("G1", "SR3", "SR4", "TA6", "G10", **SHARED)
def no_process_sees_half_a_write(harness: Harness) -> None:
    """A batch, an acknowledgement and the new rows of a table appear at once for all processes."""

    def watch(engine: Engine) -> None:
        stats = engine.series("race.points").stats()
        same((stats.points % GROUP, stats.pending % GROUP), (0, 0), "points beyond whole batches")
        values = [row.value for row in engine.table("race.rows").rows()]
        expect(
            len({*values}) <= 1, f"rows of a replacement: expected one value, got {show(values)}"
        )
        same(len(values), GROUP, "rows of a replaced table")

    harness.table("race.rows").replace({f"k{n}": b"" for n in range(GROUP)})
    race(harness, "grouping", watch, STEPS // 2)
    same(harness.series("race.points").stats().points, WRITERS * STEPS // 2 * GROUP, "points")


@in_engine("G10", "G7", **SHARED)
def opposite_orders_end(harness: Harness) -> None:
    """Processes that touch the same rows in opposite orders all come through."""
    race(harness, "crossing", steps=STEPS // 2)
    engine = harness.engine
    same(engine.table("race.rows").stats().rows, 4, "rows that both wrote")
    same(engine.series("race.points").stats().points, 4 * (STEPS // 2), "points that both wrote")


@in_engine("G10", "EN1", **SHARED)
def two_processes_begin_at_once(harness: Harness) -> None:
    """A table, a series or blobs that two processes use first at one moment are the same ones."""
    race(harness, "beginning", steps=20)
    engine, everybody = harness.engine, [str(me) for me in range(WRITERS)]
    for step in range(20):
        name = f"first.{step}"
        rows, points = engine.table(name), engine.series(name)
        same(sorted(row.key for row in rows.rows()), everybody, f"rows of {name}")
        same(sorted(points.names()), everybody, f"names of {name}")
        same(sorted(engine.blobs(name).versions()), everybody, f"blobs of {name}")
        same((rows.stats().pending, points.stats().pending), (WRITERS, WRITERS), f"waits of {name}")


@in_series("SR1", "G10", **SHARED)
def a_process_sees_the_latest_of_another(harness: Harness) -> None:
    """What was read before is not remembered: the latest point is that of whoever wrote last."""
    series = harness.series("race.points")
    for name in ("w0", "w1"):
        same(series.latest(name), None, f"latest of {name} at first")
    series.append([("w0", -1, b"mine")])
    same(series.latest("w0"), (-1, b"mine"), "latest of w0")
    race(harness, "adding", steps=3)
    for me in range(WRITERS):
        same(series.latest(f"w{me}"), (times_added(2, me)[-1], b"%d" % me), f"latest of w{me}")
