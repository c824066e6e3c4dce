"""The connection: one client per process, explicit guarantees, and the only place that retries.

Every operation the engine hands to `Server.run` is idempotent, because an answer can get lost at
any time. The driver's own retries are off: they cover neither standalone servers nor
multi-document writes, and two retrying layers would multiply the time a caller waits.
"""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from pymongo import MongoClient, ReadPreference
from pymongo.database import Database
from pymongo.uri_parser import split_options

from smok_core.engine.forks import Layer, fork_safe_lock, join
from smok_core.errors import BackendUnavailable, StoreClosed
from smok_mongo.address import parse_address
from smok_mongo.errors import DRIVER_ERRORS, judge
from smok_mongo.mismatch import mismatch
from smok_mongo.options import MongoOptions

_T = TypeVar("_T")
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0


class Server:
    """A database on a server: opened at first use, opened anew in a forked child."""

    def __init__(self, store: str, options: MongoOptions, base_dir: Path) -> None:
        self.store, self.options = store, options
        self.address = parse_address(options.url.reveal())
        self.database_name = options.database or self.address.database or "smok"
        self._base_dir, self._closed = base_dir, False
        self._known = False  #: whether the server has answered, or what answers was looked at
        self._budget = options.retry_ms / 1000
        self._due = threading.local()
        self._parents: list[object] = []
        self._client: MongoClient[dict[str, Any]] | None = None
        self._begin()
        join(self, Layer.ENGINE)

    def before_fork(self) -> None:
        """Nothing has to rest: the child uses no connection of the parent's."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Keep the client unused and unclosed: its sockets and threads belong to the parent."""
        self._parents.append(self._client)
        self._client = None
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        #: Names this process among all that write to the database.
        self.owner = uuid.uuid4().hex

    @property
    def location(self) -> str:
        """Return the place without secrets."""
        return f"{self.address.location}/{self.database_name}"

    @property
    def patience(self) -> float:
        """Return the longest time one operation may take, in seconds."""
        options = self.options
        return self._budget + (options.server_selection_ms + options.socket_ms) / 1000

    @contextmanager
    def operation(self, seconds: float | None = None) -> Iterator[None]:
        """Bound all attempts within the block by one deadline, however many commands it sends."""
        outermost = getattr(self._due, "at", None) is None
        if outermost:
            self._due.at = time.monotonic() + (self._budget if seconds is None else seconds)
        try:
            yield
        finally:
            if outermost:
                self._due.at = None

    def run(self, work: Callable[[Database[dict[str, Any]]], _T]) -> _T:
        """Do idempotent work, again while that may help and the time lasts.

        Raises:
            StoreError: What the driver reported, translated.
        """
        pauses = _pauses()
        with self.operation():
            while True:
                try:
                    found = work(self._connected()[self.database_name])
                    self._known = True
                    return found
                except DRIVER_ERRORS as error:
                    self._give_up_or_wait(error, next(pauses))

    def _give_up_or_wait(self, error: Exception, pause: float) -> None:
        verdict = judge(error, self.store)
        if self._closed:
            raise StoreClosed(self.store, "it was closed") from None
        if not self._known and verdict.again:
            self._refuse_mismatch(error)
        if not verdict.again or time.monotonic() + pause >= self._due.at:
            raise verdict.error from error
        time.sleep(pause)

    def _refuse_mismatch(self, error: Exception) -> None:
        """Raise if it is known that what answers is no server, or another one than was meant."""
        self._known, options = True, self.address.options
        tls = options.get("tls", options.get("ssl", "false")).lower() == "true" or self._tls()
        if found := mismatch(self.store, self.address, error, tls=bool(tls)):
            raise found from None  # the driver's text repeats what was sent

    def _connected(self) -> MongoClient[dict[str, Any]]:
        with self._lock:
            if self._closed:
                raise StoreClosed(self.store, "it was closed")
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> MongoClient[dict[str, Any]]:
        url = self.options.url.reveal()
        try:
            # MongoClient itself only warns of an option it does not understand, say tls=ture.
            if query := url.partition("?")[2]:
                split_options(query, validate=True, warn=False)
            return MongoClient(url, **self._settings())
        except (*DRIVER_ERRORS, ValueError, TypeError, OSError) as error:
            # Its text may repeat the URL, so it is neither shown nor chained.
            raise judge(error, self.store).error from None

    def _settings(self) -> dict[str, Any]:
        options = self.options
        settings = {
            "w": "majority",
            "journal": True,
            "wTimeoutMS": max(1, options.socket_ms * 4 // 5),
            "retryWrites": False,
            "retryReads": False,
            "read_preference": ReadPreference.PRIMARY,
            # What is handed over cannot be rolled back, and a majority has what is found there.
            "readConcernLevel": "majority",
            "timeoutMS": None,
            "serverSelectionTimeoutMS": options.server_selection_ms,
            "connectTimeoutMS": options.connect_ms,
            "socketTimeoutMS": options.socket_ms,
            "waitQueueTimeoutMS": options.connect_ms,
            "maxPoolSize": options.max_connections,
            "appname": "smok",
            "tz_aware": True,
        }
        return settings | self._tls()

    def _tls(self) -> dict[str, Any]:
        files = {
            "tlsCAFile": self.options.tls_ca_file,
            "tlsCertificateKeyFile": self.options.tls_certificate_key_file,
        }
        named = {name: str(self._base_dir / path) for name, path in files.items() if path}
        return {"tls": True, **named} if named else {}

    def close(self) -> None:
        """Close the connections of this process; closing twice is harmless."""
        with self._lock:
            self._closed = True
            if self._client is not None:
                self._client.close()


class OperationLock:
    """A lock of one primitive within this process, with a bound on the wait for it.

    Servers that compare and set atomically do not need it; FerretDB v1 does, and the caches of
    a series do. It also sets the deadline that all commands of the operation share.
    """

    def __init__(self, server: Server) -> None:
        # What it guards is as a whole call leaves it, in a forked child too.
        self._server, self._lock = server, fork_safe_lock(Layer.ENGINE)

    @contextmanager
    def _held(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._server.patience):
            raise BackendUnavailable(self._server.store, "other threads keep the store busy")
        try:
            with self._server.operation():
                yield
        finally:
            self._lock.release()

    def __call__(self) -> Any:
        """Hold the lock for a ``with`` block."""
        return self._held()


def _pauses() -> Iterator[float]:
    """Yield pauses in seconds: full jitter below a bound that doubles."""
    bound = _FIRST_PAUSE
    while True:
        yield random.uniform(0, bound)  # noqa: S311 - not cryptography
        bound = min(bound * 2, _LONGEST_PAUSE)
