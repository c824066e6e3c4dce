"""Names what answers at the address of a store when it is no server that the URL speaks of."""

import contextlib
import socket
import ssl
import struct
from collections.abc import Iterator
from typing import Final

from bson import encode

from smok_mongo.address import Address
from smok_mongo.errors import WrongServer

_PORT: Final = "Correct the host or the port of the URL."
_NO_TLS: Final = "Drop tls and the tls_ files from the store's options, or give the port of TLS."
_PATIENCE: Final = 0.5  # an error is told so much later at the most
#: ``{hello: 1, $db: "admin"}`` as OP_MSG, which every server takes before a login.
#: As many bytes as the head of a message, so that no server waits for more.
_LINES: Final = b"PING" + 6 * b"\r\n"
_DOCUMENT: Final = encode({"hello": 1, "$db": "admin"})
_HELLO: Final = struct.pack("<4i5x", 21 + len(_DOCUMENT), 1, 0, 2013) + _DOCUMENT
_OP_MSG: Final = struct.pack("<i", 2013)


def mismatch(store: str, address: Address, error: Exception, *, tls: bool) -> WrongServer | None:
    """Tell what answers instead of the server, None if that is not known.

    Args:
        store: What errors call the store.
        address: Where it was looked for; nothing secret is sent there.
        error: What the driver said; only known words of it are used.
        tls: Whether the driver speaks TLS.
    """
    for host, port in _places(address):
        if found := _told(host, port, str(error).lower(), tls=tls):
            what, way_out = found
            return WrongServer(store, f"{what} answers at {host}:{port}", way_out)
    return None


def _places(address: Address) -> Iterator[tuple[str, int]]:
    """Yield hosts and ports that can be asked: no name of a service, no socket file."""
    hosts = address.hosts.split(",") if address.scheme == "mongodb" else []
    for text in hosts:
        host, colon, port = text.rpartition(":")
        if not colon or text.endswith("]"):
            host, port = text, "27017"
        if not host.startswith("%2F"):
            yield host.strip("[]"), int(port)


def _told(host: str, port: int, said: str, *, tls: bool) -> tuple[str, str] | None:
    """Say what answers and what to do, if that is not what was looked for."""
    answer = _answer(host, port, _LINES)
    if answer is None:
        return None
    if answer.startswith((b"+", b"-")):
        return "a Redis server", _PORT
    if answer.startswith((b"HTTP/", b"<")):
        return "a web server", _PORT
    if answer and not answer.startswith(b"\x15\x03"):  # an alert: TLS
        return "something else than MongoDB", _PORT
    return _told_of_tls(host, port, said) if tls else _told_of_none(host, port)


def _told_of_none(host: str, port: int) -> tuple[str, str] | None:
    if _speaks_tls(host, port):
        return "a server with TLS", "Write tls=true in the URL, or name its CA in tls_ca_file."
    return None


def _told_of_tls(host: str, port: int, said: str) -> tuple[str, str] | None:
    if (_answer(host, port, _HELLO) or b"")[12:16] == _OP_MSG:
        return "a server without TLS", _NO_TLS
    if "hostname mismatch" in said or "ip address mismatch" in said:
        return "a server with a certificate of another name", "Write the name of its certificate."
    if "certificate verify failed" in said:
        return "a server whose certificate is not trusted", "Name its CA in tls_ca_file."
    return None


def _answer(host: str, port: int, question: bytes) -> bytes | None:
    """Return the first bytes that come back; None from nobody, and from who is silent."""
    try:
        with socket.create_connection((host, port), _PATIENCE) as connection:
            connection.sendall(question)
            return connection.recv(16)
    except ConnectionResetError:
        return b""
    except OSError:
        return None


def _speaks_tls(host: str, port: int) -> bool:
    """Tell whether a handshake begins; whose certificate it is plays no part."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with contextlib.closing(socket.create_connection((host, port), _PATIENCE)) as plain:
            context.wrap_socket(plain).close()
            return True
    except ssl.SSLError as error:
        return "ALERT" in str(error).upper()
    except OSError:
        return False
