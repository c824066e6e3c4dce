"""How an upload goes: what waits, how fast it goes, how long it takes, and how the link is."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:  # it brings requests and cryptography, and `smok run --help` needs neither
    from smok_cloud.synchronizer import Synchronizer


logger = logging.getLogger(__name__)

#: The rate is that of the last so many seconds.
_WINDOW: Final = 60.0
_BEAT_SECONDS: Final = 60.0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """How things are at one moment."""

    pending: int  #: records in all queues
    acknowledged: int  #: uploaded since the start
    refused: int  #: set aside since the start
    rate: float  #: uploaded records a second, of the last minute
    seconds_left: float | None  #: until nothing waits, at that rate; None: not known

    def __str__(self) -> str:
        told = f"{self.acknowledged} uploaded, {self.refused} refused, {self.pending} pending"
        if self.seconds_left is None or not self.pending:
            return told
        return f"{told}, {self.rate:.0f} a second, about {self.seconds_left:.0f} s left"


class Progress:
    """Looks at a synchronizer; for one thread.

    Args:
        synchronizer: At which.
        monotonic: Seconds that never go back.
    """

    def __init__(
        self, synchronizer: Synchronizer, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._synchronizer, self._monotonic = synchronizer, monotonic
        self._seen: deque[tuple[float, int]] = deque()

    def look(self) -> Snapshot:
        """Tell how it goes now."""
        counts = [job.statistics for job in self._synchronizer.jobs if job.goes_up]
        pending = sum(one.pending for one in counts)
        acknowledged = sum(one.acknowledged for one in counts)
        rate = self._rate(acknowledged)
        return Snapshot(
            pending=pending,
            acknowledged=acknowledged,
            refused=sum(one.refused for one in counts),
            rate=rate,
            seconds_left=pending / rate if rate else None,
        )

    def _rate(self, acknowledged: int) -> float:
        now = self._monotonic()
        self._seen.append((now, acknowledged))
        while now - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        began, before = self._seen[0]
        return (acknowledged - before) / (now - began) if now > began else 0.0


class Heartbeat:
    """Logs once a minute how the upload goes, at INFO; call `beat` as often as you like."""

    def __init__(
        self, synchronizer: Synchronizer, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._progress = Progress(synchronizer, monotonic=monotonic)
        self._monotonic, self._due = monotonic, monotonic() + _BEAT_SECONDS

    def beat(self) -> None:
        """Log when it is time."""
        snapshot, now = self._progress.look(), self._monotonic()
        if now >= self._due:
            self._due = now + _BEAT_SECONDS
            logger.info("%s", snapshot)
