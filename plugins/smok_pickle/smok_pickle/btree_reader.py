"""Reads records straight from the pages of a damaged file, without the trees that led to them.

One bad page near a table's root hides all of the table from SQL, although nearly all of its pages
are good. In a whole file every leaf page that is not free belongs to a table, so to read all leaf
pages is to read all tables. The layout is that of https://www.sqlite.org/fileformat2.html, sections
1.5 to 2.1; auto_vacuum is on, so a map of the pages says a second time which are free.
"""

import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from smok_pickle.wal_reader import Log

_PAGE: Final = 4096
_LEAF, _INDEX_LEAF, _INDEX_INNER = 0x0D, 0x0A, 0x02
#: Bytes of payload that a page keeps at most, and at least when it spills over.
_MOST: Final = _PAGE - 35
_MOST_OF_INDEX: Final = (_PAGE - 12) * 64 // 255 - 23
_LEAST: Final = (_PAGE - 12) * 32 // 255 - 23
_BROKEN: Final = (IndexError, ValueError, struct.error, OverflowError)
_MAP_ENTRIES: Final = _PAGE // 5
_MAP_FREE: Final = 2
_MAGIC: Final = b"SQLite format 3\0"

Record = tuple[int, list[Any]]  # rowid, values


class Pages:
    """The pages of a file as its log says they are; a page that is not there is empty."""

    def __init__(self, file: BinaryIO, log: Log) -> None:
        self._file, self._log = file, log
        self.count = max(-(-file.seek(0, os.SEEK_END) // _PAGE), log.size, *log.pages, 0)
        self.free = self._free_pages()

    def __getitem__(self, number: int) -> bytes:
        return self._log.pages.get(number) or self._own(number)

    def _own(self, number: int) -> bytes:
        self._file.seek((number - 1) * _PAGE)
        return self._file.read(_PAGE).ljust(_PAGE, b"\0")

    @property
    def version(self) -> int | None:
        """Return the version of the tables, as the first page says; None: it is damaged."""
        page = self[1]
        return int.from_bytes(page[60:64], "big") if page.startswith(_MAGIC) else None

    def covered(self) -> Iterator[bytes]:
        """Return the pages of the file that the log has another state of."""
        return map(self._own, self._log.pages)

    def _free_pages(self) -> set[int]:
        """Return the pages that both the list and the map call free: no damage may hide rows."""
        if not self[1].startswith(_MAGIC):
            return {number for number in range(3, self.count + 1) if self._mapped_free(number)}
        return {number for number in self._listed_free() if self._mapped_free(number)}

    def _listed_free(self) -> set[int]:
        found, trunk = set[int](), struct.unpack_from(">I", self[1], 32)[0]
        while 0 < trunk <= self.count and trunk not in found:
            found.add(trunk)
            page = self[trunk]
            trunk, count = struct.unpack_from(">II", page)
            found.update(struct.unpack_from(f">{min(count, _PAGE // 4 - 2)}I", page, 8))
        return found

    def _mapped_free(self, number: int) -> bool:
        if number < 3:
            return False
        place = 2 + (number - 2) // (_MAP_ENTRIES + 1) * (_MAP_ENTRIES + 1)
        return place != number and self[place][5 * (number - place - 1)] == _MAP_FREE


def table_records(pages: Pages) -> Iterator[Record]:
    """Yield every record on a leaf page of a table, in no order.

    Records that were deleted may be among them, where damage hides that their page is free.
    """
    for number in range(1, pages.count + 1):
        if number not in pages.free:
            yield from records_of_page(pages, pages[number], 100 if number == 1 else 0)


def records_of_page(pages: Pages, page: bytes, start: int = 0) -> Iterator[Record]:
    """Yield the records of one page, if it is a leaf of a table."""
    for pointer in _pointers(page, start, (_LEAF,)):
        try:
            rowid, payload = _cell(pages, page, pointer)
            yield rowid, _record(payload)
        except _BROKEN:
            continue


def index_records(pages: Pages) -> Iterator[list[Any]]:
    """Yield the short records of all indices; the last value of each is a rowid."""
    for number in range(2, pages.count + 1):
        page = pages[number]
        skip = 4 if page[0] == _INDEX_INNER else 0
        if number in pages.free:
            continue
        for pointer in _pointers(page, 0, (_INDEX_LEAF, _INDEX_INNER)):
            try:
                size, at = _varint(page, pointer + skip)
                if 0 < size <= _MOST_OF_INDEX:
                    yield _record(_exactly(page[at : at + size], size))
            except _BROKEN:
                continue


def _pointers(page: bytes, start: int, kinds: tuple[int, ...]) -> tuple[int, ...]:
    if page[start] not in kinds:
        return ()
    count = struct.unpack_from(">H", page, start + 3)[0]
    first = start + (12 if page[start] == _INDEX_INNER else 8)
    return () if first + 2 * count > _PAGE else struct.unpack_from(f">{count}H", page, first)


def _cell(pages: Pages, page: bytes, at: int) -> tuple[int, bytes]:
    size, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if not 0 < size <= pages.count * _PAGE:
        raise ValueError("no record is larger than the file")
    if size <= _MOST:
        return rowid, _exactly(page[at : at + size], size)
    local = _LEAST + (size - _LEAST) % (_PAGE - 4)
    local = local if local <= _MOST else _LEAST
    rest = struct.unpack_from(">I", page, at + local)[0]
    return rowid, page[at : at + local] + _spilled(pages, rest, size - local)


def _spilled(pages: Pages, number: int, size: int) -> bytes:
    """Return the bytes that a chain of overflow pages holds."""
    parts: list[bytes] = []
    while size > 0:
        if not 0 < number <= pages.count:
            raise ValueError("the chain ends early")
        page = pages[number]
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
    if not 0 < end <= len(payload):
        raise ValueError("the head of the record is longer than the record")
    while at < end:
        kind, at = _varint(payload, at)
        value, here = _value(payload, here, kind)
        values.append(value)
    if at != end or here != len(payload):
        raise ValueError("the record has another length than its head says")
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
    if kind < 12:
        raise ValueError("no such type of value")
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
