"""Names what answers at the address of a store when it is no server that the url speaks of."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from smok_core.errors import StoreError
from smok_redis.address import Address, Host
from smok_redis.errors import WrongServer

_PORT: Final = "Correct the port of the url."
_PATIENCE: Final = 0.5  # an error is told twice as late at the most


@contextlib.contextmanager
def named(store: str, address: Address, patience: float) -> Iterator[None]:
    """Raise `WrongServer` in place of an error that means: somebody else answers there.

    Args:
        store: What errors call the store.
        address: Where it was looked for; nothing secret is sent there.
        patience: How long to wait for somebody to speak at the most, in seconds.
    """
    try:
        yield
    except StoreError as error:
        host = address.hosts[0] if address.hosts and not isinstance(error, WrongServer) else None
        patience = min(patience, _PATIENCE)
        found = _told(host, tls=address.tls, patience=patience) if host else None
        if found:
            what, way_out = found
            raise WrongServer(store, f"{what} answers at {host}", way_out) from error
        raise


def _told(host: Host, *, tls: bool, patience: float) -> tuple[str, str] | None:
    """Say what answers and what to write, if that is not what was looked for."""
    answer = _answer(host, patience)
    if answer is None:
        return None
    if answer.startswith((b"+", b"-")):
        way_out = "Write redis:// in the url, or give the port of TLS."
        return ("a server without TLS", way_out) if tls else None
    if answer.startswith((b"HTTP/", b"<")):
        return "a web server", _PORT
    if answer:
        return "something else than Redis", _PORT
    if not tls and _speaks_tls(host, patience):
        return "a server with TLS", "Write rediss:// in the url."
    return None


def _answer(host: Host, patience: float) -> bytes | None:
    """Return the first bytes that come back for a harmless line; none from who cuts the line.

    None where nobody takes it or answers: who is silent now is silent to a handshake, too.
    """
    try:
        with socket.create_connection((host.name, host.port), patience) as connection:
            connection.sendall(b"PING\r\n\r\n")
            return connection.recv(16)
    except ConnectionResetError:
        return b""
    except OSError:
        return None


def _speaks_tls(host: Host, patience: float) -> bool:
    """Tell whether a handshake begins; whose certificate it is plays no part."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host.name, host.port), patience) as plain,
            context.wrap_socket(plain),
        ):
            return True
    except ssl.SSLError as error:
        return "ALERT" in str(error).upper()
    except OSError:
        return False
