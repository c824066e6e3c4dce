"""A file that only takes up room, so that there is some to give back when the disk is full."""

import errno
import os
from pathlib import Path
from typing import Final

from smok_pickle.files import make_for, sibling

NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT}


def free_bytes(path: Path) -> int | None:
    """Return the free bytes of the file system that ``path`` lies on, or None if it cannot tell."""
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return None
    return room.f_bavail * room.f_frsize


class Reserve:
    """The reserve of one store; the file being there is the state, shared by all processes."""

    def __init__(self, path: Path, kib: int) -> None:
        self._path, self._store = sibling(path, ".reserve"), path
        self.size = kib * 1024
        self.notes: tuple[str, ...] = ()  #: why it could not be made, though there is room

    @property
    def released(self) -> bool:
        """Tell whether the reserve is in use: then there is no room for new data."""
        return self.size > 0 and not self._path.exists()

    def release(self) -> bool:
        """Give the room back; tell whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Take the room again if twice as much is free; tell whether new data may be stored.

        Only a lack of room keeps new data out. A reserve that cannot be made for another reason,
        such as a limit on the size of files, is told in `notes` and missed by nobody.
        """
        if not self.released:
            return True
        free = free_bytes(self._store)
        if free is None or free < 2 * self.size:
            return False
        try:
            self._fill()
        except OSError as error:
            self._part().unlink(missing_ok=True)
            self.notes = (f"the reserve of {self.size // 1024} KiB was not made: {error.strerror}",)
            return error.errno not in NO_ROOM
        self.notes = ()
        return True

    def _fill(self) -> None:
        self._part().unlink(missing_ok=True)
        handle = make_for(self._store, self._part())
        try:
            os.posix_fallocate(handle, 0, self.size)
        finally:
            os.close(handle)
        self._part().replace(self._path)

    def _part(self) -> Path:
        return sibling(self._path, f".{os.getpid()}")
