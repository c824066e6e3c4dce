"""Deliver a batch: acknowledge what was answered, find the records that are to blame (rule U2).

Nothing is acknowledged without its answer. Only a refusal that means bad data sends records to the
dead letters, only after the batch was halved down to the single record, and only while others get
through: a server that refuses everything has no quarrel with a record.
"""

import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

from smok_cloud.errors import (
    ClientFault,
    RefusesEverything,
    UnaddressableKey,
    UnsendableBody,
)
from smok_cloud.statistics import JobStatistics
from smok_core.errors import SmokError
from smok_core.roles import Batch

logger = logging.getLogger(__name__)

#: So many requests refused in a row mean that everything is refused; enough to halve a batch of
#: 1 000 down to one record and to look at some of its neighbours.
_PATIENCE: Final = 24
_TOO_LARGE: Final = 413
#: Each attempt in a row looks twice as far, past more bad records at the head of the queue, and
#: comes twice as late: the requests are spent on a link that may be paid by the byte.
_MOST_PATIENCE: Final = 1024
_FIRST_PAUSE: Final = 30.0
_LONGEST_PAUSE: Final = 3600.0


class Send(Protocol):
    """Sends a batch and acknowledges it by the answer; raises when there was none."""

    def __call__(self, batch: Any) -> None:
        """Send and acknowledge."""


class Delivery:
    """One attempt to deliver what is pending in one outbox; for one thread.

    Args:
        send: Sends a batch and acknowledges it.
        statistics: Where what happens is counted, and how often everything was refused before.
    """

    def __init__(self, send: Send, statistics: JobStatistics) -> None:
        self._send, self._statistics = send, statistics
        #: Requests that may be refused in a row.
        self.patience = int(_doubled(_PATIENCE, statistics.refused_all, _MOST_PATIENCE))
        self._suspects: list[tuple[Batch, str]] = []
        self._last_refusal: ClientFault | None = None
        self._refused_in_a_row, self._others_got_through = 0, False
        self._was_too_large, self._largest_taken = False, 0

    def deliver(self, batch: Batch, limit: int) -> None:
        """Send a batch by ``limit`` records; halve what is refused until the bad ones are known.

        A limit on size that was met before is kept to: a link may be paid by the byte.

        Raises:
            RefusesEverything: Nothing got through, or nothing any more; what was refused is kept.
            CloudError: The way to the cloud failed; what was answered until then is acknowledged.
        """
        limit = min(limit, self._statistics.most or limit)
        starts = range(0, len(batch), limit)
        parts = [batch.part(start, min(start + limit, len(batch))) for start in starts]
        for part in [batch] if parts[0] is batch else parts:
            self._try(part)
        self._judge()
        self._learn_size()

    def deliver_each(self, batch: Batch) -> None:
        """Send the items one by one; one that is not taken now does not hold the others.

        Raises:
            RefusesEverything: As in `deliver`.
            CloudError: The way to the cloud failed, or (after all were tried) one was not taken.
        """
        postponed: ClientFault | None = None
        for index in range(len(batch)):
            try:
                self._try(batch.part(index, index + 1))
            except ClientFault as error:
                logger.warning("an item stays pending: %s", error)
                postponed = error
        self._judge()
        if postponed is not None:
            raise postponed

    def _try(self, batch: Batch) -> None:
        try:
            self._statistics.sent += len(batch)
            self._send(batch)
        except (UnsendableBody, UnaddressableKey) as error:
            self._cannot_be_sent(batch, error)
        except ClientFault as error:
            if not error.is_bad_data:
                raise
            self._refused(batch, error)
        else:
            self._statistics.acknowledged += len(batch)
            self._largest_taken = max(self._largest_taken, len(batch))
            self._got_through()

    def _cannot_be_sent(self, batch: Batch, error: Exception) -> None:
        # No opinion of a server's: no request can carry the record, today or later.
        if len(batch) == 1:
            self._set_aside(batch, str(error))
        else:
            self._halve(batch, error)

    def _refused(self, batch: Batch, error: ClientFault) -> None:
        self._last_refusal, self._refused_in_a_row = error, self._refused_in_a_row + 1
        if len(batch) == 1:
            self._suspects.append((batch, str(error)))
        if self._refused_in_a_row >= self.patience:
            self._give_up(error)
        if len(batch) > 1:
            self._was_too_large |= error.status == _TOO_LARGE
            self._halve(batch, error)

    def _halve(self, batch: Batch, error: Exception) -> None:
        middle = len(batch) // 2
        older, newer = batch.part(0, middle), batch.part(middle, len(batch))
        if older is batch:  # it cannot be divided, and is kept as a whole
            raise error
        # The older half first: the order within a pathpoint must hold.
        self._try(older)
        self._try(newer)

    def _got_through(self) -> None:
        self._others_got_through, self._refused_in_a_row = True, 0
        self._statistics.refused_all = 0
        self._set_aside_suspects()

    def _learn_size(self) -> None:
        if not self._was_too_large:
            self._statistics.fits()
        elif self._largest_taken:
            self._statistics.too_large(self._largest_taken)

    def _judge(self) -> None:
        if self._others_got_through:
            self._set_aside_suspects()
        elif self._last_refusal is not None:
            self._give_up(self._last_refusal)

    def _set_aside_suspects(self) -> None:
        while self._suspects:
            self._set_aside(*self._suspects.pop(0))

    def _set_aside(self, batch: Batch, reason: str) -> None:
        batch.reject(reason)
        self._statistics.refused += 1

    def _give_up(self, error: ClientFault) -> None:
        pause = _doubled(_FIRST_PAUSE, self._statistics.refused_all, _LONGEST_PAUSE)
        self._statistics.refused_all += 1
        refused = self._refused_in_a_row
        raise RefusesEverything(error.call, error.detail, refused, pause) from error


def _doubled(first: float, times: int, most: float) -> float:
    return min(first * (1 << min(times, 16)), most)


def first_error(
    actions: list[Callable[[], None]], passing: tuple[type[SmokError], ...] = ()
) -> SmokError | None:
    """Do all, each for itself; give the first refusal, let failures of the link end it at once.

    Args:
        actions: Each sends or fetches one item.
        passing: Errors that, too, are about one item and hold no other.
    """
    found: SmokError | None = None
    about_one: tuple[type[SmokError], ...] = (ClientFault, *passing)
    for action in actions:
        try:
            action()
        except (UnaddressableKey, UnsendableBody) as error:
            logger.warning("%s", error)
        except about_one as error:
            logger.warning("%s", error)
            found = found or error
    return found
