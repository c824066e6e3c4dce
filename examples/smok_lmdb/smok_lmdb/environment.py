"""LMDB environments, shared within the process: LMDB forbids to open one file twice in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import lmdb

from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import CorruptData, ForeignData, SchemaTooNew
from smok_lmdb.failures import DAMAGED, translated
from smok_lmdb.files import check_whole, put_aside
from smok_lmdb.keys import seq_bytes, seq_of
from smok_lmdb.scan import entry_at

if TYPE_CHECKING:
    from pathlib import Path

    from smok_lmdb.plugin import LmdbOptions


MIB: Final = 1 << 20
SCHEMA: Final = 1
#: LMDB's named databases; the keys of each begin with the space of a primitive.
SECTIONS: Final = (
    "state", "rows", "pending", "tags", "names", "points", "queue", "blobs", "data",
)  # fmt: skip
_SCHEMA_KEY: Final = b"schema"
_READERS: Final = 512
_STEP: Final = 4 * MIB


class Environment:
    """An open file, and the lock under which this process uses it."""

    def __init__(self, path: Path, options: LmdbOptions) -> None:
        # A fork waits for a transaction that is under way, and leaves no lock held in the child.
        self.path, self.lock, self.users = path, fork_safe_lock(Layer.ENGINE), 0
        self.reserve = options.reserve_mib * MIB
        self.env = lmdb.open(
            str(path),
            subdir=False,
            map_size=options.max_mib * MIB + self.reserve,
            max_dbs=len(SECTIONS),
            max_readers=_READERS,
            metasync=False,  # `sync` makes up for it, when and where the durability wants it
        )
        self.page: int = self.env.stat()["psize"]
        self.allocated = 0
        self._check_owner()
        self._check_schema()
        self.dbs = {name: self.env.open_db(name.encode()) for name in SECTIONS}
        self.env.reader_check()  # forget the readers of processes that were killed

    def sync(self) -> None:
        """Return when all that was committed survives a power cut."""
        self.env.sync(force=True)

    def has_reserve(self, more: int) -> bool:
        """Make the file longer than its data by the reserve and ``more``; tell if there is room.

        The blocks are really there, so a disk that others fill up cannot take them.
        """
        used = (self.env.info()["last_pgno"] + 1) * self.page
        wanted = used + self.reserve + more
        if wanted <= self.allocated:
            return True
        with self.path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, wanted + _STEP)
            except OSError:
                return False
        self.allocated = wanted + _STEP
        return True

    def used(self, transaction: lmdb.Transaction) -> int:
        """Count the bytes of the pages that hold data, within a transaction."""
        stats = [transaction.stat(db) for db in self.dbs.values()]
        pages = (s["branch_pages"] + s["leaf_pages"] + s["overflow_pages"] for s in stats)
        return sum(pages) * self.page

    def _check_owner(self) -> None:
        """Refuse what another program keeps there, before anything is written."""
        with self.env.begin() as transaction:
            ours = transaction.get(b"state") is not None
        if self.env.stat()["entries"] and not ours:
            self.env.close()
            raise ForeignData(str(self.path), "it is an LMDB file of another program")

    def _check_schema(self) -> None:
        state = self.env.open_db(b"state")
        with self.env.begin(write=True) as transaction:
            found = entry_at(transaction, state, _SCHEMA_KEY)
            if found is None:
                transaction.put(_SCHEMA_KEY, seq_bytes(SCHEMA), db=state)
        if found is not None and seq_of(found) > SCHEMA:
            self.env.close()
            raise SchemaTooNew(str(self.path), seq_of(found), SCHEMA)


_open: dict[tuple[int, str], Environment] = {}
_lock = fork_safe_lock(Layer.CALLER)


def acquire(path: Path, options: LmdbOptions) -> Environment:
    """Return the environment of a file, the same one to everybody in this process."""
    with _lock:
        # After a fork the child must not touch its parent's environment.
        key = (os.getpid(), str(path))
        if key not in _open:
            _open[key] = _opened(path, options)
        _open[key].users += 1
        return _open[key]


def release(environment: Environment) -> None:
    """Give it back; the last one closes it."""
    with _lock:
        environment.users -= 1
        if environment.users == 0:
            _open.pop((os.getpid(), str(environment.path)), None)
            environment.env.close()


def _opened(path: Path, options: LmdbOptions) -> Environment:
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _whole(path, options)
    except CorruptData:
        if options.on_corrupt == "refuse":
            raise
        with translated(path):
            put_aside(path)
        return _whole(path, options)


def _whole(path: Path, options: LmdbOptions) -> Environment:
    check_whole(path)
    with translated(path):
        try:
            return Environment(path, options)
        except DAMAGED as error:
            raise CorruptData(str(path), f"LMDB cannot read it ({error})") from error
