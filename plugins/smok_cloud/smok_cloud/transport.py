"""The seam between the API client and the network: one request out, one whole answer back.

What an answer means (status, shape, size after decompression) is decided above this seam, so a
simulation that implements `Transport` without sockets exercises the same decisions.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

_MIB: Final = 1024 * 1024


class Limits(NamedTuple):
    """How long a request may take, in seconds, and how large its answer may be, in bytes."""

    connect: float = 10.0  #: per address, TCP and TLS together; also for each 16 KiB sent
    read: float = 30.0  #: the longest silence of the server
    total: float = 120.0  #: the whole request, however lively it drips
    answer_bytes: int = 6 * _MIB  #: applies to the answer as received and as decompressed


class Answer(NamedTuple):
    """An HTTP answer as it was received: header names in lower case, the body not decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Carries requests to one server; never follows redirects and never retries."""

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> Answer:
        """Send one request and give its answer, whatever its status.

        Args:
            method: GET, POST, PUT or DELETE.
            path: Starts with a slash, percent-encoded; reaches the server unchanged.
            headers: What the API client wants to be sent.
            body: May be empty.
            limits: Held by the transport; a body cut short is given as it is.

        Raises:
            NoLink: There was no whole answer; whether the request took effect is unknown.
            NotTheApi: What answered speaks no HTTP, or sends more than ``limits.answer_bytes``.
            UntrustedServer: The server could not prove that it is the configured one.
            CredentialsRefused: The server refused the device's certificate in the handshake.
        """
        ...

    def close(self) -> None:
        """End requests under way, which raise NoLink, and close idle connections.

        May be called from any thread and from a signal handler; the transport can be used again.
        """
        ...
