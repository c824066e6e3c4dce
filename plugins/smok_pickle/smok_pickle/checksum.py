"""The checksum that stands beside every stored value: a mismatch is damage, never a value."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from smok_core.errors import CorruptData

if TYPE_CHECKING:
    import sqlite3

__all__ = ["checksum", "register", "verify"]

_Field = int | float | str | None


def checksum(data: bytes, *fields: _Field) -> int:
    """Give the CRC-32 of the bytes and of what they belong to (key, version, state)."""
    return zlib.crc32(repr(fields).encode("utf-8", "surrogatepass"), zlib.crc32(data))


def verify(place: str, stored: int | None, data: bytes, *fields: _Field) -> None:
    """Compare; a row from before the checksums (schema 1, until it is next written) has None.

    Raises:
        CorruptData: The value, its key or its state is not what was written.
    """
    if stored is not None and stored != checksum(data, *fields):
        raise CorruptData(place, f"the checksum of {len(data)} stored bytes is wrong")


def register(raw: sqlite3.Connection) -> None:
    """Make `checksum` known to SQL, for statements that change a part of a row."""
    raw.create_function("checksum", -1, checksum, deterministic=True)
