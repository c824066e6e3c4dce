"""Blobs: versions in one LMDB database, data in another, always changed together."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from smok_core.engine.base import Blobs
from smok_lmdb.keys import key_of
from smok_lmdb.scan import entry_at, prefixed

if TYPE_CHECKING:
    import lmdb

    from smok_lmdb.connection import Connection


_VERSION: Final = struct.Struct(">q")


class LmdbBlobs(Blobs):
    """The blobs of one name."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self._space = connection, connection.space("blobs", name)

    def put(self, key: str, data: bytes, version: int) -> int | None:
        place = key_of(self._space, key)
        with self._connection.writing(len(data)) as transaction:
            stored = self._version(transaction, place)
            if stored is not None and stored >= version:
                return stored
            entry = _VERSION.pack(version) + key.encode()
            transaction.put(place, entry, db=self._connection.db("blobs"))
            transaction.put(place, bytes(data), db=self._connection.db("data"))
            return None

    def get(self, key: str) -> tuple[bytes, int] | None:
        place = key_of(self._space, key)
        with self._connection.reading() as transaction:
            version = self._version(transaction, place)
            if version is None:
                return None
            data = entry_at(transaction, self._connection.db("data"), place)
            assert data is not None  # both change in one transaction
            return data, version

    def version(self, key: str) -> int | None:
        with self._connection.reading() as transaction:
            return self._version(transaction, key_of(self._space, key))

    def versions(self) -> dict[str, int]:
        with self._connection.reading() as transaction:
            entries = prefixed(transaction, self._connection.db("blobs"), self._space)
            return {entry[8:].decode(): _VERSION.unpack_from(entry)[0] for _, entry in entries}

    def delete(self, key: str) -> bool:
        place = key_of(self._space, key)
        with self._connection.acknowledging() as transaction:
            transaction.delete(place, db=self._connection.db("data"))
            gone: bool = transaction.delete(place, db=self._connection.db("blobs"))
            return gone

    def _version(self, transaction: lmdb.Transaction, place: bytes) -> int | None:
        entry = entry_at(transaction, self._connection.db("blobs"), place)
        return None if entry is None else int(_VERSION.unpack_from(entry)[0])
