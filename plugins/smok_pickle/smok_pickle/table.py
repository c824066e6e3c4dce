"""`Table` on SQLite: one row per key, found by key and by seq."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from smok_core.engine.base import Ack, Row, Table, TableStats, When
from smok_core.errors import CorruptData, QueueFull
from smok_pickle.checksum import checksum, verify
from smok_pickle.connection import Connection
from smok_pickle.namespaces import Namespace

COLUMNS: Final = "key, value, stamp, seq, pending, tag, section, sum"
_SELECT: Final = f"SELECT {COLUMNS} FROM rows"  # noqa: S608 - fixed words only
_GET: Final = _SELECT + " WHERE section = ? AND key = ?"
_ALL: Final = _SELECT + " WHERE section = ? ORDER BY seq"
_WAITING: Final = (
    _SELECT + " INDEXED BY rows_pending WHERE pending = 1 AND section = ? AND seq > ?"
    " ORDER BY seq LIMIT ?"
)
_STATE: Final = "SELECT seq, stamp, pending, id, tag FROM rows WHERE section = ? AND key = ?"
_NEXT: Final = (
    "UPDATE sections SET last = last + 1, rows = rows + ?, pending = pending + ? WHERE id = ?"
)
_LAST: Final = "SELECT last FROM sections WHERE id = ?"
_COUNTS: Final = "SELECT rows, pending, dropped FROM sections WHERE id = ?"
_DROPPED: Final = "UPDATE sections SET dropped = dropped + ? WHERE id = ?"
_BY_ID: Final = _SELECT + " WHERE id = ?"
_CHANGE: Final = "UPDATE rows SET pending = ?, tag = ?, sum = ? WHERE id = ?"
_PUT: Final = (
    "INSERT INTO rows(seq, section, key, stamp, pending, value, tag, sum)"
    " VALUES(?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT(section, key) DO UPDATE SET seq = excluded.seq, stamp = excluded.stamp,"
    " pending = excluded.pending, value = excluded.value, sum = excluded.sum"
)


class SqliteTable(Table):
    """Every method is one transaction. `rows` reads the table at once: a snapshot in memory."""

    def __init__(self, connection: Connection, device: str, name: str) -> None:
        self._connection = connection
        self._namespace = Namespace(connection, device, "table", name)

    def detach(self, closed: Any) -> None:
        """Use ``closed`` from now on, which raises `StoreClosed` for every call."""
        self._connection = closed

    def get(self, key: str) -> Row | None:
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Row]:
        wanted = list(keys)

        def work(raw: sqlite3.Connection) -> list[Row]:
            section = self._namespace.find(raw)
            found = [raw.execute(_GET, (section, key)).fetchone() for key in wanted]
            return [load(row) for row in found if row]

        return {row.key: row for row in self._connection.read(work)}

    def put(
        self,
        key: str,
        value: bytes,
        *,
        stamp: float = 0.0,
        pending: bool = False,
        when: When = When.ALWAYS,
        expected_seq: int | None = None,
        max_pending: int | None = None,
        drop: Sequence[Ack] = (),
    ) -> bool:
        def work(raw: sqlite3.Connection) -> bool:
            section = self._namespace.make(raw)
            old = raw.execute(_STATE, (section, key)).fetchone()
            if not _may_write(old, stamp, when, expected_seq):
                return False
            if max_pending is not None and pending and not (old and old[2]):
                self._make_room(raw, section, max_pending, drop)
            change = (0 if old else 1, pending - (old[2] if old else 0), section)
            raw.execute(_NEXT, change)
            seq = self._namespace.top = raw.execute(_LAST, (section,)).fetchone()[0]
            row = (seq, section, key, float(stamp), int(pending), bytes(value))
            raw.execute(_PUT, _summed(*row, old[4] if old else None))
            return True

        return self._connection.write(work)

    def _make_room(
        self, raw: sqlite3.Connection, section: int, most: int, drop: Sequence[Ack]
    ) -> None:
        query = "SELECT pending FROM sections WHERE id = ?"
        pending = raw.execute(query, (section,)).fetchone()[0]
        excess = max(pending + 1 - most, 0)
        victims = [item for item in drop if _waits(raw, section, item)][:excess] if excess else []
        if len(victims) < excess:
            detail = f"{pending} records wait, max_pending is {most}"
            raise QueueFull(str(self._connection.path), detail)
        for item in victims:
            _acknowledge(raw, section, item)
        if victims:
            raw.execute(_DROPPED, (len(victims), section))

    def delete(self, key: str, *, expected_seq: int | None = None) -> bool:
        def work(raw: sqlite3.Connection) -> bool:
            section = self._namespace.find(raw)
            old = raw.execute(_STATE, (section, key)).fetchone()
            if not old or expected_seq not in (None, old[0]):
                return False
            raw.execute("DELETE FROM rows WHERE id = ?", (old[3],))
            raw.execute(_NEXT, (-1, -old[2], section))
            return True

        return self._connection.drain(work)

    def rows(self) -> Iterator[Row]:
        def work(raw: sqlite3.Connection) -> list[Row]:
            section = self._namespace.find(raw)
            found = list(map(load, raw.execute(_ALL, (section,))))
            _compare(len(found), self._counts(raw)[0])
            return found

        return iter(self._connection.read(work))

    def replace(self, rows: Mapping[str, bytes]) -> None:
        fresh = list(rows.items())

        def work(raw: sqlite3.Connection) -> None:
            section = self._namespace.make(raw)
            raw.execute("DELETE FROM rows WHERE section = ?", (section,))
            query = "SELECT last FROM sections WHERE id = ?"
            last = raw.execute(query, (section,)).fetchone()[0]
            raw.executemany(
                _PUT,
                [
                    _summed(last + n, section, key, 0.0, 0, bytes(value), None)
                    for n, (key, value) in enumerate(fresh, 1)
                ],
            )
            query = "UPDATE sections SET last = ?, rows = ?, pending = 0 WHERE id = ?"
            self._namespace.top = last + len(fresh)
            raw.execute(query, (self._namespace.top, len(fresh), section))

        self._connection.write(work)

    def pending(self, limit: int, after: int = 0) -> list[Row]:
        def work(raw: sqlite3.Connection) -> list[Row]:
            section = self._namespace.find(raw)
            found = list(map(load, raw.execute(_WAITING, (section, after, max(limit, 0)))))
            if after == 0 and len(found) < limit:
                _compare(len(found), self._counts(raw)[1])
            return found

        return self._connection.read(work)

    def acknowledge(self, acks: Sequence[Ack]) -> int:
        done = list(acks)

        def work(raw: sqlite3.Connection) -> int:
            section = self._namespace.find(raw)
            return sum(_acknowledge(raw, section, item) for item in done)

        return self._connection.drain(work)

    def stats(self) -> TableStats:
        return TableStats(*self._connection.read(self._counts))

    def _counts(self, raw: sqlite3.Connection) -> Any:
        """Return the rows, the pending ones, and how many were dropped."""
        return raw.execute(_COUNTS, (self._namespace.find(raw),)).fetchone() or (0, 0, 0)


def _compare(found: int, counted: int) -> None:
    """Raise if rows vanished behind a broken index."""
    if found != counted:
        raise CorruptData("rows", f"{found} rows were found, {counted} were counted")


def _waits(raw: sqlite3.Connection, section: int, item: Ack) -> bool:
    old = raw.execute(_STATE, (section, item.key)).fetchone()
    return bool(old and old[2] and old[0] == item.seq)


def _acknowledge(raw: sqlite3.Connection, section: int | None, item: Ack) -> bool:
    old = raw.execute(_STATE, (section, item.key)).fetchone()
    if not old:
        return False
    seq, _, pending, number, _ = old
    current = seq == item.seq
    if current and item.remove:
        raw.execute("DELETE FROM rows WHERE id = ?", (number,))
        raw.execute(_NEXT, (-1, -pending, section))
        return True
    settled = bool(current and pending)
    if settled or item.tag is not None:
        _change(raw, number, pending=pending and not settled, tag=item.tag)
    if settled:
        raw.execute(_NEXT, (0, -1, section))
    return settled


def _may_write(old: Any, stamp: float, when: When, expected_seq: int | None) -> bool:
    if expected_seq is not None and (old is None or old[0] != expected_seq):
        return False
    if when is When.ABSENT:
        return old is None
    return when is When.ALWAYS or old is None or stamp > old[1]


def _change(raw: sqlite3.Connection, number: int, *, pending: bool, tag: str | None) -> None:
    """Set what the cloud said; a damaged row must not get a checksum that calls it sound."""
    columns = raw.execute(_BY_ID, (number,)).fetchone()
    load(columns)
    key, value, stamp, seq, _, old_tag, section, _ = columns
    tag = old_tag if tag is None else tag
    total = checksum(value, section, key, seq, stamp, int(pending), tag)
    raw.execute(_CHANGE, (int(pending), tag, total, number))


def _summed(
    seq: int, section: int, key: str, stamp: float, pending: int, value: bytes, tag: str | None
) -> tuple[Any, ...]:
    total = checksum(value, section, key, seq, stamp, pending, tag)
    return seq, section, key, stamp, pending, value, tag, total


def load(row: Any) -> Row:
    """Make a row of its columns; raises CorruptData if they are not what was written."""
    key, value, stamp, seq, pending, tag, section, total = row
    verify("rows", total, value, section, key, seq, stamp, pending, tag)
    return Row(key, value, stamp, seq, bool(pending), tag)
