"""Clocks that were set back: which instants the readings of a file are kept at."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st
from smok_cli.readings.clocks import HOUR, Clock, Recent
from smok_cli.readings.records import Record
from smok_cli.readings.times import to_utc

WARSAW = ZoneInfo("Europe/Warsaw")
MINUTE = 60_000_000


def run(locals_, values=None, zone=UTC):
    """Send local times through a clock; give (place in the file, instant) in order of storing."""
    recent, steps, placed = Recent(), [], []
    clock = Clock(zone, recent.knows, lambda record, behind: steps.append((record.line, behind)))
    contents = values or [float(n) for n in range(len(locals_))]
    records = [Record(n, None, [("p", value)], None) for n, value in enumerate(contents)]

    def take(pairs):
        for record, utc in pairs:
            placed.append((record.line, recent.place("p", utc, record.cells[0][1])))

    for record, local in zip(records, locals_, strict=True):
        take(clock.place(record, local))
    take(clock.drain())
    return placed, steps, recent


def minutes(*groups):
    """Give local times from (start, stop, step) in minutes."""
    return [m * MINUTE for group in groups for m in range(*group)]


def test_an_hour_set_back_keeps_all_in_order():
    """Two passes of an hour with other values: all kept, in order, five minutes apart."""
    placed, steps, recent = run(minutes((0, 180, 5), (120, 300, 5)))
    assert [line for line, _ in placed] == list(range(72))
    assert [utc for _, utc in placed] == [n * 5 * MINUTE for n in range(72)]
    assert steps == [(36, HOUR)]
    assert (recent.moved, recent.repeated) == (0, 0)


def test_an_hour_set_forward_ends_it():
    """A clock set back and later set forward again is right again afterwards."""
    placed, steps, _ = run(minutes((0, 180, 5), (120, 600, 5), (660, 720, 5)))
    assert [behind for _, behind in steps] == [HOUR, 0]
    assert placed[-1][1] == 715 * MINUTE


def test_the_zone_explains_autumn():
    """With the zone given, the second pass of the hour is the later instant; nothing is shifted."""
    night = (datetime(2024, 10, 27, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days * 1440
    times = minutes((night, night + 180, 10), (night + 120, night + 300, 10))
    placed, steps, _ = run(times, zone=WARSAW)
    start = datetime(2024, 10, 26, 22, tzinfo=UTC)
    wanted = [start + timedelta(minutes=10 * n) for n in range(36)]
    assert [utc for _, utc in placed] == [int(when.timestamp()) * 1_000_000 for when in wanted]
    assert steps == []


def test_hourly_readings_in_autumn():
    """A reading an hour: the repeated hour of the zone is the later instant."""
    night = (datetime(2024, 10, 27, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days * 1440
    times = [(night + m) * MINUTE for m in (60, 120, 120, 180, 240)]
    placed, _, recent = run(times, zone=WARSAW)
    gaps = [b[1] - a[1] for a, b in pairwise(placed)]
    assert gaps == [HOUR] * 4
    assert recent.moved == 0


def test_a_constant_signal_in_autumn():
    """With the zone given, equal values do not hide that the hour came twice."""
    night = (datetime(2024, 10, 27, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days * 1440
    times = minutes((night, night + 180, 10), (night + 120, night + 300, 10))
    placed, _, recent = run(times, [1.0] * 36, zone=WARSAW)
    assert len({utc for _, utc in placed}) == 36
    assert recent.repeated == 0


def test_a_block_sent_again_changes_nothing():
    """The last hour again with the same values is a repeat, not a clock set back."""
    times = minutes((0, 180, 5), (120, 180, 5), (180, 240, 5))
    values = [float(t // MINUTE) for t in times]
    placed, steps, recent = run(times, values)
    assert steps == []
    assert {utc for _, utc in placed} == set(times)
    assert recent.repeated == 12


def test_a_single_late_reading_is_late():
    """One reading that is an hour late is stored at its time; the next ones are not shifted."""
    times = [*minutes((0, 180, 5)), 120 * MINUTE + 1, 180 * MINUTE, 185 * MINUTE]
    placed, steps, _ = run(times)
    assert steps == []
    assert [utc for _, utc in placed] == times


def test_a_file_that_runs_backwards():
    """Newest first is no clock set back: every reading keeps its time."""
    times = minutes((600, 0, -5))
    placed, steps, _ = run(times)
    assert steps == []
    assert [utc for _, utc in placed] == times


def test_other_repeats_are_kept_beside():
    """Several readings of one second are kept a microsecond apart, in order."""
    placed, _, recent = run([5_000_000] * 3 + [6_000_000])
    assert [utc for _, utc in placed] == [5_000_000, 5_000_001, 5_000_002, 6_000_000]
    assert recent.moved == 2


def test_recent_forgets():
    """What was read long ago is forgotten, so memory is bounded."""
    recent = Recent(size=10)
    for n in range(100):
        recent.place("p", n, 1.0)
    assert recent.find("p", 99) == 1.0
    assert recent.find("p", 0) is None


def test_equal_values_of_other_types_differ():
    """1, 1.0 and true are different readings."""
    placed, _, recent = run([0, 0, 0], [1, 1.0, True])
    assert len(placed) == len({utc for _, utc in placed}) == 3
    assert recent.moved == 2


@given(st.lists(st.integers(-(10**15), 10**15), max_size=60), st.sampled_from([UTC, WARSAW]))
def test_no_reading_is_ever_lost(times, zone):
    """Whatever the times are: each reading comes out once, at an instant of its own."""
    placed, _, _ = run(times, zone=zone)
    assert sorted(line for line, _ in placed) == list(range(len(times)))
    assert len({utc for _, utc in placed}) == len(times)


@given(st.integers(-(10**15), 10**15))
def test_to_utc_agrees_with_the_standard_library(local):
    """Local microseconds become the instant that zoneinfo gives."""
    wall = datetime(1970, 1, 1) + timedelta(microseconds=local)  # noqa: DTZ001
    wanted = wall.replace(tzinfo=WARSAW) - datetime(1970, 1, 1, tzinfo=UTC)
    assert to_utc(local, WARSAW) == wanted // timedelta(microseconds=1)


@pytest.mark.parametrize("interval", [1, 5, 10, 15, 20, 30])
def test_usual_intervals(interval):
    """The hour set back is recognised at every usual interval."""
    times = minutes((0, 180, interval), (120, 300, interval))
    placed, steps, _ = run(times)
    assert len(steps) == 1
    assert [utc for _, utc in placed] == [n * interval * MINUTE for n in range(len(times))]
