"""Reads rows straight from the pages of a damaged file, without the tree that led to them.

One bad page near a table's root hides all of the table from SQL, although nearly all of its pages
are good. The layout is that of https://www.sqlite.org/fileformat2.html, sections 1.5 to 2.1.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["rows_in_leaves"]

_PAGE: Final = 4096
_LEAF: Final = 0x0D
#: Bytes of payload that a leaf keeps at most, and at least when it spills over.
_MOST: Final = _PAGE - 35
_LEAST: Final = (_PAGE - 12) * 32 // 255 - 23
_BROKEN: Final = (IndexError, ValueError, struct.error, OverflowError)

_NUMBER: Final = (int, float)
_TEXT: Final = (str, type(None))
#: The types of each table's columns behind its key, by which its rows are known.
_SHAPES: Final[dict[str, tuple[Any, ...]]] = {
    "sections": (str, str, str, int, int, int, int, int, int),
    "names": (int, str),
    "rows": (int, str, int, _NUMBER, int, _TEXT, bytes),
    "blobs": (int, str, int, bytes),
    "tail": (int, int, bytes),
    "chunks": (int, int, int, int, int, bytes),
    "done": (),
}


def rows_in_leaves(path: Path, table: str) -> Iterator[tuple[Any, ...]]:
    """Give every row of a table that a good page of the file holds, in no order.

    Rows that were deleted may be among them, where their page was not used again.
    """
    shape = _SHAPES[table]
    with path.open("rb") as file:
        pages = path.stat().st_size // _PAGE
        free = _free_pages(file, pages)
        for number in range(1, pages + 1):
            if number not in free:
                for rowid, values in _cells(file, number):
                    if _fits(values, shape):
                        yield (rowid, *values[1:])


def _fits(values: list[Any], shape: tuple[Any, ...]) -> bool:
    """Tell whether a record has a table's columns; its key stands elsewhere and is NULL here."""
    return (
        len(values) == len(shape) + 1
        and values[0] is None
        and all(map(isinstance, values[1:], shape))
    )


def _free_pages(file: BinaryIO, pages: int) -> set[int]:
    """Give the pages on the list of free ones, as far as it can be followed."""
    found: set[int] = set()
    trunk = struct.unpack_from(">I", _page(file, 1), 32)[0]
    while 0 < trunk <= pages and trunk not in found:
        found.add(trunk)
        page = _page(file, trunk)
        trunk, count = struct.unpack_from(">II", page)
        found.update(struct.unpack_from(f">{min(count, _PAGE // 4 - 2)}I", page, 8))
    return found


def _page(file: BinaryIO, number: int) -> bytes:
    file.seek((number - 1) * _PAGE)
    return file.read(_PAGE)


def _cells(file: BinaryIO, number: int) -> Iterator[tuple[int, list[Any]]]:
    page, start = _page(file, number), 100 if number == 1 else 0
    if len(page) < _PAGE or page[start] != _LEAF:
        return
    count = struct.unpack_from(">H", page, start + 3)[0]
    if start + 8 + 2 * count > _PAGE:
        return
    for pointer in struct.unpack_from(f">{count}H", page, start + 8):
        try:
            rowid, payload = _cell(file, page, pointer)
            yield rowid, _record(payload)
        except _BROKEN:
            continue


def _cell(file: BinaryIO, page: bytes, at: int) -> tuple[int, bytes]:
    size, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if size <= _MOST:
        return rowid, _exactly(page[at : at + size], size)
    local = _LEAST + (size - _LEAST) % (_PAGE - 4)
    local = local if local <= _MOST else _LEAST
    rest = struct.unpack_from(">I", page, at + local)[0]
    return rowid, page[at : at + local] + _spilled(file, rest, size - local)


def _spilled(file: BinaryIO, number: int, size: int) -> bytes:
    """Give the bytes that a chain of overflow pages holds."""
    parts: list[bytes] = []
    while size > 0:
        if number == 0:
            raise ValueError("the chain ends early")
        page = _page(file, number)
        number = struct.unpack_from(">I", page)[0]
        parts.append(page[4 : 4 + size])
        size -= _PAGE - 4
    return b"".join(parts)


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ValueError("the cell reaches past its page")
    return data


def _record(payload: bytes) -> list[Any]:
    end, at = _varint(payload, 0)
    values, here = list[Any](), end
    while at < end:
        kind, at = _varint(payload, at)
        value, here = _value(payload, here, kind)
        values.append(value)
    return values


_INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def _value(payload: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in _INTEGERS:
        stop = at + _INTEGERS[kind]
        return int.from_bytes(_exactly(payload[at:stop], stop - at), "big", signed=True), stop
    if kind == 7:
        return struct.unpack_from(">d", payload, at)[0], at + 8
    if kind in (0, 8, 9):
        return (None if kind == 0 else kind - 8), at
    stop = at + (kind - 12) // 2
    data = _exactly(payload[at:stop], max(stop - at, 0))
    return (data.decode() if kind % 2 else data), stop


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(9):
        byte = data[at + place]
        if place == 8:
            value = (value << 8) | byte
            return (value - 2**64 if value >= 2**63 else value), at + 9
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("not a varint")
