"""What a server's answer means for the batch the client had sent; the client takes any 4xx for yes.

When a server refuses a batch, the client calls the batch's ``acknowledge`` from inside the handler
of the error. The error is therefore at hand there, and with it the status that the server gave.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final

from smok_client.bridge import client

if TYPE_CHECKING:
    from smok_core.roles.outbox import Batch

__all__ = ["MAX_BATCH", "Pace", "refusal", "settles"]

logger = logging.getLogger(__name__)

MAX_BATCH: Final = 1000
#: Statuses about the data itself; any other 4xx is about the device, the way, or the moment.
_ABOUT_THE_DATA: Final = frozenset({400, 413, 422})
#: Records that may be set aside one by one before another one has got through.
_MAX_ALONE: Final = 3


def refusal() -> int | None:
    """Give the status of the server's error that the client is handling; None without one.

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


def settles(status: int) -> bool:
    """Tell whether a server's error says that this very data will never be taken."""
    return status in _ABOUT_THE_DATA


class Pace:
    """How many records are sent at once to a server that refuses some of them.

    A refused batch is sent again in halves, until one record is refused alone: that one is set
    aside. When several in a row are, and none gets through, everything is kept instead, because
    then the server refuses all there is.
    """

    def __init__(self) -> None:
        self.limit = MAX_BATCH
        self._alone = 0

    def answer(self, batch: Batch) -> None:
        """Settle a batch that the client acknowledges, as its server's answer deserves."""
        status = refusal()
        if status is None:
            self._got_through(batch)
        elif settles(status):
            self._refused(batch, status)
        else:
            logger.warning("the cloud answered HTTP %s: %d records stay queued", status, len(batch))
            batch.release()

    def _got_through(self, batch: Batch) -> None:
        batch.acknowledge()
        self._alone = 0
        self.limit = min(MAX_BATCH, 2 * self.limit)

    def _refused(self, batch: Batch, status: int) -> None:
        if len(batch) > 1:
            self.limit = len(batch) // 2
            batch.release()
        elif self._alone < _MAX_ALONE:
            self._alone += 1
            batch.reject(f"the cloud refused it with HTTP {status}")
        else:
            logger.error("the cloud refuses everything with HTTP %s: all is kept", status)
            batch.release()


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
