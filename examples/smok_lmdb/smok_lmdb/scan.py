"""Walks over the entries of an LMDB database whose keys begin alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import lmdb


def entry_at(transaction: lmdb.Transaction, db: lmdb._Database, key: bytes) -> bytes | None:
    """Return the entry under a key, or None."""
    found = transaction.get(key, db=db)
    return None if found is None else bytes(found)


def prefixed(
    transaction: lmdb.Transaction, db: lmdb._Database, prefix: bytes, start: bytes = b""
) -> Iterator[tuple[bytes, bytes]]:
    """Stream the entries under ``prefix`` from ``prefix + start`` on, ascending."""
    with transaction.cursor(db=db) as cursor:
        if not cursor.set_range(prefix + start):
            return
        for key, value in cursor:
            if not bytes(key).startswith(prefix):
                return
            yield bytes(key), bytes(value)


def last_before(
    transaction: lmdb.Transaction, db: lmdb._Database, prefix: bytes, stop: bytes
) -> tuple[bytes, bytes] | None:
    """Return the last entry under ``prefix`` whose key is at most ``prefix + stop``."""
    with transaction.cursor(db=db) as cursor:
        found = cursor.set_range(prefix + stop)
        if not found or cursor.key() != prefix + stop:
            found = cursor.prev() if found else cursor.last()
        if not found or not bytes(cursor.key()).startswith(prefix):
            return None
        return bytes(cursor.key()), bytes(cursor.value())


def clear(transaction: lmdb.Transaction, db: lmdb._Database, prefix: bytes) -> None:
    """Delete every entry under ``prefix``."""
    with transaction.cursor(db=db) as cursor:
        while cursor.set_range(prefix) and bytes(cursor.key()).startswith(prefix):
            cursor.delete()
