"""The bound of a table's upload queue: ``max_pending`` with its policy (contract Q5)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from smok_core.engine.base import OnFull, Row, Settlement, When
from smok_core.errors import QueueFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.engine.base import Table
    from smok_core.roles.base import OnEngine

__all__ = ["QueueCap"]

logger = logging.getLogger(__name__)


class QueueCap:
    """Makes room in a table's queue before something is added, and counts what it drops.

    Args:
        database: The role it serves.
        table: The queue.
        droppable: Which waiting rows may be dropped at all.
    """

    def __init__(
        self,
        database: OnEngine,
        table: Table,
        droppable: Callable[[Row], bool] = lambda _: True,
    ) -> None:
        self._limits = database.context.settings.limits
        self._store, self._role = database.context.store, database.role
        self._table, self._droppable, self._codec = table, droppable, database.codec
        self._counters = database.engine.table("counters")
        self._key = f"{database.role}.dropped"

    def make_room(self, key: str) -> None:
        """Return when the row of this key may be added; one that is there already needs no room.

        Raises:
            QueueFull: The policy is ``refuse``, or nothing may be dropped.
        """
        cap = self._limits.max_pending
        if cap is None or self._table.get(key) is not None:
            return
        excess = self._table.stats().pending + 1 - cap
        if excess > 0:
            self._drop(excess, cap)

    def _drop(self, excess: int, cap: int) -> None:
        victims = self._victims(excess) if self._limits.on_full is OnFull.DROP_OLDEST else []
        if len(victims) < excess:
            raise QueueFull(self._store, f"{self._role}: max_pending is {cap} and as many wait")
        gone = self._table.settle([Settlement(row.key, row.seq, remove=True) for row in victims])
        self._count(gone)
        logger.warning("%s: dropped %d records, max_pending is %d", self._role, gone, cap)

    def _victims(self, count: int) -> list[Row]:
        found: list[Row] = []
        after = 0
        while len(found) < count and (rows := self._table.pending(1000, after)):
            after = rows[-1].seq
            found += filter(self._droppable, rows)
        return found[:count]

    def _count(self, more: int) -> None:
        while True:
            row = self._counters.get(self._key)
            value = self._codec.dumps((self._codec.loads(row.value) if row else 0) + more)
            condition: Any = {"expected_seq": row.seq} if row else {"when": When.ABSENT}
            if self._counters.put(self._key, value, **condition):
                return

    def dropped(self) -> int:
        """Count what was dropped in the lifetime of the store."""
        row = self._counters.get(self._key)
        return int(self._codec.loads(row.value)) if row else 0
