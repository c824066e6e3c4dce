"""Reads the log of SQLite (``-wal``) frame by frame, where SQLite itself would stop.

SQLite reads a log up to the first frame that is not as it should be, and drops the rest. After a
kill that is right: what lies behind was never committed. After damage it drops commits. Every
frame is sealed by a checksum over itself and the checksum of the frame before, both stored, so
each can be judged alone. See https://www.sqlite.org/fileformat2.html#walformat.
"""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Damage", "look", "replay"]

_HEADER: Final = 32
_FRAME_HEADER: Final = 24
_PAGE: Final = 4096
_FRAME: Final = _FRAME_HEADER + _PAGE
_ORDERS: Final = {0x377F0682: "<", 0x377F0683: ">"}
_VERSION: Final = 3007000

_Sum = tuple[int, int]


class Frame(NamedTuple):
    """One page in the log; ``size`` is the file's size in pages if it ends a commit, else 0."""

    page: int
    size: int
    sound: bool
    data: bytes


class Damage(NamedTuple):
    """Where a log is damaged, and how many commits behind that SQLite would drop."""

    offset: int
    commits: int


def look(log: Path) -> Damage | None:
    """Tell whether commits lie behind a damaged place; an unfinished end is no damage."""
    offset = None
    commits = 0
    for place, frame in enumerate(_frames(log)):
        if not frame.sound and offset is None:
            offset = _HEADER + place * _FRAME
        if offset is not None and frame.sound and frame.size:
            commits += 1
    return Damage(offset, commits) if offset is not None and commits else None


def replay(database: Path, log: Path) -> int:
    """Write the sound pages of every commit in the log into the file; give their number.

    A page that is not sound is left as an earlier commit had it: the values on it have checksums
    of their own, and the tree that leads to them is not believed afterwards.
    """
    written, waiting = 0, dict[int, bytes]()
    with database.open("r+b") as file:
        for frame in _frames(log):
            if frame.sound:
                waiting[frame.page] = frame.data
            if frame.size:
                for page, data in waiting.items():
                    file.seek((page - 1) * _PAGE)
                    written += file.write(data) // _PAGE
                waiting = {}
    return written


def _frames(log: Path) -> Iterator[Frame]:
    """Give the frames of the newest generation of the log, sound or not."""
    try:
        data = log.read_bytes()
    except OSError:
        return
    count = (len(data) - _HEADER) // _FRAME
    if count <= 0:
        return
    salts = _salts(data, count)
    order, before = _seal(data, salts)
    for place in range(count):
        at = _HEADER + place * _FRAME
        page, size, *salt_and_sum = struct.unpack_from(">6I", data, at)
        salt, stored = tuple(salt_and_sum[:2]), (salt_and_sum[2], salt_and_sum[3])
        if salt != salts and place and not _more_of(data, salts, place, count):
            return
        body = data[at : at + 8] + data[at + _FRAME_HEADER : at + _FRAME]
        sound = salt == salts and before is not None and _sum(body, before, order) == stored
        plausible = 0 < page < 1 << 31
        yield Frame(page, size if sound else 0, sound and plausible, body[8:])
        before = stored if salt == salts else None


def _more_of(data: bytes, salts: tuple[int, ...], place: int, count: int) -> bool:
    """Tell whether frames of this generation follow one that has another salt."""
    later = (struct.unpack_from(">2I", data, _HEADER + n * _FRAME + 8) for n in range(place, count))
    return salts in later


def _salts(data: bytes, count: int) -> tuple[int, ...]:
    """Give the salts of the newest generation: the header's, unless no frame near it has them."""
    header = struct.unpack_from(">2I", data, 16)
    first = [
        struct.unpack_from(">2I", data, _HEADER + n * _FRAME + 8)
        for n in itertools.islice(range(count), 3)
    ]
    return header if header in first or len(first) < 2 else max(first, key=first.count)


def _seal(data: bytes, salts: tuple[int, ...]) -> tuple[str, _Sum | None]:
    """Give the byte order of the sums, and the sum that the first frame builds on.

    A damaged header is mended as far as it is known what stood there.
    """
    magic = struct.unpack_from(">I", data)[0]
    for order in dict.fromkeys((_ORDERS.get(magic, "<"), "<", ">")):
        number = next(known for known, name in _ORDERS.items() if name == order)
        head = (
            struct.pack(">3I", number, _VERSION, _PAGE) + data[12:16] + struct.pack(">2I", *salts)
        )
        for start in (_sum(head, (0, 0), order), struct.unpack_from(">2I", data, 24)):
            if _first_is_sound(data, (start[0], start[1]), order):
                return order, (start[0], start[1])
    return _order_of_second(data), None


def _first_is_sound(data: bytes, start: _Sum, order: str) -> bool:
    return _is_sound(data, 0, start, order)


def _order_of_second(data: bytes) -> str:
    """Find the byte order by the second frame, which needs only the first one's stored sum."""
    if len(data) < _HEADER + 2 * _FRAME:
        return "<"
    stored = struct.unpack_from(">2I", data, _HEADER + 16)
    return ">" if _is_sound(data, 1, (stored[0], stored[1]), ">") else "<"


def _is_sound(data: bytes, place: int, start: _Sum, order: str) -> bool:
    at = _HEADER + place * _FRAME
    body = data[at : at + 8] + data[at + _FRAME_HEADER : at + _FRAME]
    stored = struct.unpack_from(">2I", data, at + 16)
    return _sum(body, start, order) == (stored[0], stored[1])


def _sum(data: bytes, start: _Sum, order: str) -> _Sum:
    """Give SQLite's checksum of ``data``, which continues ``start``."""
    first, second = start
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for word in words:
        first = (first + word + second) & 0xFFFFFFFF
        second = (second + next(words) + first) & 0xFFFFFFFF
    return first, second
