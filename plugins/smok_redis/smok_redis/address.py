"""The ``url`` of a store: which servers, which topology, and what may be shown of it."""

import re
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

#: What a resolver takes: labels of 1 to 63 signs, 253 altogether.
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_PORTS = {"sentinel": 26379}
_FORMS = (
    "redis://host:6379/0, rediss://host, unix:///run/redis.sock?db=0, "
    "redis+sentinel://host1,host2/service/0 or redis+cluster://host1,host2"
)


class Host(NamedTuple):
    """A server's name and TCP port."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True, kw_only=True, repr=False)
class Address:
    """A parsed URL; `str` of it carries no user and no password.

    `veiled` is for what is said before a server has answered: a password whose ``@`` was forgotten
    is read as a host's name, so names are left out of a URL without login.
    """

    topology: Literal["single", "sentinel", "cluster"]
    hosts: tuple[Host, ...]
    tls: bool = False
    socket: str | None = None
    database: int = 0
    service: str = ""
    username: str | None = None
    password: str | None = None

    def __str__(self) -> str:
        return self._show(list(map(str, self.hosts)))

    @property
    def veiled(self) -> str:
        """The address without what may be a password."""
        if self.username or self.password:
            return str(self)
        hosts = [str(host) if _is_number(host) else f"***:{host.port}" for host in self.hosts]
        return self._show(hosts)

    def _show(self, hosts: list[str]) -> str:
        if self.socket:
            return f"unix://{self.socket}?db={self.database}"
        scheme = "rediss" if self.tls else "redis"
        if self.topology != "single":
            scheme = f"{scheme}+{self.topology}"
        tail = {"single": f"/{self.database}", "cluster": ""}
        path = tail.get(self.topology, f"/{self.service}/{self.database}")
        return f"{scheme}://{','.join(hosts)}{path}"

    def __repr__(self) -> str:
        return f"<{self}>"


def parse_url(url: str) -> Address:
    """Take a URL apart.

    Raises:
        ValueError: It is none of the known forms; the text of the error shows nothing of it.
    """
    try:
        return _parse(url)
    except (ValueError, IndexError):
        pass
    raise ValueError(f"the url is not understood; write it like {_FORMS}")


def _parse(url: str) -> Address:
    scheme, _, rest = url.partition("://")
    base, _, topology = scheme.lower().partition("+")
    if base == "unix" and not topology:
        return _socket(url)
    if base not in {"redis", "rediss"} or topology not in {"", "sentinel", "cluster"}:
        raise ValueError(scheme)
    place, _, path = rest.partition("/")
    if set("?#") & set(rest):
        raise ValueError("no query, and # ? / of a password as %23 %3F %2F")
    login, _, servers = place.rpartition("@")
    username, password = _login(login)
    service, database = _tail(topology, path)
    return Address(
        topology=topology or "single",  # type: ignore[arg-type]  # checked above
        hosts=_hosts(servers, topology),
        tls=base == "rediss",
        database=database,
        service=service,
        username=username,
        password=password,
    )


def _socket(url: str) -> Address:
    parts = urlsplit(url)
    query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    login, _, host = parts.netloc.rpartition("@")
    if not parts.path.strip("/") or host or set(query) - {"db"}:
        raise ValueError(url)
    username, password = _login(login)
    database = int(query.get("db", ["0"])[0])
    return Address(
        topology="single",
        hosts=(),
        socket=unquote(parts.path),
        database=database,
        username=username,
        password=password,
    )


def _login(text: str) -> tuple[str | None, str | None]:
    username, _, password = text.partition(":")
    return unquote(username) or None, unquote(password) or None


def _tail(topology: str, path: str) -> tuple[str, int]:
    words = [unquote(word) for word in path.split("/") if word]
    service = words.pop(0) if topology == "sentinel" else ""
    database = int(words.pop(0)) if words else 0
    if words or database < 0 or (topology == "cluster" and database):
        raise ValueError(path)
    return service, database


def _hosts(text: str, topology: str) -> tuple[Host, ...]:
    hosts = tuple(_host(item, _PORTS.get(topology, 6379)) for item in text.split(","))
    if not topology and len(hosts) > 1:
        raise ValueError("several servers without a topology")
    return hosts


def _host(text: str, default: int) -> Host:
    parts = urlsplit(f"//{text}")
    name = parts.hostname or "localhost"
    if ":" not in name and not _NAME.fullmatch(name):
        raise ValueError("no name of a host")
    return Host(name, parts.port or default)


def _is_number(host: Host) -> bool:
    """Tell whether it is an address, or this machine: nobody's password."""
    with suppress(ValueError):
        return bool(ip_address(host.name))
    return host.name == "localhost"
