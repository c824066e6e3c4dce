"""The kit's proxy, for MongoDB's messages: it picks commands by name, and knows one sent again."""

import contextlib
import hashlib
import socket
import struct
import threading

import bson
from smok_testing.proxy import NONSENSE, Mode, Proxy, cut

_OP_MSG = 2013
_HANDSHAKE = {"hello", "ismaster", "isMaster", "ping", "endSessions", "saslStart", "saslContinue"}
WRITES = {"insert", "update", "delete", "findAndModify", "createIndexes"}


def command_of(message: bytes) -> dict | None:
    """Give the command of an OP_MSG, None for another kind of message."""
    if struct.unpack_from("<i", message, 12)[0] != _OP_MSG:
        return None
    size = struct.unpack_from("<i", message, 21)[0]
    return bson.decode(message[21 : 21 + size])


class MongoProxy(Proxy):
    """Forwards whole messages between drivers and one server, and misbehaves as told.

    Attributes:
        losing: Which commands, by name, are carried out while their answer is lost, each once.
        halving: Which commands, by name, reach the server by half, each once.
        names: Of the commands whose answers were lost, or that were halved.
        commands: Every command that was answered.
    """

    def __init__(self, port: int) -> None:
        self.losing: set[str] = set()
        self.halving: set[str] = set()
        self.names: list[str] = []
        self.commands: list[dict] = []
        self._lock = threading.Lock()
        super().__init__(port)
        self.url = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    def _carry(self, client: socket.socket) -> None:
        """Serve one connection: the driver sends a message and waits for its answer."""
        with client, contextlib.suppress(OSError), socket.create_connection(self._target) as server:
            pair = {client, server}
            self._open |= pair
            while message := _read(client):
                if self._mode is not Mode.SILENT and not self._answer(client, server, message):
                    break
            cut(server)
            self._open -= pair
        cut(client)

    def _answer(self, client: socket.socket, server: socket.socket, message: bytes) -> bool:
        """Carry one message there and its answer back; tell whether the connection goes on."""
        command = command_of(message) or {}
        name = next(iter(command), "")
        if self._once(self.halving, name, message):
            server.sendall(message[: len(message) // 2])
            return False
        server.sendall(message)
        answer = _read(server)
        if not answer or self._mode is Mode.LOSE_ALL or self._once(self.losing, name, message):
            return False
        if name and name not in _HANDSHAKE:
            self.commands.append(command)
        if self._mode is not Mode.SILENT:
            client.sendall(NONSENSE if self._mode is Mode.JUNK else answer)
        return True

    def _once(self, names: set[str], name: str, message: bytes) -> bool:
        """Tell whether this command is to be disturbed; the same sent again gets through."""
        if name not in names:
            return False
        # Request id and session differ when it is sent again; what it does is the same.
        command = {k: v for k, v in (command_of(message) or {}).items() if k != "lsid"}
        size = struct.unpack_from("<i", message, 21)[0]
        with self._lock:
            new = self._is_new(hashlib.sha256(bson.encode(command) + message[21 + size :]).digest())
            if new:
                self.names.append(name)
        return new


def _read(connection: socket.socket) -> bytes:
    """Read one message; b"" at the end, which may come in the middle of one."""
    head = _exactly(connection, 4)
    rest = _exactly(connection, struct.unpack("<i", head)[0] - 4) if head else b""
    return head + rest if rest else b""


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = connection.recv(min(1 << 20, count - len(data)))
        if not part:
            return b""
        data += part
    return bytes(data)
