"""Notices when the file of an open store goes away: unlinked, replaced, overwritten, its log lost.

An open descriptor keeps leading to a file that has no name any more. What is written through it
is written into nothing: it is gone when the process ends (contract G16).
"""

import time
from pathlib import Path
from typing import Final

from smok_pickle.contents import Contents
from smok_pickle.files import sibling

_EVERY: Final = 1.0  # seconds between two looks
_Identity = tuple[int, int]


class Presence:
    """Remembers which file, log and index lay at a path, and looks whether they still do.

    Args:
        path: The file; SQLite has it open.
        file: An open descriptor of it, which stays the caller's.
    """

    def __init__(self, path: Path, file: int) -> None:
        self._path = path
        self.due_at = 0.0  #: monotonic time of the next look
        self.file, self.contents = _identity(path), Contents(path, file)
        self._parts: dict[str, _Identity] = {}
        self.lost_part()

    def change(self) -> str | None:
        """Look now; tell what has happened to the file, or None."""
        self.due_at = time.monotonic() + _EVERY
        found = _identity(self._path)
        if found == self.file:
            return None
        if found is not None:
            return "its file was replaced by another one while it was open"
        gone = not self._path.parent.exists()
        what = "its directory was removed or renamed" if gone else "its file was removed"
        return f"{what} while it was open"

    def lost_part(self) -> str | None:
        """Tell which file beside it, once there, is gone or another one now: -wal or -shm."""
        for suffix in ("-wal", "-shm"):
            found = _identity(sibling(self._path, suffix))
            known = self._parts.setdefault(suffix, found) if found else self._parts.get(suffix)
            if known != found:
                return suffix
        return None

    def abandon(self) -> None:
        """Close nothing; see `LogGuard.abandon`."""
        self.contents.abandon()

    def close(self) -> None:
        """Let go; called once SQLite has closed the file."""
        self.contents.close()


def _identity(path: Path) -> _Identity | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
