"""Series: what happens at ``max_pending``."""

from smok_core.engine.base import Limits, OnFull
from smok_core.errors import QueueFull
from smok_testing.checks import raises, same
from smok_testing.clause import clauses_of
from smok_testing.clauses.series import fill, stored
from smok_testing.clauses.series_queue import acknowledge_all, pending
from smok_testing.harness import Harness

clause = clauses_of("series")

REFUSE = Limits(3)
DROP = Limits(3, OnFull.DROP_OLDEST)


@clause("SR9", "Q5", "G4")
def a_full_queue_refuses_the_whole_batch(harness: Harness) -> None:
    """At ``max_pending`` with ``refuse`` a batch that does not fit is not stored in part."""
    series = harness.series(limits=REFUSE)
    fill(series, 2)
    with raises(QueueFull, what="append of two points where one fits"):
        series.append([("n", 10, b""), ("n", 11, b"")])
    same(stored(series), [(0, b"0"), (1, b"1")], "points after the refusal")
    series.append([("n", 10, b"")])
    same(len(series.pending(9)), 3, "points that wait")
    same(series.stats().dropped, 0, "points dropped")


@clause("SR9", "Q5")
def acknowledging_makes_room(harness: Harness) -> None:
    """A full queue takes new points again as soon as some are acknowledged."""
    series = harness.series(limits=REFUSE)
    fill(series, 3)
    with raises(QueueFull, what="append to a full queue"):
        series.append([("n", 10, b"")])
    series.acknowledge([series.pending(1)[0].seq])
    series.append([("n", 10, b"")])
    same(pending(series), [("n", 1), ("n", 2), ("n", 10)], "the queue")


@clause("SR9", "PP4")
def a_full_queue_takes_what_changes_nothing(harness: Harness) -> None:
    """A repeat of stored points needs no room, so it is no error in a full queue."""
    series = harness.series(limits=REFUSE)
    fill(series, 3)
    before = series.pending(9)
    series.append([("n", 0, b"0"), ("n", 2, b"2")])
    same(series.pending(9), before, "the queue")


@clause("SR9", "Q5")
def drop_oldest_drops_from_the_head_and_counts(harness: Harness) -> None:
    """With ``drop-oldest`` the head leaves the queue, is counted, and stays in the archive."""
    series = harness.series(limits=DROP)
    fill(series, 3)
    series.append([("n", 10, b"x"), ("n", 11, b"y")])
    same(pending(series), [("n", 2), ("n", 10), ("n", 11)], "the queue")
    same(series.stats().dropped, 2, "points dropped")
    same([ts for ts, _ in stored(series)], [0, 1, 2, 10, 11], "the archive")


@clause("SR9", "Q5")
def a_batch_larger_than_the_queue_keeps_its_end(harness: Harness) -> None:
    """With ``drop-oldest`` a batch beyond ``max_pending`` leaves its last points pending."""
    series = harness.series(limits=DROP)
    fill(series, 8)
    same(pending(series), [("n", 5), ("n", 6), ("n", 7)], "the queue")
    same(series.stats().dropped, 5, "points dropped")
    same(len(stored(series)), 8, "points in the archive")


@clause("SR9", "Q5")
def only_what_was_dropped_is_counted(harness: Harness) -> None:
    """Acknowledging and repeating do not count as drops, and the count never falls."""
    series = harness.series(limits=DROP)
    fill(series, 4)
    acknowledge_all(series)
    series.append([("n", 3, b"3")])
    fill(series, 2)
    same(series.stats().dropped, 1, "points dropped")


@clause("SR9", "SR7")
def requeue_knows_no_limit(harness: Harness) -> None:
    """Queueing stored points again is neither refused nor makes others drop."""
    for limits in (REFUSE, DROP):
        series = harness.series("kit." + limits.on_full.name.lower(), limits)
        fill(series, 3)
        acknowledge_all(series)
        series.append([("n", ts, b"") for ts in (10, 11, 12)])
        same(series.requeue([("n", 0), ("n", 1)]), 2, "points pending again")
        same(len(series.pending(9)), 5, "points that wait")
        same(series.stats().dropped, 0, "points dropped")


@clause("SR9", "SR7", "PP4")
def what_changes_nothing_drops_nothing(harness: Harness) -> None:
    """An append that stores nothing new drops nothing, also beyond ``max_pending``."""
    series = harness.series(limits=DROP)
    fill(series, 3)
    acknowledge_all(series)
    series.append([("n", ts, b"") for ts in (10, 11, 12)])
    series.requeue([("n", 0)])
    before = series.pending(9)
    series.append([("n", 11, b"")])
    series.append([])
    same((series.pending(9), series.stats().dropped), (before, 0), "queue and drops")


@clause("SR9")
def limits_are_those_of_the_last_opening(harness: Harness) -> None:
    """A limit belongs to the configuration: opening with another one applies that one."""
    fill(harness.series(limits=REFUSE), 3)
    series = harness.series(limits=Limits(4))
    series.append([("n", 10, b"")])
    with raises(QueueFull, what="append beyond the new limit"):
        series.append([("n", 11, b"")])
