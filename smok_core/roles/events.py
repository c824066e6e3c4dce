"""Events: what a device alarms about, until the cloud has it; and the caches of predicates."""

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import msgspec

from smok_core.engine.base import Ack, Engine, Row, When
from smok_core.engine.plain import check_plain
from smok_core.errors import InvalidType, NotFound
from smok_core.model import Event
from smok_core.roles.base import BATCH, Database, OnEngine
from smok_core.roles.checks import check_fields, check_key, warn_of_unit
from smok_core.roles.outbox import Batch, StoredBatch, TableOutbox
from smok_core.settings import StoreContext


class BaseEventSynchronization(Batch):
    """A batch of events on its way to the cloud."""

    @abstractmethod
    def get_events(self) -> list[Event]:
        """Return the events, oldest change first; each carries its uuid if it has one already."""

    def to_json(self) -> list[Any]:
        """Return the body of ``POST /v1/device/alarms``."""
        return [event.to_json() for event in self.get_events()]

    @abstractmethod
    def acknowledge(self, *uuids: str) -> None:
        """Set the n-th uuid on the n-th event; events beyond the last uuid stay pending.

        An event that changed meanwhile gets its uuid and stays pending. Twice is harmless.

        Raises InvalidType, InvalidKey: A uuid is no text of 1..512 bytes; nothing is acknowledged.
        """


class BaseEventDatabase(Database):
    """Keep events and the caches of predicates (contract EV). All methods: any thread."""

    role = "events"

    @abstractmethod
    def get_open_events(self) -> Iterator[Event]:
        """Stream a snapshot of the events that have not ended."""

    @abstractmethod
    def get_all_events(self) -> Iterator[Event]:
        """Stream a snapshot of all events that are kept."""

    @abstractmethod
    def add_event(self, event: Event) -> None:
        """Store an event and queue it. One whose provisional_uuid is stored already is left alone.

        Raises:
            InvalidType, InvalidValue: Not an `Event` with fields of the declared types.
            QueueFull: ``max_pending`` is reached and nothing may be dropped.
        """

    @abstractmethod
    def close_event(self, event: Event) -> None:
        """End an event at its ``ended_on``, or now if that is None, and queue it.

        Closing one that has ended is harmless and changes nothing. One that waits already needs
        no room; one that the cloud has as it was waits again, and needs it.

        Raises:
            NotFound: No event with this provisional_uuid is stored (a KeyError).
            QueueFull: ``max_pending`` is reached and nothing may be dropped; it is still open.
        """

    @abstractmethod
    def get_events_to_sync(self, limit: int = BATCH) -> BaseEventSynchronization | None:
        """Return the events to upload, or None."""

    @abstractmethod
    def set_cache(self, predicate_id: str, cache: Any) -> None:
        """Store a predicate's internal data (plain data only, see contract EV3)."""

    @abstractmethod
    def get_cache(self, predicate_id: str) -> Any:
        """Return a predicate's internal data. Raises NotFound: there is none (a KeyError)."""

    @abstractmethod
    def on_predicate_deleted(self, predicate_id: str) -> None:
        """Forget a predicate's internal data; its events stay."""

    @abstractmethod
    def clear_closed_and_synced_events(self) -> None:
        """Forget exactly the events that have ended and that the cloud has as they are."""


class EventSynchronization(StoredBatch[Event], BaseEventSynchronization):
    """The batch of `EventDatabase`."""

    def get_events(self) -> list[Event]:
        copy = msgspec.structs.replace
        return [copy(event, metadata=dict(event.metadata)) for event in self.values]

    def acknowledge(self, *uuids: str) -> None:
        self._outbox.acknowledge(self, [check_key("events", uuid) for uuid in uuids])


