"""One store's use of its file: transactions, room, durability, closing."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from smok_core.engine.base import Durability
from smok_core.errors import StorageFull, StoreClosed
from smok_lmdb.environment import MIB, acquire, release
from smok_lmdb.failures import translated
from smok_lmdb.keys import seq_bytes, seq_of, space_of
from smok_lmdb.scan import entry_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import lmdb

    from smok_lmdb.plugin import LmdbOptions


#: Seconds a change may wait for the disk unless the durability is power-loss (contract G3).
_SYNC_SECONDS: Final = 0.5


class Connection:
    """One open store of one device."""

    def __init__(
        self, path: Path, device: str, durability: Durability, options: LmdbOptions
    ) -> None:
        self.path, self.device, self.durability = path, device, durability
        self._limit = options.max_mib * MIB
        self._environment = acquire(path, options)
        self._closed = False
        self._dirty, self._ended = threading.Event(), threading.Event()
        self._syncer: threading.Thread | None = None

    @contextmanager
    def reading(self) -> Iterator[lmdb.Transaction]:
        """Provide a transaction that sees one state of the store."""
        with self._environment.lock, translated(self.path):
            self._check_open()
            with self._environment.env.begin() as transaction:
                yield transaction

    @contextmanager
    def writing(self, size: int) -> Iterator[lmdb.Transaction]:
        """Provide a transaction that adds ``size`` bytes or so; it is refused where room ends."""
        with self._environment.lock, self.acknowledging() as transaction:
            if not self._environment.has_reserve(2 * size + MIB):
                raise StorageFull(str(self.path), "the disk is full")
            yield transaction
            if self._environment.used(transaction) > self._limit:
                raise StorageFull(str(self.path), f"max_mib = {self._limit // MIB} is reached")

    @contextmanager
    def acknowledging(self) -> Iterator[lmdb.Transaction]:
        """Provide a transaction that makes room, and may use what is kept back for that (G13)."""
        with self._environment.lock, translated(self.path):
            self._check_open()
            with self._environment.env.begin(write=True) as transaction:
                yield transaction
            self._committed()

    def db(self, section: str) -> lmdb._Database:
        """Return one of LMDB's named databases."""
        return self._environment.dbs[section]

    def space(self, kind: str, name: str) -> bytes:
        """Return the prefix of a primitive's keys."""
        return space_of(self.device, kind, name)

    def count(self, transaction: lmdb.Transaction, space: bytes, word: bytes, more: int = 0) -> int:
        """Return a counter that lasts as long as the store, after adding to it."""
        key, db = space + word, self.db("state")
        found = entry_at(transaction, db, key)
        number = (seq_of(found) if found else 0) + more
        if more:
            transaction.put(key, seq_bytes(number), db=db)
        return number

    def size(self) -> int:
        """Count the bytes of the data."""
        with self.reading() as transaction:
            return self._environment.used(transaction)

    def full(self) -> bool:
        """Tell whether new data would be refused."""
        with self._environment.lock:
            return self.size() >= self._limit or not self._environment.has_reserve(MIB)

    def tidy(self) -> None:
        """Forget the readers of processes that were killed: they keep old pages alive."""
        with self._environment.lock, translated(self.path):
            self._check_open()
            self._environment.env.reader_check()

    def sync(self) -> None:
        """Return when all that was committed survives a power cut."""
        with self._environment.lock, translated(self.path):
            self._check_open()
            self._environment.sync()

    def close(self) -> None:
        """Sync and let go; twice is harmless."""
        with self._environment.lock:
            if self._closed:
                return
            with translated(self.path):
                self._environment.sync()
            self._closed = True
        self._ended.set()
        self._dirty.set()
        if self._syncer is not None:
            self._syncer.join()
        release(self._environment)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed(str(self.path), "it was closed")

    def _committed(self) -> None:
        if self.durability is Durability.POWER_LOSS:
            self._environment.sync()
            return
        if self._syncer is None:
            self._syncer = threading.Thread(target=self._sync_on, name="smok-lmdb", daemon=True)
            self._syncer.start()
        self._dirty.set()

    def _sync_on(self) -> None:
        """Bring changes to the disk half a second after they were made, until the end."""
        while True:
            self._dirty.wait()
            if self._ended.wait(_SYNC_SECONDS):
                return
            self._dirty.clear()
            with self._environment.lock:
                if not self._closed:
                    self._environment.sync()
