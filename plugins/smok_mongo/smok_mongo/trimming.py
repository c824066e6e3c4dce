"""Which points may be forgotten: old ones that are not pending, and not their name's latest."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from smok_mongo.archive import PAGE, Archive, Old
from smok_mongo.batches import Point, Totals
from smok_mongo.names import Names
from smok_mongo.queue import BatchQueue

#: Names of which one command reads the old points, at first and at most. Few where they have many
#: points: a server that reads without an index compares each document with each name.
_FIRST_NAMES: Final = 4
_MOST_NAMES: Final = 128
#: Points that names have on average, up to which they are read whole: a page is many names then.
_FEW_POINTS: Final = 50


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

    def page(self, totals: Totals) -> list[Point]:
        """Return what may be forgotten of the next page; the same page until `go_on` is called."""
        whole = totals.points <= _FEW_POINTS * totals.names
        self._found = found = self._read(whole=whole)
        page = [old for old in found[:PAGE] if old.ts < self._before]
        pending = self._queue.open_seqs(old.seq for old in page)
        latest = self._latest(found, whole=whole)
        return [
            (old.name, old.ts, b"")
            for old in page
            if old.seq not in pending and latest.get(old.name) != old.ts
        ]

    def _read(self, *, whole: bool) -> list[Old]:
        """Read a page of all points of the names that are left, or of the old ones of some."""
        self._count = len(self._among) if whole else min(self._count, _MOST_NAMES)
        names = self._among[: self._count]
        if whole:
            return self._archive.between(names[0], names[-1], self._above)
        return self._archive.before(names, self._before, self._above)

    def go_on(self) -> None:
        """Turn to the next page: of the name at which this one was full, or of more names."""
        if len(self._found) > PAGE:
            order = self._archive.order
            following = order(self._found[PAGE].name)
            del self._among[: bisect_left(self._among, following, key=order)]
            self._count, self._above = max(1, self._count // 2), self._found[PAGE - 1].id
        else:
            del self._among[: self._count]
            self._count, self._above = min(4 * self._count, _MOST_NAMES), ""

    def _latest(self, found: Sequence[Old], *, whole: bool) -> dict[str, int]:
        """Return the latest times of the names that have no later point than the old ones.

        Of names that were read whole the page tells it, but for the one at which it ends.
        """
        names = {old.name for old in found} - {p.name for p in found if p.ts >= self._before}
        asked = names & {old.name for old in found[PAGE:]} if whole else names
        unsure = self._names.without(asked, self._before)
        newer = self._archive.newer(unsure, self._before)
        self._names.saw(newer, self._before)
        return {old.name: old.ts for old in found if old.name in (names - asked) | (unsure - newer)}
