"""Events against a dict: opening, closing, uploading, clearing, restarting in any order."""

import msgspec

from smok_core.model import Event
from smok_core.roles import BaseEventDatabase
from smok_testing.checks import same
from smok_testing.harness import Harness
from smok_testing.machines.running import Machine, precondition, rule, strategies

NAMES = strategies.sampled_from("abcdefgh")


class Known(msgspec.Struct):
    """What is known of an event."""

    ended_on: int | None = None
    uuid: str | None = None
    waits: bool = True


class EventsMachine(Machine):
    """Every rule does one call on the role and the same to a dict."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        harness.fresh_roles()
        self.model: dict[str, Known] = {}
        self.uuids = 0

    @property
    def events(self) -> BaseEventDatabase:
        """Return the role."""
        return self.harness.roles.events

    @rule(name=NAMES, ended_on=strategies.none() | strategies.just(5))
    def add(self, name: str, ended_on: int | None) -> None:
        """Add an event, perhaps one that is there."""
        self.events.add_event(Event(started_on=1, provisional_uuid=name, ended_on=ended_on))
        self.model.setdefault(name, Known(ended_on))

    @rule(name=NAMES, ended_on=strategies.integers(6, 8))
    def close(self, name: str, ended_on: int) -> None:
        """Close an event that may have ended or be unknown."""
        given = Event(started_on=1, provisional_uuid=name, ended_on=ended_on)
        known = self.model.get(name)
        try:
            self.events.close_event(given)
        except KeyError:
            same(known, None, f"the event {name!r} that is called unknown")
            return
        assert known
        if known.ended_on is None:
            known.ended_on, known.waits = ended_on, True

    @rule(count=strategies.integers(0, 9), meanwhile=strategies.integers(0, 3))
    def upload(self, count: int, meanwhile: int) -> None:
        """The cloud gives uuids to the first few; one of them may be closed meanwhile."""
        batch = self.events.get_events_to_sync()
        found = batch.get_events() if batch else []
        pending = {name for name, known in self.model.items() if known.waits}
        same({event.provisional_uuid for event in found}, pending, "the upload")
        for event in found:
            same(event.uuid, self.model[event.provisional_uuid].uuid, "an uploaded uuid")
        acknowledged = found[:count]
        for event in acknowledged:
            self.model[event.provisional_uuid].waits = False
        for event in found[meanwhile : meanwhile + 1]:
            self.close(event.provisional_uuid, 9)
        if batch:
            batch.acknowledge(*(self._uuid(event) for event in acknowledged))

    def _uuid(self, event: Event) -> str:
        self.uuids += 1
        known = self.model[event.provisional_uuid]
        known.uuid = known.uuid or f"server-{self.uuids}"
        return known.uuid

    @rule()
    def clear(self) -> None:
        """Forget what has ended and is known to the cloud as it is."""
        self.events.clear_closed_and_synced_events()
        self.model = {n: k for n, k in self.model.items() if k.ended_on is None or k.waits}

    @precondition(lambda self: self.persistent)
    @rule()
    def restart(self) -> None:
        """The process ends and starts again."""
        self.harness.reopen_roles()

    def check(self) -> None:
        """All events and the open ones are what the dict says."""
        found = {e.provisional_uuid: (e.ended_on, e.uuid) for e in self.events.get_all_events()}
        same(found, {n: (k.ended_on, k.uuid) for n, k in self.model.items()}, "all events")
        still = {event.provisional_uuid for event in self.events.get_open_events()}
        same(still, {n for n, k in self.model.items() if k.ended_on is None}, "open events")
