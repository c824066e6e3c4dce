"""Readings are thinned for drawing without losing a peak, and memory does not grow with them."""

import tracemalloc

import pytest
from smok_cloud.report.readings import BUCKETS, read_curve

import smok_core
from smok_core import OperationFailedError, OperationFailedReason

MEMORY = {"device": "d", "stores": {"s": {"backend": "memory"}}, "roles": {"default": "s"}}


@pytest.fixture
def databases():
    """Everything in memory."""
    with smok_core.open_databases(MEMORY) as opened:
        yield opened


def test_few_readings_are_all_drawn(databases):
    """Points in their order; counts and extremes are right, both ends belong to the span."""
    databases.pathpoints.on_new_data_many([("p", 1000 * n, n * n) for n in range(5)])
    curve = read_curve(databases, "p", 1, 3)
    assert curve.points == [(1.0, 1.0), (2.0, 4.0), (3.0, 9.0)]
    assert (curve.numbers, curve.low, curve.high, curve.mean) == (3, 1.0, 9.0, 14 / 3)
    assert curve.newest == (3.0, 9)


def test_a_peak_among_many_is_kept(databases):
    """Of 20 000 readings the one that stands out is drawn, high and low."""
    values = [("p", 10 * n, 5.0) for n in range(20_000)]
    values[7777], values[7778] = ("p", 77_770, 99.0), ("p", 77_780, -99.0)
    databases.pathpoints.on_new_data_many(values)
    curve = read_curve(databases, "p", 0, 200)
    assert (77.77, 99.0) in curve.points
    assert (77.78, -99.0) in curve.points
    assert len(curve.points) <= 4 * BUCKETS
    assert curve.points == sorted(curve.points)


def test_failures_and_texts_are_bounded_and_counted(databases):
    """All are counted; the newest are kept with their reasons."""
    reason = OperationFailedReason.INVALID
    failed = [("p", n, OperationFailedError(reason, n)) for n in range(2000)]
    databases.pathpoints.on_new_data_many([*failed, *(("p", n, str(n)) for n in range(2000, 2050))])
    curve = read_curve(databases, "p", 0, 3)
    assert (curve.failed, len(curve.failures), curve.failures[-1].reason) == (2000, 500, "invalid")
    assert [text for _, text in curve.texts] == [str(n) for n in range(2040, 2050)]
    assert curve.numbers == 0


def test_only_bools_are_a_switch(databases):
    """A pathpoint of on and off is one; a number among them makes it none."""
    databases.pathpoints.on_new_data_many([("p", n, n % 2 == 0) for n in range(4)])
    assert read_curve(databases, "p", 0, 1).switch
    databases.pathpoints.on_new_data("p", 2.5, 7)
    databases.pathpoints.on_new_data("p", 9, True)
    assert not read_curve(databases, "p", 0, 1).switch


def test_memory_is_bounded(databases):
    """Ten times the readings take no more memory to draw."""
    for n in range(10):
        points = [("p", 5000 * n + m, float(m % 97)) for m in range(5000)]
        databases.pathpoints.on_new_data_many(points)
    taken = []
    for stop in (5, 50):
        tracemalloc.start()
        read_curve(databases, "p", 0, stop)
        taken.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert taken[1] < 2 * taken[0] + 1_000_000
