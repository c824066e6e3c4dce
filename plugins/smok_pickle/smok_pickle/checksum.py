"""The checksum that stands beside every stored value: a mismatch is damage, never a value."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from smok_core.errors import CorruptData

if TYPE_CHECKING:
    import sqlite3

__all__ = [
    "LABEL_SUM",
    "MISSING_SUM",
    "checksum",
    "label_sum",
    "register",
    "verify",
    "verify_label",
]

_Field = int | float | str | None
#: `label_sum` in SQL: of which columns, for each table of labels.
LABEL_SUM: Final = {
    "sections": "checksum(x'', id, device, kind, name)",
    "names": "checksum(x'', id, section, name)",
}
#: What is set in rows that version 1 wrote, which had none; what is no bytes is damaged already.
MISSING_SUM: Final = (
    """UPDATE rows SET sum = checksum(value, section, key, seq, stamp, pending, tag)
       WHERE sum IS NULL AND typeof(value) = 'blob'""",
    """UPDATE blobs SET sum = checksum(data, section, key, version)
       WHERE sum IS NULL AND typeof(data) = 'blob'""",
)


def checksum(data: bytes, *fields: _Field) -> int:
    """Give the CRC-32 of the bytes and of what they belong to (key, version, state)."""
    return zlib.crc32(repr(fields).encode("utf-8", "surrogatepass"), zlib.crc32(data))


def verify(place: str, stored: int | None, data: bytes, *fields: _Field) -> None:
    """Compare; a row whose checksum is gone is as damaged as one that has another.

    Raises:
        CorruptData: The value, its key or its state is not what was written.
    """
    try:
        right = stored == checksum(data, *fields)
    except TypeError:
        right = False
    if not right:
        raise CorruptData(place, "the checksum of what is stored is wrong")


def label_sum(number: int, *label: _Field) -> int:
    """Give the checksum of an id and what it stands for."""
    return checksum(b"", number, *label)


def verify_label(stored: int | None, number: int, *label: _Field) -> None:
    """Compare; raises as `verify`, for then rows would change their owner."""
    verify("labels", stored, b"", number, *label)


def register(raw: sqlite3.Connection) -> None:
    """Make `checksum` known to SQL, for statements that change a part of a row."""
    raw.create_function("checksum", -1, checksum, deterministic=True)
