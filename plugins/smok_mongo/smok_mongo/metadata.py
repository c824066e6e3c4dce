"""The metadata of a series: its leases, which tell who wrote last and which bases are whose.

A base is a fact in the database: a process names only bases of a lease of its own. A lease is a
document that is inserted, and counts if there is none above it afterwards. Its number is never
used twice: two processes that insert one collide, and where one was removed a higher one is there
before, which whoever inserts it again then sees. So no two writers ever name one seq: whatever
their clocks say, however slow one of them is between taking a base and inserting its batch, and
whatever was uploaded and removed in between. It takes no compare-and-set, only unique ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from smok_core.errors import BackendUnavailable
from smok_mongo.commands import Document, delete, find, find_one, insert_one, update_one
from smok_mongo.ids import join, seq_text, span

if TYPE_CHECKING:
    from smok_mongo.client import Server
    from smok_mongo.sequence import Sequence

__all__ = ["HEADS", "Lease", "SeriesMetadata"]

HEADS: Final = "smok_heads"
#: A lease has 256 bases: bounds how often one is taken, and what a restart skips.
_BITS: Final = 8
#: So many documents of leases may lie about before the old ones are removed.
_KEEP: Final = 16
_TRIES: Final = 50


class Lease(NamedTuple):
    """Bases that one process alone may name."""

    number: int
    owner: str


class SeriesMetadata:
    """Access to the metadata of one series; the caller holds the series' operation lock."""

    def __init__(self, server: Server, sequence: Sequence, prefix: str) -> None:
        self._server, self._sequence, self._id = server, sequence, prefix
        self._leases = join(prefix, "lease")
        self._mine: Lease | None = None
        self._used = 0  #: bases of my lease

    def owned(self) -> bool:
        """Ask whether nobody has taken the series over since this process did, and bases are left.

        A lease of the parent is no lease of a forked child: the child's owner has another name.
        """
        return self._has_bases() and self._newest() == self._mine

    def _has_bases(self) -> bool:
        mine = self._mine
        return mine is not None and mine.owner == self._server.owner and self._used < 1 << _BITS

    def _newest(self) -> Lease | None:
        query = {"_id": span(self._leases)}
        found = find(self._server, HEADS, query, direction=-1, limit=1)
        return _lease(found[0]) if found else None

    def take_over(self) -> None:
        """Take a lease above all that there were.

        Raises:
            BackendUnavailable: Others take the series over again and again.
        """
        newest = self._newest()
        for _ in range(_TRIES):
            lease = Lease(newest.number + 1 if newest else self._first(), self._server.owner)
            self._insert(lease)
            if (newest := self._confirmed()) == lease:
                self._mine, self._used = lease, 0
                return
        raise BackendUnavailable(self._server.store, "other processes keep taking the series over")

    def _first(self) -> int:
        """Begin above the bases of schema 1, which were the device's, by the clock."""
        return (self._sequence.take() >> _BITS) + 1

    def _insert(self, lease: Lease) -> None:
        document = {"_id": join(self._leases, seq_text(lease.number)), "writer": lease.owner}
        insert_one(self._server, HEADS, document)

    def _confirmed(self) -> Lease | None:
        """Give the newest lease; remove old ones, of which nobody begins a batch any more."""
        found = find(self._server, HEADS, {"_id": span(self._leases)}, direction=-1)
        if len(found) > _KEEP:
            below = {"$gte": f"{self._leases}|", "$lt": found[0]["_id"]}
            delete(self._server, HEADS, {"_id": below})
        return _lease(found[0]) if found else None

    def base(self) -> int:
        """Give the next base of the lease; one of a new lease if there is none left.

        What this process knows of the series may be old then: it takes the series over again
        before its next append, so such a lease serves once.
        """
        if once := not self._has_bases():
            self.take_over()
        number = self._mine.number if self._mine else 0
        base = number << _BITS | self._used
        self._used += 1
        if once:
            self._mine = None
        return base

    # --- schema 1 ----------------------------------------------------------------------------

    def archived(self) -> int | None:
        """Give up to which base the batches of schema 1 are archived, None if they all are."""
        found = find_one(self._server, HEADS, {"_id": self._id}) or {}
        return int(found["archived"]) if "archived" in found else None

    def forget_archived(self) -> None:
        """Note that all batches of schema 1 are archived."""
        update_one(self._server, HEADS, {"_id": self._id}, {"$unset": {"archived": ""}})


def _lease(document: Document) -> Lease:
    return Lease(int(document["_id"].rpartition("|")[2], 16), str(document["writer"]))
