"""What a process remembers of a series: the counts, the names, and where the newest points lie.

The memory is never trusted without a look: `Lines.sync` compares the section's ``epoch`` and the
highest seq with what is stored, and reads what other processes added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smok_core.errors import CorruptData
from smok_pickle.sections import Section, span

if TYPE_CHECKING:
    import sqlite3

    from smok_pickle.connection import Connection

__all__ = ["LAST", "NEVER", "Line", "Lines"]

NEVER: Final = -(2**63) - 1  #: before every timestamp
LAST: Final = 2**63 - 1  #: the last timestamp there is
_MANY: Final = 200_000  # names remembered at most

_LOOK: Final = (
    "SELECT epoch, last, settled, rows, pending, dropped,"
    " (SELECT max(seq) FROM tail WHERE seq BETWEEN ? AND ?) FROM sections WHERE id = ?"
)
_TAIL: Final = "SELECT seq, name, ts, length(value) FROM tail WHERE seq > ? AND seq <= ?"
_NEWEST: Final = "SELECT ts_max FROM chunks WHERE name = ? ORDER BY ts_min DESC LIMIT 1"


class Line:
    """One name: its id, the greatest timestamp stored, and its points in the tail (ts -> seq)."""

    __slots__ = ("id", "known", "tail", "top")

    def __init__(self, number: int) -> None:
        self.id, self.top, self.known = number, NEVER, False
        self.tail = dict[int, int]()


class Lines:
    """The memory of one series; use it under the connection's lock only."""

    def __init__(self, connection: Connection, device: str, name: str) -> None:
        self._connection = connection
        self.section = Section(connection, device, "series", name)
        self.id: int | None = None
        self.connection_epoch = -1
        self.epoch = self.last = self.settled = self.rows = self.pending = self.dropped = 0
        self._forget()

    def _forget(self) -> None:
        self.by_name, self._by_id = dict[str, Line](), dict[int, Line]()
        self.top = self.tail_rows = self.tail_bytes = 0
        self.offered = list[int]()  # the head of the queue, as it was handed out last

    @property
    def waiting(self) -> int:
        """How many points are queued, the plainly appended ones included."""
        return self.pending + self.top - self.last

    @property
    def stored(self) -> int:
        """How many points are stored, the plainly appended ones included."""
        return self.rows + self.top - self.last

    def sync(self, raw: sqlite3.Connection) -> bool:
        """Make the memory true for the running transaction; tell whether the series exists."""
        if self.connection_epoch != self._connection.connection_epoch:
            self._forget()
            self.connection_epoch, self.epoch = self._connection.connection_epoch, -2
        self.id = self.section.find(raw)
        row = raw.execute(_LOOK, (*span(self.id), self.id)).fetchone()
        if row is None:
            return False
        epoch, self.last, self.settled, self.rows, self.pending, self.dropped, tail = row
        if epoch != self.epoch:
            self._forget()
            self.epoch = epoch
            self._read_tail(raw, span(self.id)[0], tail or 0)
        elif (tail or 0) > self.top:
            self._read_tail(raw, self.top, tail)
        self.top = max(self.last, tail or 0)
        return True

    def _read_tail(self, raw: sqlite3.Connection, after: int, until: int) -> None:
        for seq, name, ts, size in raw.execute(_TAIL, (after, until)):
            line = self._by_id.get(name) or self._by_id.setdefault(name, Line(name))
            self.note(line, ts, seq, size)

    def note(self, line: Line, ts: int, seq: int, size: int) -> None:
        """Remember a point that went into the tail."""
        line.tail[ts] = seq
        line.top = max(line.top, ts)
        self.tail_rows += 1
        self.tail_bytes += size

    def line(self, raw: sqlite3.Connection, name: str) -> Line | None:
        """Give the line of a name, or None if the name has no point."""
        found = self.by_name.get(name)
        if found is not None:
            return found
        query = "SELECT id FROM names WHERE section = ? AND name = ?"
        row = raw.execute(query, (self.id, name)).fetchone()
        return self._learn(raw, name, row[0]) if row else None

    def make(self, raw: sqlite3.Connection, name: str) -> Line:
        """Give the line of a name; the name is stored in the running transaction if need be."""
        found = self.line(raw, name)
        if found is None:
            query = "INSERT INTO names(section, name) VALUES(?, ?) RETURNING id"
            found = self._learn(raw, name, raw.execute(query, (self.id, name)).fetchone()[0])
        return found

    def _learn(self, raw: sqlite3.Connection, name: str, number: int) -> Line:
        if len(self.by_name) >= _MANY:
            self.by_name.clear()
        line = self._by_id.get(number) or self._by_id.setdefault(number, Line(number))
        if not line.known:
            newest = raw.execute(_NEWEST, (number,)).fetchone()
            line.top, line.known = max(line.top, newest[0] if newest else NEVER), True
        self.by_name[name] = line
        return line

    def newest(self, raw: sqlite3.Connection, number: int) -> int:
        """Give the greatest timestamp stored under the name with this id."""
        line = self._by_id.get(number)
        found = raw.execute(_NEWEST, (number,)).fetchone()
        return max(line.top if line else NEVER, found[0] if found else NEVER)

    def texts(self, raw: sqlite3.Connection, numbers: set[int]) -> dict[int, str]:
        """Give the names that have these ids."""
        query = "SELECT name FROM names WHERE id = ?"
        found = {number: raw.execute(query, (number,)).fetchone() for number in numbers}
        if None in found.values():
            raise CorruptData("names", "points are stored under a name that is lost")
        return {number: row[0] for number, row in found.items()}

    def folded(self) -> None:
        """Note that the tail has become chunks."""
        for line in self._by_id.values():
            line.tail = {}
        self.tail_rows = self.tail_bytes = 0

    def save(self, raw: sqlite3.Connection) -> None:
        """Store the counts; other processes see by the epoch that they have to look again."""
        self.rows, self.pending, self.last = self.stored, self.waiting, self.top
        self.epoch += 1
        raw.execute(
            "UPDATE sections SET epoch = ?, last = ?, settled = ?, rows = ?, pending = ?,"
            " dropped = ? WHERE id = ?",
            (self.epoch, self.last, self.settled, self.rows, self.pending, self.dropped, self.id),
        )
