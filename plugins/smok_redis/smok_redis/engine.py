"""The open handle of one store on a Redis or Valkey server."""

import uuid
from collections import Counter
from typing import Any

import redis.exceptions as driver

from smok_core.engine.base import Durability, Engine, Health, Limits
from smok_core.engine.codec import MsgpackCodec
from smok_core.errors import DataLost, SchemaTooNew
from smok_core.hookspecs import StoreContext
from smok_redis import probe
from smok_redis.address import parse_url
from smok_redis.blobs import RedisBlobs
from smok_redis.client import Client
from smok_redis.errors import ANSWERS, NotConfirmed, WrongServer
from smok_redis.identity import recall, remember
from smok_redis.keys import Keys
from smok_redis.links import open_link
from smok_redis.mismatch import named
from smok_redis.options import RedisOptions
from smok_redis.scripts import NAMES, script
from smok_redis.series import RedisSeries
from smok_redis.table import RedisTable
from smok_redis.wire import Server, pipe, send, understood

#: Version of the layout of the keys.
SCHEMA = 1
#: How long a silent writer's last write is remembered at least, in µs; a call takes seconds.
_WRITERS_KEPT = 3_600_000_000
#: Schema, id, and how many records were set aside.
_Marker = tuple[int, str, int]


class RedisEngine(Engine):
    """A store on a server; it shares one pool of connections.

    Opening is one round trip: it looks at the server, finds or founds the store, and loads the
    scripts.

    Args:
        context: What the core tells about the store.

    Raises:
        BackendUnavailable: The server is not there, or does not let us in.
        DurabilityUnmet: It cannot keep the configured durability.
        SchemaTooNew: A newer release has written the store; nothing was changed.
        DataLost: The store that was remembered is not there any more.
        ForeignData: The key of the store holds something else.
    """

    def __init__(self, context: StoreContext) -> None:
        options: RedisOptions = context.options
        address = parse_url(options.url.reveal())
        self.codec = MsgpackCodec()
        self._keys = Keys(options.prefix, context.device)
        self._location = f"{address} {self._keys.base}"
        self._durability, self._replicas = context.settings.durability, options.replicas
        path = context.base_dir / options.remember if options.remember else None
        #: The way out of DataLost where a file remembers the store.
        self._restore: str | None = None
        if path is not None:
            self._restore = f"Restore the server's data, or accept the loss: delete {path}."
        store = f"{context.store} ({address.veiled})"
        known = recall(store, path)
        link = open_link(address, options, context.base_dir, self._keys.meta)
        self._client = Client(store, link, self._keys, options.timeout, context.clock)
        try:
            with named(store, address, min(1.0, options.timeout)):
                facts = self._look(known)
            self._set_fence(facts)
            self._client.look_again_by(self._look_again)
            remember(store, path, self._client.store_id)
        except BaseException:
            self._client.close()
            raise

    def table(self, name: str) -> RedisTable:
        return RedisTable(self._client, self._keys.table(name))

    def series(self, name: str, limits: Limits = Limits()) -> RedisSeries:  # noqa: B008 - frozen
        return RedisSeries(self._client, self._keys.series(name), name, limits)

    def blobs(self, name: str) -> RedisBlobs:
        return RedisBlobs(self._client, self._keys.blobs(name))

    def health(self) -> Health:
        facts = self._look(self._client.store_id)
        return Health(
            location=self._location,
            durability=self._durability,
            schema=SCHEMA,
            free_bytes=max(facts.limit - facts.used, 0) if facts.limit else None,
            notes=probe.notes(facts),
            warnings=(*self._losses(), *probe.warnings(facts, self._durability)),
        )

    def _losses(self) -> tuple[str, ...]:
        kept = f"{self._damaged} records cannot be read; they are kept in {self._keys.damaged}"
        return (kept,) if self._damaged else ()

    def key_counts(self) -> dict[str, int]:
        """Count this device's keys by what they belong to: ``{"t:events": 3, "meta": 1}``.

        It walks over the server's keys a page at a time, which blocks nobody; what is written
        meanwhile may be counted or not.
        """
        found: set[bytes] = set()
        cursor: Any = 0
        while True:
            cursor, names = self._scan(cursor)
            found.update(names)
            if int(cursor) == 0:
                return dict(Counter(map(self._keys.owner, found)))

    def _scan(self, cursor: Any) -> Any:
        page = ("SCAN", cursor, "MATCH", f"{self._keys.escaped}:*", "COUNT", 1000)
        return self._client.persist(lambda server: send(server, page))

    def close(self) -> None:
        self._client.close()

    def _look(self, known: str) -> probe.Facts:
        """Look at the server and at the store on it; ``known`` is the id it has to have, or ''."""
        store = self._client.store
        done_before = self._client.writers.now() - _WRITERS_KEPT
        mode = "join" if known else "found"
        wanted = (uuid.uuid4().hex, SCHEMA, mode, done_before)
        facts: probe.Facts
        facts, marker = self._client.persist(lambda server: self._probe(server, wanted))
        schema, store_id, self._damaged = marker
        if schema > SCHEMA:
            raise SchemaTooNew(store, schema, SCHEMA)
        lost = ANSWERS["SMOKLOST"]
        if known and store_id != known:
            raise DataLost(store, lost.detail, self._restore or lost.remedy)
        probe.check(store, facts, self._durability)
        self._client.store_id = store_id
        return facts

    def _read_marker(self, *found: bytes | None) -> _Marker:
        """Read what the script that opens a store gives."""
        schema, store_id, damaged = (*found, None)[:3]
        try:
            return int(schema or 0), (store_id or b"").decode("ascii"), int(damaged or 0)
        except ValueError:
            raise ANSWERS["SMOKJUNK"].error(self._client.store) from None

    def _probe(self, server: Server, wanted: tuple[Any, ...]) -> tuple[probe.Facts, _Marker]:
        """Do all of opening in one round trip; what may be forbidden comes before the store."""
        load = () if self._client.store_id else NAMES
        replies = pipe(
            server,
            [
                ("CLIENT SETNAME", self._keys.client),
                *probe.PROBES,
                *(("SCRIPT LOAD", script(name).text) for name in load),
                ("EVAL", script("open").text, 1, self._keys.meta, *wanted),
            ],
        )
        info = replies[1] if isinstance(replies[1], dict) else {}
        if "sentinel" in (info.get("redis_mode"), info.get("server_mode")):
            way_out = "Write redis+sentinel://HOST/SERVICE in the url."
            raise WrongServer(self._client.store, "a sentinel answers, no server of data", way_out)
        if isinstance(replies[-1], Exception):
            raise replies[-1]
        if info.get("role") == "slave":
            raise driver.ReadOnlyError("READONLY the server is a replica")
        with understood():
            facts = probe.facts_of(*replies[1 : 1 + len(probe.PROBES)])
            return facts, self._read_marker(*replies[-1])

    def _look_again(self) -> None:
        """Look at a server to which a connection was made since; `buffered` promises nothing."""
        if self._durability is not Durability.BUFFERED:
            self._set_fence(self._look(self._client.store_id))

    def _set_fence(self, facts: probe.Facts) -> None:
        """Choose what each write waits for besides its answer."""
        self._client.fence = None
        wait_ms = int(self._client.timeout * 300)
        if probe.needs_waitaof(facts, self._durability):
            self._client.fence_command = ("WAITAOF", 1, self._replicas, wait_ms)
            self._client.fence = self._check_waitaof
        elif self._replicas:
            self._client.fence_command = ("WAIT", self._replicas, wait_ms)
            self._client.fence = self._check_wait

    def _check_waitaof(self, reply: Any) -> None:
        if reply[0] < 1 or reply[1] < self._replicas:
            raise NotConfirmed("the server did not bring a write to its disk in time")

    def _check_wait(self, reply: Any) -> None:
        if reply < self._replicas:
            raise NotConfirmed(f"fewer than {self._replicas} replicas took a write in time")
