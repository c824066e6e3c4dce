"""The names of a series, and up to when each may have points: what saves looking points up.

A point later than everything its name may have is new without asking. The bound is raised in
the database, an hour ahead, before points are stored; so it holds after a crash and between
processes, and is written about once an hour and name.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from bson import Int64
from pymongo import UpdateOne

from smok_mongo.commands import Document, bulk, count, find, find_all, insert_new
from smok_mongo.ids import join, segment, span, unsegment
from smok_mongo.store import Store

NAMES: Final = "smok_names"
_AHEAD: Final = 3600 * 1_000_000
_NEVER: Final = -(1 << 63) - 1
_LAST: Final = (1 << 63) - 1


class _Known:
    """What this process knows of a name."""

    __slots__ = ("has_points", "last", "reserved", "until")

    def __init__(self, document: Document | None) -> None:
        # What somebody else has changed into no number bounds nothing: such points are looked up.
        self.reserved = _number(document, "until", _LAST) if document else _NEVER
        self.until = self.reserved  #: no stored point is later
        self.has_points = bool(document and document.get("points", True))
        #: A point is stored here, or later: a name's latest is never forgotten.
        self.last = _number(document, "last", _NEVER) if document else _NEVER


def _number(document: Document, field: str, otherwise: int) -> int:
    found = document.get(field)
    return int(found) if isinstance(found, int) else otherwise


class Names:
    """The names of one series of one device."""

    def __init__(self, store: Store, prefix: str, role: str) -> None:
        self._server, self._prefix, self._role = store.server, prefix, role
        self._known: dict[str, _Known] = {}

    def forget(self) -> None:
        """Ask the database again: another process has written."""
        self._known.clear()

    def learn(self, names: Iterable[str]) -> None:
        """Make sure something is known of each name."""
        unknown = {self._id(name): name for name in set(names) - self._known.keys()}
        found = {d["_id"]: d for d in find_all(self._server, NAMES, unknown)} if unknown else {}
        for name_id, name in unknown.items():
            self._known[name] = _Known(found.get(name_id))

    def is_new(self, name: str, ts: int) -> bool:
        """Tell whether nothing can be stored at ``(name, ts)``, without asking."""
        return ts > self._known[name].until

    def is_unused(self, name: str) -> bool:
        """Tell whether the name has no points yet."""
        return not self._known[name].has_points

    def without(self, names: Iterable[str], ts: int) -> set[str]:
        """Return those of the names of which it is not known that they have a point from ts on."""
        self.learn(names := list(names))
        return {name for name in names if self._known[name].last < ts}

    def saw(self, names: Iterable[str], ts: int) -> None:
        """Note that the names have a point at this time, or later."""
        for name in names:
            self._known[name].last = max(self._known[name].last, ts)

    def reserve(self, latest: dict[str, int]) -> None:
        """Raise the bounds in the database where points up to ``latest`` exceed them."""
        self.learn(latest)
        low = {n: ts for n, ts in latest.items() if ts > self._known[n].reserved}
        bounds = {name: min(ts + _AHEAD, _LAST) for name, ts in low.items()}
        new = [
            {"_id": self._id(name), "until": Int64(bound), "points": False}
            for name, bound in bounds.items()
            if self._known[name].reserved == _NEVER
        ]
        taken = {document["_id"] for document in insert_new(self._server, NAMES, new)}
        written = {document["_id"] for document in new} - taken
        self._raise({n: b for n, b in bounds.items() if self._id(n) not in written})
        for name, bound in bounds.items():
            self._known[name].reserved = bound
        for name, ts in latest.items():
            self._known[name].until = max(self._known[name].until, ts)

    def _raise(self, bounds: dict[str, int]) -> None:
        bulk(self._server, NAMES, [self._raised(name, bound) for name, bound in bounds.items()])

    def _raised(self, name: str, bound: int) -> UpdateOne:
        least, last = {"until": Int64(bound)}, self._known[name].last
        if last != _NEVER:
            least["last"] = Int64(last)
        return UpdateOne({"_id": self._id(name)}, {"$max": least})

    def mark(self, latest: dict[str, int]) -> None:
        """Note that the names have points, up to these times at least."""
        self.learn(latest)
        fresh = [name for name in latest if not self._known[name].has_points]
        bulk(self._server, NAMES, [self._marked(name, latest[name]) for name in fresh])
        for name, ts in latest.items():
            self._known[name].has_points = True
            self._known[name].last = max(self._known[name].last, ts)

    def _marked(self, name: str, ts: int) -> UpdateOne:
        change = {"$set": {"points": True}, "$max": {"last": Int64(ts)}}
        return UpdateOne({"_id": self._id(name)}, change)

    def stream(self) -> Iterator[str]:
        """Return the names that have points."""
        query = {"_id": span(self._prefix), "points": True}
        found = find(self._server, NAMES, query, {"_id": 1})
        return (unsegment(document["_id"].rpartition("|")[2]) for document in found)

    def count(self) -> int:
        """Count the names that have points."""
        return count(self._server, NAMES, {"_id": span(self._prefix), "points": True})

    def _id(self, name: str) -> str:
        return join(self._prefix, segment(name, self._role))
