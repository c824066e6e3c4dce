"""The bound of a table's queue: each row that begins to wait under one takes a slot of its own.

A bound of n allows the slots 0 to n-1, and a unique index lets one row have a slot. So the row and
its room are one document: no process can let in too many, and none that is killed keeps a slot.
Rows that wait without a slot (written without a bound, put back by hand) leave fewer slots.
"""

import random
from collections.abc import Iterable, Sequence

from pymongo.database import Database

from smok_core.engine.base import Ack
from smok_core.errors import QueueFull
from smok_mongo.client import Server
from smok_mongo.commands import Document, count, find, find_one
from smok_mongo.dropped import Dropped
from smok_mongo.ids import join, seq_text, span
from smok_mongo.rows import Places
from smok_mongo.table_versions import ROWS, TableVersions

#: Slots looked at in one reading.
_WINDOW = 1000


class Slots:
    """The slots of one table; the caller holds the table's operation_lock."""

    def __init__(self, server: Server, table_versions: TableVersions, places: Places) -> None:
        self._server, self._versions, self._places = server, table_versions, places
        self._hint = 0
        self.dropped = Dropped(server, join(table_versions.prefix, "dropped"))

    # --- room --------------------------------------------------------------------------------

    def take(self, most: int, drop: Sequence[Ack]) -> str:
        """Return a slot that is free now; what is named in ``drop`` goes as far as is needed.

        Raises:
            QueueFull: There is none; nothing has been dropped.
        """
        pending = self._pending()
        excess = pending + 1 - most
        if excess > 0:
            victims = self._victims(drop, excess)
            if len(victims) < excess:
                raise self._full(most)
            for victim in victims:
                self._drop(victim)
        return self._free(most)

    def _pending(self) -> int:
        return count(self._server, ROWS, {"q": span(self._versions.seen_prefix)})

    def _free(self, most: int) -> str:
        """Look from where the last one was: in a queue the oldest slot is the next to be free."""
        usable = self._usable(most)
        if not usable:  # others have just taken what was free
            raise self._full(most)
        for first in [*range(self._hint, usable, _WINDOW), *range(0, usable, _WINDOW)]:
            window = range(first, min(first + _WINDOW, usable))
            used = self._used(window)
            for number in window:
                if self._slot(number) not in used:
                    self._hint = number + 1
                    return self._slot(number)
        # Others were faster; any slot will do, the index refuses it and the put begins again.
        return self._slot(random.randrange(usable))  # noqa: S311 - not cryptography

    def _full(self, most: int) -> QueueFull:
        return QueueFull(self._server.store, f"max_pending is {most} and as many records wait")

    def _usable(self, most: int) -> int:
        """Return how many slots there are beside the rows that wait outside of them."""
        usable = most
        while True:
            # In this order: what others add in between is taken for outside, never forgotten.
            inside = count(self._server, ROWS, {"s": self._below(usable)})
            outside = self._pending() - inside
            if usable <= most - outside:
                return max(usable, 0)
            usable = max(most - outside, 0)

    def _used(self, window: range) -> set[str]:
        limits = {"$gte": self._slot(window.start), "$lt": self._slot(window.stop)}
        return {document["s"] for document in find(self._server, ROWS, {"s": limits}, {"s": 1})}

    def _below(self, number: int) -> Document:
        return {"$gte": f"{self._versions.seen_prefix}|", "$lt": self._slot(number)}

    def _slot(self, number: int) -> str:
        return join(self._versions.seen_prefix, seq_text(number))

    # --- dropping ----------------------------------------------------------------------------

    def _victims(self, drop: Iterable[Ack], most: int) -> list[Ack]:
        found: list[Ack] = []
        for victim in drop:
            if len(found) < most and find_one(self._server, ROWS, self._query(victim), {"_id": 1}):
                found.append(victim)
        return found

    def _drop(self, victim: Ack) -> None:
        """Count it before it goes; if somebody else was faster, take the count back."""
        before = self.dropped.mine()
        self.dropped.note(before + 1)
        if not self._end_wait(victim):
            self.dropped.note(before)

    def _end_wait(self, victim: Ack) -> bool:
        query, attempts = self._query(victim), 0

        def work(db: Database[Document]) -> int:
            nonlocal attempts
            attempts += 1
            if victim.remove:
                return db[ROWS].delete_one(query).deleted_count
            change = {"$unset": {"q": "", "s": ""}}
            return db[ROWS].update_one(query, change).matched_count

        # After a lost answer it may have been this process: rather one too many is counted.
        return bool(self._server.run(work)) or attempts > 1

    def _query(self, victim: Ack) -> Document:
        return {
            "_id": self._places.id_of(victim.key),
            "q": self._places.place(victim.seq, victim.key),
        }
