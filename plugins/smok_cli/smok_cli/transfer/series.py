"""Copying a series: the whole archive first, then the queue in its order."""

from __future__ import annotations

import bisect
import hashlib
import itertools
import zlib
from array import array
from typing import TYPE_CHECKING, Any, Final

from smok_core.engine.base import PendingPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smok_cli.transfer.journal import Journal
    from smok_cli.transfer.recode import Recoder
    from smok_cli.transfer.report import RoleCopy
    from smok_core.engine.base import Series
    from smok_core.roles.dead_letters import DeadLetters


#: Points in one write, and between two notes.
_PAGE: Final = 5000
#: Waiting points that are looked up at a time; with more, the names are taken in groups.
_GROUP: Final = 1_000_000

_Page = list[tuple[str, int, bytes]]


class SeriesCopy:
    """The copy of one series; arguments as for a table's.

    What does not wait is first appended and acknowledged, page by page; then what waits is
    appended in the source's order. So nothing that was acknowledged can come back, and a kill at
    any moment leaves only work to do, never a wrong queue behind.
    """

    def __init__(
        self,
        name: str,
        source: Series,
        target: Series,
        *,
        recoder: Recoder,
        dead: DeadLetters,
        journal: Journal,
        report: RoleCopy,
        merge: bool,
    ) -> None:
        self._name, self._source, self._target = name, source, target
        self._recoder, self._dead, self._merge = recoder, dead, merge
        self._journal, self._report = journal, report
        self._note_name = f"{report.role}/series/{name}"
        self._state: dict[str, Any] = {}

    def run(self, tick: Callable[[int], None]) -> None:
        """Copy what the journal does not say is copied; ``tick`` hears of each page."""
        self._state = self._journal.read(self._note_name) or {
            "base": self._end_of_queue(),
            "groups": self._groups(),
            "group": 0,
            "name": None,
            "ts": None,
            "queue": None,
        }
        if self._state["queue"] is None:
            self._note()
            self._archive(tick)
            self._note(queue=0)
        self._queue(tick)

    def _groups(self) -> int:
        """Tell in how many groups the names with acknowledged points are taken.

        None where all points wait, as after an outage: the queue has them. If a store counts
        wrong, the comparison that follows says so; a merge is not compared, so it looks itself.
        """
        counts = self._source.stats()
        if counts.points == counts.pending and not self._merge:
            return 0
        return 1 + counts.pending // _GROUP

    def _note(self, **changes: Any) -> None:
        self._state |= changes
        self._journal.write(self._note_name, self._state)

    def _end_of_queue(self) -> int:
        """Return the seq of what the target had pending before; that is not ours to acknowledge."""
        after = 0
        while points := self._target.pending(_PAGE, after):
            after = points[-1].seq
        return after

    # --- the archive -----------------------------------------------------------------------------

    def _archive(self, tick: Callable[[int], None]) -> None:
        self._acknowledge()
        for group in range(self._state["group"], self._state["groups"]):
            for page in self._pages(self._acknowledged_points(group)):
                self._acknowledge_page(self._append(page))
                name, ts, _ = page[-1]
                self._note(name=name, ts=ts)
                tick(len(page))
            self._note(group=group + 1, name=None, ts=None)

    def _pages(self, points: Iterable[tuple[str, int, bytes]]) -> Iterator[_Page]:
        left = iter(points)
        while page := list(itertools.islice(left, _PAGE)):
            yield page

    def _acknowledged_points(self, group: int) -> Iterator[tuple[str, int, bytes]]:
        """Stream what does not wait of the names of a group, from where the journal says."""
        pending, begun = self._pending(group), self._state["name"]
        for name in sorted(self._source.names()):
            if self._group_of(name) == group and (begun is None or name >= begun):
                start = self._state["ts"] + 1 if name == begun else None
                yield from self._acknowledged(name, start, pending.get(name, array("q")))

    def _acknowledged(
        self, name: str, start: int | None, pending: array[int]
    ) -> Iterator[tuple[str, int, bytes]]:
        for ts, value in self._source.range(name, start, None):
            at = bisect.bisect_left(pending, ts)
            if at == len(pending) or pending[at] != ts:
                yield name, ts, value

    def _pending(self, group: int) -> dict[str, array[int]]:
        """Return the timestamps that wait, of the names of a group: eight bytes each in memory."""
        found: dict[str, array[int]] = {}
        for page in self._pending_point(0):
            for point in page:
                if self._group_of(point.name) == group:
                    found.setdefault(point.name, array("q")).append(point.ts)
        return {name: array("q", sorted(stamps)) for name, stamps in found.items()}

    def _group_of(self, name: str) -> int:
        groups: int = self._state["groups"]
        return zlib.crc32(name.encode()) % groups

    def _pending_point(self, after: int) -> Iterator[list[PendingPoint]]:
        while points := self._source.pending(_PAGE, after):
            yield points
            after = points[-1].seq

    def _append(self, page: _Page) -> int:
        values = self._recoder.many([value for _, _, value in page])
        good = []
        for (name, ts, raw), value in zip(page, values, strict=True):
            if value is None:
                self._set_aside(name, ts, raw)
            else:
                good.append((name, ts, value))
        if good:
            self._target.append(good)
        self._report.points += len(good)
        return len(good)

    def _set_aside(self, name: str, ts: int, raw: bytes) -> None:
        self._report.unreadable += 1
        # A number of its own, the same each time: set aside twice it is one letter.
        seq = int.from_bytes(hashlib.sha256(f"{ts} {name}".encode()).digest()[:7])
        self._dead.add_point(PendingPoint(seq, name, ts, raw), "cannot be decoded")

    def _acknowledge_page(self, count: int) -> None:
        """Take out of the queue what was just appended; nothing else of this copy is there.

        Stores number the points of one write by ones, so the first seq tells the others, which
        saves reading the page back; ones that do not exist are ignored, and what is left is read.
        """
        for head in self._target.pending(1, self._state["base"]):
            self._target.acknowledge(range(head.seq, head.seq + count))
        self._acknowledge()

    def _acknowledge(self) -> None:
        """Take out of the queue all that this copy has put there."""
        while points := self._target.pending(_PAGE, self._state["base"]):
            self._target.acknowledge([point.seq for point in points])

    # --- the queue -------------------------------------------------------------------------------

    def _queue(self, tick: Callable[[int], None]) -> None:
        for points in self._pending_point(self._state["queue"]):
            page = [(point.name, point.ts, point.value) for point in points]
            self._report.pending += self._append(page)
            if self._merge:
                # The target may have had the same value, and not pending.
                self._target.requeue([(point.name, point.ts) for point in points])
            self._note(queue=points[-1].seq)
            tick(len(points))
