"""The queue limit of a table: who may give way when ``max_pending`` is reached (contract Q5)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from smok_core.engine.base import Ack, OnFull, Row, Table
from smok_core.errors import QueueFull
from smok_core.roles.base import OnEngine

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: More victims are named than are needed: others may be at the oldest ones at the same time.
_SPARE: Final = 32
_PAGE: Final = 1000


class QueueLimit(Generic[T]):
    """Writes rows that wait, within the store's limits. The engine keeps the bound and counts.

    ``droppable`` tells which decoded rows may be dropped at all; ``remove`` whether one that is
    leaves the table, or stays and is only not handed over.
    """

    def __init__(
        self,
        database: OnEngine,
        table: Table,
        load: Callable[[Row], T],
        *,
        droppable: Callable[[T], bool] = lambda _: True,
        remove: Callable[[T], bool] = lambda _: False,
    ) -> None:
        limits = database.context.settings.limits
        self._most, self._drops = limits.max_pending, limits.on_full is OnFull.DROP_OLDEST
        self._database, self._table = database, table
        self._load, self._droppable, self._remove = load, droppable, remove

    def put(self, key: str, value: bytes, **conditions: Any) -> bool:
        """Write a row that waits; see `Table.put`, whose other arguments it takes.

        It begins again as long as others change what it would drop: each time one of them got on.

        Raises:
            QueueFull: The policy is ``refuse``, or too little may be dropped; nothing has changed.
        """
        victims: list[Ack] = []
        while True:
            try:
                done = self._put(key, value, victims, conditions)
            except QueueFull:
                seen, victims = victims, self._oldest() if self._drops else []
                if victims == seen:
                    raise self._full() from None
            else:
                self._tell(victims)
                return done

    def _put(self, key: str, value: bytes, victims: list[Ack], conditions: dict[str, Any]) -> bool:
        return self._table.put(
            key, value, pending=True, max_pending=self._most, drop=victims, **conditions
        )

    def _oldest(self) -> list[Ack]:
        """Name what may go, oldest first. What begins to wait later stands behind these."""
        wanted = self._table.stats().pending + 1 + _SPARE - (self._most or 0)
        found: list[Ack] = []
        after = 0
        while len(found) < wanted and (rows := self._table.pending(min(wanted, _PAGE), after)):
            after = rows[-1].seq
            found += [
                Ack(row.key, row.seq, remove=self._remove(item))
                for row, item in self._database.decoded(self._table, rows, self._load)
                if self._droppable(item)
            ]
        return found[:wanted]

    def _full(self) -> QueueFull:
        role, store = self._database.role, self._database.context.store
        return QueueFull(store, f"{role}: max_pending is {self._most} and as many wait")

    def _tell(self, victims: list[Ack]) -> None:
        if victims:
            role = self._database.role
            logger.warning("%s: dropped the oldest, max_pending is %d", role, self._most)
