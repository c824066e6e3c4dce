"""Reports of executed macros, in place of the client's own, which takes any answer for yes."""

import logging
from typing import Any
from urllib.parse import quote

from smok_client.bridge.answers import send_each
from smok_core.roles import BaseMacroDatabase

logger = logging.getLogger(__name__)


def report_executions(device: Any, inner: BaseMacroDatabase) -> None:
    """Report what was executed; what the cloud does not take for the moment stays pending."""

    def send(part: Any) -> None:
        (done,) = part.executions
        device.api.post(f"/v1/device/macros/{quote(done.macro_id, safe='')}/{done.timestamp}")

    batch = inner.get_macros_to_sync()
    error = send_each(batch, send) if batch else None
    if error is not None:
        logger.warning("the execution of macros stays pending: %s", error)
        if error.is_no_link():
            device.on_failed_sync()
