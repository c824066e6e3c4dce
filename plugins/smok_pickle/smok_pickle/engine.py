"""The engine of one SQLite file: hands out the primitives of one device."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from smok_core.engine.base import Durability, Engine, Health, Limits
from smok_core.errors import StoreClosed, StoreVanished
from smok_core.hookspecs import StoreContext
from smok_pickle.blobs import SqliteBlobs
from smok_pickle.checksum import verify_label
from smok_pickle.codec import PickleCodec
from smok_pickle.connection import Connection
from smok_pickle.files import beside, sibling
from smok_pickle.instances import acquire, release
from smok_pickle.reserve import free_bytes
from smok_pickle.series import SqliteSeries
from smok_pickle.table import SqliteTable
from smok_pickle.verification import find_damage

T = TypeVar("T")


def open_engine(context: StoreContext) -> Engine:
    """Open the store of a configuration; raises a `StoreError` if that fails."""
    path = Path(context.base_dir, context.options.path).absolute()
    durability, options = context.settings.durability, context.options
    connection = acquire(path, durability, options, looking=context.looking)
    return SqliteEngine(connection, context.device, context.settings.durability)


class Closed:
    """Stands where an engine's connection was: whatever is asked of it, the store is closed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getattr__(self, _name: str) -> NoReturn:
        raise StoreClosed(str(self.path), "it was closed")


class SqliteEngine(Engine):
    """One file, one connection, one device."""

    def __init__(self, connection: Connection, device: str, durability: Durability) -> None:
        self.codec = PickleCodec()
        self._connection: Any = connection
        self._device, self._durability = device, durability
        self._tables = dict[str, SqliteTable]()
        self._series = dict[str, SqliteSeries]()
        self._blobs = dict[str, SqliteBlobs]()
        self._lock = threading.Lock()

    def table(self, name: str) -> SqliteTable:
        return self._kept(self._tables, name, SqliteTable)

    def series(self, name: str, limits: Limits = Limits()) -> SqliteSeries:  # noqa: B008 - frozen
        series = self._kept(self._series, name, SqliteSeries)
        series.limits = limits
        return series

    def blobs(self, name: str) -> SqliteBlobs:
        return self._kept(self._blobs, name, SqliteBlobs)

    def health(self) -> Health:
        connection, schema = self._connection, None
        with contextlib.suppress(StoreVanished):
            connection.look()
            schema = connection.read(lambda raw: raw.execute("PRAGMA user_version").fetchone()[0])
        path = connection.path
        return Health(
            location=str(path),
            durability=self._durability,
            schema=schema,
            size_bytes=_size(path) + _size(sibling(path, "-wal")),
            free_bytes=free_bytes(path),
            notes=("SQLite, write-ahead log", *connection.notes),
            warnings=self._warnings(),
        )

    def others(self) -> dict[str, int]:
        query = "SELECT device, kind, name, id, sum FROM sections WHERE device <> ?"

        def work(raw: sqlite3.Connection) -> list[tuple[str, str, str]]:
            found = raw.execute(query, (self._device,)).fetchall()
            for *label, number, total in found:
                verify_label(total, number, *label)
            return [row[:3] for row in found if row[1] != "blobs"]

        counts: dict[str, int] = {}
        kinds: dict[str, type[SqliteTable | SqliteSeries]]
        kinds = {"table": SqliteTable, "series": SqliteSeries}
        for device, kind, name in self._connection.read(work):
            pending = kinds[kind](self._connection, device, name).stats().pending
            counts[device] = counts.get(device, 0) + pending
        return {device: count for device, count in counts.items() if count}

    def verify(self, progress: Callable[[int, int], None] | None = None) -> list[str]:
        return find_damage(self._connection, progress)

    def flush(self) -> None:
        self._connection.sync()

    def checkpoint(self) -> None:
        for series in list(self._series.values()):
            series.checkpoint()
        self._connection.checkpoint()

    def close(self) -> None:
        with self._lock:
            connection = self._connection
            if isinstance(connection, Closed):
                return
            self._connection = Closed(connection.path)
            parts: Iterable[Any] = chain(
                self._tables.values(), self._series.values(), self._blobs.values()
            )
            for part in parts:
                part.detach(self._connection)
        release(connection)

    def _warnings(self) -> tuple[str, ...]:
        connection = self._connection
        path, found = connection.path, beside(connection.path)
        reports = self._reports() if found["corrupt"] else {}
        told = [
            f"{aside} is a damaged file that was put aside; what could be read was saved"
            f" ({reports.get(aside.name, 'there is no report of it')})."
            " Look at it, then move it away."
            for aside in found["corrupt"]
        ]
        told += [
            f"{copy} was rescued when the store's file went away while it was open. Bring its data "
            "along with `smok copy`, then move it away."
            for copy in found["rescued"]
        ]
        if connection.lost_log:
            told.append(
                f"{path} was not closed, and its log (-wal) was gone at this start: another program"
                " copied it into the file, or somebody deleted it, with the last writes in it."
            )
        if connection.vanished is not None:
            told.append(str(connection.vanished))
        elif connection.space.reserve.released and not connection.looking:
            told.append(f"{path}: the disk is full; new data is refused until there is room.")
        if connection.failure is not None and connection.vanished is None:
            told.append(f"The last write failed: {connection.failure}")
        if (failure := connection.log_sync.failure) is not None:
            told.append(f"The last second of writes may not be on the disk: {failure}")
        return tuple(told)

    def _reports(self) -> dict[str, str]:
        """Return what each recovery found, by the name of the file it put aside."""
        query = "SELECT aside, report FROM recoveries"
        return dict(self._connection.read(lambda raw: raw.execute(query).fetchall()))

    def _kept(self, known: dict[str, T], name: str, make: Callable[[Connection, str, str], T]) -> T:
        with self._lock:
            if name not in known:
                known[name] = make(self._connection, self._device, name)
            return known[name]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
