"""EV5: the null event database keeps nothing, and only a name chooses it."""

import pytest

import smok_core
from smok_core import Event, NullEventDatabase
from smok_core.errors import InvalidType


def test_it_keeps_nothing():
    """Whatever is given, nothing is stored, waits or comes back."""
    with smok_core.open_databases({"roles": {"events": "null"}}) as databases:
        events = databases.events
        assert isinstance(events, NullEventDatabase)
        event = Event(started_on=1)
        events.add_event(event)
        events.close_event(event)
        events.set_cache("p", 1)
        with pytest.raises(KeyError):
            events.get_cache("p")
        events.on_predicate_deleted("p")
        events.clear_closed_and_synced_events()
        assert list(events.get_all_events()) == list(events.get_open_events()) == []
        assert events.get_events_to_sync() is None
        assert events.stats().rows == events.stats().pending == 0


def test_it_still_refuses_what_is_no_event():
    """A mistake is not hidden by nobody listening."""
    with pytest.raises(InvalidType):
        NullEventDatabase().add_event("hot")


def test_only_its_name_chooses_it():
    """A role that is left out is kept in memory, never thrown away."""
    with smok_core.open_databases({}) as databases:
        assert not isinstance(databases.events, NullEventDatabase)
        databases.events.add_event(Event(started_on=1))
        assert databases.events.stats().pending == 1
