"""Wrong engines with a connection: they share it with their children, or close it for them."""

import contextlib
import itertools
import os
import socket
import threading

from plugins.smok_testing.tests.mutants.base import ShelfEngine, engine
from smok_core.engine.memory import MemorySeries
from smok_core.errors import BackendUnavailable

_SIZE = 32
_BYE = b"bye".ljust(_SIZE)
#: After so long an answer is taken for lost: another process may have read it.
_PATIENCE = 2.0


def _serve(line):
    """Answer every call with itself, until somebody says goodbye."""
    while (call := line.recv(_SIZE, socket.MSG_WAITALL)) not in (_BYE, b""):
        line.sendall(call)
    line.close()


class _Connection:
    """A connection to a server, which a thread of the process that opened it plays."""

    def __init__(self):
        self._line, there = socket.socketpair()
        self._line.settimeout(_PATIENCE)
        self._numbers = itertools.count()
        threading.Thread(target=_serve, args=(there,), daemon=True).start()

    def ask(self):
        call = f"{os.getpid()} {next(self._numbers)}".encode().ljust(_SIZE)
        try:
            self._line.sendall(call)
            answer = self._line.recv(_SIZE, socket.MSG_WAITALL)
        except OSError as error:
            raise BackendUnavailable("kit", "the connection is broken") from error
        if answer != call:
            raise BackendUnavailable("kit", f"expected the answer to {call!r}, got {answer!r}")

    def close(self):
        with contextlib.suppress(OSError):
            self._line.sendall(_BYE)
        self._line.close()


class _Asking:
    """The lock of the engine; whoever enters it asks the server."""

    def __init__(self, of, inner):
        self.engine, self._inner, self.store = of, inner, inner.store

    closed = property(
        lambda self: self._inner.closed, lambda self, value: setattr(self._inner, "closed", value)
    )

    def __enter__(self):
        self._inner.__enter__()
        try:
            self.engine.ask()
        except BaseException as error:
            self._inner.__exit__(type(error), error, None)
            raise

    def __exit__(self, *error):
        self._inner.__exit__(*error)


class _Connected(ShelfEngine):
    """Asks its server at each call."""

    def __init__(self, context):
        self.connection, self.born = _Connection(), os.getpid()
        super().__init__(context)
        self._engine_lock = _Asking(self, self._engine_lock)
        self.put_down({kind: vars(self)[kind] for kind in ("_tables", "_series", "_blobs")})

    def ask(self):
        self.connection.ask()

    def close(self):
        if not self._engine_lock.closed:
            super().close()
            if os.getpid() == self.born:
                self.connection.close()


@engine("engine-G15.children_that_call_at_one_moment_get_their_own_answers")
class SharesItsConnection(_Connected):
    """Children use the connection of their parent."""


class _OnItsConnection(MemorySeries):
    """A range is a cursor of the connection on which it was begun."""

    def range(self, name, start, stop):
        of = self._engine_lock.engine
        connection = of.connection
        for point in super().range(name, start, stop):
            yield point
            connection.ask()


@engine("engine-G15.a_child_that_closes_ends_nothing_its_parent_began")
class ClosesItsParentsConnection(_Connected):
    """A child says goodbye on its parent's connection; the next one has none of its cursors."""

    series_kind = _OnItsConnection

    def ask(self):
        try:
            self.connection.ask()
        except BackendUnavailable:
            self.connection.close()
            self.connection = _Connection()

    def close(self):
        self.born = os.getpid()
        super().close()
