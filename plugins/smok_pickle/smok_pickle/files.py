"""The files around a store: their modes, the lock between processes, what was put aside."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smok_core.errors import BackendUnavailable, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MARK", "DoorLock", "make_parents", "quarantined", "secure", "sibling"]

MARK: Final = ".corrupt-"  #: ... and the time, behind the name of a file that was put aside
_COMPANIONS: Final = ("-wal", "-shm", "-journal")
_WAIT: Final = 0.02


def sibling(path: Path, suffix: str) -> Path:
    """Give ``path`` with ``suffix`` behind its whole name."""
    return path.with_name(path.name + suffix)


def make_parents(path: Path) -> None:
    """Make the missing directories above ``path``, for this user only, whatever the umask is."""
    if path.is_dir():
        raise StoreError(
            str(path), "it is a directory", "Give the path of a file: a store is one file."
        )
    missing = [parent for parent in path.parents if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(mode=0o700, exist_ok=True)
        parent.chmod(0o700)


def secure(path: Path) -> None:
    """Make the file, if it is missing, and let only its owner read it.

    SQLite gives ``-wal`` and ``-shm`` the mode of the file itself.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(handle, 0o600)
    finally:
        os.close(handle)


def quarantined(path: Path) -> list[Path]:
    """Give the files that were put aside and still wait for somebody to look at them."""
    return sorted(_set_aside(path))


def _set_aside(path: Path) -> Iterator[Path]:
    for found in path.parent.iterdir():
        extra = found.name.endswith((*_COMPANIONS, ".page1"))
        if found.name.startswith(path.name + MARK) and not extra:
            yield found


class DoorLock:
    """Held alone while a store is examined, made or put aside; shared while it is open."""

    def __init__(self, path: Path, timeout: float) -> None:
        self._store, self._timeout = path, timeout
        self._path = sibling(path, ".lock")
        self._handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def alone(self) -> bool:
        """Try to hold the lock alone; False: another process has the store open."""
        return self._take(fcntl.LOCK_EX)

    def wait_alone(self) -> None:
        """Hold the lock alone, or raise BackendUnavailable after the busy timeout."""
        if not self._until(fcntl.LOCK_EX):
            raise BackendUnavailable(
                str(self._store),
                "the file is damaged, and it cannot be put aside while another process has it open",
                "Stop the other process; the next opening puts the file aside.",
            )

    def shared(self) -> None:
        """Hold the lock beside others, or raise BackendUnavailable after the busy timeout."""
        if not self._until(fcntl.LOCK_SH):
            raise BackendUnavailable(str(self._store), "another process is opening it")

    def close(self) -> None:
        """Let go."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1

    def _until(self, kind: int) -> bool:
        deadline = time.monotonic() + self._timeout
        while not self._take(kind):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_WAIT)
        return True

    def _take(self, kind: int) -> bool:
        try:
            fcntl.flock(self._handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
