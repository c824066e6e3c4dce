"""What smok-core finds at the entry point: a backend of one role, without an engine of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from smok_core.hookspecs import BackendInfo, Capability, StoreContext, hookimpl
from smok_core.settings import PATH, Secret, option

if TYPE_CHECKING:
    from smok_core.roles import BaseEventDatabase


class WebhookOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a store with ``backend = "events-webhook"``."""

    url: Annotated[str, option("Where each change of an event is posted.", pattern="^https?://.")]
    path: Annotated[str, option("The file that keeps the events.", min_length=1, extra=PATH)]
    token: Annotated[Secret | None, option("Sent as Authorization: Bearer TOKEN.")] = None
    timeout_s: Annotated[float, option("Longest wait for an answer, in s.", gt=0, le=300)] = 10.0
    max_pending: Annotated[
        int,
        option(
            "Posts that may wait for the server; beyond it the oldest is dropped.", ge=1, le=10**6
        ),
    ] = 10_000


@hookimpl
def smok_backend() -> BackendInfo:
    """Describe the backend; what it promises is what the file of smok-pickle keeps."""
    return BackendInfo(
        summary="Events in a file, each change posted to an HTTP server at once.",
        options=WebhookOptions,
        capabilities=frozenset(
            {Capability.PERSISTENT, Capability.SURVIVES_KILL, Capability.MULTI_PROCESS}
        ),
    )


@hookimpl
def smok_open_events(context: StoreContext) -> BaseEventDatabase:
    """Open the role; the server is not asked until there is an event."""
    from smok_events_webhook.events import open_events  # noqa: PLC0415 - urllib and SQLite, when used

    return open_events(context)
