"""Series: the queue of points that wait for their upload."""

from smok_core.engine.base import Series, SeriesStats
from smok_testing.checks import expect, rising, same
from smok_testing.clause import clauses_of
from smok_testing.clauses.series import fill, stored
from smok_testing.harness import Harness

clause = clauses_of("series")


def pending(series: Series, limit: int = 1000, after: int = 0) -> list[tuple[str, int]]:
    """Return names and timestamps of the queue."""
    return [(point.name, point.ts) for point in series.pending(limit, after)]


def acknowledge_all(series: Series) -> None:
    """Take every point out of the queue."""
    series.acknowledge([point.seq for point in series.pending(100_000)])


@clause("SR3", "Q1", "G8")
def points_wait_in_the_order_of_their_arrival(harness: Harness) -> None:
    """The queue is in the order of arrival, over all names, whatever the timestamps are."""
    series = harness.series()
    series.append([("b", 5, b"1"), ("a", 9, b"2"), ("b", 1, b"3")])
    series.append([("a", -4, b"4")])
    same(pending(series), [("b", 5), ("a", 9), ("b", 1), ("a", -4)], "the queue")
    same([point.value for point in series.pending(9)], [b"1", b"2", b"3", b"4"], "pending values")
    rising([0, *(point.seq for point in series.pending(9))], "positive seqs of the queue")


@clause("SR3", "Q1")
def the_queue_is_given_in_bounded_parts(harness: Harness) -> None:
    """At most ``limit`` points come, the oldest of them, and 0 means none."""
    series = harness.series()
    fill(series, 5)
    same(pending(series, 2), [("n", 0), ("n", 1)], "two of five")
    same(pending(series, 0), [], "none of five")
    same(len(pending(series, 5)), 5, "five of five")


@clause("SR3")
def the_queue_pages_without_acknowledging(harness: Harness) -> None:
    """With ``after`` the queue is read on from a seq, that seq not included."""
    series = harness.series()
    fill(series, 5)
    seqs = [point.seq for point in series.pending(9)]
    same(pending(series, 2, seqs[1]), [("n", 2), ("n", 3)], "two after the second")
    same(pending(series, 9, seqs[4]), [], "all after the last")


@clause("SR2", "PP4")
def an_equal_point_changes_nothing(harness: Harness) -> None:
    """The same name, timestamp and value again is not stored, moved or made pending again."""
    series = harness.series()
    series.append([("n", 1, b"a"), ("n", 2, b"b")])
    before = series.pending(9)
    series.append([("n", 1, b"a")])
    same(series.pending(9), before, "the queue after a repeat of what waits")
    acknowledge_all(series)
    series.append([("n", 1, b"a"), ("n", 2, b"b")])
    same(series.pending(9), [], "the queue after a repeat of what is acknowledged")


@clause("SR2", "PP4")
def another_value_replaces_and_queues_again(harness: Harness) -> None:
    """The same name and timestamp with another value is replaced and goes to the queue's end."""
    series = harness.series()
    series.append([("n", 1, b"a"), ("n", 2, b"b")])
    series.append([("n", 1, b"A")])
    same(stored(series), [(1, b"A"), (2, b"b")], "the points")
    same(pending(series), [("n", 2), ("n", 1)], "the queue")
    acknowledge_all(series)
    series.append([("n", 2, b"B")])
    same([(p.ts, p.value) for p in series.pending(9)], [(2, b"B")], "the queue after acknowledging")


@clause("SR2", "PP4")
def of_repeats_in_a_batch_the_last_counts(harness: Harness) -> None:
    """Within one batch only the last point of a name and timestamp counts, at its own place."""
    series = harness.series()
    series.append([("n", 1, b"x"), ("n", 2, b"b"), ("n", 1, b"y"), ("n", 3, b"c")])
    same(pending(series), [("n", 2), ("n", 1), ("n", 3)], "the queue")
    same(stored(series), [(1, b"y"), (2, b"b"), (3, b"c")], "the points")


@clause("SR2", "PP4")
def a_batch_that_returns_to_the_stored_value_changes_nothing(harness: Harness) -> None:
    """If the last repeat in a batch equals what is stored, nothing is pending."""
    series = harness.series()
    series.append([("n", 1, b"a")])
    acknowledge_all(series)
    series.append([("n", 1, b"other"), ("n", 1, b"a")])
    same((stored(series), series.pending(9)), ([(1, b"a")], []), "points and queue")


@clause("SR2", "PP4")
def late_points_are_stored_and_pending(harness: Harness) -> None:
    """A point older than the newest, even older than what was acknowledged, is pending like any."""
    series = harness.series()
    series.append([("n", 100, b"new")])
    acknowledge_all(series)
    series.append([("n", 50, b"late")])
    same(pending(series), [("n", 50)], "the queue")
    same(stored(series), [(50, b"late"), (100, b"new")], "the points")


@clause("SR4", "Q2")
def acknowledge_takes_exactly_these_seqs(harness: Harness) -> None:
    """Only the given seqs leave the queue, not those before or after; the points stay."""
    series = harness.series()
    fill(series, 5)
    seqs = [point.seq for point in series.pending(9)]
    same(series.acknowledge(seq for seq in (seqs[3], seqs[1])), 2, "points acknowledged")
    same(pending(series), [("n", 0), ("n", 2), ("n", 4)], "the queue")
    same(len(stored(series)), 5, "points stored")


