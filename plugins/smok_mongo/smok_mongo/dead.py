"""Documents that cannot be read: set aside and counted, never deleted, never in the way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from smok_mongo.commands import Document, count, delete, find_one, insert_one
from smok_mongo.ids import span

if TYPE_CHECKING:
    from smok_mongo.client import Server

__all__ = ["DEAD", "count_dead", "set_aside"]

logger = logging.getLogger(__name__)

DEAD: Final = "smok_dead"


def set_aside(server: Server, collection: str, document: Document) -> None:
    """Move a document as it is to `DEAD`, unless it is gone already: acknowledged meanwhile."""
    where = {"_id": document["_id"]}
    found = find_one(server, collection, where)
    if found is None:
        return
    insert_one(server, DEAD, {**found, "from": collection})
    delete(server, collection, where)
    logger.warning("store %s: a document of %s is set aside in %s", server.store, collection, DEAD)


def count_dead(server: Server, device: str) -> int:
    """Count what was set aside for a device."""
    return count(server, DEAD, {"_id": span(device)})
