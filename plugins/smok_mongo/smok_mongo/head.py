"""The head of a series: who wrote last, what is archived for sure, how much was dropped.

A process that finds another one's name in the head writes its own, forgets what it believed,
and archives what the other may have left behind. Only then it appends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bson import Int64

from smok_mongo.commands import find_one, insert_one, update_one

if TYPE_CHECKING:
    from smok_mongo.client import Server

__all__ = ["HEADS", "Head", "Heads"]

HEADS: Final = "smok_heads"


class Head(NamedTuple):
    """What the head document says."""

    writer: str = ""
    archived: int = 0  #: every batch up to this base is in the archive
    dropped: int = 0


class Heads:
    """Access to the head of one series; every change may be repeated."""

    def __init__(self, server: Server, head_id: str) -> None:
        self._server, self._id = server, head_id

    def read(self) -> Head:
        """Give the head."""
        found = find_one(self._server, HEADS, {"_id": self._id})
        if found is None:
            return Head()
        return Head(found["writer"], int(found["archived"]), int(found["dropped"]))

    def claim(self) -> None:
        """Write this process's name into the head."""
        query, writer = {"_id": self._id}, self._server.writer
        new = {**query, "writer": writer, "archived": Int64(0), "dropped": Int64(0)}
        change = {"$set": {"writer": writer}}
        if update_one(self._server, HEADS, query, change):
            return
        if not insert_one(self._server, HEADS, new):
            update_one(self._server, HEADS, query, change)

    def archived(self, base: int) -> None:
        """Note that all batches up to ``base`` are archived, unless another process took over."""
        query = {"_id": self._id, "writer": self._server.writer}
        change = {"$max": {"archived": Int64(base)}}
        update_one(self._server, HEADS, query, change)

    def dropped(self, total: int) -> None:
        """Note how many points were dropped for good."""
        query, change = {"_id": self._id}, {"$max": {"dropped": Int64(total)}}
        update_one(self._server, HEADS, query, change)
