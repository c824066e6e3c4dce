"""Primitives: many threads at once on one engine."""

import threading
from functools import partial
from itertools import chain
from typing import Any

from smok_core.engine.base import Ack, Blobs, Limits, OnFull, Series, Table, When
from smok_testing.checks import expect, rising, same
from smok_testing.clause import Level, clauses_of
from smok_testing.clauses.series import stored
from smok_testing.clauses.table import row_of
from smok_testing.harness import Harness
from smok_testing.threads import at_once, turn_by_turn

in_table, in_series, in_blobs = map(clauses_of, ("table", "series", "blobs"))
CONCURRENT: dict[str, Any] = {"level": Level.CONCURRENT}
THREADS, TURNS = 6, 25


@in_table("G1", "TA3", **CONCURRENT)
def every_thread_finds_its_rows(harness: Harness) -> None:
    """Rows put by many threads are all there, each with a seq of its own."""
    table = harness.table()

    def work(me: int) -> None:
        for turn in range(TURNS):
            table.put(f"k{me}-{turn}", b"%d" % me, pending=True)

    at_once(*(partial(work, me) for me in range(THREADS)))
    rows = table.pending(1000)
    same(len(rows), THREADS * TURNS, "rows that wait")
    rising([row.seq for row in rows], "seqs")


@in_table("G1", "TA2", **CONCURRENT)
def counting_with_expected_seq_is_exact(harness: Harness) -> None:
    """Of several threads that read, add one and compare-and-set, none overwrites another."""
    table = harness.table()
    table.put("k", b"0")

    def add() -> None:
        done = False
        while not done:
            row = row_of(table, "k")
            done = table.put("k", b"%d" % (int(row.value) + 1), expected_seq=row.seq)

    def work() -> None:
        for _ in range(10):
            add()

    at_once(*[work] * 4)
    same(row_of(table, "k").value, b"40", "the counter")


@in_table("G1", "TA2", **CONCURRENT)
def one_of_many_puts_if_absent_wins(harness: Harness) -> None:
    """Of several threads that put one key if absent, exactly one is told that it wrote."""
    table = harness.table()

    def work(me: int) -> list[int]:
        keys = range(TURNS)
        return [k for k in keys if table.put(f"k{k}", b"%d" % me, when=When.ABSENT)]

    won = at_once(*(partial(work, me) for me in range(4)))
    same(sorted(chain.from_iterable(won)), list(range(TURNS)), "keys that somebody won")
    for me, keys in enumerate(won):
        same({row_of(table, f"k{k}").value for k in keys} <= {b"%d" % me}, True, "winners' rows")


@in_table("G1", "ME2", **CONCURRENT)
def the_newest_stamp_wins(harness: Harness) -> None:
    """Of threads that write one key at one moment, the greatest stamp is what stays."""
    table = harness.table()

    def put(key: str, stamp: int) -> None:
        table.put(key, b"%d" % stamp, stamp=stamp, when=When.NEWER)

    for turn in range(TURNS):
        at_once(*(partial(put, f"k{turn}", stamp) for stamp in (4, 1, 3, 2)))
        row = row_of(table, f"k{turn}")
        same((row.value, row.stamp), (b"4", 4.0), "value and stamp")


@in_table("Q2", "G1", **CONCURRENT)
def no_change_is_lost_while_acknowledging(harness: Harness) -> None:
    """A row that changes in the moment it is acknowledged stays pending with its new value."""
    table = harness.table()
    for turn in range(TURNS):
        table.put("k", b"old", pending=True)
        done = [Ack(row.key, row.seq) for row in table.pending(1)]
        new = b"%d" % turn
        both: list[Any] = [
            partial(table.acknowledge, done),
            partial(table.put, "k", new, pending=True),
        ]
        at_once(*both[:: 1 if turn % 2 else -1])  # the last one tends to be the first to run
        same([row.value for row in table.pending(9)], [new], "values that wait")


@in_table("TA6", "G4", "SE1", **CONCURRENT)
def a_reader_never_sees_half_a_replacement(harness: Harness) -> None:
    """A listing beside a replacement shows the old rows or the new ones, never a mixture."""
    table, ended = harness.table(), threading.Event()
    sets = [{f"k{n}": b"%d" % kind for n in range(20 + kind)} for kind in range(2)]
    table.replace(sets[0])

    def write() -> None:
        for turn in range(TURNS):
            table.replace(sets[turn % 2])
        ended.set()

    def read() -> None:
        while not ended.is_set():
            found = {row.key: row.value for row in table.rows()}
            expect(found in sets, f"a listing gave {len(found)} rows of {set(found.values())}")

    at_once(write, read, read)


