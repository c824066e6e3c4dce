"""Reports of executed macros, in place of the client's own, which takes any answer for yes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from smok_client.bridge import client
from smok_client.bridge.answers import settles

if TYPE_CHECKING:
    from smok_core.roles import BaseMacroDatabase

__all__ = ["report_executions"]

logger = logging.getLogger(__name__)


def report_executions(device: Any, inner: BaseMacroDatabase) -> None:
    """Report what was executed; what the cloud does not take for the moment stays queued."""
    batch = inner.get_macros_to_sync()
    for at, done in enumerate(batch.executions if batch else ()):
        assert batch is not None
        try:
            device.api.post(f"/v1/device/macros/{done.macro_id}/{done.timestamp}")
        except client.ResponseError as error:
            if not settles(error.status_code):
                logger.warning("the execution of macros stays queued: %s", error)
                _tell(device, error)
                batch.release()
                return
            batch.part(at, at + 1).reject(f"the cloud refused it with HTTP {error.status_code}")
        else:
            batch.part(at, at + 1).acknowledge()


def _tell(device: Any, error: client.ResponseError) -> None:
    if error.is_no_link():
        device.on_failed_sync()
