"""Events and the caches of predicates for the published client."""

import logging
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

from smok_client.bridge import client
from smok_client.bridge.answers import Offer, Pace
from smok_client.bridge.error_guard import (
    Backlog,
    Refusals,
    deferred,
    guarded,
    nothing,
    the_client_calls,
)
from smok_client.bridge.errors import REGISTER
from smok_client.bridge.plain import from_plain, to_plain
from smok_core import model
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import InvalidType, InvalidValue, NotFound, SmokError
from smok_core.roles import BaseEventDatabase

logger = logging.getLogger(__name__)

#: Events of this process whose objects are remembered, so that they can be given their uuid.
_MAX_LIVE: Final = 10_000


class _Live:
    """The event objects that the device holds, by provisional uuid; the client has no weak ones."""

    def __init__(self) -> None:
        self._events: OrderedDict[str, client.Event] = OrderedDict()
        self._lock = fork_safe_lock(Layer.CALLER)

    def add(self, key: str, event: client.Event) -> None:
        with self._lock:
            self._events[key] = event
            if len(self._events) > _MAX_LIVE:
                self._events.popitem(last=False)

    def get(self, key: str | None) -> client.Event | None:
        with self._lock:
            return self._events.get(key) if key else None

    def acknowledged(self, key: str, uuid: str) -> None:
        """Write the cloud's uuid on the object; one that has ended is of no more interest."""
        with self._lock:
            event = self._events.get(key)
            if event is None:
                return
            event.uuid = event.uuid or uuid
            if event.is_point or event.ended_on is not None:
                del self._events[key]


class _Synchronization(client.BaseEventSynchronization):
    """A batch on its way to the cloud."""

    def __init__(self, offer: Offer, pace: Pace, live: _Live) -> None:
        self._offer, self._pace, self._live = offer, pace, live
        self._keys = [event.provisional_uuid for event in offer.part.get_events()]

    def get_events(self) -> list[client.Event]:
        return [to_client(event) for event in self._offer.part.get_events()]

    @guarded(nothing)
    def acknowledge(self, *uuids: str) -> None:
        if not uuids:  # an answer that names none is none
            self._pace.refuse(self._offer)
            return
        self._pace.acknowledge(self._offer, *uuids)
        for key, uuid in zip(self._keys, uuids, strict=False):
            self._live.acknowledged(key, uuid)

    @guarded(nothing)
    def negative_acknowledge(self) -> None:
        self._pace.refuse(self._offer)


class ClientEvents(client.BaseEventDatabase):
    """Takes and gives the client's `Event`; an object that was added is given its uuid."""

    def __init__(self, inner: BaseEventDatabase) -> None:
        self._inner, self._live, self.backlog, self.pace = inner, _Live(), Backlog(inner), Pace()
        self._states = _States(inner, self._known)

    @guarded(nothing)
    def checkpoint(self) -> None:
        self.backlog.drain()
        self._inner.checkpoint()

    def get_open_events(self) -> Iterator[client.Event]:
        return iter([self._object(event) for event in self._inner.get_open_events()])

    def get_all_events(self) -> Iterator[client.Event]:
        return iter([self._object(event) for event in self._inner.get_all_events()])

    @deferred
    def add_event(self, event: client.Event) -> None:
        ours = to_model(event)
        # Remembered first: it may be uploaded, and given its uuid, before this returns.
        self._live.add(ours.provisional_uuid, event)
        self._inner.add_event(ours)

    @deferred
    def close_event(self, event: client.Event) -> None:
        ours = to_model(event)
        try:
            self._inner.close_event(ours)
        except NotFound:
            # The client lets an event be closed that its database has forgotten, and uploads it.
            self._inner.add_event(ours)

    @guarded(nothing)
    def get_events_to_sync(self) -> _Synchronization | None:
        self.backlog.drain()
        offer = self.pace.offer(self._inner.get_events_to_sync)
        return _Synchronization(offer, self.pace, self._live) if offer else None

    def set_cache(self, predicate_id: str, cache: Any) -> None:
        self._states.set(predicate_id, cache)

    def get_cache(self, predicate_id: str) -> Any:
        return self._states.get(predicate_id)

    @guarded(nothing)
    def on_predicate_deleted(self, predicate_id: str) -> None:
        self._states.forget(predicate_id)
        self._inner.on_predicate_deleted(predicate_id)

    @guarded(nothing)
    def clear_closed_and_synced_events(self) -> None:
        self._inner.clear_closed_and_synced_events()

    def _object(self, event: model.Event) -> client.Event:
        return self._known(to_client(event))

    def _known(self, event: client.Event) -> client.Event:
        """Return the object the device holds for this event, so that there is only one of each."""
        live = self._live.get(event.provisional_uuid)
        if live is None:
            return event
        live.uuid = live.uuid or event.uuid
        return live


