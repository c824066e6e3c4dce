"""Copying a table: rows in the order of their changes, with stamp, tag and whether they wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smok_cli.transfer.parts import is_dead
from smok_core.engine.base import Ack

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_cli.transfer.journal import Journal
    from smok_cli.transfer.recode import Recoder
    from smok_cli.transfer.report import RoleCopy
    from smok_core.engine.base import Row, Table
    from smok_core.roles.dead_letters import DeadLetters


#: Rows between two notes; after a kill at most so many are written a second time.
_PAGE: Final = 200


class TableCopy:
    """The copy of one table.

    Args:
        name: Its name in both stores.
        source: Where the rows are.
        target: Where they go.
        recoder: Between the codecs.
        dead: The target's dead letters of the role.
        journal: Where the copy notes how far it is.
        report: Where it counts.
    """

    def __init__(
        self,
        name: str,
        source: Table,
        target: Table,
        *,
        recoder: Recoder,
        dead: DeadLetters,
        journal: Journal,
        report: RoleCopy,
    ) -> None:
        self._name, self._source, self._target = name, source, target
        self._recode = recoder.letter if is_dead(name) else recoder.value
        self._dead, self._journal, self._report = dead, journal, report
        self._note_name = f"{report.role}/{name}"

    def run(self, tick: Callable[[int], None]) -> None:
        """Copy what the journal does not say is copied; ``tick`` hears of each page."""
        done, since = self._journal.read(self._note_name) or 0, 0
        tags: list[Ack] = []
        last = done
        for row in self._source.rows():
            if row.seq <= done:
                continue
            tags += self._row(row)
            last, since = row.seq, since + 1
            if since == _PAGE:
                self._note(last, tags)
                tick(since)
                tags, since = [], 0
        self._note(last, tags)
        tick(since)

    def _row(self, row: Row) -> list[Ack]:
        value = self._recode(row.value)
        if value is None:
            self._report.unreadable += 1
            self._dead.add_row(self._name, row, "cannot be decoded")
            return []
        self._target.put(row.key, value, stamp=row.stamp, pending=row.pending)
        self._report.rows += 1
        self._report.pending += row.pending
        # Seq 0 is nobody's: only the tag is set.
        return [] if row.tag is None else [Ack(row.key, 0, row.tag)]

    def _note(self, seq: int, tags: list[Ack]) -> None:
        if tags:
            self._target.acknowledge(tags)
        self._journal.write(self._note_name, seq)
