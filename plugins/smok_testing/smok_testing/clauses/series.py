"""Series: points by name and time, read back in order and streamed."""

from smok_core.engine.base import Series
from smok_testing.checks import expect, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.samples import BYTES, DIFFICULT_KEYS, NEIGHBOURS, TIMESTAMPS

clause = clauses_of("series")

#: More points than any engine should fetch at once.
MANY = 2_500


def stored(series: Series, name: str = "n") -> list[tuple[int, bytes]]:
    """Return every point of a name."""
    return list(series.range(name, None, None))


def fill(series: Series, count: int, name: str = "n", size: int = 0) -> None:
    """Append points with the timestamps 0, 1, 2, ... in batches."""
    points = [(name, ts, b"%d" % ts + b"." * size) for ts in range(count)]
    for first in range(0, count, 1000):
        series.append(points[first : first + 1000])


@clause("SR1")
def points_come_back_ascending(harness: Harness) -> None:
    """Whatever order points arrive in, a range gives them by timestamp, each name its own."""
    series = harness.series()
    series.append([("n", 30, b"c"), ("m", 20, b"x"), ("n", 10, b"a")])
    series.append([("n", 20, b"b")])
    same(stored(series), [(10, b"a"), (20, b"b"), (30, b"c")], "points of n")
    same(stored(series, "m"), [(20, b"x")], "points of m")


@clause("SR1", "PP3")
def both_ends_of_a_range_are_inclusive(harness: Harness) -> None:
    """A range includes points at its very ends; None leaves an end open."""
    series = harness.series()
    fill(series, 6)
    ends: dict[tuple[int | None, int | None], list[int]] = {
        (1, 3): [1, 2, 3], (3, 3): [3], (None, 1): [0, 1], (4, None): [4, 5], (-5, 0): [0],
        (5, 99): [5], (6, None): [], (None, -1): [], (3, 1): [],
    }  # fmt: skip
    for (start, stop), wanted in ends.items():
        found = [ts for ts, _ in series.range("n", start, stop)]
        same(found, wanted, f"timestamps from {start} to {stop}")


@clause("SR1", "PP1")
def timestamps_have_64_bits(harness: Harness) -> None:
    """Timestamps keep every bit: neighbours beyond the integers of a double stay apart."""
    series = harness.series()
    points = [("n", ts, str(ts).encode()) for ts in TIMESTAMPS]
    series.append(points[::-1])
    same(stored(series), [(ts, value) for _, ts, value in points], "all points")
    for ts in TIMESTAMPS:
        same(list(series.range("n", ts, ts)), [(ts, str(ts).encode())], f"the point at {ts}")
    same([point.ts for point in series.pending(99)], list(TIMESTAMPS[::-1]), "pending timestamps")
    same(series.latest("n"), (TIMESTAMPS[-1], str(TIMESTAMPS[-1]).encode()), "the latest")


@clause("SR1", "G5")
def every_text_is_an_ordinary_name(harness: Harness) -> None:
    """Names are data: each difficult one has points of its own and comes back byte for byte."""
    series = harness.series()
    names = list(dict.fromkeys((*DIFFICULT_KEYS, *NEIGHBOURS, "k" * 1024)))
    series.append([(name, 5, str(place).encode()) for place, name in enumerate(names)])
    for place, name in enumerate(names):
        same(stored(series, name), [(5, str(place).encode())], f"points of {name!r}")
        same(series.latest(name), (5, str(place).encode()), f"the latest of {name!r}")
    same(sorted(series.names()), sorted(names), "names")
    same([point.name for point in series.pending(len(names))], names, "names in the queue")


@clause("SR1", "G6")
def every_value_of_a_point_is_opaque(harness: Harness) -> None:
    """Any bytes come back as they went in, from the archive, as the latest and in the queue."""
    series = harness.series()
    series.append([("n", ts, value) for ts, value in enumerate(BYTES)])
    same(stored(series), list(enumerate(BYTES)), "points")
    same([point.value for point in series.pending(99)], list(BYTES), "pending values")
    same(series.latest("n"), (len(BYTES) - 1, BYTES[-1]), "the latest")


