"""Which points may be forgotten: old ones that are not pending, and not their name's latest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smok_mongo.archive import PAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smok_mongo.archive import Archive, Old
    from smok_mongo.batches import Point
    from smok_mongo.names import Names
    from smok_mongo.queue import BatchQueue

__all__ = ["NAMES_AT_ONCE", "Trimming"]

#: Names of which one command reads the old points.
NAMES_AT_ONCE: Final = 100


class Trimming:
    """One pass over the old points of some names, a page at a time."""

    def __init__(
        self, archive: Archive, names: Names, queue: BatchQueue, among: Sequence[str], before: int
    ) -> None:
        self._archive, self._names, self._queue = archive, names, queue
        self._among, self._before = among, before
        self._above = self._last = ""
        self.ended = False

    def page(self) -> list[Point]:
        """Give what may be forgotten of the next page; the same page until `go_on` is called."""
        found = self._archive.before(self._among, self._before, self._above)
        page, self.ended = found[:PAGE], len(found) <= PAGE
        self._last = page[-1].id if page else self._above
        pending = self._queue.open_seqs(old.seq for old in page)
        latest = self._latest(found)
        return [
            (old.name, old.ts, b"")
            for old in page
            if old.seq not in pending and latest.get(old.name) != old.ts
        ]

    def go_on(self) -> None:
        """Turn to the next page."""
        self._above = self._last

    def _latest(self, found: Sequence[Old]) -> dict[str, int]:
        """Give the latest times of the names that have no later point than the old ones."""
        unsure = self._names.without({old.name for old in found}, self._before)
        newer = self._archive.newer(unsure, self._before)
        self._names.saw(newer, self._before)
        return {old.name: old.ts for old in found if old.name in unsure - newer}
