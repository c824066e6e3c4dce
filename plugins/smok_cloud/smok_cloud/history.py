"""A small, bounded history of backlog and disk: a day in detail, five weeks by hours."""

import logging
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from smok_core.databases import Databases
from smok_core.engine.base import Table
from smok_core.errors import SmokError
from smok_core.model import prepared

logger = logging.getLogger(__name__)

_TABLE: Final = "cloud.history"


class Ring(NamedTuple):
    """Places that are written over in turn: ``size`` moments, one each ``seconds``."""

    seconds: int
    size: int


#: What is kept, by the letter its keys begin with.
RINGS: Final = {"d": Ring(300, 288), "h": Ring(3600, 840)}


@prepared
class Moment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was so at a moment; ``at`` and ``oldest`` in seconds since the epoch."""

    at: float
    pending: int = 0
    oldest: float | None = None  #: the data's own time of what waits longest
    dead: int = 0
    dropped: int = 0
    size_bytes: int = 0
    free_bytes: int | None = None  #: of the store that has the least


class History:
    """Writes the history; call `record` as often as you like.

    Args:
        databases: Of which it is; kept on the store of the metadata.
        clock: Seconds since the epoch.
    """

    def __init__(self, databases: Databases, *, clock: Callable[[], float] = time.time) -> None:
        self._databases, self._clock = databases, clock
        self._last: int | None = None

    def record(self) -> None:
        """Keep how things are, once each 5 minutes; what fails is logged and told to nobody."""
        now = self._clock()
        slot = int(now // RINGS["d"].seconds)
        if slot == self._last:
            return
        self._last = slot
        try:
            self._write(now)
        except SmokError as error:
            logger.warning("the history could not be kept: %s", error)

    def _write(self, now: float) -> None:
        table = _table(self._databases)
        if table is None:
            return
        value = msgspec.json.encode(_moment(self._databases, now))
        for letter, ring in RINGS.items():
            # A place is a function of the time alone: processes that take turns share the ring.
            table.put(f"{letter}{int(now // ring.seconds) % ring.size}", value)


def read_history(databases: Databases, now: float) -> list[Moment]:
    """Return the moments of the last five weeks, oldest first; [] if there are none.

    What was written by a clock that ran ahead, or before the rings' spans, is left out.
    """
    table = _table(databases)
    found = {}
    for row in table.rows() if table is not None else ():
        moment, ring = msgspec.json.decode(row.value, type=Moment), RINGS[row.key[0]]
        if now - ring.seconds * ring.size < moment.at <= now:
            found[moment.at] = moment
    return [found[at] for at in sorted(found)]


def _table(databases: Databases) -> Table | None:
    engine = databases.engines.get(databases.config.roles["metadata"].store)
    return None if engine is None else engine.table(_TABLE)


def _moment(databases: Databases, now: float) -> Moment:
    stats = [database.stats() for _, database in databases]
    health = databases.health().values()
    free = [look.free_bytes for look in health if look.free_bytes is not None]
    oldest = [one.oldest_pending for one in stats if one.oldest_pending is not None]
    return Moment(
        at=now,
        pending=sum(one.pending + one.pending_definitions for one in stats),
        oldest=min(oldest, default=None),
        dead=sum(one.dead for one in stats),
        dropped=sum(one.dropped for one in stats),
        size_bytes=sum(look.size_bytes or 0 for look in health),
        free_bytes=min(free, default=None),
    )
