"""The checksum that stands beside every stored value: a mismatch is damage, never a value."""

import sqlite3
import zlib
from typing import Final

from smok_core.errors import CorruptData

_Field = int | float | str | None
#: What the checksum of a table's row is over: its bytes, which labels lack, then the fields.
_SUMMED: Final = {
    "sections": ("x''", "id, device, kind, name"),
    "names": ("x''", "id, section, name"),
    "rows": ("value", "section, key, seq, stamp, pending, tag"),
    "blobs": ("data", "section, key, version"),
}


def checksum(data: bytes, *fields: _Field) -> int:
    """Return the CRC-32 of the bytes and of what they belong to (key, version, state)."""
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
    """Return the checksum of an id and what it stands for."""
    return checksum(b"", number, *label)


def verify_label(stored: int | None, number: int, *label: _Field) -> None:
    """Compare; raises as `verify`, for then rows would change their owner."""
    verify("labels", stored, b"", number, *label)


def fill(raw: sqlite3.Connection, table: str) -> None:
    """Give a checksum to each row that has none; what is no bytes is damaged already.

    It is no function of SQL, here or elsewhere: SQLite would make an interrupt in it its own error.
    """
    data, fields = _SUMMED[table]
    without = f"SELECT id FROM {table} WHERE sum IS NULL AND typeof({data}) = 'blob'"  # noqa: S608
    content = f"SELECT {data}, {fields} FROM {table} WHERE id = ?"  # noqa: S608 - fixed words only
    change = f"UPDATE {table} SET sum = ? WHERE id = ?"  # noqa: S608
    for number in raw.execute(without).fetchall():
        total = checksum(*raw.execute(content, number).fetchone())
        raw.execute(change, (total, *number))
