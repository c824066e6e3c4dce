"""Uploads of metadata for the published client, in place of its own queue in memory."""

import logging
from typing import Any, Self
from urllib.parse import quote_plus

from smok_client.bridge import client
from smok_client.bridge.answers import send_each
from smok_client.bridge.error_guard import guarded, nothing
from smok_core.roles import BaseMetadataDatabase
from smok_core.roles.metadata import BasePlainSynchronization

logger = logging.getLogger(__name__)

_UNKNOWN = 404


class MetadataUpdater:
    """Sends what is pending in our database, and acknowledges each change when the cloud has it.

    The client's own updater forgets a change that was not sent when the process ended, sends one
    a minute, and ends its thread at a deletion.

    Args:
        device: The client's device.
        inner: Our database.
    """

    def __init__(self, device: Any, inner: BaseMetadataDatabase) -> None:
        self.device, self._inner = device, inner

    @property
    def entries(self) -> Self:
        """What waits, as the client's updater shows it; only its ``qsize`` is meant to be used."""
        return self

    def qsize(self) -> int:
        """Count the changes that wait."""
        return self._inner.stats().pending

    def add_update(self, key: str, value: str | None, timestamp: float | None = None) -> None:
        """Do nothing: the change is pending since it was written."""

    @guarded(nothing)
    def try_update(self) -> None:
        """Send what waits, oldest first, until the cloud does not take one for the moment."""
        while changes := self._inner.get_plain_to_sync():
            error = send_each(changes, self._send)
            if error is not None:
                self._later(error)
                return

    def _send(self, part: BasePlainSynchronization) -> None:
        (change,) = part.changes
        url = f"/v1/device/metadata/plain/{quote_plus(change.key)}"
        if change.value is None:
            self._delete(url)
            return
        body = {"value": change.value, "unless_timestamp_higher": change.timestamp}
        self.device.api.put(url, json=body)

    def _delete(self, url: str) -> None:
        try:
            self.device.api.delete(url)
        except client.ResponseError as error:
            if error.status_code != _UNKNOWN:
                raise

    def _later(self, error: client.ResponseError) -> None:
        logger.warning("metadata stays pending: %s", error)
        if error.is_no_link():
            self.device.on_failed_sync()
