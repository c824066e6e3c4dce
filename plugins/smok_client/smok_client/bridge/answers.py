"""What a server's answer means for the batch the client had sent; the client takes any 4xx for yes.

When a server refuses a batch, the client answers the batch from inside the handler of the error:
that it is acknowledged, or for events that it is not. The error is therefore at hand there, and
with it the status that the server gave.
"""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from smok_client.bridge import client
from smok_core.roles.outbox import Batch

logger = logging.getLogger(__name__)

MAX_BATCH: Final = 1000
#: Statuses about the data itself; any other 4xx is about the device, the way, or the moment.
_ABOUT_THE_DATA: Final = frozenset({400, 413, 422})
#: Of those others, the ones that hold for whatever is sent next.
_ABOUT_THE_MOMENT: Final = frozenset({401, 403, 408, 425, 429})
#: Records in a row that may be refused one by one before all is taken to be refused.
_MAX_SUSPECTS: Final = 24
#: Seconds before what was not taken is sent again.
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


def refusal() -> int | None:
    """Return the status of the server's error that the client is handling; None without one.

    An error whose status is unknown gives 0.
    """
    error = sys.exc_info()[1]
    if error is None:
        return None
    for cause in (error, error.__cause__):
        status = getattr(cause, "status_code", None)
        if isinstance(status, int):
            return status
    return 0 if isinstance(error, client.ResponseError | client.SyncError) else None


def acknowledges(status: int) -> bool:
    """Tell whether a server's error says that this very data will never be taken."""
    return status in _ABOUT_THE_DATA


class Offer(NamedTuple):
    """What is given to the client: a part of a batch, beside which records under suspicion wait."""

    batch: Batch
    part: Any


class Pace:
    """How much of an outbox is sent at once, and when, to a server that refuses some of it.

    A refused batch is sent again in halves, until one record is refused alone. That one is under
    suspicion: those behind it are tried, and only when one of them gets through is it set aside.
    When none does the server refuses all there is, and all is kept. What the server does not take
    now waits a while, longer each time; the client would send it again at once, and without end.
    """

    def __init__(self) -> None:
        self.limit = MAX_BATCH
        self._suspects = 0  #: records at the head of the queue, each refused alone
        self._status = 0  #: what they were refused with
        self._pause, self.due = _FIRST_PAUSE, 0.0  #: by the monotonic clock
        self._refuses = ""

    def offer(self, take: Callable[[int], Batch | None]) -> Offer | None:
        """Take a batch and give what to send of it; None when nothing waits, or not yet."""
        if time.monotonic() < self.due:
            return None
        batch = take(self._suspects + self.limit)
        if not batch:
            return None
        if len(batch) <= self._suspects:
            self._refuses_all(batch)
            return None
        return Offer(batch, batch.part(self._suspects, self._suspects + self.limit))

    def acknowledge(self, offer: Offer, *uuids: str) -> None:
        """Acknowledge what the client acknowledges, as its server's answer deserves."""
        if refusal() is None:
            self._got_through(offer, *uuids)
        else:
            self.refuse(offer)

    def refuse(self, offer: Offer) -> None:
        """Keep what has no answer, or one that is not about the data; look for what is to blame."""
        status = refusal() or 0
        if not acknowledges(status):
            logger.warning("the cloud answered HTTP %s: %d records wait", status, len(offer.part))
            self._wait(offer.batch)
            return
        self._status = status
        if len(offer.part) > 1:
            self.limit = len(offer.part) // 2
            offer.batch.release()
        elif self._suspects < _MAX_SUSPECTS:
            self._suspects += 1
            offer.batch.release()
        else:
            self._refuses_all(offer.batch)

    def warnings(self) -> tuple[str, ...]:
        """Tell that the cloud refuses everything; nothing while some gets through."""
        return (self._refuses,) if self._refuses else ()

    def _got_through(self, offer: Offer, *uuids: str) -> None:
        if self._suspects:
            reason = f"the cloud refused it with HTTP {self._status}"
            offer.batch.part(0, self._suspects).reject(reason)
        offer.part.acknowledge(*uuids)
        offer.batch.release()
        self._suspects, self._pause, self._refuses = 0, _FIRST_PAUSE, ""
        self.limit = min(MAX_BATCH, 2 * self.limit)

    def _refuses_all(self, batch: Batch) -> None:
        self._suspects = 0
        self._refuses = f"the cloud refuses everything with HTTP {self._status}: all is kept"
        logger.error("%s", self._refuses)
        self._wait(batch)

    def _wait(self, batch: Batch) -> None:
        batch.release()
        self.due = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


def send_each(batch: Any, send: Callable[[Any], None]) -> client.ResponseError | None:
    """Send the records of a batch one by one, and acknowledge each that the cloud has.

    Those refused for good are set aside when others get through; else all is kept. One that the
    cloud does not know (404) or want (409) stays pending and holds none of those behind it.

    Args:
        batch: What waits.
        send: Sends a part of one record; raises the client's error.

    Returns:
        The error that says to come back later; None when all was answered.
    """
    suspects: list[Any] = []
    got_through, refused, later = False, None, None
    for at in range(len(batch)):
        part = batch.part(at, at + 1)
        try:
            send(part)
        except client.ResponseError as error:
            if not acknowledges(error.status_code):
                later = error
                if _ends_the_round(error.status_code):
                    break
                continue
            refused = error
            if len(suspects) == _MAX_SUSPECTS:
                break
            suspects.append(part)
        else:
            got_through = True
            part.acknowledge()
    if got_through:
        for part in suspects:
            part.reject("the cloud refused it, and took others")
    batch.release()
    return later or (None if got_through else refused)


def _ends_the_round(status: int) -> bool:
    return status in _ABOUT_THE_MOMENT or not 400 <= status < 500


def _repair_sync_error() -> None:
    """Give the client's SyncError the status that the client reads of it and it does not have.

    Without it the first 4xx on pathpoints ends the client's communicator thread.
    """
    if not hasattr(client.SyncError, "status_code"):
        client.SyncError.status_code = property(_status_of_cause)


def _status_of_cause(error: Any) -> int | None:
    status: int | None = getattr(error.__cause__, "status_code", None)
    return status


_repair_sync_error()
