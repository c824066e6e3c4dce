"""A TCP proxy for tests: it carries each write to the server and drops the answer."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
from typing import Self

__all__ = ["ReplyDropper"]


class ReplyDropper:
    """Forwards everything; while `armed`, the first answer to each request is dropped.

    The request has reached the server and was carried out when its answer is dropped, and the
    client's connection is cut, so the client cannot know. The same bytes sent again get through.

    Attributes:
        armed: Whether answers are dropped.
        halving: Whether, instead, only half of each request is carried, and then it is cut.
        dropped: How many answers were dropped or requests halved.
    """

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.armed = self.halving = False
        self.dropped = 0
        self._seen: set[bytes] = set()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._run(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut all connections and end all threads."""
        for open_socket in (self._listener, *self._sockets):
            _cut(open_socket)
        for thread in self._threads:
            thread.join(5)

    def _run(self, work, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._run(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        """Serve one connection: the driver sends a request whole and then waits."""
        try:
            server = socket.create_connection(self._target)
        except OSError:  # the server is down: so are we
            client.close()
            return
        with client, server:
            self._sockets += [client, server]
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request = hashlib.sha256()
            back = threading.Thread(target=self._carry_back, args=(server, client, request))
            back.start()
            with contextlib.suppress(OSError):
                while data := client.recv(1 << 16):
                    request.update(data)
                    if self.halving and self._is_new(hashlib.sha256(data).digest()):
                        self.dropped += 1
                        server.sendall(data[: len(data) // 2])
                        break
                    server.sendall(data)
            _cut(client)
            _cut(server)
            back.join()

    def _carry_back(self, server: socket.socket, client: socket.socket, request) -> None:
        before, dropping = b"", False
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                now = request.digest()
                if now != before:
                    before = now
                    dropping = self.armed and self._is_new(now)
                if dropping:
                    self.dropped += 1
                    break
                client.sendall(data)
        _cut(client)

    def _is_new(self, digest: bytes) -> bool:
        new = digest not in self._seen
        self._seen.add(digest)
        return new


def _cut(open_socket: socket.socket) -> None:
    with contextlib.suppress(OSError):
        open_socket.shutdown(socket.SHUT_RDWR)
    open_socket.close()
