"""A time in the unit of another role is kept as it was given, and told once."""

import pytest

from smok_core import Event, open_databases
from smok_core.roles.checks import warn_of_unit

NOW = 1_790_000_000


@pytest.fixture
def databases():
    """Nine roles in memory, which warned of nothing yet."""
    warn_of_unit.cache_clear()
    with open_databases({"device": "pump-17"}, clock=lambda: float(NOW)) as opened:
        yield opened


def warnings(caplog) -> list[str]:
    return [text for text in caplog.messages if "since the epoch" in text]


def test_seconds_where_milliseconds_are_meant(databases, caplog):
    """One by one or many: the first of each name is looked at, and one warning is enough."""
    databases.pathpoints.on_new_data("W1", NOW, 1)
    databases.pathpoints.on_new_data_many([("W1", NOW + 1, 2), ("W2", NOW + 0.5, 3)])
    assert warnings(caplog) == [
        "pathpoints: a time is in another unit: give milliseconds since the epoch"
    ]
    assert databases.pathpoints.get_current_value("W2") == (NOW + 0.5, 3)


def test_seconds_in_a_batch(databases, caplog):
    """A first batch tells, too."""
    databases.pathpoints.on_new_data_many([("W1", NOW, 2)])
    assert len(warnings(caplog)) == 1


def test_milliseconds_where_seconds_are_meant(databases, caplog):
    """An event that would start in the year 55 841."""
    for _ in range(2):
        databases.events.add_event(Event(started_on=NOW * 1000, message="hot"))
    assert warnings(caplog) == ["events: a time is in another unit: give seconds since the epoch"]
    assert len(list(databases.events.get_open_events())) == 2


@pytest.mark.parametrize("ts", [NOW * 1000, NOW * 1000 + 0.5, 0, -5, 86_400_000, 10**15])
def test_other_times_are_nobodys_mistake(databases, caplog, ts):
    """A clock that started in 1970, a time before it, the far future: all can be meant."""
    databases.pathpoints.on_new_data("W1", ts, 1)
    databases.events.add_event(Event(started_on=NOW, message="hot"))
    assert warnings(caplog) == []


def test_a_device_that_lives_in_1970_is_not_bothered(caplog):
    """Its clock was never set: milliseconds of its third week look like seconds of today."""
    warn_of_unit.cache_clear()
    with open_databases({"device": "pump-17"}, clock=lambda: 1_700_000.0) as databases:
        databases.pathpoints.on_new_data("W1", 1_700_000_000, 1)
    assert warnings(caplog) == []
