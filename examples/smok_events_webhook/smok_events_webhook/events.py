"""The role events: kept by the core's own implementation in memory, and posted as they change.

Writing a role from nothing means keeping some twenty clauses. Deriving from the core's class on
an engine of one's own keeps them all, and leaves to add what is new here: telling the server.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.engine.memory import MemoryEngine
from smok_core.roles.dead_letters import DeadLetters
from smok_core.roles.events import EventDatabase
from smok_events_webhook.postman import Postman

if TYPE_CHECKING:
    from smok_core.engine.base import Engine
    from smok_core.hookspecs import StoreContext
    from smok_core.model import Event


def open_events(context: StoreContext) -> WebhookEventDatabase:
    """Open the role of a configuration."""
    options = context.options
    token = options.token.reveal() if options.token else None
    engine = MemoryEngine(context.store)
    letters = DeadLetters("events", engine, context.clock)

    def refused(body: bytes, reason: str) -> None:
        post = json.loads(body)
        letters.add_refused(post["id"], post, reason)

    postman = Postman(options.url, token, options.timeout_s, options.max_pending, refused=refused)
    return WebhookEventDatabase(context, engine, postman)


class WebhookEventDatabase(EventDatabase):
    """Events in memory; a post for each that begins or ends, once, in their order."""

    def __init__(self, context: StoreContext, engine: Engine, postman: Postman) -> None:
        super().__init__(context, engine)
        self.postman = postman
        self._lock = fork_safe_lock(Layer.ROLE)
        #: The events the server was told of, and whether it was told of their end.
        self._told: dict[str, bool] = {}

    def add_event(self, event: Event) -> None:
        with self._lock:
            super().add_event(event)
            if event.provisional_uuid not in self._told:
                self._tell("opened", event)

    def close_event(self, event: Event) -> None:
        with self._lock:
            super().close_event(event)
            if not self._told.get(event.provisional_uuid):
                self._tell("closed", self._stored_event(event.provisional_uuid))

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

    def _tell(self, change: str, event: Event) -> None:
        self._told[event.provisional_uuid] = event.is_closed()
        body = {
            "device": self.context.device,
            "change": change,
            "id": event.provisional_uuid,
            "event": event.to_json(),
        }
        self.postman.post(json.dumps(body).encode())

    def _forget_told(self) -> None:
        with self._lock:
            kept = {event.provisional_uuid for event in self.get_all_events()}
            self._told = {key: ended for key, ended in self._told.items() if key in kept}
