"""Primitives: what is there again after closing and opening."""

from typing import Any

from smok_core.engine.base import Ack, Durability, Limits, OnFull
from smok_core.errors import QueueFull
from smok_core.hookspecs import Capability
from smok_testing.checks import expect, raises, same
from smok_testing.clause import Level, clauses_of
from smok_testing.clauses.series import fill, stored
from smok_testing.clauses.series_queue import acknowledge_all, pending
from smok_testing.clauses.table import row_of
from smok_testing.harness import Harness

in_table, in_series = clauses_of("table"), clauses_of("series")
in_blobs, in_engine = clauses_of("blobs"), clauses_of("engine")
PERSISTENT: dict[str, Any] = {"level": Level.DURABLE, "needs": Capability.PERSISTENT}


@in_table("Q3", "TA1", **PERSISTENT)
def rows_are_there_after_reopening(harness: Harness) -> None:
    """Every field of every row, and the queue, are the same after close and open."""
    table = harness.table()
    for place, key in enumerate(("a", "b", "$ne", "é🔧\n", "k" * 1024)):
        table.put(key, b"%d" % place, stamp=place + 0.1, pending=place % 2 == 0)
    table.acknowledge([Ack("b", 0, tag="server-7")])
    before = (list(table.rows()), table.pending(9), table.stats())
    harness.reopen_engine()
    table = harness.table()
    same((list(table.rows()), table.pending(9), table.stats()), before, "rows, queue, stats")


@in_table("Q4", "TA8", **PERSISTENT)
def rows_can_be_acknowledged_after_reopening(harness: Harness) -> None:
    """An acknowledgement of before the restart covers just what it would have covered."""
    table = harness.table()
    for key in "abc":
        table.put(key, b"", pending=True)
    done = [Ack(row.key, row.seq, tag=row.key) for row in table.pending(2)]
    table.put("a", b"newer", pending=True)
    harness.reopen_engine()
    same(harness.table().acknowledge(done), 1, "rows acknowledged")
    harness.reopen_engine()
    same([row.key for row in harness.table().pending(9)], ["c", "a"], "rows that wait")
    same([row.tag for row in harness.table().rows()], ["b", None, "a"], "tags")


@in_table("TA3", "Q2", **PERSISTENT)
def seqs_grow_on_after_reopening(harness: Harness) -> None:
    """No seq is used twice, also when the newest row was deleted before the restart."""
    table = harness.table()
    table.put("a", b"", pending=True)
    table.put("b", b"", pending=True)
    newest = row_of(table, "b").seq
    table.delete("b")
    harness.reopen_engine()
    harness.table().put("b", b"", pending=True)
    seq = row_of(harness.table(), "b").seq
    expect(seq > newest, f"seq {newest} was deleted, after reopening the next one was {seq}")
    same(harness.table().acknowledge([Ack("b", newest)]), 0, "rows acknowledged by an old seq")


@in_table("TA6", **PERSISTENT)
def a_replacement_is_there_after_reopening(harness: Harness) -> None:
    """What was replaced or deleted stays so."""
    table = harness.table()
    table.put("old", b"", pending=True)
    table.replace({"a": b"1", "b": b"2"})
    table.delete("a")
    harness.reopen_engine()
    same([(row.key, row.value) for row in harness.table().rows()], [("b", b"2")], "rows")


@in_series("Q3", "SR1", **PERSISTENT)
def points_are_there_after_reopening(harness: Harness) -> None:
    """Points, latest values and the queue are the same after close and open."""
    series = harness.series()
    series.append([("n", 30, b"c"), ("é🔧\n", -1, b"x"), ("n", 10, b"a")])
    series.acknowledge([series.pending(1)[0].seq])
    series.append([("n", 20, b"b"), ("n", 10, b"A")])
    before = (stored(series), stored(series, "é🔧\n"), series.pending(9), series.stats())
    harness.reopen_engine()
    series = harness.series()
    found = (stored(series), stored(series, "é🔧\n"), series.pending(9), series.stats())
    same(found, before, "points, queue and stats")
    same(series.latest("n"), (30, b"c"), "the latest")


@in_series("Q4", "PP4", **PERSISTENT)
def the_queue_goes_on_after_reopening(harness: Harness) -> None:
    """Old seqs acknowledge what they did before; repeats of acknowledged points stay so."""
    series = harness.series()
    fill(series, 4)
    handed = [point.seq for point in series.pending(2)]
    harness.reopen_engine()
    series = harness.series()
    same(series.acknowledge(handed), 2, "points acknowledged")
    series.append([("n", 0, b"0"), ("n", 1, b"other")])
    harness.reopen_engine()
    same(pending(harness.series()), [("n", 2), ("n", 3), ("n", 1)], "the queue")


