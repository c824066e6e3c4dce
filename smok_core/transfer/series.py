"""Copying a series: the whole archive first, then the queue in its order."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from smok_core.engine.base import QueuedPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smok_core.engine.base import Series
    from smok_core.roles.base import DeadLetters
    from smok_core.transfer.journal import Journal
    from smok_core.transfer.recode import Recoder
    from smok_core.transfer.report import RoleCopy

__all__ = ["SeriesCopy"]

#: Points in one write, and between two notes.
_PAGE: Final = 5000

_Page = list[tuple[str, int, bytes]]


class SeriesCopy:
    """The copy of one series; arguments as for a table's.

    Every point, those that wait included, is first appended and settled, page by page; then the
    ones that wait are queued again in the source's order. So nothing that was acknowledged can
    come back, and a kill at any moment leaves only work to do, never a wrong queue behind.
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
    ) -> None:
        self._name, self._source, self._target = name, source, target
        self._recoder, self._dead = recoder, dead
        self._journal, self._report = journal, report
        self._note_name = f"{report.role}/series/{name}"
        self._state: dict[str, Any] = {}

    def run(self, tick: Callable[[int], None]) -> None:
        """Copy what the journal does not say is copied; ``tick`` hears of each page."""
        self._state = self._journal.read(self._note_name) or {
            "base": self._end_of_queue(),
            "name": None,
            "ts": None,
            "queue": None,
        }
        if self._state["queue"] is None:
            self._note()
            self._archive(tick)
            self._note(queue=0)
        self._queue(tick)

    def _note(self, **changes: Any) -> None:
        self._state |= changes
        self._journal.write(self._note_name, self._state)

    def _end_of_queue(self) -> int:
        """Give the seq of what the target had queued before; that is not ours to settle."""
        after = 0
        while points := self._target.pending(_PAGE, after):
            after = points[-1].seq
        return after

    # --- the archive -----------------------------------------------------------------------------

    def _archive(self, tick: Callable[[int], None]) -> None:
        self._settle()
        for page in self._pages():
            self._append(page)
            self._settle()
            name, ts, _ = page[-1]
            self._note(name=name, ts=ts)
            self._report.points += len(page)
            tick(len(page))

    def _pages(self) -> Iterator[_Page]:
        page: _Page = []
        for point in self._points():
            page.append(point)
            if len(page) == _PAGE:
                yield page
                page = []
        if page:
            yield page

    def _points(self) -> Iterator[tuple[str, int, bytes]]:
        begun, ts = self._state["name"], self._state["ts"]
        for name in sorted(self._source.names()):
            if begun is None or name >= begun:
                start = ts + 1 if name == begun else None
                for stamp, value in self._source.range(name, start, None):
                    yield name, stamp, value

    def _append(self, page: _Page) -> None:
        values = self._recoder.many([value for _, _, value in page])
        good = []
        for (name, ts, raw), value in zip(page, values, strict=True):
            if value is None:
                self._set_aside(name, ts, raw)
            else:
                good.append((name, ts, value))
        if good:
            self._target.append(good)

    def _set_aside(self, name: str, ts: int, raw: bytes) -> None:
        self._report.unreadable += 1
        # A number of its own, the same each time: set aside twice it is one letter.
        seq = int.from_bytes(hashlib.sha256(f"{ts} {name}".encode()).digest()[:7])
        self._dead.add_point(QueuedPoint(seq, name, ts, raw), "cannot be decoded")

    def _settle(self) -> None:
        """Take out of the queue what this copy has put there."""
        while points := self._target.pending(_PAGE, self._state["base"]):
            self._target.settle([point.seq for point in points])

    # --- the queue -------------------------------------------------------------------------------

    def _queue(self, tick: Callable[[int], None]) -> None:
        after = self._state["queue"]
        while points := self._source.pending(_PAGE, after):
            self._target.requeue([(point.name, point.ts) for point in points])
            after = points[-1].seq
            self._note(queue=after)
            self._report.waiting += len(points)
            tick(len(points))
