"""A file that only takes up room, so that there is some to give back when the disk is full."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Ballast", "free_bytes"]


def free_bytes(path: Path) -> int | None:
    """Give the free bytes of the file system that ``path`` lies on, or None if it cannot tell."""
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return None
    return room.f_bavail * room.f_frsize


class Ballast:
    """The reserve of one store; the file being there is the state, shared by all processes."""

    def __init__(self, path: Path, kib: int) -> None:
        self._path, self._store = path.with_name(path.name + ".ballast"), path
        self.size = kib * 1024

    @property
    def released(self) -> bool:
        """Tell whether the reserve is in use: then there is no room for new data."""
        return self.size > 0 and not self._path.exists()

    def release(self) -> bool:
        """Give the room back; tell whether there was any."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True

    def restore(self) -> bool:
        """Take the room again if twice as much is free; tell whether the reserve is there now."""
        if not self.released:
            return True
        free = free_bytes(self._store)
        if free is None or free < 2 * self.size:
            return False
        try:
            self._fill()
        except OSError:
            self._drop_part()
            return False
        return True

    def _fill(self) -> None:
        part = self._path.with_name(self._path.name + f".{os.getpid()}")
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(part, flags, 0o600)
        try:
            os.posix_fallocate(handle, 0, self.size)
        finally:
            os.close(handle)
        part.replace(self._path)

    def _drop_part(self) -> None:
        part = self._path.with_name(self._path.name + f".{os.getpid()}")
        part.unlink(missing_ok=True)
