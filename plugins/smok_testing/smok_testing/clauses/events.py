"""Events: from opening to closing to the cloud."""

import math
from typing import Any

import msgspec

from smok_core.errors import SmokError
from smok_core.hookspecs import Capability
from smok_core.model import Color, Event
from smok_core.roles import BaseEventDatabase
from smok_testing.checks import raises, refuses, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness

clause = clauses_of("events")
PERSISTENT: dict[str, Any] = {"level": Level.DURABLE, "needs": Capability.PERSISTENT}
DAY = 86_400


def event(name: str, **fields: Any) -> Event:
    """Return an event whose provisional uuid is ``name``."""
    return Event(**{"started_on": 10, "provisional_uuid": name, **fields})


def full_event() -> Event:
    """Return an event that has every field set to something of its own."""
    return Event(
        started_on=-5, color=Color.RED, is_point=False, group="g", message="é🔧\n",
        token="t",  # noqa: S106 - no password
        metadata={"$ne": "", "a.b": "1"}, ended_on=None, handled_by="me", provisional_uuid="full",
    )  # fmt: skip


def all_of(events: BaseEventDatabase) -> dict[str, Event]:
    """Return all events by their provisional uuid."""
    return {found.provisional_uuid: found for found in events.get_all_events()}


def offered(events: BaseEventDatabase) -> list[tuple[str, str | None, int | None]]:
    """Return provisional uuid, uuid and end of the events that would be uploaded now."""
    batch = events.get_events_to_sync()
    found = batch.get_events() if batch else []
    return [(one.provisional_uuid, one.uuid, one.ended_on) for one in found]


@clause("EV1")
def an_event_is_kept_as_it_was_given(harness: Harness) -> None:
    """Every field of an event comes back, from the listings and from the upload."""
    events = harness.roles.events
    events.add_event(full_event())
    same(list(events.get_all_events()), [full_event()], "all events")
    same(list(events.get_open_events()), [full_event()], "open events")
    batch = events.get_events_to_sync()
    assert batch
    same(batch.to_json(), [full_event().to_json()], "the upload")


@clause("EV1", "G4")
def adding_an_event_twice_is_harmless(harness: Harness) -> None:
    """An event that is stored already is left alone, whatever the second one says."""
    events = harness.roles.events
    events.add_event(event("a", message="first"))
    events.add_event(event("a", message="second"))
    same([found.message for found in events.get_all_events()], ["first"], "messages")
    same(len(offered(events)), 1, "events of the upload")


@clause("EV1")
def only_open_events_are_open(harness: Harness) -> None:
    """Ended and point events are listed among all events, not among the open ones."""
    events = harness.roles.events
    events.add_event(event("open"))
    events.add_event(event("ended", ended_on=11))
    events.add_event(event("point", is_point=True))
    same([found.provisional_uuid for found in events.get_open_events()], ["open"], "open events")
    same(sorted(all_of(events)), ["ended", "open", "point"], "all events")


@clause("EV1")
def closing_ends_an_event_once(harness: Harness) -> None:
    """An event ends when it says, or now; closing it again changes nothing."""
    events = harness.roles.events
    harness.clock.now = 1234.9
    for name, ended_on in (("a", 77), ("b", None)):
        events.add_event(event(name))
        events.close_event(event(name, ended_on=ended_on))
    same({n: e.ended_on for n, e in all_of(events).items()}, {"a": 77, "b": 1234}, "ends")
    events.close_event(event("a", ended_on=99))
    same(all_of(events)["a"].ended_on, 77, "the end after closing again")
    same(list(events.get_open_events()), [], "open events")


@clause("EV1", "G7")
def closing_an_unknown_event_is_a_key_error(harness: Harness) -> None:
    """Nothing is made of an event that was never added."""
    events = harness.roles.events
    refuses(lambda: events.close_event(event("x")), KeyError, "events", "x", what="close_event")
    same(list(events.get_all_events()), [], "all events")


@clause("EV1")
def closing_keeps_the_rest_of_an_event(harness: Harness) -> None:
    """Only the end of an event changes when it is closed, and it keeps its uuids."""
    events = harness.roles.events
    events.add_event(full_event())
    batch = events.get_events_to_sync()
    assert batch
    batch.acknowledge("server-1")
    events.close_event(event("full", ended_on=7, message="other"))
    wanted = msgspec.structs.replace(full_event(), ended_on=7, uuid="server-1")
    same(list(events.get_all_events()), [wanted], "all events")


@clause("EV2")
def the_nth_uuid_is_the_nth_events(harness: Harness) -> None:
    """Each event of a batch gets the uuid at its own position."""
    events = harness.roles.events
    for name in "dbac":
        events.add_event(event(name))
    batch = events.get_events_to_sync()
    assert batch
    order = [found.provisional_uuid for found in batch.get_events()]
    same(order, ["d", "b", "a", "c"], "the order of the batch")
    batch.acknowledge("1", "2", "3", "4")
    found = {name: one.uuid for name, one in all_of(events).items()}
    same(found, {"d": "1", "b": "2", "a": "3", "c": "4"}, "uuids")
    same(offered(events), [], "the upload")


