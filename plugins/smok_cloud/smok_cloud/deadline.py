"""A hard end for a request: when the time is up, its connection is shut down under it.

Socket timeouts bound each silence, not the whole: a server that sends a byte now and then would
hold a request for ever, in the headers as well as in the body.
"""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

_current = threading.local()


class Deadline:
    """A context manager that ends what its thread's connections do after so many seconds.

    What is ended sees a broken connection; ``reason`` tells why, None if nothing was ended.
    Looking up a host name cannot be ended: the system's resolver has limits of its own.
    """

    def __init__(self, seconds: float) -> None:
        self.reason: str | None = None
        # Reentrant, because a signal handler may call end() in the thread that is in watch().
        self._lock, self._handles = threading.RLock(), list[socket.socket]()
        text = f"it took longer than {seconds:g} s in total"
        self._timer = threading.Timer(seconds, self.end, [text])
        self._timer.name, self._timer.daemon = "smok-deadline", True

    def __enter__(self) -> Self:
        _current.deadline = self
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _current.deadline = None
        self._timer.cancel()
        with self._lock:
            while self._handles:
                self._handles.pop().close()

    def watch(self, connection: socket.socket) -> None:
        """Include a connected socket, plain or TLS."""
        # A duplicate, because TLS moves the descriptor into another object and an answer may
        # outlive its connection object; shutting it down ends the connection all the same.
        handle = socket.fromfd(connection.fileno(), connection.family, connection.type)
        with self._lock:
            self._handles.append(handle)
            if self.reason is not None:
                _shut(handle)

    def end(self, reason: str) -> None:
        """End it now, from any thread or from a signal handler."""
        with self._lock:
            self.reason = self.reason or reason
            for handle in self._handles:
                _shut(handle)


def _shut(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was quicker
        handle.shutdown(socket.SHUT_RDWR)


def watch(connection: socket.socket) -> None:
    """Include a connected socket in the deadline of this thread, if there is one."""
    deadline: Deadline | None = getattr(_current, "deadline", None)
    if deadline is not None:
        deadline.watch(connection)
