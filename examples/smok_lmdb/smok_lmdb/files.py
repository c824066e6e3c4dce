"""The file before LMDB sees it: is it whole, and where a damaged one is put."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Final

from smok_core.errors import CorruptData

if TYPE_CHECKING:
    from pathlib import Path


#: The page size is that of the machine that made the file.
_PAGES: Final = tuple(1 << bits for bits in range(12, 17))
_MAGIC: Final = 0xBEEFC0DE
#: After the page's own header of 16 bytes: magic, version, address, map size, two databases of 48
#: bytes each (the page size stands in the first), last page, transaction.
_META: Final = struct.Struct("<16xIIQQI92xQQ")


def lock_of(path: Path) -> Path:
    """Return the path of LMDB's lock file."""
    return path.with_name(f"{path.name}-lock")


def check_whole(path: Path) -> None:
    """Refuse a file that LMDB would map and then die of: one that ends before its last page.

    Raises:
        CorruptData: It is cut off, or not LMDB's.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        head = file.read(_PAGES[-1] + _META.size)
    size = path.stat().st_size
    page, first = _read_meta(head, 0, path)
    needed = page * (1 + max(first, _read_meta(head, page, path)[1]))
    if size < needed:
        raise CorruptData(str(path), f"it has {size} bytes and should have {needed}")


def _read_meta(head: bytes, offset: int, path: Path) -> tuple[int, int]:
    """Return the page size and the last page that one of the two heads tells."""
    if len(head) < offset + _META.size:
        raise CorruptData(str(path), f"it ends after {len(head)} bytes")
    magic, _, _, _, page, last, _ = _META.unpack_from(head, offset)
    if magic != _MAGIC or page not in _PAGES:
        raise CorruptData(str(path), "it does not begin as an LMDB file does")
    return page, last


def put_aside(path: Path) -> Path:
    """Move a damaged file out of the way; nothing of it is deleted but its lock."""
    stem = f"{path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
    aside, count = path.with_name(stem), 1
    while aside.exists():
        aside, count = path.with_name(f"{stem}-{count}"), count + 1
    path.rename(aside)
    lock_of(path).unlink(missing_ok=True)
    return aside


def quarantined(path: Path) -> list[Path]:
    """Return the damaged files that were put aside and that nobody has taken away."""
    return sorted(path.parent.glob(f"{path.name}.corrupt-*"))
