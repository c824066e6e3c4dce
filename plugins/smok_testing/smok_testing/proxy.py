"""A TCP proxy that misbehaves as told, to stage the faults of a server and its network with.

It knows no protocol, so it suits any whose client sends a request whole and then waits. Point the
backend's options at `Proxy.port`, and give the kit its abilities::

    def fault(place, mode):
        return proxy.doing(mode)


    def drop_reply(place):
        return proxy.doing(Mode.LOSE_ONCE)


    def unreachable(place):
        return proxy.doing(Mode.REFUSE)
"""

import contextlib
import enum
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

_CHUNK = 1 << 16


class Mode(enum.StrEnum):
    """What a `Proxy` does with what comes."""

    #: Everything goes through.
    PASS = "pass"  # noqa: S105 - no password
    REFUSE = "refuse"  #: connections are cut, new ones as soon as they are made
    SILENT = "silent"  #: connections stay open, and nothing goes through either way
    #: The server does what it is told, the answer is lost and the connection cut; the same
    #: request sent again gets through.
    LOSE_ONCE = "lose once"
    LOSE_ALL = "lose all"  #: no answer comes back, however often a request is sent
    JUNK = "junk"  #: what comes back is no answer of such a server
    HALVE = "halve"  #: half of each request arrives, then all is cut; once, as above


#: What no protocol gives; longer than the head of any message.
NONSENSE: Final = b"\xff\x00 no answer \r\n" * 8

_LOSING = frozenset({Mode.LOSE_ONCE, Mode.LOSE_ALL})


class Proxy:
    """Stands before a server on this machine; a context manager that ends with its threads.

    Any thread may change the mode; connections that were silent are cut when that ends, because
    what they missed cannot be made up for.

    Args:
        port: The server's.
        host: The server's.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        lost: How many answers were lost, or requests halved.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target, self._mode = (host, port), Mode.PASS
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lost = 0
        self._seen: set[bytes] = set()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut all connections and end all threads."""
        cut(self._listener)
        self.cut_all()
        for thread in list(self._threads):
            thread.join(5)

    @property
    def mode(self) -> Mode:
        """What it does now."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        before, self._mode = self._mode, mode
        if mode is Mode.REFUSE or before is Mode.SILENT:
            self.cut_all()

    @contextlib.contextmanager
    def doing(self, mode: Mode) -> Iterator[None]:
        """Misbehave within the context, and pass everything after it."""
        self.mode = mode
        try:
            yield
        finally:
            self.mode = Mode.PASS

    def cut_all(self) -> None:
        """Cut the connections that are open now."""
        for connection in list(self._open):
            cut(connection)

    def _run(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._mode is Mode.REFUSE:
                cut(client)
            else:
                self._run(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        """Serve one connection."""
        try:
            server = socket.create_connection(self._target)
        except OSError:  # the server is down: so are we
            client.close()
            return
        pair, request = {client, server}, hashlib.sha256()
        self._open |= pair
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=self._carry_back, args=(server, client, request))
        back.start()
        self._carry_on(client, server, request)
        for connection in pair:
            cut(connection)
        back.join()
        self._open -= pair

    def _carry_on(self, client: socket.socket, server: socket.socket, request: Any) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(_CHUNK):
                if self._mode is Mode.SILENT:
                    continue
                request.update(data)
                if self._mode is Mode.HALVE and self._is_new(hashlib.sha256(data).digest()):
                    self.lost += 1
                    server.sendall(data[: len(data) // 2])
                    return
                server.sendall(data)

    def _carry_back(self, server: socket.socket, client: socket.socket, request: Any) -> None:
        before, losing = b"", False
        with contextlib.suppress(OSError):
            while data := server.recv(_CHUNK):
                now = request.digest()
                if now != before:  # the first part of the answer to another request
                    before, losing = now, self._loses(now)
                if losing:
                    self.lost += 1
                    break
                if self._mode is not Mode.SILENT:
                    client.sendall(NONSENSE if self._mode is Mode.JUNK else data)
        cut(client)

    def _loses(self, request: bytes) -> bool:
        return self._mode in _LOSING and (self._mode is Mode.LOSE_ALL or self._is_new(request))

    def _is_new(self, digest: bytes) -> bool:
        new = digest not in self._seen
        self._seen.add(digest)
        return new


def cut(connection: socket.socket) -> None:
    """End a connection both ways."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