@in_series("G1", "SR3", **CONCURRENT)
def every_thread_finds_its_points(harness: Harness) -> None:
    """Points appended by many threads are all stored and pending, each batch in one piece."""
    series = harness.series()

    def work(me: int) -> None:
        for turn in range(TURNS):
            series.append([(f"n{me}", turn * 10 + part, b"%d" % me) for part in range(3)])

    at_once(*(partial(work, me) for me in range(THREADS)))
    queue = series.pending(10_000)
    same(len(queue), THREADS * TURNS * 3, "points that wait")
    rising([point.seq for point in queue], "seqs")
    for first in range(0, len(queue), 3):
        batch = [(point.name, point.ts // 10) for point in queue[first : first + 3]]
        same(len(set(batch)), 1, f"batches among three neighbours of the queue, {batch}")
    _each_has_its_own(series)


def _each_has_its_own(series: Series) -> None:
    wanted = [turn * 10 + part for turn in range(TURNS) for part in range(3)]
    for me in range(THREADS):
        same([ts for ts, _ in stored(series, f"n{me}")], wanted, f"timestamps of n{me}")


@in_series("Q2", "G1", **CONCURRENT)
def no_point_is_lost_while_acknowledging(harness: Harness) -> None:
    """Points that arrive during an upload are uploaded afterwards, each at least once."""
    series, seen, ended = harness.series(), set[tuple[int, bytes]](), threading.Event()

    def write() -> None:
        for turn in range(4 * TURNS):
            series.append([("n", turn, b"1"), ("n", -turn, b"2")])
        ended.set()

    def upload() -> None:
        while True:
            last, points = ended.is_set(), series.pending(7)
            seen.update((point.ts, point.value) for point in points)
            series.acknowledge([point.seq for point in points])
            if last and not points:
                return

    at_once(write, upload)
    same(sorted(ts for ts, _ in seen if ts), [ts for ts, _ in stored(series) if ts], "uploaded")


@in_series("Q5", "SR9", "G1", **CONCURRENT)
def drops_are_counted_exactly(harness: Harness) -> None:
    """What many threads append is either pending or counted as dropped."""
    series = harness.series(limits=Limits(10, OnFull.DROP_OLDEST))

    def work(me: int) -> None:
        for turn in range(TURNS):
            series.append([(f"n{me}", turn, b"")])

    at_once(*(partial(work, me) for me in range(4)))
    stats = series.stats()
    same((stats.pending, stats.dropped), (10, 4 * TURNS - 10), "pending and dropped")


@in_blobs("BA2", "G1", **CONCURRENT)
def a_reader_sees_data_and_version_that_belong_together(harness: Harness) -> None:
    """While versions follow each other, every read gives one whole pair."""
    blobs, ended = harness.blobs(), threading.Event()
    blobs.put("k", _data(0), 0)

    def write() -> None:
        for version in range(1, TURNS):
            blobs.put("k", _data(version), version)
        ended.set()

    def read() -> None:
        while not ended.is_set():
            found = blobs.get("k")
            assert found is not None
            expect(found[0] == _data(found[1]), f"version {found[1]} came with other data")

    at_once(write, read, read)


def _data(version: int) -> bytes:
    return b"%d;" % version * (200_000 if version % 2 else 10)


@in_blobs("BA3", "G1", **CONCURRENT)
def the_highest_version_wins(harness: Harness) -> None:
    """Of many threads that put versions, exactly the rising ones are stored, the highest last.

    Once a version was put, no lower one is seen any more, whoever put it.
    """
    blobs, done = harness.blobs(), [-1] * 4

    def work(me: int, turn: int) -> None:
        _expect_at_least(blobs, max(done))
        blobs.put("k", b"%d" % (turn * 4 + me), turn * 4 + me)
        done[me] = turn * 4 + me
        _expect_at_least(blobs, max(done))

    turn_by_turn(TURNS, *(partial(work, me) for me in range(4)))
    top = TURNS * 4 - 1
    same(blobs.get("k"), (b"%d" % top, top), "the blob")
    same(blobs.put("k", b"", top), top, "put of the highest version again")


def _expect_at_least(blobs: Blobs, version: int) -> None:
    found = blobs.version("k")
    expect(version < 0 or (found or 0) >= version, f"{version} was put, then {found} was seen")


@in_table("G1", "TA5", **CONCURRENT)
def listings_do_not_break_beside_writers(harness: Harness) -> None:
    """Rows are listed once each and whole while others put and delete."""
    table, ended = harness.table(), threading.Event()
    fixed = {f"f{n}": b"fixed" for n in range(50)}
    table.replace(fixed)
    at_once(partial(_churn, table, ended), partial(_list, table, ended, fixed))


def _churn(table: Table, ended: threading.Event) -> None:
    for turn in range(4 * TURNS):
        table.put(f"c{turn % 5}", b"%d" % turn)
        table.delete(f"c{(turn + 2) % 5}")
    ended.set()


def _list(table: Table, ended: threading.Event, fixed: dict[str, bytes]) -> None:
    while not ended.is_set():
        keys = [row.key for row in table.rows()]
        same(len(set(keys)), len(keys), "different keys of one listing")
        expect(set(fixed) <= set(keys), f"a listing lacks {sorted(set(fixed) - set(keys))}")