@clause("SR4", "Q4")
def acknowledging_points_twice_is_harmless(harness: Harness) -> None:
    """Seqs that are acknowledged already or never were are ignored and not counted."""
    series = harness.series()
    fill(series, 3)
    seqs = [point.seq for point in series.pending(9)]
    same(series.acknowledge(seqs[:1]), 1, "points acknowledged")
    same(series.acknowledge([*seqs[:1], 0, -7, seqs[-1] + 1, 2**62]), 0, "unknown seqs")
    same(series.acknowledge([]), 0, "no seqs")
    same(series.acknowledge([seqs[1], seqs[1]]), 1, "one seq twice")
    same(pending(series), [("n", 2)], "the queue")


@clause("SR4", "Q2")
def acknowledge_leaves_a_point_replaced_meanwhile(harness: Harness) -> None:
    """A point that got another value after it was handed out stays pending."""
    series = harness.series()
    series.append([("n", 1, b"a"), ("n", 2, b"b")])
    handed = [point.seq for point in series.pending(9)]
    series.append([("n", 1, b"A"), ("n", 0, b"late")])
    same(series.acknowledge(handed), 1, "points acknowledged")
    same(pending(series), [("n", 1), ("n", 0)], "the queue")


@clause("SR3", "Q2")
def a_seq_of_the_queue_is_never_used_again(harness: Harness) -> None:
    """An old acknowledgement cannot acknowledge a new point, also after the queue was empty."""
    series, seqs = harness.series(), []
    for ts in range(3):
        series.append([("n", ts, b"")])
        seqs.append(series.pending(1)[0].seq)
        acknowledge_all(series)
    rising(seqs, "the seqs")


@clause("SR6", "PP6")
def trim_forgets_what_is_acknowledged_and_old(harness: Harness) -> None:
    """Acknowledged points before the given time go, a point at that very time stays."""
    series = harness.series()
    fill(series, 6)
    acknowledge_all(series)
    same(series.trim(3), 3, "points forgotten")
    same([ts for ts, _ in stored(series)], [3, 4, 5], "points left")
    same(series.trim(3), 0, "points forgotten the second time")
    series.append([("n", 1, b"late")])
    same(pending(series), [("n", 1)], "the queue after a late point")


@clause("SR6", "PP6", "Q5")
def trim_keeps_what_waits(harness: Harness) -> None:
    """A point that waits for its upload is never forgotten, however old it is."""
    series = harness.series()
    fill(series, 6)
    series.acknowledge([point.seq for point in series.pending(2)])
    same(series.trim(100), 2, "points forgotten")
    same([ts for ts, _ in stored(series)], [2, 3, 4, 5], "points left")
    same(pending(series), [("n", ts) for ts in (2, 3, 4, 5)], "the queue")


@clause("SR6", "PP6", "PP2")
def trim_keeps_the_latest_of_each_name(harness: Harness) -> None:
    """The current value of a name stays, however old it is."""
    series = harness.series()
    series.append([("a", 1, b"x"), ("a", 2, b"y"), ("b", -9, b"z")])
    acknowledge_all(series)
    same(series.trim(1000), 1, "points forgotten")
    same((series.latest("a"), series.latest("b")), ((2, b"y"), (-9, b"z")), "latest points")
    same(sorted(series.names()), ["a", "b"], "names")


@clause("SR7")
def requeue_puts_stored_points_at_the_end(harness: Harness) -> None:
    """Points that no longer wait are made pending again in the given order, with new seqs."""
    series = harness.series()
    fill(series, 4)
    seqs = [point.seq for point in series.pending(9)]
    series.acknowledge(seqs[:3])
    same(series.requeue([("n", 2), ("n", 0)]), 2, "points pending again")
    same(pending(series), [("n", 3), ("n", 2), ("n", 0)], "the queue")
    expect(min(p.seq for p in series.pending(9)[1:]) > max(seqs), "requeued points need new seqs")
    same([point.value for point in series.pending(9)], [b"3", b"2", b"0"], "pending values")


@clause("SR7")
def requeue_ignores_what_waits_or_is_not_stored(harness: Harness) -> None:
    """A point that waits keeps its place, one that is not stored is not made."""
    series = harness.series()
    fill(series, 3)
    series.acknowledge([series.pending(1)[0].seq])
    before = series.pending(9)
    same(series.requeue([("n", 1), ("n", 77), ("x", 0)]), 0, "points pending again")
    same(series.pending(9), before, "the queue")
    same(series.requeue([("n", 0), ("n", 0)]), 1, "one point given twice")
    same((len(stored(series)), list(series.names())), (3, ["n"]), "points and names")
    same(series.requeue([]), 0, "nothing pending again")


@clause("SR8")
def series_stats_count(harness: Harness) -> None:
    """Counts of names, points and queue follow every change; the head's timestamp is told."""
    series = harness.series()
    same(series.stats(), SeriesStats(), "stats of an empty series")
    series.append([("a", 7, b""), ("b", 3, b""), ("a", 9, b"")])
    wanted = SeriesStats(names=2, points=3, pending=3, oldest_pending=7)
    same(series.stats(), wanted, "stats after three points")
    series.acknowledge([series.pending(1)[0].seq])
    series.trim(8)
    wanted = SeriesStats(names=2, points=2, pending=2, oldest_pending=3)
    same(series.stats(), wanted, "stats after acknowledging and trimming one")
