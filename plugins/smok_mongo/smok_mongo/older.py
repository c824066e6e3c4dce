"""What releases before schema 3 left in a series: read on, completed, and counted once.

Their batches have places with gaps between them, and no totals. In schema 1 a document named up to
which base batches are archived; in schema 2 each that was not had a mark ``u``. What was dropped
was counted by a document for each process, and who might name which bases stood in leases.
"""

from typing import Final

from bson import Binary

from smok_mongo.batches import BATCHES, base_of
from smok_mongo.commands import Document, find, update, update_one
from smok_mongo.ids import join, span
from smok_mongo.queue import BatchQueue
from smok_mongo.store import Store
from smok_mongo.turns import SERIES_METADATA

#: Batches read at once to be completed.
_FEW: Final = 8
#: Bases of one lease of schema 2.
_LEASE_BITS: Final = 8
#: Places left out where somebody has removed the newest batches: nobody knows which were used.
_JUMP: Final = 1 << 20


class OlderSeries:
    """What older releases left in one series of one device."""

    def __init__(self, store: Store, prefix: str, queue: BatchQueue) -> None:
        self._server, self._sequence, self._queue = store.server, store.sequence, queue
        self._prefix = prefix

    def complete(self) -> None:
        """Archive what they have not; doing so twice is harmless."""
        self._complete_above_archived()
        last = f"{self._prefix}|"
        while found := self._marked(last):
            self._queue.complete_found(found)
            last = found[-1]["_id"]

    def _marked(self, above: str) -> list[Document]:
        query = {"u": {"$gt": above, "$lt": f"{self._prefix}}}"}}
        return find(self._server, BATCHES, query, sort="u", limit=_FEW)

    def _complete_above_archived(self) -> None:
        series = [d for d in self._metadata() if "archived" in d]
        for each in series:
            base = int(each["archived"])
            while found := self._above(base):
                self._queue.complete_found(found)
                base = base_of(found[-1])
            update_one(
                self._server, SERIES_METADATA, {"_id": each["_id"]}, {"$unset": {"archived": ""}}
            )

    def _above(self, base: int) -> list[Document]:
        return find(self._server, BATCHES, self._queue.log.from_place(base + 1), limit=_FEW)

    def dropped(self) -> int:
        """Count what they dropped."""
        return sum(int(document.get("dropped", 0)) for document in self._metadata())

    def begin(self, newest: Document | None) -> int:
        """Let a log follow their batches; give its first place, for every process the same one."""
        log, above = self._queue.log, base_of(newest) + 1 if newest else 0
        floor = log.floor()
        if not log.begun:
            floor = log.begin(self.dropped(), max(self._sequence.take(), self._leased(), above))
            self._note_partly()
        lost = floor.base + _JUMP if floor.base and not newest else 0
        return max(floor.first, above, lost)

    def _leased(self) -> int:
        leases = [d for d in self._metadata() if "|lease|" in d["_id"]]
        return max([(base_of(lease) + 1) << _LEASE_BITS for lease in leases], default=0)

    def _note_partly(self) -> None:
        """Mark the batches of which part is acknowledged, so that counts find them."""
        query = {"_id": span(self._prefix), "left": {"$ne": 0}, "done": {"$ne": Binary(b"")}}
        update(self._server, BATCHES, query, {"$set": {"d": self._prefix}})

    def _metadata(self) -> list[Document]:
        query = {"_id": {"$in": [self._prefix]}}
        parts = ("lease", "dropped.points")
        spans: list[Document] = [{"_id": span(join(self._prefix, part))} for part in parts]
        return find(self._server, SERIES_METADATA, {"$or": [query, *spans]})
