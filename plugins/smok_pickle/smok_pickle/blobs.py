"""`Blobs` on SQLite: data and version in one row, so they change together."""

import sqlite3
from typing import Any, Final

from smok_core.engine.base import Blobs
from smok_core.errors import CorruptData
from smok_pickle.checksum import checksum, verify
from smok_pickle.connection import Connection
from smok_pickle.namespaces import Namespace

COLUMNS: Final = "data, version, section, key, sum"

_FIND: Final = "SELECT id, version FROM blobs WHERE section = ? AND key = ?"
_GET: Final = f"SELECT {COLUMNS} FROM blobs WHERE section = ? AND key = ?"  # noqa: S608
_NEXT: Final = "UPDATE sections SET last = last + 1 WHERE id = ?"
_ADD: Final = "INSERT INTO blobs(section, key, version, data, sum) VALUES(?, ?, ?, ?, ?)"
_ALL: Final = "SELECT key, version, id, section FROM blobs {by} WHERE section = ?"
_BY_INDEX: Final = _ALL.format(by="INDEXED BY blobs_by_key")
_BY_ROWS: Final = _ALL.format(by="NOT INDEXED")


class SqliteBlobs(Blobs):
    """Every method is one transaction; versions are read without the data."""

    def __init__(self, connection: Connection, device: str, name: str) -> None:
        self._connection = connection
        self._namespace = Namespace(connection, device, "blobs", name)

    def detach(self, closed: Any) -> None:
        """Use ``closed`` from now on, which raises `StoreClosed` for every call."""
        self._connection = closed

    def put(self, key: str, data: bytes, version: int) -> int | None:
        def work(raw: sqlite3.Connection) -> int | None:
            section = self._namespace.make(raw)
            old = raw.execute(_FIND, (section, key)).fetchone()
            if old and old[1] >= version:
                return int(old[1])
            if old:
                raw.execute("DELETE FROM blobs WHERE id = ?", (old[0],))
            content = bytes(data)
            total = checksum(content, section, key, version)
            raw.execute(_ADD, (section, key, version, content, total))
            raw.execute(_NEXT, (section,))
            return None

        return self._connection.write(work)

    def get(self, key: str) -> tuple[bytes, int] | None:
        def work(raw: sqlite3.Connection) -> tuple[bytes, int] | None:
            found = raw.execute(_GET, (self._namespace.find(raw), key)).fetchone()
            return load(found) if found else None

        return self._connection.read(work)

    def version(self, key: str) -> int | None:
        def work(raw: sqlite3.Connection) -> int | None:
            found = raw.execute(_FIND, (self._namespace.find(raw), key)).fetchone()
            return found[1] if found else None

        return self._connection.read(work)

    def versions(self) -> dict[str, int]:
        def work(raw: sqlite3.Connection) -> dict[str, int]:
            values = (self._namespace.find(raw),)
            listed, found = (
                raw.execute(query, values).fetchall() for query in (_BY_INDEX, _BY_ROWS)
            )
            typed = all(type(key) is str and type(version) is int for key, version, *_ in found)
            if not typed or listed != sorted(found, key=_in_index):
                raise CorruptData("blobs", "the versions in index and rows are not the same")
            return {key: version for key, version, *_ in found}

        return self._connection.read(work)

    def delete(self, key: str) -> bool:
        def work(raw: sqlite3.Connection) -> bool:
            section = self._namespace.find(raw)
            old = raw.execute(_FIND, (section, key)).fetchone()
            if old:
                raw.execute("DELETE FROM blobs WHERE id = ?", (old[0],))
                raw.execute(_NEXT, (section,))
            return bool(old)

        return self._connection.drain(work)


def _in_index(row: Any) -> tuple[bytes, int]:
    return row[0].encode(), row[1]


def load(row: Any) -> tuple[bytes, int]:
    """Make a blob of its columns; raises CorruptData if they are not what was written."""
    data, version, section, key, total = row
    verify("blobs", total, data, section, key, version)
    return data, version
