"""Numbers that only grow: across restarts, and whatever the wall clock does.

A number is the clock in units of 2**20 ns, or one more than the last where the clock is behind.
A bound in the database is raised ahead of use, so a restart begins above everything that was
ever handed out, even if what carried the numbers is deleted since.
"""

import threading
from collections.abc import Callable
from typing import Final

from bson import Int64

from smok_core.engine.forks import Layer, join
from smok_mongo.client import Server
from smok_mongo.commands import find_one, update_one
from smok_mongo.ids import POSITION_BITS
from smok_mongo.schema import META

#: About a minute of the clock: what one write of the bound allows, and a restart may skip.
_AHEAD: Final = 60_000


class Sequence:
    """The bases of one device, handed out to every primitive of the engine."""

    def __init__(self, server: Server, document_id: str, clock: Callable[[], float]) -> None:
        self._server, self._id, self._clock = server, document_id, clock
        self.after_fork_in_child()
        join(self, Layer.ENGINE)

    def before_fork(self) -> None:
        """Nothing has to rest."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Begin above the bound in the database: what is below it is the parent's to give."""
        self._lock = threading.Lock()
        self._last = self._bound = -1

    def take(self, above: int = 0) -> int:
        """Return a base that is new, and greater than ``above``."""
        with self._lock:
            if self._bound < 0:
                self._last = self._bound = self._stored()
            now = int(self._clock() * 1e6) * 1000 >> POSITION_BITS
            base = max(self._last + 1, now, above + 1)
            if base >= self._bound:
                self._raise_bound(base + _AHEAD)
            self._last = base
            return base

    def row_seq(self, above: int = 0) -> int:
        """Return a seq for a single row, greater than ``above``.

        Its low bits name the process, so two processes hardly ever give the same one.
        """
        lane = int(self._server.owner[:5], 16)
        return self.take(above >> POSITION_BITS) << POSITION_BITS | lane

    def _stored(self) -> int:
        found = find_one(self._server, META, {"_id": self._id}) or {}
        return int(found.get("seq", 0))

    def _raise_bound(self, bound: int) -> None:
        change = {"$max": {"seq": Int64(bound)}}
        update_one(self._server, META, {"_id": self._id}, change)
        self._bound = bound
