"""Where the primary is: one server, asked from Sentinel, or found in a Cluster.

A link gives a plain client of the server that takes this device's writes now, and drops what an
error has proved wrong, so that the next attempt looks again. All keys of a device lie in one
slot: a Cluster is, for one store, the question which server has that slot.
"""

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
import redis.exceptions as driver
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

from smok_core.engine.forks import Layer, join
from smok_redis.address import Address, Host
from smok_redis.errors import DRIVER_ERRORS, code_of
from smok_redis.options import RedisOptions
from smok_redis.wire import send, understood

#: The answers after which another server may be the right one.
_ASTRAY = frozenset({"READONLY", "CLUSTERDOWN", "MASTERDOWN", "LOADING"})
#: So many servers of a Cluster are asked in one attempt; each may take the whole patience.
_ASKED_AT_ONCE = 2
#: "MOVED 3999 10.0.0.7:6381"; some versions of the driver cut the first word off.
_MOVED = re.compile(r"\d+ (\S*):(\d+)$")


class Link(ABC):
    """A way to the primary; methods are called from any thread.

    A forked child makes clients of its own. It keeps those of its parent, unused and unclosed:
    closing one would end a TLS session that the parent goes on with.
    """

    #: Whether it finds a new primary by itself; then a replica is one that has yet to be elected.
    follows = True

    def __init__(self, settings: Mapping[str, Any]) -> None:
        #: How many were made so far: who answers on a new one may be a server that was started
        #: anew, with other settings.
        self.connections = 0
        self._settings = {**settings, "redis_connect_func": self._connected}
        self._clients: dict[Host, redis.Redis] = {}
        self._parents: list[object] = []
        join(self, Layer.ENGINE)

    def before_fork(self) -> None:
        """Nothing has to rest: the child uses no connection of the parent's."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Leave the parent's connections alone."""
        self._parents.append(self._clients)
        self._clients = {}

    @abstractmethod
    def primary(self) -> redis.Redis:
        """Return a client of the primary; raises driver errors when it cannot be found."""

    @abstractmethod
    def heed(self, error: BaseException) -> None:
        """Drop what this error has proved wrong."""

    def close(self) -> None:
        """Close all connections."""
        for client in list(self._clients.values()):
            _close(client)

    def _client(self, host: Host) -> redis.Redis:
        client = self._clients.get(host)
        if client is None:
            client = self._clients.setdefault(host, self._make(host))
        return client

    def _make(self, host: Host) -> redis.Redis:
        return redis.Redis(host=host.name, port=host.port, **self._settings)

    def _connected(self, connection: Any) -> None:
        self.connections += 1
        connection.on_connect()


class SingleLink(Link):
    """One server, by TCP or unix socket."""

    follows = False

    def __init__(self, settings: Mapping[str, Any], address: Address) -> None:
        super().__init__(settings)
        self._socket = address.socket
        self._host = address.hosts[0] if address.hosts else Host(str(address.socket), 0)

    def _make(self, host: Host) -> redis.Redis:
        if self._socket:
            return redis.Redis(unix_socket_path=self._socket, **self._settings)
        return super()._make(host)

    def primary(self) -> redis.Redis:
        return self._client(self._host)

    def heed(self, error: BaseException) -> None:
        # A name or a virtual address may point to a new primary: connect anew.
        if code_of(error) in _ASTRAY:
            self.primary().connection_pool.disconnect(inuse_connections=False)


class SentinelLink(Link):
    """The primary that the sentinels name."""

    def __init__(
        self, settings: Mapping[str, Any], address: Address, sentinel_login: Mapping[str, Any]
    ) -> None:
        super().__init__(settings)
        self._service = address.service
        self._found: Host | None = None
        patience = settings["socket_timeout"] / len(address.hosts)  # all of them within one attempt
        limits = {"socket_timeout": patience, "socket_connect_timeout": patience}
        self._login = {**settings, **limits, "db": 0, **sentinel_login}
        self._hosts = address.hosts
        self._sentinels = self._make_sentinels()

    def _make_sentinels(self) -> list[redis.Redis]:
        return [redis.Redis(host=h.name, port=h.port, **self._login) for h in self._hosts]

    def after_fork_in_child(self) -> None:
        """Leave the parent's connections alone, those to the sentinels too."""
        super().after_fork_in_child()
        self._parents.append(self._sentinels)
        self._sentinels = self._make_sentinels()

    def primary(self) -> redis.Redis:
        found = self._found
        if found is None:
            found = self._found = self._ask()
        return self._client(found)

    def heed(self, error: BaseException) -> None:
        if code_of(error) in _ASTRAY or _is_cut(error):
            self._found = None

    def close(self) -> None:
        super().close()
        for sentinel in self._sentinels:
            _close(sentinel)

    def _ask(self) -> Host:
        trouble: BaseException | None = None
        for sentinel in list(self._sentinels):
            try:
                said = send(sentinel, ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service))
            except DRIVER_ERRORS as error:
                trouble = error
                continue
            if said:
                return _host_of(said)
        if isinstance(trouble, driver.ResponseError | driver.AuthenticationError):
            raise trouble
        raise driver.ConnectionError("no sentinel names a primary") from trouble


