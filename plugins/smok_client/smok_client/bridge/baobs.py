"""BAOBs for the published client."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from smok_client.bridge import client
from smok_client.bridge.shelter import nothing, sheltered, the_client_calls
from smok_core.errors import NotFound, VersionNotNewer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smok_core.roles import BaseBAOBDatabase

__all__ = ["ClientBaobs"]

logger = logging.getLogger(__name__)


def _no_link() -> Any:
    """Make the client give up this round of synchronisation, as it does without a link."""
    raise client.ResponseError(599, "the store of the BAOBs failed, see the log")


class ClientBaobs(client.BaseBAOBDatabase):
    """As the client expects it, deleting what is not there is harmless."""

    def __init__(self, inner: BaseBAOBDatabase) -> None:
        self._inner = inner

    @sheltered(_no_link)
    def get_baob_value(self, key: str) -> bytes:
        return self._inner.get_baob_value(key)

    @sheltered(_no_link)
    def get_baob_version(self, key: str) -> int:
        return self._inner.get_baob_version(key)

    @sheltered(_no_link)
    def get_all_keys(self) -> Iterator[str]:
        return self._inner.get_all_keys()

    @sheltered(_no_link)
    def set_baob_value(self, key: str, data: bytes, version: int) -> None:
        try:
            self._inner.set_baob_value(key, bytes(data), int(version))
        except VersionNotNewer:
            if not the_client_calls():
                raise
            logger.exception("the cloud sent a BAOB that is not newer, it is left out")

    @sheltered(_no_link)
    def delete_baob(self, key: str) -> None:
        try:
            self._inner.delete_baob(key)
        except NotFound:
            logger.info("baobs: %r is gone already", key)

    @sheltered(nothing)
    def check_consistency(self) -> None:
        self._inner.check_consistency()
