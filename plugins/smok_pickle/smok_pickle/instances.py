"""Which connection of this process belongs to which file.

However often a process opens one file, by stores, shortcuts or `open_databases`, under one name
or several, it has one connection to it. A second one would close descriptors of the file, which
drops the locks of the first, and under another name (a hard link) it would write another log.
"""

from pathlib import Path
from typing import Final

from smok_core.engine.base import Durability
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_pickle.connection import Connection
from smok_pickle.failures import check_version, translate
from smok_pickle.files import resolved
from smok_pickle.options import PickleOptions

_users: Final[dict[Connection, int]] = {}
_lock: Final = fork_safe_lock(Layer.BUFFER)  # taken before a connection's own


def acquire(
    path: Path, durability: Durability, options: PickleOptions, *, looking: bool = False
) -> Connection:
    """Return the connection of this process to the file; each call needs its own `release`.

    The strongest durability that was asked for holds for all, and the options of who came first.

    Raises:
        StoreError: The file cannot be opened.
    """
    check_version(path)
    try:
        file = resolved(path)
    except OSError as error:
        raise translate(error, path) from error
    with _lock:
        found = _find(file, looking=looking)
        if found is None:
            found = Connection(file, durability, options, looking=looking)
        else:
            found.strengthen(durability)
            if not looking:
                found.write_too()
        _users[found] = _users.get(found, 0) + 1
        return found


def release(connection: Connection) -> None:
    """Give the connection back; the last one who does closes it."""
    with _lock:
        _users[connection] -= 1
        if _users[connection]:
            return
        del _users[connection]
    connection.close()


def _find(path: Path, *, looking: bool) -> Connection | None:
    """Find an open connection; one whose file went away belongs to no file any more."""
    identity = _identity(path)
    for connection in _users:
        if connection.vanished is None and identity == connection.identity is not None:
            return connection
        let_go = connection.identity is None and connection.vanished is None
        if let_go and connection.path == path and (looking or not connection.looking):
            return connection  # before its first use after a fork
    return None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