class ClusterLink(Link):
    """The server that has the device's slot."""

    def __init__(self, settings: Mapping[str, Any], address: Address, slot: int) -> None:
        super().__init__(settings)
        self._slot, self._known = slot, list(address.hosts)
        # Any server will do for a guess: a wrong one says where to go, in one round trip.
        self._found: Host | None = address.hosts[0]

    def primary(self) -> redis.Redis:
        found = self._found
        if found is None:
            found = self._found = self._ask()
        return self._client(found)

    def heed(self, error: BaseException) -> None:
        moved = _MOVED.search(str(error)) if code_of(error) == "MOVED" else None
        if moved:
            asked = self._found or self._known[0]
            self._found = Host(moved[1] or asked.name, int(moved[2]))
        elif code_of(error) in _ASTRAY or _is_cut(error):
            self._found = None

    def _ask(self) -> Host:
        trouble: BaseException | None = None
        for host in self._known[:_ASKED_AT_ONCE]:
            try:
                ranges = send(self._client(host), ("CLUSTER", "SLOTS"))
            except DRIVER_ERRORS as error:
                trouble = error
                self._known = [*(h for h in self._known if h != host), host]
                continue
            with understood():
                return self._pick(host, ranges)
        raise driver.ConnectionError("no server of the cluster answers") from trouble

    def _pick(self, asked: Host, ranges: Any) -> Host:
        nodes = [
            (first, last, [Host((node[0] or b"").decode() or asked.name, node[1]) for node in at])
            for first, last, *at in ranges
        ]
        known = {host: None for _, _, hosts in nodes for host in hosts}
        self._known = [*known, *(host for host in self._known if host not in known)]
        for first, last, hosts in nodes:
            if first <= self._slot <= last:
                return hosts[0]
        raise driver.ClusterDownError("CLUSTERDOWN nobody has the slot")


def open_link(address: Address, options: RedisOptions, base_dir: Path, key: str) -> Link:
    """Make the link for an address; nothing is sent yet.

    Args:
        address: Where to go.
        options: The store's options.
        base_dir: What relative paths are relative to.
        key: Any key of the store; it decides the slot.
    """
    settings = _settings(address, options, base_dir)
    if address.topology == "cluster":
        return ClusterLink(settings, address, key_slot(key.encode()))
    if address.topology == "sentinel":
        secret = options.sentinel_password
        login = {
            "username": options.sentinel_username,
            "password": secret.reveal() if secret else None,
        }
        return SentinelLink(settings, address, login)
    return SingleLink(settings, address)


def _settings(address: Address, options: RedisOptions, base_dir: Path) -> dict[str, Any]:
    """Set everything: the driver's defaults differ from version to version."""
    patience = options.timeout * 0.4
    settings = {
        "username": address.username,
        "password": address.password,
        "db": address.database,
        "socket_timeout": patience,
        "socket_connect_timeout": patience,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),  # trying again is our own affair: see client.py
        "health_check_interval": 0,
        "protocol": 2,
        "decode_responses": False,
        **_anonymous(),
    }
    return {**settings, **_tls(options, base_dir)} if address.tls else settings


def _anonymous() -> dict[str, Any]:
    """Save the round trips in which the driver introduces itself on each connection."""
    if "driver_info" in inspect.signature(redis.Redis.__init__).parameters:
        return {"driver_info": None}
    return {"lib_name": None, "lib_version": None}


def _tls(options: RedisOptions, base_dir: Path) -> dict[str, Any]:
    def at(path: str | None) -> str | None:
        return None if path is None else str(base_dir / path)

    return {
        "ssl": True,
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": at(options.tls_ca),
        "ssl_certfile": at(options.tls_cert),
        "ssl_keyfile": at(options.tls_key),
    }


def _host_of(said: Any) -> Host:
    """Read what a sentinel names; a name that no resolver takes is an answer of another shape."""
    with understood():
        host = Host(said[0].decode(), int(said[1]))
        host.name.encode("idna")
        return host


def _close(client: redis.Redis) -> None:
    with suppress(*DRIVER_ERRORS):  # a connection that breaks now is closed, too
        client.close()
        client.connection_pool.disconnect()


def _is_cut(error: BaseException) -> bool:
    cut = (driver.ConnectionError, driver.TimeoutError, OSError)
    return isinstance(error, cut) and not isinstance(error, driver.AuthenticationError)
