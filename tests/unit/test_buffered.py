"""Group commit: values wait a moment, nobody is told they are safe when they are not."""

import sys
import threading
import time

import pytest

import smok_core
from smok_core.engine.base import Limits, OnFull
from smok_core.engine.buffered import BufferedSeries
from smok_core.engine.memory import MemoryEngine
from smok_core.errors import QueueFull, StorageFull, StoreClosed


@pytest.fixture
def inner():
    """The series behind the buffer."""
    return MemoryEngine().series("pathpoints")


def test_values_are_written_together_within_the_time(inner):
    """After flush_ms the values are stored, without anybody asking."""
    series = BufferedSeries(inner, flush_ms=20)
    for ts in range(10):
        series.append([("a", ts, b"x")])
    assert inner.stats().points < 10
    deadline = time.monotonic() + 5
    while inner.stats().points < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert inner.stats().points == 10
    series.close()


def test_readers_see_what_was_written_before(inner):
    """Every reading method writes first what waits."""
    series = BufferedSeries(inner, flush_ms=60_000)
    for ts, read in enumerate(
        (
            lambda: series.latest("a"),
            lambda: list(series.range("a", None, None)),
            lambda: series.pending(10),
            lambda: list(series.names()),
            series.stats,
        )
    ):
        series.append([("a", ts, b"x")])
        read()
        assert inner.stats().points == ts + 1
    series.close()


def test_closing_writes_and_ends(inner):
    """What was accepted before close is stored; what comes later is refused."""
    series = BufferedSeries(inner, flush_ms=60_000)
    series.append([("a", 1, b"x")])
    series.close()
    assert inner.stats().points == 1
    with pytest.raises(StoreClosed):
        series.append([("a", 2, b"x")])
    assert "smok-flush" not in {thread.name for thread in threading.enumerate()}


def test_whatever_was_accepted_while_closing_is_stored(inner):
    """Between a writer and close there is no gap in which an accepted value is lost."""
    for _ in range(30):
        series, accepted = BufferedSeries(inner, flush_ms=1), []

        def write(series=series, accepted=accepted):
            try:
                for ts in range(1000):
                    series.append([("a", ts, b"x")])
                    accepted.append(ts)
            except StoreClosed:
                return

        thread = threading.Thread(target=write)
        thread.start()
        series.close()
        thread.join()
        stored = {ts for ts, _ in inner.range("a", None, None)}
        assert set(accepted) <= stored


class Full:
    """A series that has no room until it is told so."""

    def __init__(self, inner):
        self.inner, self.full = inner, True

    def append(self, points):
        if self.full:
            raise StorageFull("test", "no room")
        self.inner.append(points)

    def __getattr__(self, name):
        return getattr(self.inner, name)


def test_a_full_store_is_told_kept_and_does_not_block_the_drain(inner):
    """The next writer hears of it, nothing is lost, readers go on, memory is bounded."""
    inner.append([("old", 1, b"x")])
    behind = Full(inner)
    series = BufferedSeries(behind, flush_ms=60_000)
    series.append([("a", 1, b"x")])
    with pytest.raises(StorageFull):
        series.flush()
    assert [point.name for point in series.pending(10)] == ["old"]
    assert series.acknowledge([series.pending(1)[0].seq]) == 1
    many = [("a", ts, b"x") for ts in range(5000)]
    with pytest.raises(StorageFull):
        series.append(many)  # the one that it hears of
    with pytest.raises(StorageFull):
        series.append(many)  # and no more than the buffer holds
    behind.full = False
    series.close()
    assert ("a" in set(inner.names())) is True


def test_a_refusing_queue_is_heard_of():
    """max_pending with `refuse` is an error for the writer, also behind the buffer."""
    inner = MemoryEngine().series("pathpoints", Limits(1, OnFull.REFUSE))
    series = BufferedSeries(inner, flush_ms=60_000)
    series.append([("a", 1, b"x")])
    series.flush()
    series.append([("a", 2, b"x")])
    with pytest.raises(QueueFull):
        series.flush()
    inner.acknowledge([1])
    series.close()
    assert inner.stats().points == 2


def test_the_setting_buffers_pathpoints_only():
    """`durability = "buffered"` puts the buffer before the values and nothing else."""
    stores = {"s": {"backend": "memory2", "durability": "buffered", "flush_ms": 60_000}}
    from smok_core.registry import register, unregister
    from smok_core.registry.builtin import BUILT_IN

    register(BUILT_IN["memory"], "memory2")
    try:
        config = {"device": "d", "stores": stores, "roles": {"default": "s"}}
        with smok_core.open_databases(config) as databases:
            databases.pathpoints.on_new_data("a", 1, 2)
            series = databases.engines["s"].series("pathpoints")
            assert series.stats().points == 0
            databases.flush()
            assert series.stats().points == 1
    finally:
        unregister("memory2")


def test_a_value_costs_few_calls(inner):
    """Behind the buffer, an append is a few steps: it decides how fast a device records."""
    series = BufferedSeries(inner, flush_ms=60_000)
    series.append([("a", 0, b"x")])
    steps = []
    sys.setprofile(lambda _, event, __: steps.append(event))  # of this thread, not the flushing one
    try:
        series.append([("a", 1, b"x")])
    finally:
        sys.setprofile(None)
    series.close()
    assert sum(event in ("call", "c_call") for event in steps) <= 8
