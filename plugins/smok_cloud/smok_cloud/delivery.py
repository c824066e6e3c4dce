"""Deliver a batch: acknowledge what was answered, find the records that are to blame (rule U2).

Nothing is acknowledged without its answer. Only a refusal that means bad data sends records to the
dead letters, and only after the batch was halved down to the single record.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from smok_cloud.errors import ClientFault, CloudError, UnaddressableKey, UnsendableBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_cloud.statistics import JobStatistics
    from smok_core.roles import Batch

__all__ = ["Send", "deliver", "deliver_each", "is_bad_data"]

logger = logging.getLogger(__name__)


class Send(Protocol):
    """Sends a batch and acknowledges it by the answer; raises when there was none."""

    def __call__(self, batch: Any) -> None:
        """Send and acknowledge."""


def is_bad_data(error: Exception) -> bool:
    """Tell whether an error means the records themselves and not the way to the cloud."""
    if isinstance(error, ClientFault):
        return error.is_bad_data
    return isinstance(error, UnsendableBody | UnaddressableKey)


def deliver(batch: Batch, send: Send, statistics: JobStatistics) -> None:
    """Send a batch as a whole; halve it when it is refused, until the bad records are known.

    Raises:
        CloudError: The way to the cloud failed; what was answered until then is acknowledged.
    """
    try:
        statistics.sent += len(batch)
        send(batch)
    except (ClientFault, UnsendableBody, UnaddressableKey) as error:
        if not is_bad_data(error):
            raise
        _divide(batch, send, statistics, error)
    else:
        statistics.acknowledged += len(batch)


def _divide(batch: Batch, send: Send, statistics: JobStatistics, error: Exception) -> None:
    if len(batch) == 1:
        batch.reject(str(error))
        statistics.refused += 1
        return
    middle = len(batch) // 2
    # The older half first: the order within a pathpoint must hold.
    deliver(batch.part(0, middle), send, statistics)
    deliver(batch.part(middle, len(batch)), send, statistics)


def deliver_each(batch: Batch, send: Send, statistics: JobStatistics) -> None:
    """Send the items one by one; one that the cloud will not take now does not hold the others.

    Raises:
        CloudError: The way to the cloud failed, or (after all were tried) one was not taken.
    """
    postponed: ClientFault | None = None
    for index in range(len(batch)):
        try:
            deliver(batch.part(index, index + 1), send, statistics)
        except ClientFault as error:
            logger.warning("an item stays queued: %s", error)
            postponed = error
    if postponed is not None:
        raise postponed


def first_error(actions: list[Callable[[], None]]) -> CloudError | None:
    """Do all, each for itself; give the first refusal, let failures of the link end it at once."""
    found: CloudError | None = None
    for action in actions:
        try:
            action()
        except (ClientFault, UnaddressableKey, UnsendableBody) as error:
            logger.warning("%s", error)
            found = found or (error if isinstance(error, ClientFault) else None)
    return found
