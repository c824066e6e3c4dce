"""The locks around a store's file: who may put it aside, and what keeps its log alive.

SQLite locks a file with POSIX locks, which belong to the process: when *any* descriptor of the
file is closed in it, by a backup, a library, a curious script, all of them are gone without a
word. The next process that closes the store then believes to be the last, and deletes the log
that is still being written. So each process holds a second lock of another kind: an open file
description (OFD) lock conflicts with POSIX locks of other processes, and no descriptor but its
own can drop it (fcntl(2), "Open file description locks").
"""

import contextlib
import fcntl
import hashlib
import os
import struct
import time
from pathlib import Path
from typing import Final, NamedTuple

from smok_core.errors import AlreadyOpen, BackendUnavailable, ForeignData
from smok_pickle.contents import overwritten_since
from smok_pickle.files import make_for, sibling

_WAIT: Final = 0.02
_MARK: Final = b"smok-pickle: the lock of the store beside it\n"
_NONE: Final = "-"


def remembered(path: Path) -> bool:
    """Tell whether a store of ours was at ``path`` before: its lock file says so."""
    return _memory(path) is not None


def has_log_of_another(path: Path) -> bool:
    """Tell whether the log beside the file is that of the file which lay there before.

    A backup was put in its place, or copied over it after a crash, and the log was left: SQLite
    would replay it into the backup. Where a whole directory was copied, the log is another file as
    well, and belongs there. A descriptor of the file is closed: this process has it open nowhere.
    """
    memory = _memory(path)
    if not memory or not path.exists() or _number(sibling(path, "-wal")) != memory.log:
        return False
    if memory.log == _NONE:
        return False
    return _number(path) != memory.file or overwritten_since(path, memory.mark)


def is_log_lost(path: Path) -> bool:
    """Tell whether the file had a log when it was open last, was not closed, and has none now."""
    memory = _memory(path)
    if not memory or memory.lineage == _NONE or memory.file != _number(path):
        return False
    return memory.log != _NONE and not sibling(path, "-wal").exists()


def lineage_of_log(path: Path) -> str | None:
    """Return the lineage of the store that the log beside the file was written for, if known."""
    memory = _memory(path)
    return memory.lineage if memory and memory.lineage != _NONE else None


def is_log_missing(path: Path) -> bool:
    """Tell whether the log or its index is not there: both are while anybody has the file open."""
    return not (sibling(path, "-wal").exists() and sibling(path, "-shm").exists())


def in_use(path: Path) -> bool:
    """Tell whether another process has the file open: SQLite of any program locks it by then.

    A descriptor is closed: no connection of this process may have the file open.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return _is_locked(handle, *_SHARED)
    except OSError:
        return False  # the file system has no such locks
    finally:
        os.close(handle)


class _Memory(NamedTuple):
    """What the lock file says about the store when it was opened last."""

    file: str = _NONE  #: inode
    log: str = _NONE  #: inode
    lineage: str = _NONE
    mark: str = _NONE  #: what the file held, see `smok_pickle.contents`


def _memory(path: Path) -> _Memory | None:
    """Read the lock file of a store; None if it has none that is ours."""
    try:
        with sibling(path, ".lock").open("rb") as file:
            mark, numbers = file.readline(), file.readline().decode("ascii").split()
    except (OSError, UnicodeDecodeError):
        return None
    if mark != _MARK:
        return None
    return _Memory(*numbers) if 2 <= len(numbers) <= len(_Memory._fields) else _Memory()


def _number(path: Path) -> str:
    try:
        return str(path.stat().st_ino)
    except OSError:
        return _NONE


class InstanceLock:
    """Held alone while a store is examined, made or put aside; shared while it is open.

    The file stays when the store is closed. Its content is the memory that the store is ours.
    """

    _handle = -1

    def __init__(self, path: Path, timeout: float) -> None:
        self._store, self._timeout = path, timeout
        self._path = sibling(path, ".lock")
        self._handle = make_for(path, self._path)
        self._refuse_foreign()

    def _refuse_foreign(self) -> None:
        """Raise if the file is somebody else's; one that a power cut tore is ours."""
        content = os.pread(self._handle, len(_MARK), 0).rstrip(b"\0")
        if not _MARK.startswith(content):
            raise ForeignData(
                str(self._path), "a file of something else lies where the store keeps its lock",
                "Give the store another path, or move that file away; it was not touched.",
            )  # fmt: skip

    def enter(self) -> bool:
        """Hold the lock alone if that is possible at once, else shared; tell which.

        Who is just closing the store deletes its log while the lock is still held: then wait.
        """
        deadline = time.monotonic() + self._timeout
        while not self.alone():
            self.shared()
            if not is_log_missing(self._store) or time.monotonic() >= deadline:
                return False
            time.sleep(_WAIT)
        return True

    def is_lost(self) -> bool:
        """Tell whether the lock file has no name any more: the next one would make its own."""
        return _number(self._path) != str(os.fstat(self._handle).st_ino)

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

    def remember(self, lineage: str | None, mark: str | None) -> None:
        """Note that the file beside is ours, what it holds, and which log belongs to it."""
        self._write(_number(self._store), lineage, mark)

    def disown(self, lineage: str | None) -> None:
        """Note that the file was overwritten: the log is that of what lay there before."""
        self._write(_NONE, lineage)

    def forget_log(self) -> None:
        """Note that the log was copied into the file and deleted, as it is at closing."""
        memory = _memory(self._store)
        if memory and memory.file == _number(self._store):
            self._write(memory.file, memory.lineage)

    def _write(self, file: str, lineage: str | None, mark: str | None = None) -> None:
        log = _number(sibling(self._store, "-wal"))
        memory = _Memory(file, log, lineage or _NONE, mark or _NONE)
        if _memory(self._store) != memory:
            content = _MARK + " ".join(memory).encode("ascii") + b"\n"
            os.pwrite(self._handle, content, 0)  # others may read it now: it is never empty
            os.ftruncate(self._handle, len(content))

    def close(self) -> None:
        """Let go."""
        handle, self._handle = self._handle, -1  # an interrupt must not have it closed twice
        if handle >= 0:
            os.close(handle)

    def abandon(self) -> None:
        """Close nothing: the number was closed by somebody, and may lead to another file now."""
        self._handle = -1

    def __del__(self) -> None:
        self.close()  # an interrupt may have lost it before it was closed: the lock must go

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


