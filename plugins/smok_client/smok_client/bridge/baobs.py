"""BAOBs for the published client."""

import logging
import re
import sys
from collections.abc import Iterator
from typing import Any, Final

from smok_client.bridge import client
from smok_client.bridge.error_guard import Refusals, guarded, nothing, the_client_calls
from smok_core.errors import NotFound, VersionNotNewer
from smok_core.roles import BaseBAOBDatabase

logger = logging.getLogger(__name__)

#: The client puts a key into the URL as it is: it would be read, or written over, as another's.
_ANOTHERS: Final = re.compile(r"[/?#]|%[0-9A-Fa-f]{2}|^\.{1,2}$|^\s|\s$|[\x00-\x1f\x7f]")
_REASON: Final = (
    "it stays on this device: the published client would upload it as the BAOB of another key. "
    "Store it under a key of letters, digits, blanks, '-' and '_'."
)


def _no_link() -> Any:
    """Make the client give up this round of synchronisation, as it does without a link."""
    raise client.ResponseError(599, "the store of the BAOBs failed, see the log")


class ClientBaobs(client.BaseBAOBDatabase):
    """As the client expects it, deleting what is not there is harmless.

    The client's synchronization asks for version and value in calls of their own. Here it gets a
    pair that belongs together, and what the cloud orders about a version it was told of is not
    done to one that was written meanwhile.
    """

    def __init__(self, inner: BaseBAOBDatabase) -> None:
        self._inner, self.refusals = inner, Refusals(inner)
        self._told: dict[str, int] = {}  #: versions that the cloud compares with its own
        self._sent: dict[str, int] = {}  #: versions of the values on their way

    @guarded(_no_link)
    def get_baob_value(self, key: str) -> bytes:
        if not _synchronizes():
            return self._inner.get_baob_value(key)
        while True:
            version = self._inner.get_baob_version(key)
            value = self._inner.get_baob_value(key)
            if self._inner.get_baob_version(key) == version:
                self._sent[key] = version
                return value

    @guarded(_no_link)
    def get_baob_version(self, key: str) -> int:
        if _synchronizes() and key in self._sent:
            return self._sent.pop(key)
        version = self._inner.get_baob_version(key)
        if _synchronizes():
            self._told[key] = version
        return version

    @guarded(_no_link)
    def get_all_keys(self) -> Iterator[str]:
        if _synchronizes():
            self._told.clear()
            self._sent.clear()
            return filter(self._is_addressable, self._inner.get_all_keys())
        return self._inner.get_all_keys()

    def _is_addressable(self, key: str) -> bool:
        if not _ANOTHERS.search(key):
            return True
        self.refusals.tell(key, None, _REASON)
        return False

    @guarded(_no_link)
    def set_baob_value(self, key: str, data: bytes, version: int) -> None:
        try:
            self._inner.set_baob_value(key, bytes(data), int(version))
        except VersionNotNewer:
            if not the_client_calls():
                raise
            logger.exception("the cloud sent a BAOB that is not newer, it is left out")

    @guarded(_no_link)
    def delete_baob(self, key: str) -> None:
        try:
            if _synchronizes() and self._inner.get_baob_version(key) != self._told.get(key):
                logger.info("baobs: %r was written meanwhile, it stays", key)
                return
            self._inner.delete_baob(key)
        except NotFound:
            logger.info("baobs: %r is gone already", key)

    @guarded(nothing)
    def check_consistency(self) -> None:
        self._inner.check_consistency()


def _synchronizes() -> bool:
    """Tell whether the client's synchronization asks, and not a user's code in the same thread."""
    # This function, the database's method, its error guard, and then who has called.
    return sys._getframe(3).f_code.co_name == "_sync_baob"  # noqa: SLF001 - the one way to see it
