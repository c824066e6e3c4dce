"""The role events: kept by the core's own implementation in a file, and posted as they change.

Writing a role from nothing means keeping some twenty clauses. Deriving from the core's class on
an engine that exists keeps them all, and leaves to add what is new here: telling the server. What
it was told stands in a table beside the events, so a killed process goes on where it was.
"""

import contextlib
import json
from functools import partial

import msgspec
from smok_pickle.options import PickleOptions
from smok_pickle.plugin import smok_open_engine

from smok_core.engine.base import Engine
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import SmokError
from smok_core.model import Event
from smok_core.roles.events import EventDatabase
from smok_core.settings import StoreContext
from smok_events_webhook.postman import Postman

_OPENED, _ENDED = b"opened", b"ended"


def open_events(context: StoreContext) -> "WebhookEventDatabase":
    """Open the role of a configuration."""
    file = PickleOptions(path=context.options.path)
    return WebhookEventDatabase(
        context, smok_open_engine(msgspec.structs.replace(context, options=file))
    )


class WebhookEventDatabase(EventDatabase):
    """Events in a file; a post for each that begins or ends, in their order.

    A post is sent again after a restart unless it is known to have arrived: at least once.
    """

    def __init__(self, context: StoreContext, engine: Engine) -> None:
        super().__init__(context, engine)
        options = context.options
        token = options.token.reveal() if options.token else None
        self.postman = Postman(
            options.url, token, options.timeout_s, options.max_pending, refused=self._refused
        )
        self._lock = fork_safe_lock(Layer.ROLE)
        self._arrived = engine.table("events.told")
        #: The events the server was or will be told of, and whether with their end.
        self._told = {row.key: row.value == _ENDED for row in self._arrived.rows()}
        if not context.looking:
            for event in self.get_all_events():
                self._tell_news(event)

    def add_event(self, event: Event) -> None:
        with self._lock:
            super().add_event(event)
            if event.provisional_uuid not in self._told:
                self._tell_news(event)

    def close_event(self, event: Event) -> None:
        with self._lock:
            super().close_event(event)
            if not self._told.get(event.provisional_uuid):
                self._tell_news(self._stored_event(event.provisional_uuid))

    def clear_closed_and_synced_events(self) -> None:
        super().clear_closed_and_synced_events()
        self._forget_told()

    def tidy(self) -> None:
        super().tidy()
        self._forget_told()

    def close(self) -> None:
        self.postman.close()
        super().close()
        self.engine.close()

    def _stored_event(self, provisional_uuid: str) -> Event:
        # close_event has raised already if there is none.
        return next(e for e in self.get_all_events() if e.provisional_uuid == provisional_uuid)

    def _tell_news(self, event: Event) -> None:
        """Post what the server does not know of an event; one that has ended is one post."""
        key, ended = event.provisional_uuid, event.is_closed()
        known = self._told.get(key)
        if known is None or ended > known:
            self._told[key] = ended
            self._post("opened" if known is None else "closed", event, ended=ended)

    def _post(self, change: str, event: Event, *, ended: bool) -> None:
        key = event.provisional_uuid
        device = self.context.device
        body = {"device": device, "change": change, "id": key, "event": event.to_json()}
        self.postman.post(json.dumps(body).encode(), partial(self._note, key, ended=ended))

    def _note(self, key: str, *, ended: bool) -> None:
        # Where it cannot be noted the same is posted again after the next start.
        with contextlib.suppress(SmokError):
            self._arrived.put(key, _ENDED if ended else _OPENED)

    def _refused(self, body: bytes, reason: str) -> None:
        post = json.loads(body)
        self.dead.add_refused(post["id"], post, reason)

    def _forget_told(self) -> None:
        with self._lock:
            kept = {event.provisional_uuid for event in self.get_all_events()}
            for key in self._told.keys() - kept:
                del self._told[key]
            for row in self._arrived.rows():
                if row.key not in kept:
                    self._arrived.delete(row.key)
