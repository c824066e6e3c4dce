"""The stored points of a series: one document per point, at ``device|series|name|time``.

Times have a fixed width and sort, so the index of ``_id`` serves ranges and the latest value. A
point remembers the seq under which it was pending; replaying a batch never undoes a newer one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bson import Binary, Int64
from pymongo import ReplaceOne

from smok_mongo.commands import Document, bulk, count, delete, find, find_all, insert_new, slices
from smok_mongo.ids import join, segment, span, time_from_text, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smok_mongo.queue import Batch
    from smok_mongo.store import Store

__all__ = ["POINTS", "Archive", "Stored"]

POINTS: Final = "smok_points"
#: Points and about how many bytes are read at once.
_FIRST_PAGE: Final = 100
_PAGE: Final = 1000
_PAGE_BYTES: Final = 1 << 20


class Stored(NamedTuple):
    """A stored point."""

    value: bytes
    seq: int


class Archive:
    """The points of one series of one device."""

    def __init__(self, store: Store, prefix: str, role: str) -> None:
        self._server, self._prefix, self._role = store.server, prefix, role

    def find(self, points: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Stored]:
        """Give what is stored at each ``(name, ts)``."""
        places = {self.id_of(name, ts): (name, ts) for name, ts in points}
        found = find_all(self._server, POINTS, places)
        return {places[d["_id"]]: Stored(bytes(d["v"]), int(d["seq"])) for d in found}

    def store(self, batch: Batch) -> None:
        """Store the batch's points; doing it again, or late, changes nothing."""
        documents = [
            {"_id": self.id_of(name, ts), "v": Binary(value), "seq": Int64(seq)}
            for seq, (name, ts, value) in enumerate(batch.points, batch.first_seq)
        ]
        taken = {d["_id"]: d for d in insert_new(self._server, POINTS, documents)}
        there = find_all(self._server, POINTS, taken, {"seq": 1})
        older = [taken[d["_id"]] for d in there if d["seq"] < taken[d["_id"]]["seq"]]
        replacements = [ReplaceOne({"_id": d["_id"], "seq": {"$lt": d["seq"]}}, d) for d in older]
        bulk(self._server, POINTS, replacements)

    def latest(self, name: str) -> tuple[int, bytes] | None:
        """Give the point with the greatest timestamp."""
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
            count = max(10, min(_PAGE, _PAGE_BYTES // (size + 100)))

    def _page(
        self, name: str, begin: int, end: int, count: int, fields: Document | None = None
    ) -> list[Document]:
        query = {"_id": {"$gte": self.id_of(name, begin), "$lte": self.id_of(name, end)}}
        return find(self._server, POINTS, query, fields, limit=count)

    def before(self, name: str, ts: int) -> Iterator[dict[int, int]]:
        """Stream pages of ``{ts: seq}`` of the points of a name that are older than ``ts``."""
        begin, end = -(1 << 63), min(ts, 1 << 63) - 1
        while begin <= end:
            page = self._page(name, begin, end, _PAGE, {"seq": 1})
            if page:
                yield {_time(document): int(document["seq"]) for document in page}
            if len(page) < _PAGE:
                return
            begin = _time(page[-1]) + 1

    def forget(self, name: str, points: dict[int, int]) -> int:
        """Remove stored points, given as ``{ts: seq}``, unless they are replaced meanwhile.

        Returns:
            How many were given: the server's own count is 0 if its first answer was lost.
        """
        for part in slices(points.items()):
            ids = [self.id_of(name, ts) for ts, _ in part]
            newest = Int64(max(seq for _, seq in part))
            query: Document = {"_id": {"$in": ids}, "seq": {"$lte": newest}}
            delete(self._server, POINTS, query)
        return len(points)

    def count(self) -> int:
        """Count the points."""
        return count(self._server, POINTS, {"_id": span(self._prefix)})

    def id_of(self, name: str, ts: int) -> str:
        """Give the id of a point."""
        return join(self._name(name), time_text(ts, self._role))

    def _name(self, name: str) -> str:
        return join(self._prefix, segment(name, self._role))


def _time(document: Document) -> int:
    return time_from_text(document["_id"].rpartition("|")[2])


def _point(document: Document) -> tuple[int, bytes]:
    return _time(document), bytes(document["v"])
