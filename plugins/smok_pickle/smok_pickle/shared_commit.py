"""Lets threads that wait for the medium share one commit (durability "power-loss").

A commit that is forced to the medium takes a thousand times as long as the write. Threads that come
meanwhile queue up; the first of them that gets the lock writes for all. Nobody returns before what
it gave is stored. A thread that is interrupted leaves nothing behind: what it wrote for others is
written again by them, which changes nothing.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

from smok_core.errors import SmokError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

__all__ = ["SharedCommit"]

_Given = tuple[str, int, bytes]


class _Ticket:
    """The points of one append, and whether somebody has stored them."""

    __slots__ = ("points", "process", "stored")

    def __init__(self, points: Sequence[_Given]) -> None:
        self.points, self.process, self.stored = points, os.getpid(), False


class SharedCommit:
    """The threads that wait to append to one series.

    Args:
        write: Stores points in one commit; may be called with the lock only.
    """

    def __init__(self, write: Callable[[Sequence[_Given]], None]) -> None:
        self._write, self._tickets = write, deque[_Ticket]()

    def append(self, lock: threading.RLock, points: Sequence[_Given]) -> None:
        """Store points, with those of all threads that wait; raises what storing these raises."""
        ticket = _Ticket(points)
        self._tickets.append(ticket)
        try:
            with lock:
                if not (ticket.stored or self._write_all()):
                    self._write(points)
        finally:
            self._tickets.remove(ticket)

    def _write_all(self) -> bool:
        """Store what all wait for; False if there is one only, or that is not possible at once."""
        here = [ticket for ticket in list(self._tickets) if ticket.process == os.getpid()]
        if len(here) < 2:
            return False
        try:
            self._write([point for ticket in here for point in ticket.points])
        except SmokError:
            return False  # each finds out for itself what is wrong
        for ticket in here:
            ticket.stored = True
        return True
