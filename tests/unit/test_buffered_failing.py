"""A buffer whose store refuses: it takes nothing more, loses nothing it took, and says so."""

import threading
import time

import pytest

import smok_core
from smok_core.engine.base import Limits, OnFull
from smok_core.engine.buffered import BufferedSeries
from smok_core.engine.memory import MemoryEngine
from smok_core.errors import BackendUnavailable, InvalidValue, QueueFull, StorageFull
from smok_core.registry import register, unregister
from smok_core.registry.builtin import BUILT_IN


class Refusing:
    """A series that raises what it is told to; it counts the attempts."""

    def __init__(self, inner, error=None):
        self.inner, self.error, self.tries = inner, error, 0

    def append(self, points):
        self.tries += 1
        if self.error is not None:
            raise self.error
        self.inner.append(points)

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.fixture
def inner():
    return MemoryEngine().series("pathpoints")


def until(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


def accepted(series, numbers):
    """Append values one by one; give those that were taken."""
    taken = []
    for number in numbers:
        try:
            series.append([("a", number, b"x")])
        except (StorageFull, BackendUnavailable):
            continue
        taken.append(number)
    return taken


def stored(inner):
    return [ts for ts, _ in inner.range("a", None, None)]


ERRORS = [StorageFull("s", "no room"), QueueFull("s", "full"), BackendUnavailable("s", "away")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_nothing_is_taken_after_a_write_has_failed(inner, error):
    """What was taken before is kept, told, and written when the store is back; nothing else is."""
    behind = Refusing(inner, error)
    series = BufferedSeries(behind, flush_ms=20)
    first = accepted(series, [0])
    until(series.warnings)
    assert accepted(series, range(1, 200)) == []
    assert "1 values in memory cannot be written since " in series.warnings()[0]
    tries = behind.tries
    until(lambda: behind.tries > tries)  # nobody asks, and it is tried again
    behind.error = None
    until(lambda: not series.warnings())
    later = accepted(series, range(500, 510))
    series.close()
    assert len(later) == 10
    assert stored(inner) == first + later


def test_what_was_promised_gets_in_and_nothing_after_it(inner):
    """A store with room kept back stores what was taken; what comes then is refused till it can."""

    class Keeping(Refusing):
        def append_promised(self, points):
            self.inner.append(points)
            return True

    behind = Keeping(inner, StorageFull("s", "no room"))
    series = BufferedSeries(behind, flush_ms=60_000)
    first = accepted(series, range(5))
    series.flush()
    assert stored(inner) == first == list(range(5))
    assert accepted(series, range(5, 50)) == []
    assert not series.warnings()
    behind.error = None
    series._tried = 0.0  # a second later
    assert accepted(series, range(50, 60)) == list(range(50, 60))
    series.close()
    assert stored(inner) == [*first, *range(50, 60)]


def test_a_value_is_never_taken_and_then_late(inner):
    """Beside a writer that does not stop, what waits is younger than twice the time."""
    series = BufferedSeries(inner, flush_ms=100)
    series._has_thread = lambda: True  # a thread that never gets its turn
    begun, oldest, taken_at = time.monotonic(), 0.0, list[float]()
    for number in range(10**9):
        taken_at.append(time.monotonic())
        series.append([("a", number, b"x")])
        if series._pending:
            first = series._pending[0][0][1]
            oldest = max(oldest, time.monotonic() - taken_at[first])
        if time.monotonic() > begun + 1:
            break
    assert inner.stats().points > 0
    assert oldest < 0.2


def test_a_thread_that_died_is_replaced(inner):
    """A flush thread that is gone does not make values wait for ever."""
    series = BufferedSeries(inner, flush_ms=10)
    series._wait_until_due = lambda: False  # the thread ends as soon as it is started
    series.append([("a", 1, b"x")])
    until(lambda: series._thread is None)
    del series._wait_until_due
    series.append([("a", 2, b"x")])
    until(lambda: inner.stats().points == 2)
    series.close()


def test_without_a_thread_every_value_is_written_at_once(inner, monkeypatch):
    """Where no thread can be started, `append` does the work itself."""

    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    series = BufferedSeries(inner, flush_ms=60_000)
    series.append([("a", 1, b"x")])
    assert inner.stats().points == 1
    series.close()


def test_memory_is_bounded_in_bytes(inner):
    """Large values are written out by the writer that would exceed the bound."""
    series = BufferedSeries(inner, flush_ms=60_000)
    for number in range(300):
        series.append([("a", number, bytes(60_000))])
        assert sum(len(v) for taken in series._pending for _, _, v in taken) < 2**23
    assert inner.stats().points > 200
    series.close()
    assert inner.stats().points == 300


def test_more_than_the_queue_holds_gets_in_as_it_drains():
    """Values gathered beyond max_pending are written one call after another, each when it fits."""
    inner = MemoryEngine().series("pathpoints", Limits(3, OnFull.REFUSE))
    series = BufferedSeries(inner, flush_ms=60_000)
    for number in range(8):
        series.append([("a", number, b"x")])
    got = []
    while batch := series.pending(10):
        got += [point.ts for point in batch]
        series.acknowledge([point.seq for point in batch])
    assert got == list(range(8))
    series.close()


def test_a_batch_is_taken_whole_or_not_at_all():
    """A batch that does not fit is not split, and one after it waits its turn."""
    inner = MemoryEngine().series("pathpoints", Limits(3, OnFull.REFUSE))
    series = BufferedSeries(inner, flush_ms=60_000)
    series.append([("a", 0, b"x"), ("a", 1, b"x")])
    series.append([("a", 2, b"x"), ("a", 3, b"x")])
    with pytest.raises(QueueFull):
        series.flush()
    assert stored(inner) == [0, 1]
    inner.acknowledge([point.seq for point in inner.pending(9)])
    series.close()
    assert stored(inner) == [0, 1, 2, 3]


def test_a_bad_value_stops_no_other(inner):
    """What the store can never take is told and counted; the values beside it are stored."""

    class Picky(Refusing):
        def append(self, points):
            if any(value == b"bad" for _, _, value in points):
                raise InvalidValue("pathpoints", "a", "is bad", "Give a good one.")
            self.inner.append(points)

    series = BufferedSeries(Picky(inner), flush_ms=60_000)
    for number, value in enumerate([b"x", b"bad", b"x"]):
        series.append([("a", number, value)])
    series.flush()
    assert stored(inner) == [0, 2]
    assert "1 values were refused" in series.warnings()[0]
    series.close()


def test_health_tells_what_is_in_memory_only():
    """`Databases.health` shows it beside the store's own warnings."""
    register(BUILT_IN["memory"], "memory3")
    try:
        store = {"backend": "memory3", "durability": "buffered", "max_pending": 1}
        config = {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}
        with smok_core.open_databases(config) as databases:
            databases.pathpoints.on_new_data("a", 1, 2)
            databases.pathpoints.flush()
            databases.pathpoints.on_new_data("a", 2, 2)
            with pytest.raises(QueueFull):
                databases.pathpoints.flush()
            assert "1 values in memory cannot be written" in databases.health()["s"].warnings[0]
            databases.pathpoints.get_data_to_sync().acknowledge()
    finally:
        unregister("memory3")