@clause("SR1")
def an_unknown_name_has_no_points(harness: Harness) -> None:
    """Reading a name that has no points gives nothing and makes nothing."""
    series = harness.series()
    same(series.latest("n"), None, "latest of an unknown name")
    same(stored(series), [], "range of an unknown name")
    same(list(series.names()), [], "names")


@clause("SR1", "PP2")
def latest_is_the_greatest_timestamp(harness: Harness) -> None:
    """The latest point is the one with the greatest timestamp, not the last that arrived."""
    series = harness.series()
    series.append([("n", 20, b"b"), ("n", 10, b"late")])
    series.append([("n", 15, b"late")])
    same(series.latest("n"), (20, b"b"), "latest after late points")
    series.append([("n", 20, b"corrected")])
    same(series.latest("n"), (20, b"corrected"), "latest after its replacement")
    series.append([("n", -5, b""), ("m", 99, b"x"), ("n", 21, b"c")])
    same(series.latest("n"), (21, b"c"), "latest after a newer one")


@clause("SR1")
def appending_nothing_changes_nothing(harness: Harness) -> None:
    """An empty batch is no error."""
    series = harness.series()
    series.append([])
    same((list(series.names()), series.pending(5)), ([], []), "names and queue")


@clause("SR1", "PP1")
def a_batch_may_be_large(harness: Harness) -> None:
    """Thousands of points are one atomic write like any other."""
    series = harness.series()
    series.append([("n", ts, b"%d" % ts) for ts in range(MANY)])
    same(stored(series), [(ts, b"%d" % ts) for ts in range(MANY)], "points")
    same([point.ts for point in series.pending(MANY + 1)], list(range(MANY)), "queue")


@clause("SR5", "G1", "PP3")
def a_range_streams_beside_writers(harness: Harness) -> None:
    """What is there from start to end is given exactly once, whatever is written meanwhile."""
    series = harness.series()
    series.append([("n", ts, b"old") for ts in range(0, 2 * MANY, 2)])
    stream, seen = series.range("n", 0, 2 * MANY), []
    for ts, _ in stream:
        seen.append(ts)
        if len(seen) % 500 == 0:
            series.append([("n", ts + 1, b"new"), ("n", 1, b"late"), ("n", ts, b"changed")])
    same([ts for ts in seen if ts % 2 == 0], list(range(0, 2 * MANY, 2)), "points of the range")
    same(sorted(set(seen)), seen, "the stream, ascending and without repeats")


@clause("SR5", "G1")
def a_range_streams_beside_trim(harness: Harness) -> None:
    """Trimming what a stream has passed neither breaks it nor costs it a point."""
    series = harness.series()
    fill(series, MANY)
    series.acknowledge([point.seq for point in series.pending(MANY)])
    stream = series.range("n", None, None)
    seen = [next(stream)[0] for _ in range(10)]
    series.trim(5)
    seen += [ts for ts, _ in stream]
    same(seen, list(range(MANY)), "timestamps of the stream")


@clause("SR5")
def a_range_may_be_left_unfinished(harness: Harness) -> None:
    """A stream that nobody reads to its end does not keep anyone from writing."""
    series = harness.series()
    fill(series, MANY)
    streams = [series.range("n", None, None) for _ in range(3)]
    for stream in streams:
        next(stream)
    series.append([("n", -1, b"late")])
    same([next(iter(stored(series)))], [(-1, b"late")], "the first point now")


@clause("SR5", "U5", level=Level.EXTENDED)
def memory_does_not_grow_with_the_range(harness: Harness) -> None:
    """Reading 20 MB of points takes a few MB of memory."""
    import tracemalloc  # noqa: PLC0415

    series = harness.series()
    fill(series, 10_000, size=2_000)
    tracemalloc.start()
    try:
        count = sum(1 for _ in series.range("n", None, None))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    same(count, 10_000, "points read")
    expect(peak < 8_000_000, f"reading 20 MB of points took {peak} bytes of memory")
