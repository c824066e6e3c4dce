"""Lets threads that wait for the medium share one commit (durability "power-loss").

A commit that is forced to the medium takes a thousand times as long as the write. Threads that come
meanwhile queue up; the first of them leads: it writes for all, and rings each of them. Nobody
returns before what it gave is stored, and who has been served needs no lock to return, so that it
can bring its next points while the leader of the next commit waits for the medium.

A thread that is interrupted leaves nothing behind: what it wrote for others is written again by
them, which changes nothing; a bell that was not rung is made good by looking now and then; and
nobody follows who has gone, for the queue only holds weak references.
"""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from smok_core.errors import SmokError

_Given = tuple[str, int, bytes]
_LOOK: Final = 0.05  # seconds between two looks of a thread whose bell is not rung


class _Ticket:
    """The points of one append, and whether somebody has stored them; lives as long as the call."""

    __slots__ = ("__weakref__", "bell", "owner", "points", "stored")

    def __init__(self, points: Sequence[_Given]) -> None:
        self.points, self.stored = points, False
        self.owner = os.getpid(), threading.get_ident()
        self.bell = SimpleQueue[None]()  # of C: an interrupt leaves it whole

    def wait(self) -> None:
        with suppress(Empty):
            self.bell.get(timeout=_LOOK)


class SharedCommit:
    """The threads that wait to append to one series.

    Args:
        write: Stores points in one commit; may be called with the lock only.
    """

    def __init__(self, write: Callable[[Sequence[_Given]], None]) -> None:
        self._write, self._tickets = write, deque[weakref.ref[_Ticket]]()

    def append(self, lock: threading.RLock, points: Sequence[_Given]) -> None:
        """Store points, with those of all threads that wait; raises what storing these raises."""
        ticket = _Ticket(points)
        place = weakref.ref(ticket)
        self._tickets.append(place)
        try:
            while not (ticket.stored or self._leads(ticket)):
                ticket.wait()
            if not ticket.stored:
                with lock:
                    if not self._write_all():
                        self._write(points)
        finally:
            self._tickets.remove(place)
            if (follower := next(self._here(), None)) is not None:
                follower.bell.put(None)

    def _here(self) -> Iterator[_Ticket]:
        """Yield the tickets of this process: after a fork, a child has those of its parent, too."""
        process = os.getpid()
        for known in list(self._tickets):
            ticket = known()
            if ticket is not None and ticket.owner[0] == process:
                yield ticket

    def _leads(self, ticket: _Ticket) -> bool:
        """Tell whether the first that waits is this thread, perhaps in the call it interrupted."""
        # A child that was forked in the middle of its parent's append has nobody who could ring.
        return ticket.owner[0] != os.getpid() or next(self._here(), ticket).owner == ticket.owner

    def _write_all(self) -> bool:
        """Store what all wait for; False if there is one only, or that is not possible at once."""
        while self._tickets and self._tickets[0]() is None:  # with the lock, nobody else does
            self._tickets.popleft()
        here = [ticket for ticket in self._here() if not ticket.stored]
        if len(here) < 2:
            return False
        try:
            self._write([point for ticket in here for point in ticket.points])
        except SmokError:
            return False  # each finds out for itself what is wrong
        for ticket in here:
            ticket.stored = True
            ticket.bell.put(None)
        return True