class EventDatabase(BaseEventDatabase, OnEngine):
    """The role on an engine: a row an event, its key the provisional uuid, its tag the server's."""

    tables = ("events", "events.cache")

    def __init__(self, context: StoreContext, engine: Engine) -> None:
        super().__init__(context, engine)
        self._keep = context.settings.keep_events_for.seconds
        self._cache = self.open_table(self.tables[1], engine)
        self.outbox: TableOutbox[Event, EventSynchronization] = TableOutbox(
            self,
            self._table,
            self._load,
            EventSynchronization,
            when=lambda event: event.started_on,
            droppable=Event.is_closed,
            drop=lambda _: True,
        )

    def use_cache_of(self, engine: Engine) -> None:
        """Keep the caches of predicates in another store than the events."""
        self._cache = self.open_table(self.tables[1], engine)

    def get_open_events(self) -> Iterator[Event]:
        return iter([event for event in self.items() if not event.is_closed()])

    def get_all_events(self) -> Iterator[Event]:
        return iter(self.items())

    def add_event(self, event: Event) -> None:
        checked = check_fields(self.role, "an event", event, Event)
        if checked.started_on > 1e11:
            warn_of_unit(self.role, "seconds")
        key = check_key(self.role, checked.provisional_uuid)
        uuid = None if checked.uuid is None else check_key(self.role, checked.uuid)
        self.outbox.put(key, self._dump(checked), when=When.ABSENT)
        if uuid is not None:
            # Seq 0 is nobody's: only the tag is set.
            self._table.acknowledge([Ack(key, 0, uuid)])

    def close_event(self, event: Event) -> None:
        given = check_fields(self.role, "an event", event, Event)
        ended_on = int(self.context.clock()) if given.ended_on is None else given.ended_on
        while True:
            row, stored = self.stored(self._table, given.provisional_uuid, self._load)
            if stored.is_closed():
                return
            stored.ended_on = ended_on
            if self.outbox.put(row.key, self._dump(stored), expected_seq=row.seq):
                return

    def get_events_to_sync(self, limit: int = BATCH) -> EventSynchronization | None:
        return self.outbox.take(limit)

    def set_cache(self, predicate_id: str, cache: Any) -> None:
        key = check_key(self.role, predicate_id)
        check_plain(cache, self.role, f"the cache of {key}")
        self._cache.put(key, self.codec.dumps(cache))

    def get_cache(self, predicate_id: str) -> Any:
        return self.stored(self._cache, predicate_id, super()._load)[1]

    def on_predicate_deleted(self, predicate_id: str) -> None:
        self._cache.delete(check_key(self.role, predicate_id))

    def clear_closed_and_synced_events(self) -> None:
        self._forget(before=math.inf)

    def tidy(self) -> None:
        self._forget(before=self.context.clock() - self._keep)

    def _forget(self, before: float) -> None:
        for row, event in self.rows():
            old = (event.ended_on or event.started_on) < before
            if event.is_closed() and not row.pending and old:
                self._table.delete(row.key, expected_seq=row.seq)

    def _dump(self, event: Event) -> bytes:
        fields = msgspec.structs.asdict(event)
        # The uuid is the row's tag: it must be settable without rewriting the event.
        del fields["uuid"], fields["provisional_uuid"]
        return self.codec.dumps(fields | {"color": int(event.color)})

    def _load(self, row: Row) -> Event:
        names = {"uuid": row.tag, "provisional_uuid": row.key}
        return msgspec.convert(self.codec.loads(row.value) | names, Event)


class NullEventDatabase(BaseEventDatabase):
    """Keeps nothing at all; chosen only by name: ``events = "null"`` (contract EV5)."""

    def get_open_events(self) -> Iterator[Event]:
        return iter(())

    def get_all_events(self) -> Iterator[Event]:
        return iter(())

    def add_event(self, event: Event) -> None:
        if type(event) is not Event:
            raise InvalidType(self.role, "an event", event, "an Event")

    def close_event(self, event: Event) -> None:
        self.add_event(event)

    def get_events_to_sync(self, limit: int = BATCH) -> None:  # noqa: ARG002 - the role's signature
        return None

    def set_cache(self, predicate_id: str, cache: Any) -> None:  # noqa: ARG002 - likewise
        check_key(self.role, predicate_id)

    def get_cache(self, predicate_id: str) -> Any:
        raise NotFound(self.role, predicate_id)

    def on_predicate_deleted(self, predicate_id: str) -> None:
        check_key(self.role, predicate_id)

    def clear_closed_and_synced_events(self) -> None:
        """Do nothing: there are none."""
