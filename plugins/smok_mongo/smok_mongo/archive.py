"""The stored points of a series: one document per point, at ``device|series|name|time``.

Times have a fixed width and sort, so the index of ``_id`` serves ranges and the latest value. A
point remembers the seq under which it was pending; replaying a batch never undoes a newer one.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from bson import Binary, Int64
from pymongo import ReplaceOne

from smok_core.errors import CorruptData
from smok_mongo.batches import Batch
from smok_mongo.commands import Document, bulk, count, delete, find, find_all, insert_new, slices
from smok_mongo.ids import among, join, segment, span, time_from_text, time_text, unsegment
from smok_mongo.store import Store

POINTS: Final = "smok_points"
#: Points and about how many bytes are read at once.
_FIRST_PAGE: Final = 100
PAGE: Final = 1000
_PAGE_BYTES: Final = 1 << 20


class Stored(NamedTuple):
    """A stored point."""

    value: bytes
    seq: int


class Old(NamedTuple):
    """A stored point that may be forgotten."""

    id: str
    name: str
    ts: int
    seq: int


class Archive:
    """The points of one series of one device."""

    def __init__(self, store: Store, prefix: str, role: str) -> None:
        self._server, self._prefix, self._role = store.server, prefix, role

    def find(self, points: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Stored]:
        """Return what is stored at each ``(name, ts)``."""
        places = {self.id_of(name, ts): (name, ts) for name, ts in points}
        found = find_all(self._server, POINTS, places)
        return {places[d["_id"]]: _stored(d) for d in found}

    def store(self, batch: Batch) -> None:
        """Store the batch's points; doing it again, or late, changes nothing."""
        self._replace_older(insert_new(self._server, POINTS, self._documents(batch)))

    def restore(self, batch: Batch) -> None:
        """Do what `store` does for points that most likely are stored: look first."""
        missing = {document["_id"]: document for document in self._documents(batch)}
        for found in self._replace_older(list(missing.values())):
            del missing[found]
        self._replace_older(insert_new(self._server, POINTS, list(missing.values())))

    def _documents(self, batch: Batch) -> list[Document]:
        return [
            {"_id": self.id_of(name, ts), "v": Binary(value), "seq": Int64(seq)}
            for seq, (name, ts, value) in enumerate(batch.points, batch.first_seq)
        ]

    def _replace_older(self, documents: list[Document]) -> list[str]:
        """Replace what is stored with a lower seq; give the ids of all that are stored."""
        ours = {document["_id"]: document for document in documents}
        there = find_all(self._server, POINTS, ours, {"seq": 1})
        older = [ours[d["_id"]] for d in there if _seq(d) < ours[d["_id"]]["seq"]]
        replacements = [ReplaceOne({"_id": d["_id"], "seq": {"$lt": d["seq"]}}, d) for d in older]
        bulk(self._server, POINTS, replacements)
        return [document["_id"] for document in there]

    def latest(self, name: str) -> tuple[int, bytes] | None:
        """Return the point with the greatest timestamp."""
        query = {"_id": span(self._name(name))}
        found = find(self._server, POINTS, query, direction=-1, limit=1)
        return _point(found[0]) if found else None

    def range(self, name: str, start: int | None, stop: int | None) -> Iterator[tuple[int, bytes]]:
        """Stream points, a page per command: no cursor is open while the caller works."""
        begin = -(1 << 63) if start is None else max(start, -(1 << 63))
        end = (1 << 63) - 1 if stop is None else min(stop, (1 << 63) - 1)
        count = _FIRST_PAGE
        while begin <= end:
            page = [_point(document) for document in self._page(name, begin, end, count)]
            yield from page
            if len(page) < count:
                return
            begin = page[-1][0] + 1
            size = sum(len(value) for _, value in page) // count
            count = max(10, min(PAGE, _PAGE_BYTES // (size + 100)))

    def _page(self, name: str, begin: int, end: int, count: int) -> list[Document]:
        return find(self._server, POINTS, {"_id": self._span(name, begin, end)}, limit=count)

    def before(self, names: Iterable[str], ts: int, above: str) -> list[Old]:
        """Return points of the names that are older than ``ts`` and have an id above ``above``.

        One more than a page at most: what comes after tells whether a point is its name's last.
        """
        spans = [self._span(name, -(1 << 63), min(ts, 1 << 63) - 1) for name in names]
        spans = [span | {"$gte": max(span["$gte"], f"{above}!")} for span in spans]
        query = {"$or": [{"_id": span} for span in spans if span["$gte"] <= span["$lte"]]}
        if not query["$or"] or ts <= -(1 << 63):
            return []
        return self._olds(query, PAGE + 1)

    def between(self, first: str, last: str, above: str) -> list[Old]:
        """Return points of the names from the first to the last that have an id above ``above``.

        One more than a page at most, as `before` does.
        """
        lowest = max(self.id_of(first, -(1 << 63)), f"{above}!")
        span = {"$gte": lowest, "$lte": self.id_of(last, (1 << 63) - 1)}
        return self._olds({"_id": span}, PAGE + 1)

    def newer(self, names: Iterable[str], ts: int) -> set[str]:
        """Return those of the names that have a point at ``ts`` or later."""
        found, rest = set[str](), sorted(names, key=self.order)
        while rest and ts < 1 << 63:
            query = {"$or": [{"_id": self._span(n, ts, (1 << 63) - 1)} for n in rest]}
            page = self._olds(query, len(rest))
            found |= {old.name for old in page}
            rest = rest[rest.index(page[-1].name) + 1 :] if len(page) == len(rest) else []
        return found

    def _olds(self, query: Document, most: int) -> list[Old]:
        return [_old(d) for d in find(self._server, POINTS, query, {"seq": 1}, limit=most)]

    def _span(self, name: str, first: int, last: int) -> dict[str, str]:
        return {"$gte": self.id_of(name, max(first, -(1 << 63))), "$lte": self.id_of(name, last)}

    def forget(self, batch: Batch) -> None:
        """Remove the points, unless they were stored anew after the batch; again is harmless."""
        for part in slices(batch.points):
            ids = [self.id_of(name, ts) for name, ts, _ in part]
            query: Document = {"_id": among(ids), "seq": {"$lt": Int64(batch.first_seq)}}
            delete(self._server, POINTS, query)

    def count(self) -> int:
        """Count the points."""
        return count(self._server, POINTS, {"_id": span(self._prefix)})

    def id_of(self, name: str, ts: int) -> str:
        """Return the id of a point."""
        return join(self._name(name), time_text(ts, self._role))

    def order(self, name: str) -> str:
        """Return what sorts names as their points are sorted."""
        return f"{self._name(name)}|"

    def _name(self, name: str) -> str:
        return join(self._prefix, segment(name, self._role))


def _time(document: Document) -> int:
    return time_from_text(document["_id"].rpartition("|")[2])


def _point(document: Document) -> tuple[int, bytes]:
    return _time(document), _stored(document).value


def _old(document: Document) -> Old:
    name = unsegment(document["_id"].split("|")[2])
    return Old(document["_id"], name, _time(document), _seq(document))


def _seq(document: Document) -> int:
    """Return the seq of a point; one that somebody else made no number is as old as can be."""
    found = document.get("seq")
    return int(found) if isinstance(found, int) else 0


def _stored(document: Document) -> Stored:
    value = document.get("v")
    if not isinstance(value, bytes):
        raise CorruptData(POINTS, f"the point {document['_id']} cannot be read")
    return Stored(bytes(value), _seq(document))
