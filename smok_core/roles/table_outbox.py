"""A table's outbox: rows are put into it within the queue's limit, and handed out (contract Q)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from smok_core.engine.base import Ack, OnFull, Row, Table
from smok_core.errors import QueueFull
from smok_core.roles.base import DAMAGE, OnEngine, RoleStats
from smok_core.roles.outbox import B, Outbox, T

logger = logging.getLogger(__name__)

#: More victims are named than are needed: others may be at the oldest ones at the same time.
_SPARE: Final = 32
_PAGE: Final = 1000


class TableOutbox(Outbox[Row, T, B]):
    """The rows of a role's table that wait. The engine keeps the bound, and counts what it drops.

    Args:
        when: Tells the time of a decoded row, in seconds since the epoch.
        remove: Whether an acknowledged row leaves the table, or only waits no more.
        droppable: Which decoded rows may give way when ``max_pending`` is reached (contract Q5).
        drop: Whether a row that gives way leaves the table; as ``remove`` unless given.
    """

    def __init__(
        self,
        database: OnEngine,
        table: Table,
        load: Callable[[Row], T],
        batch: type[B],
        *,
        when: Callable[[T], float],
        remove: Callable[[Row], bool] = lambda _: False,
        droppable: Callable[[T], bool] = lambda _: True,
        drop: Callable[[Row], bool] | None = None,
    ) -> None:
        super().__init__(database, table, lambda rows: list(map(load, rows)), batch)
        self._table, self._loader, self._when, self._leaves = table, load, when, remove
        self._droppable, self._drop = droppable, drop or remove
        limits = database.context.settings.limits
        self._most, self._drops = limits.max_pending, limits.on_full is OnFull.DROP_OLDEST

    def put(self, key: str, value: bytes, **conditions: Any) -> bool:
        """Write a row that waits; see `Table.put`, whose other arguments it takes.

        It begins again as long as others change what it would drop: each time one of them got on.

        Raises:
            QueueFull: The policy is ``refuse``, or too little may be dropped; nothing has changed.
        """
        role, victims = self._database.role, list[Ack]()
        bound = {"pending": True, "max_pending": self._most, **conditions}
        while True:
            try:
                done = self._table.put(key, value, drop=victims, **bound)
            except QueueFull:
                seen, victims = victims, self._oldest() if self._drops else []
                if victims == seen:
                    full = f"{role}: max_pending is {self._most} and as many wait"
                    raise QueueFull(self._database.context.store, full) from None
            else:
                if victims:
                    logger.warning("%s: dropped the oldest, max_pending is %d", role, self._most)
                return done

    def _oldest(self) -> list[Ack]:
        """Name what may go, oldest first. What begins to wait later stands behind these."""
        wanted = self._table.stats().pending + 1 + _SPARE - (self._most or 0)
        found: list[Ack] = []
        after = 0
        while len(found) < wanted and (rows := self._table.pending(min(wanted, _PAGE), after)):
            after = rows[-1].seq
            found += [
                Ack(row.key, row.seq, remove=self._drop(row))
                for row, item in self._database.decoded(self._table, rows, self._loader)
                if self._droppable(item)
            ]
        return found[:wanted]

    def counts(self) -> RoleStats:
        found = self._table.stats()
        head = self._table.pending(1) if found.pending else []
        try:
            oldest = self._when(self._loader(head[0])) if head else None
        except DAMAGE:
            oldest = None  # taking it sets it aside; counting changes nothing
        return RoleStats(
            rows=found.rows, pending=found.pending, dropped=found.dropped, oldest_pending=oldest
        )

    def _acknowledge(self, records: Sequence[Row], tags: dict[int, str]) -> None:
        self._table.acknowledge(
            [Ack(row.key, row.seq, tags.get(row.seq), self._leaves(row)) for row in records]
        )

    def _set_aside(self, record: Row, reason: str) -> None:
        self._database.set_aside(self._table, record, reason)

    def _remove(self, record: Row) -> None:
        self._table.acknowledge([Ack(record.key, record.seq, remove=True)])
