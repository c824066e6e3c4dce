"""`Table` on SQLite: one row per key, found by key and by seq."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from smok_core.engine.base import Row, Settlement, Table, TableStats, When
from smok_pickle.sections import Section

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from smok_pickle.connection import Connection

__all__ = ["SqliteTable"]

_SELECT: Final = "SELECT key, value, stamp, seq, pending, tag FROM rows"
_GET: Final = _SELECT + " WHERE section = ? AND key = ?"
_ALL: Final = _SELECT + " WHERE section = ? ORDER BY seq"
_WAITING: Final = (
    _SELECT + " INDEXED BY rows_pending WHERE pending = 1 AND section = ? AND seq > ?"
    " ORDER BY seq LIMIT ?"
)
_STATE: Final = "SELECT seq, stamp, pending, id FROM rows WHERE section = ? AND key = ?"
_NEXT: Final = (
    "UPDATE sections SET last = last + 1, rows = rows + ?, pending = pending + ?"
    " WHERE id = ? RETURNING last"
)
_COUNT: Final = "UPDATE sections SET rows = rows + ?, pending = pending + ? WHERE id = ?"
_PUT: Final = (
    "INSERT INTO rows(seq, section, key, stamp, pending, value) VALUES(?, ?, ?, ?, ?, ?)"
    " ON CONFLICT(section, key) DO UPDATE SET seq = excluded.seq, stamp = excluded.stamp,"
    " pending = excluded.pending, value = excluded.value"
)


class SqliteTable(Table):
    """Every method is one transaction. `rows` reads the table at once: a snapshot in memory."""

    def __init__(self, connection: Connection, device: str, name: str) -> None:
        self._connection = connection
        self._section = Section(connection, device, "table", name)

    def detach(self, closed: Any) -> None:
        """Use ``closed`` from now on, which raises `StoreClosed` for every call."""
        self._connection = closed

    def get(self, key: str) -> Row | None:
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Row]:
        wanted = list(keys)

        def work(raw: sqlite3.Connection) -> list[Any]:
            section = self._section.find(raw)
            return [raw.execute(_GET, (section, key)).fetchone() for key in wanted]

        return {row[0]: _row(row) for row in self._connection.read(work) if row}

    def put(
        self,
        key: str,
        value: bytes,
        *,
        stamp: float = 0.0,
        pending: bool = False,
        when: When = When.ALWAYS,
        expected_seq: int | None = None,
    ) -> bool:
        def work(raw: sqlite3.Connection) -> bool:
            section = self._section.make(raw)
            old = raw.execute(_STATE, (section, key)).fetchone()
            if not _may_write(old, stamp, when, expected_seq):
                return False
            change = (0 if old else 1, pending - (old[2] if old else 0), section)
            seq = raw.execute(_NEXT, change).fetchone()[0]
            raw.execute(_PUT, (seq, section, key, float(stamp), int(pending), value))
            return True

        return self._connection.write(work)

    def delete(self, key: str, *, expected_seq: int | None = None) -> bool:
        def work(raw: sqlite3.Connection) -> bool:
            section = self._section.find(raw)
            old = raw.execute(_STATE, (section, key)).fetchone()
            if not old or expected_seq not in (None, old[0]):
                return False
            raw.execute("DELETE FROM rows WHERE id = ?", (old[3],))
            raw.execute(_COUNT, (-1, -old[2], section))
            return True

        return self._connection.drain(work)

    def rows(self) -> Iterator[Row]:
        def work(raw: sqlite3.Connection) -> list[Any]:
            return raw.execute(_ALL, (self._section.find(raw),)).fetchall()

        return map(_row, self._connection.read(work))

    def replace(self, rows: Mapping[str, bytes]) -> None:
        fresh = list(rows.items())

        def work(raw: sqlite3.Connection) -> None:
            section = self._section.make(raw)
            raw.execute("DELETE FROM rows WHERE section = ?", (section,))
            query = "SELECT last FROM sections WHERE id = ?"
            last = raw.execute(query, (section,)).fetchone()[0]
            raw.executemany(
                _PUT,
                [
                    (last + n, section, key, 0.0, 0, value)
                    for n, (key, value) in enumerate(fresh, 1)
                ],
            )
            query = "UPDATE sections SET last = ?, rows = ?, pending = 0 WHERE id = ?"
            raw.execute(query, (last + len(fresh), len(fresh), section))

        self._connection.write(work)

    def pending(self, limit: int, after: int = 0) -> list[Row]:
        def work(raw: sqlite3.Connection) -> list[Any]:
            section = self._section.find(raw)
            return raw.execute(_WAITING, (section, after, max(limit, 0))).fetchall()

        return list(map(_row, self._connection.read(work)))

    def settle(self, settlements: Sequence[Settlement]) -> int:
        done = list(settlements)

        def work(raw: sqlite3.Connection) -> int:
            section = self._section.find(raw)
            return sum(_settle(raw, section, item) for item in done)

        return self._connection.drain(work)

    def stats(self) -> TableStats:
        query = "SELECT rows, pending FROM sections WHERE id = ?"

        def work(raw: sqlite3.Connection) -> Any:
            return raw.execute(query, (self._section.find(raw),)).fetchone() or (0, 0)

        rows, pending = self._connection.read(work)
        return TableStats(rows=rows, pending=pending)


def _settle(raw: sqlite3.Connection, section: int | None, item: Settlement) -> bool:
    old = raw.execute(_STATE, (section, item.key)).fetchone()
    if not old:
        return False
    seq, _, pending, number = old
    current = seq == item.seq
    if current and item.remove:
        raw.execute("DELETE FROM rows WHERE id = ?", (number,))
        raw.execute(_COUNT, (-1, -pending, section))
        return True
    if item.tag is not None:
        raw.execute("UPDATE rows SET tag = ? WHERE id = ?", (item.tag, number))
    if current and pending:
        raw.execute("UPDATE rows SET pending = 0 WHERE id = ?", (number,))
        raw.execute(_COUNT, (0, -1, section))
    return bool(current and pending)


def _may_write(old: Any, stamp: float, when: When, expected_seq: int | None) -> bool:
    if expected_seq is not None and (old is None or old[0] != expected_seq):
        return False
    if when is When.ABSENT:
        return old is None
    return when is When.ALWAYS or old is None or stamp > old[1]


def _row(row: Any) -> Row:
    key, value, stamp, seq, pending, tag = row
    return Row(key, value, stamp, seq, bool(pending), tag)
