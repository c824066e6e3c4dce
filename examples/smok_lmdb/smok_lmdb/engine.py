"""The engine of one LMDB file: hands out the primitives of one device."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from smok_core.engine.base import Engine, Health, Limits
from smok_core.engine.codec import MsgpackCodec
from smok_lmdb.blobs import LmdbBlobs
from smok_lmdb.connection import Connection
from smok_lmdb.environment import SCHEMA
from smok_lmdb.files import quarantined
from smok_lmdb.series import LmdbSeries
from smok_lmdb.table import LmdbTable

if TYPE_CHECKING:
    from smok_core.hookspecs import StoreContext


def open_engine(context: StoreContext) -> LmdbEngine:
    """Open the store of a configuration; raises a `StoreError` if that fails."""
    path = Path(context.base_dir / context.options.path).resolve()
    durability = context.settings.durability
    return LmdbEngine(Connection(path, context.device, durability, context.options))


class LmdbEngine(Engine):
    """One file, one device."""

    def __init__(self, connection: Connection) -> None:
        self.codec = MsgpackCodec()
        self._connection = connection

    def table(self, name: str) -> LmdbTable:
        return LmdbTable(self._connection, name)

    def series(self, name: str, limits: Limits = Limits()) -> LmdbSeries:  # noqa: B008 - frozen
        return LmdbSeries(self._connection, name, limits)

    def blobs(self, name: str) -> LmdbBlobs:
        return LmdbBlobs(self._connection, name)

    def health(self) -> Health:
        path = self._connection.path
        return Health(
            location=str(path),
            durability=self._connection.durability,
            schema=SCHEMA,
            size_bytes=self._connection.size(),
            free_bytes=shutil.disk_usage(path.parent).free,
            notes=("LMDB",),
            warnings=self._warnings(path),
        )

    def flush(self) -> None:
        self._connection.sync()

    def checkpoint(self) -> None:
        self._connection.tidy()

    def close(self) -> None:
        self._connection.close()

    def _warnings(self, path: Path) -> tuple[str, ...]:
        found = [
            f"{aside} is a damaged file that was put aside unread. Look at it, then move it away."
            for aside in quarantined(path)
        ]
        if self._connection.full():
            found.append(f"{path} is full; new data is refused until there is room.")
        return tuple(found)
