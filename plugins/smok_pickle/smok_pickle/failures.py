"""The one place where errors of SQLite and of the operating system become errors of smok-core."""

import errno
import os
import sqlite3
from pathlib import Path
from typing import Final

from smok_core.errors import (
    BackendUnavailable,
    CorruptData,
    ReadOnlyStore,
    StorageFull,
    StoreError,
)

#: The first SQLite with `ON CONFLICT ... DO UPDATE`; Red Hat 8 has 3.26, Ubuntu 20.04 has 3.31.
OLDEST: Final = (3, 24, 0)

_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT}
_DENIED: Final = {errno.EACCES, errno.EPERM, errno.EROFS}
#: Waiting does not help: nothing can be kept at such a path, such as one in /proc.
_NO_PLACE: Final = {
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP
}  # fmt: skip
#: The file system has no locks: some network shares, a mount without a lock service.
_NO_LOCKS: Final = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
_LITTLE: Final = 128 * 1024  # SQLite reports a full disk as an I/O error in some of its paths


class SqliteTooOld(StoreError):
    """The SQLite that this Python brings is older than what this backend needs."""

    code = "SMOK-S15"
    remedy = "Use a Python with SQLite 3.24 or later."


def check_version(path: Path | str) -> None:
    """Raise `SqliteTooOld` before a file is touched with a SQLite that cannot write all of it."""
    if sqlite3.sqlite_version_info < OLDEST:
        raise SqliteTooOld(str(path), f"this Python's SQLite is {sqlite3.sqlite_version}")


def translate(  # noqa: PLR0911 - a table in the shape of a function
    error: sqlite3.Error | OSError, path: Path
) -> StoreError:
    """Return the error of ours that says the same about the store at ``path``."""
    if isinstance(error, OSError):
        return _of_system(error, path)
    extended: int = getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR
    code, place = extended & 0xFF, str(path)
    if code in _BUSY:
        return BackendUnavailable(place, "another process is writing for too long")
    if code in _DAMAGED or (isinstance(error, sqlite3.OperationalError) and _schemaless(error)):
        return CorruptData(place, f"the file is damaged ({error})")
    if code == sqlite3.SQLITE_FULL or (code in _IO and _is_full(path)):
        return StorageFull(place, "no space is left on the file system")
    if code == sqlite3.SQLITE_READONLY or (code == sqlite3.SQLITE_CANTOPEN and _denied(path)):
        return ReadOnlyStore(place, "the file or its directory cannot be written")
    if code == sqlite3.SQLITE_TOOBIG:
        return StorageFull(place, "a value is larger than SQLite can take")
    if code in _IO:
        return BackendUnavailable(place, f"the file could not be read or written ({error})")
    return StoreError(place, f"SQLite refused: {error}")


_IO: Final = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM}


def _of_system(error: OSError, path: Path) -> StoreError:
    if error.errno in _NO_ROOM:
        return StorageFull(str(path), "no space is left on the file system")
    detail = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    if error.errno in _DENIED:
        return ReadOnlyStore(str(path), detail)
    if error.errno in _NO_LOCKS:
        remedy = "Keep the store on a local file system."
        return BackendUnavailable(str(path), f"files cannot be locked there ({detail})", remedy)
    if error.errno in _NO_PLACE:
        return BackendUnavailable(str(path), detail, "Correct the path, or make its directory.")
    return BackendUnavailable(str(path), detail)


def _schemaless(error: sqlite3.Error) -> bool:
    """Tell whether our own tables are gone, or hold no text of ours: only damage does that."""
    told = "no such table", "no such column", "malformed", "Could not decode"
    return str(error).startswith(told)


def _is_full(path: Path) -> bool:
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _LITTLE


def _denied(path: Path) -> bool:
    target = path if path.exists() else path.parent
    return not os.access(target, os.W_OK) or not os.access(path.parent, os.W_OK)