#: SQLite's shared range: the last closer needs a write lock on all of it before it deletes a log
#: (https://www.sqlite.org/src/file/src/os_unix.c, PENDING_BYTE and what follows it).
_SHARED: Final = (0x40000002, 510)
#: Bytes far behind any data, one for each name under which the file can be open.
_NAMES: Final = (0x7F00000000000000, 1 << 20)
#: Where our descriptor stands in the file; nothing moves it, and no other one stands there.
_STANDS: Final = 0x7B3A5C1D


class LogGuard:
    """Keeps every other process from deleting the log of an open store.

    Its descriptor must be opened before SQLite opens the file and closed after SQLite has closed
    it, for closing it drops SQLite's own locks. It also notices when another process has the
    file open under another name (a hard link): SQLite names its log after the path, so two names
    mean two logs, and each process would overwrite what the other has written.
    """

    _handle = -1

    def __init__(self, path: Path) -> None:
        self._path, self._held = path, False
        self._handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        os.lseek(self._handle, _STANDS, os.SEEK_SET)
        self.works = True  #: False: the file system knows no OFD locks

    def hold(self) -> None:
        """Begin to guard; the file must be in WAL mode by now.

        Raises:
            AlreadyOpen: Another process has the file open under another name.
        """
        try:
            self._refuse_other_names()
            self._lock(fcntl.F_RDLCK, *_SHARED)
            self._held = True
        except OSError:
            self.works = False  # the file system has none: SQLite's own locks must do

    @property
    def file(self) -> int:
        """Return the descriptor, to look at the file: nobody else closes it, nobody moves it."""
        return self._handle

    def is_torn(self) -> bool:
        """Tell whether somebody closed the descriptor: its number may lead anywhere by now."""
        try:
            return os.lseek(self._handle, 0, os.SEEK_CUR) != _STANDS
        except OSError:
            return True

    def close(self) -> None:
        """Let go; called once SQLite has closed the file."""
        handle, self._handle = self._handle, -1  # an interrupt must not have it closed twice
        if handle >= 0:
            os.close(handle)

    def abandon(self) -> None:
        """Close nothing: the number was closed by somebody, and may lead to another file now."""
        self._handle = -1

    def __del__(self) -> None:
        self.close()  # an interrupt may have lost it before it was closed: the lock must go

    def keep(self) -> None:
        """Guard even while SQLite closes the file: it takes itself for one of several then."""
        with contextlib.suppress(OSError):
            self._lock(fcntl.F_RDLCK, *_SHARED)

    def release(self) -> None:
        """Stop guarding, so that SQLite may take its own locks for closing."""
        if self._held:
            self._lock(fcntl.F_UNLCK, *_SHARED)
        self._held = False

    def where(self) -> Path | None:
        """Return the name the file has now, or None if it has none any more."""
        now = Path(f"/proc/self/fd/{self._handle}")
        try:
            name, file = now.readlink(), os.fstat(self._handle)
            found = name.lstat()
        except OSError:
            return None
        return name if (found.st_dev, found.st_ino) == (file.st_dev, file.st_ino) else None

    def _refuse_other_names(self) -> None:
        first, count = _NAMES
        mine = _place(self._path) % count
        others = ((first, mine), (first + mine + 1, count - mine - 1))
        if any(_is_locked(self._handle, start, length) for start, length in others if length):
            raise AlreadyOpen(
                str(self._path),
                "another process has the same file open under another name (a hard link)",
                "Configure one and the same path everywhere, or remove the link.",
            )
        self._lock(fcntl.F_RDLCK, first + mine, 1)

    def _lock(self, kind: int, start: int, length: int) -> None:
        fcntl.fcntl(self._handle, fcntl.F_OFD_SETLK, _flock(kind, start, length))


def _is_locked(handle: int, start: int, length: int) -> bool:
    asked = _flock(fcntl.F_WRLCK, start, length)
    told = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, asked)
    return bool(struct.unpack_from("h", told)[0] != fcntl.F_UNLCK)


def _flock(kind: int, start: int, length: int) -> bytes:
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, start, length, 0)


def _place(path: Path) -> int:
    """Return a number for the name of a file: its directory's identity and its last part."""
    folder = path.parent.stat()
    name = f"{folder.st_dev}:{folder.st_ino}:{path.name}".encode(errors="surrogateescape")
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big")
