"""Reads a write-ahead log frame by frame, also behind a damaged frame.

The checksum of a frame goes on from that of the frame before, which stands in its header. So a
frame behind a damaged one can still be proved, where SQLite itself stops reading. The layout is
that of https://www.sqlite.org/fileformat2.html, section 4.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import mul
from pathlib import Path
from typing import BinaryIO, Final

_PAGE: Final = 4096
_HEAD: Final = 32
_SALTS: Final = slice(16, 24)
_FRAME: Final = 24 + _PAGE
_LITTLE, _BIG = 0x377F0682, 0x377F0683
_VERSION: Final = 3007000
_MASK: Final = 0xFFFFFFFF


@dataclass
class Log:
    """What a log holds. ``damage`` is None for a log that SQLite reads to its end."""

    pages: dict[int, bytes] = field(default_factory=dict)  #: newest proved page by number
    doubtful: list[bytes] = field(default_factory=list)  #: pages of frames that cannot be proved
    size: int = 0  #: pages of the file after the last commit
    damage: str | None = None


def read_log(path: Path, cookie: bytes | None = None) -> Log:
    """Return the sound frames of the log at ``path``; an empty `Log` if there is none.

    Frames of a transaction that was never committed at the end of the log do not count.

    Args:
        path: The log.
        cookie: Leave out what was committed since the first page had this schema cookie last.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Log()
    return _read(content, cookie) if content else Log()


def salts_of(log: BinaryIO) -> bytes:
    """Return what tells one log from the next that is begun in the same file; b"": no log."""
    log.seek(0)
    head = log.read(_HEAD)
    return head[_SALTS] if len(head) == _HEAD else b""


def cookie_of(first_page: bytes) -> bytes:
    """Return the cookie of the schema that stands in the first page."""
    return first_page[40:44]


def frames_of(log: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Stream place (from 0) and content of each page that was written; nothing is proved."""
    salts = salts_of(log)
    while len(frame := log.read(_FRAME)) == _FRAME:
        if frame[8:16] == salts:
            yield int.from_bytes(frame[:4], "big") - 1, frame[24:]


def _read(content: bytes, cookie: bytes | None) -> Log:
    head_is_sound, order = _head(content)
    salts = content[_SALTS] if head_is_sound else content[_HEAD + 8 : _HEAD + 16]
    before = _start(content, salts, order)
    log, pending, first_bad, behind = Log(), dict[int, bytes](), None, 0
    later, now = dict[int, bytes](), cookie
    for at in range(_HEAD, len(content) - _FRAME + 1, _FRAME):
        frame = content[at : at + _FRAME]
        number, commit = struct.unpack_from(">2I", frame)
        proved = frame[8:16] == salts and number > 0 and _proved(frame, before, order)
        before = struct.unpack_from(">2I", frame, 16)
        if not proved:
            first_bad = first_bad if first_bad is not None else (at - _HEAD) // _FRAME
            if frame[8:16] == salts:
                log.doubtful.append(frame[24:])
            continue
        pending[number] = frame[24:]
        if commit:
            later.update(pending)
            now = cookie_of(pending[1]) if cookie is not None and 1 in pending else now
            if now == cookie:
                log.pages.update(later)
                later, log.size = {}, commit
            pending = {}
            behind += first_bad is not None
    return _judge(log, head_is_sound=head_is_sound, first_bad=first_bad, behind=behind)


def _judge(log: Log, *, head_is_sound: bool, first_bad: int | None, behind: int) -> Log:
    if not head_is_sound:
        log.damage = "its head is damaged"
    elif behind:
        log.damage = f"the log is damaged at frame {first_bad}, {behind} commits stand after it"
    else:
        log.doubtful = []  # the torn end of what was never committed
    return log


def _head(content: bytes) -> tuple[bool, str]:
    """Tell whether the head is sound, and the byte order of the checksums."""
    if len(content) < _HEAD:
        return False, "<"
    magic = int.from_bytes(content[:4], "big")
    order = ">" if magic == _BIG else "<"
    stored = struct.unpack_from(">2I", content, 24)
    sound = magic in (_LITTLE, _BIG) and _sum(content[:24], (0, 0), order) == stored
    return sound, order


def _start(content: bytes, salts: bytes, order: str) -> tuple[int, int]:
    """Return the checksum that the first frame goes on from, made from what a whole head says."""
    magic = _BIG if order == ">" else _LITTLE
    known = struct.pack(">3I", magic, _VERSION, _PAGE)
    return _sum(known + content[12:16].ljust(4, b"\0") + salts.ljust(8, b"\0"), (0, 0), order)


def _proved(frame: bytes, before: tuple[int, ...], order: str) -> bool:
    return _sum(frame[:8] + frame[24:], before, order) == struct.unpack_from(">2I", frame, 16)


def _fibonacci(count: int) -> list[int]:
    found = [1, 1]
    while len(found) < count:
        found.append((found[-1] + found[-2]) & _MASK)
    return found


_FIB: Final = _fibonacci(2 + _FRAME // 4)
_FIB_DOWN: Final = _FIB[::-1]


def _sum(data: bytes, before: tuple[int, ...], order: str) -> tuple[int, int]:
    """Return SQLite's checksum: each word is added to the sum of the two sums before it.

    Written out, word k of n counts Fibonacci(n - k) times in the last sum.
    """
    count = len(data) // 4
    words = (before[0], before[1], *struct.unpack(f"{order}{count}I", data))
    last = sum(map(mul, words[1:], _FIB_DOWN[-count - 1 :])) + before[0] * _FIB[count - 1]
    earlier = sum(map(mul, words[1:-1], _FIB_DOWN[-count:])) + before[0] * _FIB[count - 2]
    return earlier & _MASK, last & _MASK
