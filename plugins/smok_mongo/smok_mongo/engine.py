"""The open store: checks the server and the schema, hands out the primitives, keeps house."""

import threading
import time
from typing import Final

from smok_core.engine.base import Engine, Health, Limits
from smok_core.engine.codec import Codec, MsgpackCodec
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import StoreClosed
from smok_core.hookspecs import StoreContext
from smok_mongo.blobs import MongoBlobs
from smok_mongo.chunks import Chunks
from smok_mongo.client import Server
from smok_mongo.dead import DEAD, count_dead
from smok_mongo.ids import join, segment
from smok_mongo.probe import check_durability, look
from smok_mongo.schema import check_schema, prepare_schema
from smok_mongo.sequence import Sequence
from smok_mongo.series import MongoSeries
from smok_mongo.store import Store
from smok_mongo.table import MongoTable

_SWEEP_SECONDS: Final = 3600.0


def open_engine(context: StoreContext) -> "MongoEngine":
    """Connect and check; nothing is written before schema and durability are known to fit.

    Raises:
        BackendUnavailable: The server cannot be reached within the configured times.
        SchemaTooNew: A newer release wrote the device's data.
        DurabilityUnmet: The server cannot keep what is configured.
    """
    engine = MongoEngine(context)
    try:
        engine.prepare()
    except BaseException:
        engine.abandon()
        raise
    return engine


class MongoEngine(Engine):
    """One device's data in one database."""

    def __init__(self, context: StoreContext) -> None:
        self.codec: Codec = MsgpackCodec()
        self._durability = context.settings.durability
        self._server = Server(context.store, context.options, context.base_dir)
        device = segment(context.device)
        self._meta = join(device, "meta")
        sequence = Sequence(self._server, self._meta, context.clock)
        self._store = Store(self._server, device, sequence)
        self._chunks = Chunks(self._store)
        self._lock = fork_safe_lock(Layer.ENGINE)
        self._tables: dict[str, MongoTable] = {}
        self._series: dict[str, MongoSeries] = {}
        self._blobs: dict[str, MongoBlobs] = {}
        self._closed, self._swept = False, time.monotonic()

    def prepare(self) -> None:
        """Check the server, then the schema; write the schema of a new device."""
        with self._server.operation():
            check_schema(self._server, self._meta)
            check_durability(look(self._server), self._durability, self._server.store)
            prepare_schema(self._server, self._meta)

    def table(self, name: str) -> MongoTable:
        with self._open():
            if name not in self._tables:
                self._tables[name] = MongoTable(self._store, name)
            return self._tables[name]

    def series(self, name: str, limits: Limits = Limits()) -> MongoSeries:  # noqa: B008 - frozen
        with self._open():
            if name not in self._series:
                self._series[name] = MongoSeries(self._store, self._chunks, name)
            self._series[name].limits = limits
            return self._series[name]

    def blobs(self, name: str) -> MongoBlobs:
        with self._open():
            if name not in self._blobs:
                self._blobs[name] = MongoBlobs(self._store, self._chunks, name)
            return self._blobs[name]

    def _open(self) -> threading.RLock:
        if self._closed:
            raise StoreClosed(self._server.store, "it was closed")
        return self._lock

    def health(self) -> Health:
        with self._server.operation():
            schema = check_schema(self._server, self._meta)
            probe = look(self._server)
            check_durability(probe, self._durability, self._server.store)
            dead = count_dead(self._server, self._store.device)
        lost = (f"{dead} batches cannot be read; they are kept in {DEAD}",) if dead else ()
        return Health(
            location=self._server.location,
            durability=self._durability,
            schema=schema,
            size_bytes=probe.size_bytes,
            free_bytes=probe.free_bytes,
            notes=probe.notes(self._server.database_name),
            warnings=(*probe.warnings(), *lost),
        )

    def checkpoint(self) -> None:
        """Complete what killed processes left; once an hour look for chunks that nobody owns."""
        for series in list(self._series.values()):
            series.checkpoint()
        if time.monotonic() - self._swept > _SWEEP_SECONDS:
            self._swept = time.monotonic()
            self._chunks.sweep()

    def close(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Close the connections; there is nothing else to do."""
        self._closed = True
        self._server.close()
