"""Which points may be forgotten: old ones that are not pending, and not their name's latest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from smok_mongo.archive import PAGE, Archive, Old
from smok_mongo.batches import Point
from smok_mongo.names import Names
from smok_mongo.queue import BatchQueue

#: Names of which one command reads the old points, at first and at most. Few where they have many
#: points: a server that reads without an index compares each document with each name.
_FIRST_NAMES: Final = 4
_MOST_NAMES: Final = 128


class Trimming:
    """One pass over the old points of some names, a page at a time."""

    def __init__(
        self, archive: Archive, names: Names, queue: BatchQueue, among: Sequence[str], before: int
    ) -> None:
        self._archive, self._names, self._queue = archive, names, queue
        self._among, self._before = sorted(among, key=archive.order), before
        self._count, self._above = _FIRST_NAMES, ""
        self._found: list[Old] = []

    @property
    def ended(self) -> bool:
        """Tell whether there is no page left."""
        return not self._among

    def page(self) -> list[Point]:
        """Give what may be forgotten of the next page; the same page until `go_on` is called."""
        found = self._archive.before(self._among[: self._count], self._before, self._above)
        self._found, page = found, found[:PAGE]
        pending = self._queue.open_seqs(old.seq for old in page)
        latest = self._latest(found)
        return [
            (old.name, old.ts, b"")
            for old in page
            if old.seq not in pending and latest.get(old.name) != old.ts
        ]

    def go_on(self) -> None:
        """Turn to the next page: of the name at which this one was full, or of more names."""
        if len(self._found) > PAGE:
            del self._among[: self._among.index(self._found[PAGE].name)]
            self._count, self._above = max(1, self._count // 2), self._found[PAGE - 1].id
        else:
            del self._among[: self._count]
            self._count, self._above = min(4 * self._count, _MOST_NAMES), ""

    def _latest(self, found: Sequence[Old]) -> dict[str, int]:
        """Give the latest times of the names that have no later point than the old ones."""
        unsure = self._names.without({old.name for old in found}, self._before)
        newer = self._archive.newer(unsure, self._before)
        self._names.saw(newer, self._before)
        return {old.name: old.ts for old in found if old.name in unsure - newer}
