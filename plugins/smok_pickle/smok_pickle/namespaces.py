"""Namespaces: what one device keeps under one name; the ids that all rows carry."""

import sqlite3
from typing import Final

from smok_pickle.checksum import label_sum, verify_label
from smok_pickle.connection import Connection
from smok_pickle.schema import SEQ_BITS

_FIND: Final = "SELECT id, sum FROM sections WHERE device = ? AND kind = ? AND name = ?"
_ADD: Final = "INSERT INTO sections(device, kind, name, last, settled) VALUES(?, ?, ?, 0, 0)"
_BEGIN: Final = "UPDATE sections SET last = ?, settled = ?, sum = ? WHERE id = ?"


class Namespace:
    """The id of one (device, kind, name), made at the first write and remembered."""

    def __init__(self, connection: Connection, device: str, kind: str, name: str) -> None:
        self._connection, self._label = connection, (device, kind, name)
        self._id: int | None = None
        self.top = 0  #: the highest seq that this process gave
        self.connection_epoch = -1  #: all of that is true under this one
        connection.memories.add(self)

    def find(self, raw: sqlite3.Connection) -> int | None:
        """Return the id, or None if nothing was ever written."""
        if self._id is None or self.connection_epoch != self._connection.connection_epoch:
            self.connection_epoch, self.top = self._connection.connection_epoch, 0
            row = raw.execute(_FIND, self._label).fetchone()
            if row:
                verify_label(row[1], row[0], *self._label)
            self._id = int(row[0]) if row else None
        return self._id

    def make(self, raw: sqlite3.Connection) -> int:
        """Return the id; the section is made in the running transaction if need be."""
        found = self.find(raw)
        if found is None:
            number = raw.execute(_ADD, self._label).lastrowid
            assert number is not None
            first = number << SEQ_BITS
            raw.execute(_BEGIN, (first, first, label_sum(number, *self._label), number))
            found = self.find(raw)
            assert found is not None
        return found
