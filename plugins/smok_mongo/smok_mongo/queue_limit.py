"""The bound of a queue: refuses what is too much, or tells what has to go for it."""

from collections.abc import Sequence

from smok_core.engine.base import Limits, OnFull
from smok_core.errors import QueueFull
from smok_mongo.client import Server
from smok_mongo.queue import BatchQueue


class QueueLimit:
    """Watches one queue without counting it: only when it might be full the server is asked.

    What it decides holds for a batch that gets the place above the newest one: nobody has appended
    since, and whoever acknowledges only makes room.
    """

    def __init__(self, server: Server, queue: BatchQueue) -> None:
        self._server, self._queue = server, queue
        self.limits = Limits()
        self._at_most: int | None = None  #: never fewer than wait in the queue, or unknown

    def forget(self) -> None:
        """Note that another process has appended."""
        self._at_most = None

    def changed(self, count: int) -> None:
        """Note that this process has appended, or (below 0) acknowledged."""
        if self._at_most is not None:
            self._at_most += count

    def refuse_if_full(self, count: int) -> None:
        """Raise if ``count`` more are too many and none may be dropped.

        Raises:
            QueueFull: With how many wait.
        """
        most = self.limits.max_pending
        if most is None or not count or self.limits.on_full is not OnFull.REFUSE:
            return
        if self._exceeds(most - count):
            detail = f"{self._at_most} points wait, max_pending is {most}"
            raise QueueFull(self._server.store, detail)

    def dropped_for(self, seqs: range, replaced: Sequence[int]) -> list[int]:
        """Return the oldest seqs that have to go if these are appended, their own the last ones."""
        most = self.limits.max_pending
        if most is None or not seqs or self.limits.on_full is OnFull.REFUSE:
            return []
        if not self._exceeds(most - len(seqs)):
            return []
        leaving = self._queue.open_seqs(replaced) if replaced else set()
        excess = (self._at_most or 0) - len(leaving) + len(seqs) - most
        oldest = self._queue.oldest(max(0, excess) + len(leaving))
        going = [seq for seq in (*oldest, *seqs) if seq not in leaving]
        return going[: max(0, excess)]

    def _exceeds(self, most: int) -> bool:
        if self._at_most is None or self._at_most > most:
            self._at_most = self._queue.counts().pending
        return self._at_most > most