@clause("EV2", "Q4")
def fewer_uuids_acknowledge_only_the_beginning(harness: Harness) -> None:
    """Events beyond the last uuid stay pending; uuids beyond the last event are ignored."""
    events = harness.roles.events
    for name in "abc":
        events.add_event(event(name))
    batch = events.get_events_to_sync()
    assert batch
    batch.acknowledge("1")
    same(offered(events), [("b", None, None), ("c", None, None)], "the upload")
    rest = events.get_events_to_sync()
    assert rest
    rest.acknowledge("2", "3", "4", "5")
    same([one.uuid for one in events.get_all_events()], ["1", "2", "3"], "uuids")
    none = events.get_events_to_sync()
    same(none, None, "the upload in the end")


@clause("EV2", "Q2")
def an_event_closed_during_its_upload_goes_again(harness: Harness) -> None:
    """It stays pending with its end, and its next upload carries the uuid it got."""
    events = harness.roles.events
    for name in "abc":
        events.add_event(event(name))
    batch = events.get_events_to_sync()
    assert batch
    events.close_event(event("b", ended_on=20))
    batch.acknowledge("1", "2", "3")
    same(offered(events), [("b", "2", 20)], "the upload")
    again = events.get_events_to_sync()
    assert again
    same(again.to_json()[0]["uuid"], "2", "uuid of the second upload")
    again.acknowledge("2")
    same({n: e.uuid for n, e in all_of(events).items()}, {"a": "1", "b": "2", "c": "3"}, "uuids")


@clause("EV2", "G4", "G5")
def a_wrong_uuid_acknowledges_nothing(harness: Harness) -> None:
    """If one of the uuids is no uuid, no event is acknowledged and none gets one."""
    events = harness.roles.events
    events.add_event(event("a"))
    events.add_event(event("b"))
    batch = events.get_events_to_sync()
    assert batch
    for wrong in (None, "", 7, "\ud800", "x\0"):
        with raises(SmokError, what=f"acknowledge with {wrong!r}"):
            batch.acknowledge("1", wrong)  # type: ignore[arg-type]
    same(offered(events), [("a", None, None), ("b", None, None)], "the upload")
    same([one.uuid for one in events.get_all_events()], [None, None], "uuids")
    same(events.stats().pending, 2, "events that wait")


@clause("EV1", "G4", "G6")
def other_things_are_no_events(harness: Harness) -> None:
    """A wrong type, field, key or uuid is refused, and nothing is stored."""
    events = harness.roles.events
    wrong: tuple[Any, ...] = (
        None, {}, "a", event("a", started_on="10"), event("a", message=None), event(""),
        event("a\0"), event("k" * 513), event("a", metadata={"k": 1}), event("a", uuid=""),
        event("a", uuid="\ud800"), event("a", ended_on=1.5), event("a", message="\udfff"),
        event("a", started_on=math.nan), event("a", color=7), event("a", is_point=1),
    )  # fmt: skip
    for thing in wrong:
        with raises(SmokError, what=f"add_event with {thing!r}"):
            events.add_event(thing)
        same(list(events.get_all_events()), [], f"all events after add_event with {thing!r}")


@clause("EV1")
def an_event_may_bring_its_uuid(harness: Harness) -> None:
    """An event that the server knows already is kept with its uuid and uploaded with it."""
    events = harness.roles.events
    events.add_event(event("a", uuid="server-1"))
    same(offered(events), [("a", "server-1", None)], "the upload")


@clause("EV4")
def clearing_removes_closed_and_synced_only(harness: Harness) -> None:
    """Open events, and those that the cloud does not have as they are, stay."""
    events = harness.roles.events
    for name in ("open", "closed", "changed"):
        events.add_event(event(name))
    events.close_event(event("closed", ended_on=11))
    batch = events.get_events_to_sync()
    assert batch
    batch.acknowledge("1", "2", "3")
    events.close_event(event("changed", ended_on=12))
    events.add_event(event("new", ended_on=13))
    events.clear_closed_and_synced_events()
    same(sorted(all_of(events)), ["changed", "new", "open"], "events left")


@clause("EV4")
def a_checkpoint_forgets_old_events(harness: Harness) -> None:
    """Closed and synced events go when they ended ``keep_events_for`` ago, no others."""
    events = harness.fresh_roles(keep_events_for="2d").events
    harness.clock.now = 100.0 * DAY
    for name, days in (("old", 97), ("young", 99)):
        events.add_event(event(name, started_on=0, ended_on=days * DAY))
    events.add_event(event("open", started_on=0))
    batch = events.get_events_to_sync()
    assert batch
    batch.acknowledge("1", "2", "3")
    events.add_event(event("unsent", started_on=0, ended_on=1))
    events.checkpoint()
    same(sorted(all_of(events)), ["open", "unsent", "young"], "events left")


@clause("EV1", "EV2", **PERSISTENT)
def events_survive_a_restart(harness: Harness) -> None:
    """Events, their uuids and ends are the same after a restart."""
    events = harness.roles.events
    events.add_event(full_event())
    events.add_event(event("b"))
    batch = events.get_events_to_sync()
    assert batch
    events.close_event(event("b", ended_on=20))
    batch.acknowledge("1", "2")
    before = all_of(events)
    events = harness.reopen_roles().events
    same(all_of(events), before, "all events")
    same(offered(events), [("b", "2", 20)], "the upload")
