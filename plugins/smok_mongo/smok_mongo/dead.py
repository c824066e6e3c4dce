"""Documents that cannot be read: kept as they are and counted, never deleted, never in the way."""

import logging
from typing import Final

from smok_mongo.client import Server
from smok_mongo.commands import Document, count, find_one, insert_one
from smok_mongo.ids import span

logger = logging.getLogger(__name__)

DEAD: Final = "smok_dead"


def keep_copy(server: Server, collection: str, document: Document) -> bool:
    """Copy a document as it is to `DEAD`; False if it is gone already: acknowledged meanwhile."""
    found = find_one(server, collection, {"_id": document["_id"]})
    if found is None or found.get("left") == 0:
        return False
    insert_one(server, DEAD, {**found, "from": collection})
    logger.warning("store %s: a document of %s is set aside in %s", server.store, collection, DEAD)
    return True


def count_dead(server: Server, device: str) -> int:
    """Count what was set aside for a device."""
    return count(server, DEAD, {"_id": span(device)})
