"""Taking a connection string apart without ever repeating a part of it that may be secret."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

#: No resolver takes an empty label of a name, or one of more than 63 characters.
_NAME = r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?"
_HOST = re.compile(rf"{_NAME}(:\d{{1,5}})?|\[[0-9A-Fa-f:.]+\](:\d{{1,5}})?|%2F[A-Za-z0-9._%-]+")
_PORT = re.compile(r":(\d+)$")
_DATABASE = re.compile(r"[A-Za-z0-9_-]{1,60}")
_OFF = frozenset({"false", "0", "no", "off"})


class Address(NamedTuple):
    """The parts of a connection string that may be shown."""

    scheme: str
    hosts: str
    database: str | None
    options: dict[str, str]  #: names in lower case

    @property
    def location(self) -> str:
        """Return the place without user, password and options."""
        return f"{self.scheme}://{self.hosts}"


def parse_address(url: str) -> Address:
    """Take a ``mongodb://`` or ``mongodb+srv://`` URL apart.

    Raises:
        ValueError: It is not one, or it asks for writes that nobody acknowledges. The message
            repeats nothing of the URL, because any part of a malformed one may be the password.
    """
    scheme, mark, rest = url.partition("://")
    if not mark or scheme not in {"mongodb", "mongodb+srv"}:
        raise ValueError("the URL must start with mongodb:// or mongodb+srv://")
    place, _, query = rest.partition("?")
    authority, _, database = place.partition("/")
    if "@" in query or "@" in database:
        raise ValueError("user and password in the URL must be percent-encoded (RFC 3986)")
    hosts = authority.rpartition("@")[2]
    if not all(map(_is_host, hosts.split(","))):
        raise ValueError("the URL names no valid host, or its password is not percent-encoded")
    options = {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)}
    _refuse_unacknowledged(options)
    return Address(scheme, hosts, _database(database), options)


def _is_host(text: str) -> bool:
    port = _PORT.search(text)
    return bool(_HOST.fullmatch(text)) and (port is None or 0 < int(port[1]) < 1 << 16)


def _database(text: str) -> str | None:
    name = unquote(text)
    if name and not _DATABASE.fullmatch(name):
        raise ValueError("the URL's database name may hold ASCII letters, digits, '_' and '-'")
    return name or None


def _refuse_unacknowledged(options: dict[str, str]) -> None:
    if options.get("w", "").strip() in {"0", "-1"}:
        raise ValueError("the URL says w=0: nobody would acknowledge a write; drop the option")
    journal = options.get("journal", options.get("j", "true"))
    if journal.strip().lower() in _OFF:
        raise ValueError("the URL says journal=false: a write could be lost; drop the option")