@in_series("SR3", "Q2", **PERSISTENT)
def seqs_of_the_queue_grow_on_after_reopening(harness: Harness) -> None:
    """No seq is used twice, also when the queue was empty at the restart."""
    series = harness.series()
    fill(series, 2)
    newest = series.pending(9)[-1].seq
    acknowledge_all(series)
    harness.reopen_engine()
    harness.series().append([("n", 99, b"")])
    seq = harness.series().pending(1)[0].seq
    expect(seq > newest, f"seq {newest} was acknowledged, after reopening the next one was {seq}")


@in_series("Q5", "SR9", **PERSISTENT)
def dropped_points_stay_counted(harness: Harness) -> None:
    """The count of dropped points is for the lifetime of the store; limits go on to apply."""
    limits = Limits(2, OnFull.DROP_OLDEST)
    fill(harness.series(limits=limits), 5)
    harness.reopen_engine()
    same(harness.series(limits=limits).stats().dropped, 3, "points dropped")
    with raises(QueueFull, what="append with another policy after reopening"):
        harness.series(limits=Limits(2)).append([("n", 99, b"")])


@in_series("SR6", "PP6", **PERSISTENT)
def trimmed_points_stay_away(harness: Harness) -> None:
    """What was forgotten does not come back, and the rest is there."""
    series = harness.series()
    fill(series, 5)
    acknowledge_all(series)
    series.trim(3)
    harness.reopen_engine()
    same([ts for ts, _ in stored(harness.series())], [3, 4], "points left")
    same(harness.series().latest("n"), (4, b"4"), "the latest")


@in_blobs("BA2", "BL1", **PERSISTENT)
def blobs_are_there_after_reopening(harness: Harness) -> None:
    """Data and version are the same after close and open, deletions included."""
    blobs = harness.blobs()
    blobs.put("../x", b"old" * 1_000_000, 3)
    blobs.put("../x", b"new", 2**53 + 1)
    blobs.put("gone", b"", 1)
    blobs.delete("gone")
    harness.reopen_engine()
    same(harness.blobs().get("../x"), (b"new", 2**53 + 1), "the blob")
    same(harness.blobs().versions(), {"../x": 2**53 + 1}, "versions")
    same(harness.blobs().put("../x", b"no", 4), 2**53 + 1, "put of a lower version")


@in_engine("G14", "EN2", **PERSISTENT)
def a_store_can_be_opened_again_and_again(harness: Harness) -> None:
    """Opening and closing changes nothing, also without any use in between."""
    harness.table().put("k", b"v", pending=True)
    before = list(harness.table().rows())
    for _ in range(3):
        harness.reopen_engine()
    same(list(harness.table().rows()), before, "rows after three openings")


@in_engine("G3", "EN4", **PERSISTENT)
def every_durability_that_is_offered_works(harness: Harness) -> None:
    """Each declared durability can be configured, is told by health, and survives a close."""
    for durability in sorted(harness.info.durabilities):
        place = harness.new_place()
        with harness.open_engine(place, durability=durability) as engine:
            same(engine.health().durability, Durability(durability), "durability of health")
            engine.series("kit.points").append([("n", 1, b"v")])
        with harness.open_engine(place, durability=durability) as engine:
            same(engine.series("kit.points").latest("n"), (1, b"v"), f"latest with {durability}")


@in_engine("G9", level=Level.EXTENDED)
def devices_at_one_place_share_nothing(harness: Harness) -> None:
    """Stores of several devices at one place are separate, whatever the ids are."""
    devices = ("a", "a:b", "a:b:kit", "}", "{a}", "a.b", "a/b", "..", "A", "*", "é", "e\u0301")
    for place, device in enumerate(devices):
        with harness.open_engine(device=device) as engine:
            engine.table("kit.rows").put("k", b"%d" % place, pending=True)
            engine.series("kit.points").append([("n", place, b"%d" % place)])
            engine.blobs("kit.blobs").put("k", b"%d" % place, place)
            same(engine.series("kit.points").stats().points, 1, f"points of device {device!r}")
            same(engine.table("kit.rows").stats().rows, 1, f"rows of device {device!r}")
            same(engine.blobs("kit.blobs").versions(), {"k": place}, f"blobs of {device!r}")


@in_engine("G9", "G10", **PERSISTENT)
def devices_keep_their_own_data(harness: Harness) -> None:
    """After reopening each device finds its own data and only that."""
    devices = (
        "a",
        "a:b",
        "a:b:kit.rows",
        "}",
        "{a}",
        "a.b",
        "../a",
        "A",
        "*",
        "?",
        "a_b",
        "a%b",
        "axb",
    )
    for device in devices:
        with harness.open_engine(device=device) as engine:
            engine.table("kit.rows").put("b:k", device.encode())
    for device in devices:
        with harness.open_engine(device=device) as engine:
            found = [row.value for row in engine.table("kit.rows").rows()]
            same(found, [device.encode()], f"rows of device {device!r}")
