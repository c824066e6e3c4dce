"""A TCP proxy for tests that understands MongoDB's messages: it loses answers and cuts requests."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

import bson

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MongoProxy", "command_of"]

_OP_MSG = 2013
_HANDSHAKE = {"hello", "ismaster", "isMaster", "ping", "endSessions", "saslStart", "saslContinue"}
WRITES = {"insert", "update", "delete", "findAndModify", "createIndexes"}


def command_of(message: bytes) -> dict | None:
    """Give the command of an OP_MSG, None for another kind of message."""
    if struct.unpack_from("<i", message, 12)[0] != _OP_MSG:
        return None
    size = struct.unpack_from("<i", message, 21)[0]
    return bson.decode(message[21 : 21 + size])


class MongoProxy:
    """Forwards whole messages between drivers and one server, and misbehaves as told.

    Attributes:
        losing: Which commands, by name, are carried out while their answer is lost, each once.
        halving: Which commands, by name, reach the server by half, each once.
        refusing: Whether connections are cut as soon as they are made.
        lost: The names of the commands whose answers were lost, or that were halved.
        commands: Every command that was answered.
    """

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        self.losing: set[str] = set()
        self.halving: set[str] = set()
        self.refusing = False
        self.lost: list[str] = []
        self.commands: list[dict] = []
        self._seen: set[bytes] = set()
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut everything and end all threads."""
        _cut(self._listener)
        self.cut_all()
        for thread in list(self._threads):
            thread.join(5)

    def cut_all(self) -> None:
        """Cut all connections."""
        for connection in list(self._open):
            _cut(connection)

    def _run(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refusing:
                _cut(client)
            else:
                self._run(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        """Serve one connection: the driver sends a message and waits for its answer."""
        with client, contextlib.suppress(OSError), socket.create_connection(self._target) as server:
            self._open += [client, server]
            while message := _read(client):
                command = command_of(message) or {}
                name = next(iter(command), "")
                if self._once(self.halving, name, message):
                    server.sendall(message[: len(message) // 2])
                    break
                server.sendall(message)
                answer = _read(server)
                if not answer or self._once(self.losing, name, message):
                    break
                if name and name not in _HANDSHAKE:
                    self.commands.append(command)
                client.sendall(answer)
            _cut(server)
        _cut(client)

    def _once(self, names: set[str], name: str, message: bytes) -> bool:
        """Tell whether this command is to be disturbed; the same sent again gets through."""
        if name not in names:
            return False
        # Request id and session differ when it is sent again; what it does is the same.
        command = {k: v for k, v in (command_of(message) or {}).items() if k != "lsid"}
        size = struct.unpack_from("<i", message, 21)[0]
        digest = hashlib.sha256(bson.encode(command) + message[21 + size :]).digest()
        with self._lock:
            new = digest not in self._seen
            self._seen.add(digest)
            if new:
                self.lost.append(name)
        return new


def _read(connection: socket.socket) -> bytes:
    """Read one message; b"" at the end."""
    head = _exactly(connection, 4)
    return head + _exactly(connection, struct.unpack("<i", head)[0] - 4) if head else b""


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = connection.recv(min(1 << 20, count - len(data)))
        if not part:
            return b""
        data += part
    return bytes(data)


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
