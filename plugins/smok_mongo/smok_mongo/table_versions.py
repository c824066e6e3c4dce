"""Versions of a table: a whole set of rows becomes visible by changing one document.

Rows live at ``device|table|version|key``; the document ``device|table|head`` names the
version that holds. Without one nothing was ever replaced and `FIRST` holds. A version
grows with time, so what is older than the head is garbage, and nothing newer is ever removed.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from smok_core.errors import BackendUnavailable, StoreError
from smok_mongo.client import Server
from smok_mongo.commands import Document, delete, find_all, find_one, insert_one, slices, update_one
from smok_mongo.ids import BASE_DIGITS, base_text, join

_T = TypeVar("_T")
ROWS: Final = "smok_rows"
#: How often to begin again when other processes get in between.
TRIES: Final = 50
_LANE: Final = 5
#: What a server sends in one answer for sure, read at one moment together with the head.
_ONE_ANSWER: Final = 100
_ONE_ANSWER_BYTES: Final = 8 << 20


def version_text(base: int, writer: str) -> str:
    """Name a version: its base, then the process, so two processes never write into one."""
    return base_text(base) + writer[:_LANE]


FIRST: Final = version_text(0, "0" * _LANE)


class TableVersions:
    """The head of one table, and reading under it."""

    def __init__(self, server: Server, prefix: str) -> None:
        self._server, self.prefix = server, prefix
        self._head = join(prefix, "head")
        #: The version as this process saw it last; every operation checks it.
        self.seen = FIRST

    @property
    def seen_prefix(self) -> str:
        """Return the prefix of the ids of rows and places in the version that was seen last."""
        return join(self.prefix, self.seen)

    def find(self, tails: Iterable[str]) -> list[Document]:
        """Return the rows that exist among the encoded keys, read together with the head.

        Where they come in several answers the head is read once more: a replacement in between
        would leave rows of the old set out.
        """
        wanted = list(tails)
        for _ in range(TRIES):
            found = self._look(self.seen, wanted)
            if found is not None:
                return found
        raise self.contended()

    def _look(self, version: str, tails: list[str]) -> list[Document] | None:
        rows: list[Document] = []
        for part in slices(tails, 999):
            ids = [join(self.prefix, version, tail) for tail in part]
            found = find_all(self._server, ROWS, [*ids, self._head])
            if self._note(found) != version:
                return None
            rows += [document for document in found if document["_id"] != self._head]
        if len(rows) > _ONE_ANSWER or _size(rows) > _ONE_ANSWER_BYTES:
            return rows if self.current() == version else None
        return rows

    def _note(self, documents: Iterable[Document]) -> str:
        found = (str(d["table_version"]) for d in documents if d["_id"] == self._head)
        self.seen = next(found, FIRST)
        return self.seen

    def current(self) -> str:
        """Ask which version holds."""
        head = find_one(self._server, ROWS, {"_id": self._head})
        return self._note([head] if head else [])

    def read(self, work: Callable[[str], _T]) -> _T:
        """Read what spans many rows; again, if the table was replaced meanwhile.

        ``work`` gets the prefix of the version's ids.
        """
        version = self.current()
        for _ in range(TRIES):
            found = work(join(self.prefix, version))
            before, version = version, self.current()
            if version == before:
                return found
        raise self.contended()

    def flip(self, old: str, new: str) -> bool:
        """Make ``new`` hold if ``old`` still does: the moment at which the table is replaced."""
        if old == FIRST:
            done = insert_one(self._server, ROWS, {"_id": self._head, "table_version": new})
        else:
            query, change = (
                {"_id": self._head, "table_version": old},
                {"$set": {"table_version": new}},
            )
            done = update_one(self._server, ROWS, query, change)
        # After a lost answer it may be done all the same; either way this notes what holds now.
        return self.current() == new or done

    def sweep(self, below: str) -> None:
        """Remove older versions; nobody reads them, so if this fails the next one does it."""
        query = {"_id": {"$gte": f"{self.prefix}|", "$lt": f"{join(self.prefix, below)}|"}}
        try:
            delete(self._server, ROWS, query)
        except StoreError:
            return

    def base_of(self, version: str) -> int:
        """Return the base that the version's name begins with."""
        return int(version[:BASE_DIGITS], 16)

    def contended(self) -> StoreError:
        """Make the error for an operation that others interrupted again and again."""
        return BackendUnavailable(self._server.store, "other processes keep changing the table")


def _size(rows: Iterable[Document]) -> int:
    return sum(len(row.get("v", b"")) for row in rows)