class _States:
    """The caches of predicates; a store that fails for a while must not make them start afresh."""

    def __init__(self, inner: BaseEventDatabase, known: Any) -> None:
        self._inner, self._known, self._refusals = inner, known, Refusals(inner)
        self._unsaved: dict[str, Any] = {}  #: could not be stored, and lives on in this process
        self._unread: set[str] = set()  #: stored, and could not be read

    def get(self, predicate_id: str) -> Any:
        if predicate_id in self._unsaved:
            return self._unsaved[predicate_id]
        try:
            return from_plain(self._inner.get_cache(predicate_id), self._known)
        except NotFound:
            raise
        except SmokError as error:
            if not the_client_calls():
                raise
            logger.warning("the state of predicate %r cannot be read: %s", predicate_id, error)
            self._unread.add(predicate_id)
            raise KeyError(predicate_id) from error

    def set(self, predicate_id: str, state: Any) -> None:
        try:
            if not self._would_overwrite(predicate_id):
                self._inner.set_cache(predicate_id, to_plain(state))
                self._unsaved.pop(predicate_id, None)
        except SmokError as error:
            if not the_client_calls():
                if isinstance(error, InvalidType | InvalidValue):
                    error.add_note(REGISTER)
                raise
            self._keep(predicate_id, state, error)

    def forget(self, predicate_id: str) -> None:
        self._unsaved.pop(predicate_id, None)
        self._unread.discard(predicate_id)

    def _would_overwrite(self, predicate_id: str) -> bool:
        """Tell whether this state was begun without the stored one, which then stays."""
        if predicate_id not in self._unread:
            return False
        try:
            self._inner.get_cache(predicate_id)
            found = True
        except NotFound:
            found = False
        self._unread.discard(predicate_id)
        return found

    def _keep(self, predicate_id: str, state: Any, error: SmokError) -> None:
        if predicate_id not in self._unsaved:
            logger.error("the state of %r lives in memory only: %s", predicate_id, error)
        self._unsaved[predicate_id] = state
        if isinstance(error, InvalidType | InvalidValue):
            reason = (
                f"the state of predicate {predicate_id} is lost when the process ends: {error} "
                f"{REGISTER}"
            )
            self._refusals.tell(predicate_id, state, reason)


def to_model(event: client.Event) -> model.Event:
    """Return our event for the client's; its times may be floats, its texts None or numbers."""
    return model.Event(
        uuid=event.uuid,
        provisional_uuid=event.provisional_uuid or event.uuid or "",
        started_on=int(event.started_on),
        ended_on=None if event.ended_on is None else int(event.ended_on),
        color=model.Color(int(event.color)),
        is_point=bool(event.is_point),
        token=_text(event.token),
        group=_text(event.group),
        message=_text(event.message),
        handled_by=event.handled_by,
        metadata={_text(key): _text(value) for key, value in (event.metadata or {}).items()},
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def to_client(event: model.Event) -> client.Event:
    """Return the client's event for ours."""
    made = client.Event(
        event.uuid,
        event.started_on,
        event.ended_on,
        client.Color(int(event.color)),
        event.is_point,
        event.token,
        event.group,
        event.message,
        event.handled_by,
        dict(event.metadata),
    )
    made.started_on = event.started_on  # the client takes 0 for "now"
    made.provisional_uuid = event.provisional_uuid
    return made
