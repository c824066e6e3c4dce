"""The bound of a queue: refuses what is too much, or drops the oldest and counts it for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smok_core.engine.base import Limits, OnFull
from smok_core.errors import QueueFull
from smok_mongo.commands import find_one
from smok_mongo.dropped import Dropped
from smok_mongo.ids import join
from smok_mongo.metadata import HEADS

if TYPE_CHECKING:
    from smok_mongo.client import Server
    from smok_mongo.queue import BatchQueue

__all__ = ["Cap"]


class Cap:
    """Watches one queue without counting it: only when it might be full the server is asked."""

    def __init__(self, server: Server, queue: BatchQueue, prefix: str) -> None:
        self._server, self._queue, self._prefix = server, queue, prefix
        self._dropped = Dropped(server, join(prefix, "dropped.points"))
        self.limits = Limits()
        self._at_most: int | None = None  #: never fewer than wait in the queue, or unknown

    def forget(self) -> None:
        """Note that another process has appended."""
        self._at_most = None

    def pending(self, count: int) -> None:
        """Note that this process has appended."""
        if self._at_most is not None:
            self._at_most += count

    def acknowledged(self, count: int) -> None:
        """Note that this process has acknowledged."""
        if self._at_most is not None:
            self._at_most -= count

    def refuse_if_full(self, count: int) -> None:
        """Raise if ``count`` more are too many and none may be dropped.

        Raises:
            QueueFull: With how many wait.
        """
        cap = self.limits.max_pending
        if cap is None or not count or self.limits.on_full is not OnFull.REFUSE:
            return
        if self._exceeds(cap - count):
            detail = f"{self._at_most} points wait, max_pending is {cap}"
            raise QueueFull(self._server.store, detail)

    def drop_excess(self) -> None:
        """Take the oldest out of a queue that is too long; they are counted before they go.

        What another process takes out just now is its to count, and is counted here no more.
        """
        cap = self.limits.max_pending
        if cap is None or self.limits.on_full is OnFull.REFUSE or not self._exceeds(cap):
            return
        seqs, before = self._queue.oldest((self._at_most or 0) - cap), self._dropped.mine()
        self._dropped.note(before + len(seqs))
        taken = self._queue.acknowledge(seqs)
        if taken < len(seqs):
            self._dropped.note(before + taken)
        self.acknowledged(taken)

    def dropped(self) -> int:
        """Count what was dropped in the lifetime of the store, by all processes."""
        of_schema_1 = find_one(self._server, HEADS, {"_id": self._prefix}) or {}
        return self._dropped.total() + int(of_schema_1.get("dropped", 0))

    def _exceeds(self, cap: int) -> bool:
        if self._at_most is None or self._at_most > cap:
            self._at_most = self._queue.pending_count()
        return self._at_most > cap
