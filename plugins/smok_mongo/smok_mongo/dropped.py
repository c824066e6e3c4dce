"""How much was dropped: a number per process, so that no two processes write one."""

from smok_mongo.client import Server
from smok_mongo.commands import find, find_one, set_number
from smok_mongo.ids import join, span
from smok_mongo.turns import SERIES_METADATA


class Dropped:
    """The count of one queue; the caller holds the operation lock of its primitive."""

    def __init__(self, server: Server, prefix: str) -> None:
        self._server, self._prefix = server, prefix
        self._mine: tuple[str, int] | None = None  #: by this process, under its name

    def total(self) -> int:
        """Count what was dropped in the lifetime of the store, by all processes."""
        counts = find(self._server, SERIES_METADATA, {"_id": span(self._prefix)})
        return sum(int(document["dropped"]) for document in counts)

    def mine(self) -> int:
        """Count what this process has dropped."""
        owner = self._server.owner
        if self._mine is None or self._mine[0] != owner:
            found = find_one(self._server, SERIES_METADATA, {"_id": join(self._prefix, owner)})
            self._mine = owner, int(found["dropped"]) if found else 0
        return self._mine[1]

    def note(self, total: int) -> None:
        """Say how much this process has dropped; said before it drops, nothing goes uncounted."""
        owner = self._server.owner
        set_number(self._server, SERIES_METADATA, join(self._prefix, owner), "dropped", total)
        self._mine = owner, total
