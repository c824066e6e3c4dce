"""The batches of a series as a log: a batch stands one place above the newest, or nowhere.

A place is an id, and who inserts it has it: whatever the clocks say, and also on a server that
updates in two steps. So batches become visible in the order of their seqs, a reader that goes on by
a seq skips nothing, and who inserts above the newest batch it knows has proof that nobody wrote
since.

A batch that is acknowledged stays as a header until the floor is above it; what is below the floor
is no part of the log. A floor is a document that is inserted, the highest counts, and it says
what went below it. So a place is never used twice: a writer that slept so long that even the header
of its place is gone finds the floor above, and takes its batch back, which nobody has read.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from bson import Int64

from smok_core.errors import CorruptData
from smok_mongo.batches import BATCHES, HEADER, base_of, batch_id, mask_of, totals_of
from smok_mongo.client import Server
from smok_mongo.commands import SLICE, Document, delete, find, find_one, insert_one
from smok_mongo.ids import base_text, join, span
from smok_mongo.turns import SERIES_METADATA, Turns

#: Newest batches that the floor stays below: a writer that was slower than so many others must
#: look whether its batch is stored already. The newest one must stay, for the next to stand on.
KEPT: Final = 16

#: So many batches that still wait may be below the floor.
_MOST_KEPT: Final = 100

#: Documents read with the floor: two or three floors, and those who ask for their turn.
_ANSWER: Final = 8
_NUMBERS: Final = ("appended", "dropped", "first")


class Floor(NamedTuple):
    """The lowest place of the log at which a batch may be new, and what was below it."""

    base: int = 0
    appended: int = 0  #: points in the batches that were removed below
    dropped: int = 0  #: points of these that were dropped, and what older releases dropped
    first: int = 0  #: in the lowest floor: the place at which the log begins
    kept: tuple[int, ...] = ()  #: places below of batches that still wait

    def has(self, base: int) -> bool:
        """Tell whether a batch at this place is of the log."""
        return base >= self.base or base in self.kept

    @property
    def lowest(self) -> int:
        """Return the lowest place at which a batch may be."""
        return min(self.kept, default=self.base)


class HandedOver(NamedTuple):
    """Headers of all batches that waited from a place on, up to the last of them."""

    begin: int = 0
    headers: dict[str, Document] = {}  # noqa: RUF012 - nobody changes it


class QueueLog:
    """Places and floor of one series; any thread and process may use it at any time."""

    def __init__(self, server: Server, prefix: str) -> None:
        self._server, self._prefix = server, prefix
        self._floors = join(prefix, "floor")
        self._drops = join(self._floors, "drops")  #: sorts above every floor
        self.seen = Floor()  #: as it was last asked for; it is there or higher
        self.begun = False  #: whether there is a floor, as far as was asked
        self.drops = False  #: whether points were ever dropped, as far as was asked
        self.turns = Turns(server, self._floors)

    def newest(self, fields: Document | None = None) -> Document | None:
        """Return the newest batch, whole unless ``fields`` are named."""
        query = {"_id": span(self._prefix)}
        found = find(self._server, BATCHES, query, fields, direction=-1, limit=1)
        return found[0] if found else None

    def insert(self, document: Document) -> bool:
        """Give the batch its place; False if it is another's, or was in earlier times."""
        if not insert_one(self._server, BATCHES, document) and not self._is_mine(document):
            return False
        if self.floor().has(base_of(document)):
            return True
        query = {"_id": document["_id"], "token": document["token"]}
        delete(self._server, BATCHES, query)
        return False

    def _is_mine(self, document: Document) -> bool:
        found = find_one(self._server, BATCHES, {"_id": document["_id"]}, HEADER)
        return found is not None and found.get("token") == document["token"]

    def from_place(self, base: int) -> Document:
        """Make the query for the batches from a place on."""
        return {"_id": {"$gte": batch_id(self._prefix, base), "$lt": f"{self._prefix}}}"}}

    def note_drops(self) -> None:
        """Say, before points are dropped, that headers may change by more than acknowledging."""
        if not self.drops:
            insert_one(self._server, SERIES_METADATA, {"_id": self._drops})
            self.drops = True

    # --- the floor ---------------------------------------------------------------------------

    def floor(self) -> Floor:
        """Ask for the floor.

        What was read *before* this and has a place there (`Floor.has`) is of the log: it is no
        batch that a writer put below the floor.
        """
        query = {"_id": span(self._floors)}
        found = find(self._server, SERIES_METADATA, query, direction=-1, limit=_ANSWER)
        floors = self.turns.note(found)
        self.drops = self.drops or any(d["_id"] == self._drops for d in floors)
        floors = [d for d in floors if d["_id"] != self._drops]
        self.begun = bool(floors)
        self.seen = self._read(floors[0]) if floors else Floor()
        return self.seen

    def _read(self, document: Document) -> Floor:
        try:
            appended, dropped, first = (int(document[name]) for name in _NUMBERS)
            kept = tuple(map(int, document["kept"]))
            return Floor(base_of(document), appended, dropped, first, kept)
        except (KeyError, TypeError, ValueError) as error:
            what = f"the floor {document['_id']} cannot be read"
            raise CorruptData(self._server.store, what) from error

    def has_begun(self) -> bool:
        """Tell whether there is a floor."""
        if not self.begun:
            self.floor()
        return self.begun

    def begin(self, dropped: int, first: int) -> Floor:
        """Write the lowest floor, where there is none; give the floor that is there."""
        self._insert(Floor(0, 0, dropped, first))
        return self.floor()

    def _insert(self, floor: Floor) -> bool:
        """Write a floor; False if it is none, because another is at the same place."""
        document = {
            "_id": join(self._floors, base_text(floor.base)),
            "appended": Int64(floor.appended),
            "dropped": Int64(floor.dropped),
            "first": Int64(floor.first),
            "kept": [Int64(base) for base in floor.kept],
        }
        if insert_one(self._server, SERIES_METADATA, document):
            return True
        found = find_one(self._server, SERIES_METADATA, {"_id": document["_id"]})
        return found is not None and self._read(found) == floor

    def raise_floor(
        self, ended: Iterable[Document], handed: HandedOver, newest: int, *, sweep: bool
    ) -> list[Document]:
        """Raise the floor above batches that are acknowledged, past few that are not.

        Args:
            ended: Headers of batches that are acknowledged herewith, as they were read.
            handed: What was handed over last, which may be all that waits from the floor on.
            newest: Where a batch is or was; the newest of all is there or above.
            sweep: Whether to remove the headers below that ended earlier.

        Returns:
            The headers of those that are of the log no more. If somebody else raised the floor
            meanwhile, some were perhaps not seen: then none, and nothing has changed.
        """
        before = self.floor()
        masks = {header["_id"]: mask_of(header) for header in ended}
        known = self._known(masks, handed, before, newest)
        gone, kept = _parted(known or self._page(before), masks)
        if not gone or not self.begun:
            return []
        base = max(before.base, base_of(gone[-1]) + 1)
        dropped = before.dropped + sum(int(header.get("lost", 0)) for header in gone)
        places = tuple(map(base_of, kept))
        floor = Floor(base, _appended(before, gone, kept), dropped, 0, places)
        if not self._insert(floor):
            return []
        self.seen = floor
        self._sweep(before, batches=sweep or not known)
        return gone

    def _known(
        self, ended: Iterable[str], handed: HandedOver, floor: Floor, newest: int
    ) -> list[Document]:
        """Return what was handed over if nothing else waits from the floor on, else nothing.

        What ended since waits in it still, and is kept for the next floor. How many points the
        others had say the totals; of what was dropped they say nothing.
        """
        headers = [header for header in handed.headers.values() if floor.has(base_of(header))]
        if self.drops or not headers or handed.begin > floor.lowest:
            return []
        last = max(newest, base_of(headers[-1])) - KEPT
        known = [header for header in headers if base_of(header) <= last]
        some = not {header["_id"] for header in known}.isdisjoint(ended)
        return known if some and all(map(totals_of, known)) else []

    def _page(self, before: Floor) -> list[Document]:
        """Return headers from the floor on, without the newest; none if it is another one now."""
        query = self.from_place(before.lowest)
        page = find(self._server, BATCHES, query, HEADER, limit=SLICE + KEPT)[:-KEPT]
        return page if self.floor() == before else []

    def _sweep(self, was: Floor, *, batches: bool) -> None:
        """Remove floors below an earlier floor, batches below that, and what ended below this."""
        lowest, highest = (join(self._floors, base_text(base)) for base in (0, was.base))
        delete(self._server, SERIES_METADATA, {"_id": {"$gte": lowest, "$lt": highest}})
        if not batches:
            return
        kept = [batch_id(self._prefix, base) for base in {*was.kept, *self.seen.kept}]
        early = {"$lt": batch_id(self._prefix, was.base), "$nin": kept}
        now = batch_id(self._prefix, self.seen.base)
        query: Document = {
            "_id": {"$gte": f"{self._prefix}|", "$lt": now},
            "$or": [{"_id": early}, {"_id": {"$lt": now, "$nin": kept}, "left": 0}],
        }
        delete(self._server, BATCHES, query)


def _appended(before: Floor, gone: list[Document], kept: list[Document]) -> int:
    """Count the points below a floor, without those of batches that it keeps."""
    if totals := totals_of(gone[-1]):
        return totals.appended - sum(int(header.get("count", 0)) for header in kept)
    return before.appended + sum(int(header.get("count", 0)) for header in gone)


def _parted(page: list[Document], ended: dict[str, int]) -> tuple[list[Document], list[Document]]:
    """Part what is acknowledged from what is not, up to the last of the former."""
    gone: list[Document] = []
    kept: list[Document] = []
    waiting: list[Document] = []
    for header in page:
        if header.get("left") == 0 or ended.get(header["_id"]) == mask_of(header):
            gone.append(header)
            kept += waiting
            waiting = []
        else:
            waiting.append(header)
        if len(kept) + len(waiting) > _MOST_KEPT:
            break
    return gone, kept
