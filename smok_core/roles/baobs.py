"""BAOBs: binary all-purpose objects, versioned files that device and cloud keep in step."""

import logging
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from smok_core.engine.base import Engine
from smok_core.errors import InvalidType, InvalidValue, NotFound, VersionNotNewer
from smok_core.roles.base import Database, OnEngine, RoleStats
from smok_core.roles.checks import check_key
from smok_core.settings import StoreContext

logger = logging.getLogger(__name__)

#: Largest BAOB that every backend takes (contract BA4).
MAX_BAOB_BYTES: Final = 64 * 1024 * 1024


class BaseBAOBDatabase(Database):
    """Keep versioned bytes by key (contract BA). All methods may be called from any thread."""

    role = "baobs"

    @abstractmethod
    def get_baob_value(self, key: str) -> bytes:
        """Return the bytes. Raises NotFound: there is no such BAOB (a KeyError)."""

    @abstractmethod
    def get_baob_version(self, key: str) -> int:
        """Return the version. Raises NotFound: there is no such BAOB (a KeyError)."""

    @abstractmethod
    def set_baob_value(self, key: str, data: bytes, version: int) -> None:
        """Store bytes and version together; a reader sees the old pair or the new one.

        Raises:
            VersionNotNewer: The version is not higher than the stored one; nothing changed.
            InvalidType: The data is not bytes, or the version is not an int.
            InvalidValue: The data is larger than 64 MiB, or the version is not 0..2**63-1.
        """

    @abstractmethod
    def delete_baob(self, key: str) -> None:
        """Remove a BAOB. Raises NotFound: there is no such BAOB (a KeyError)."""

    @abstractmethod
    def get_all_keys(self) -> Iterator[str]:
        """Stream a snapshot of all keys."""

    def get_all_versions(self) -> dict[str, int]:
        """Return the version of every BAOB, where it can be had in one call to the store."""
        return {key: self.get_baob_version(key) for key in self.get_all_keys()}

    def check_consistency(self) -> None:
        """Remove keys whose version cannot be had; the published client calls it at start."""
        for key in self.get_all_keys():
            try:
                self.get_baob_version(key)
            except KeyError:
                logger.exception("baobs: %r has no version, it is removed", key)
                with suppress(KeyError):  # it is gone already
                    self.delete_baob(key)


class BAOBDatabase(BaseBAOBDatabase, OnEngine):
    """The role on an engine's blobs, which keep value and version together by themselves."""

    blobs = ("baobs",)

    def __init__(self, context: StoreContext, engine: Engine) -> None:
        super().__init__(context, engine)
        self._blobs = engine.blobs(*self.blobs)

    def get_baob_value(self, key: str) -> bytes:
        found = self._blobs.get(check_key(self.role, key))
        if found is None:
            raise NotFound(self.role, key)
        return found[0]

    def get_baob_version(self, key: str) -> int:
        version = self._blobs.version(check_key(self.role, key))
        if version is None:
            raise NotFound(self.role, key)
        return version

    def set_baob_value(self, key: str, data: bytes, version: int) -> None:
        self._check(check_key(self.role, key), data, version)
        stored = self._blobs.put(key, data, version)
        if stored is not None:
            raise VersionNotNewer(key, stored, version)

    def delete_baob(self, key: str) -> None:
        if not self._blobs.delete(check_key(self.role, key)):
            raise NotFound(self.role, key)

    def get_all_keys(self) -> Iterator[str]:
        return iter(self.get_all_versions())

    def get_all_versions(self) -> dict[str, int]:
        return self._blobs.versions()

    def check_consistency(self) -> None:
        """Do nothing: an engine cannot hold a key without its version."""

    def counts(self) -> RoleStats:
        return RoleStats(rows=len(self._blobs.versions()))

    def _check(self, key: str, data: object, version: object) -> None:
        if type(data) is not bytes:
            raise InvalidType(self.role, key, data, "bytes")
        if type(version) is not int:
            raise InvalidType(self.role, key, version, "an int as version")
        if len(data) > MAX_BAOB_BYTES:
            remedy = f"Give at most {MAX_BAOB_BYTES}."
            raise InvalidValue(self.role, key, f"is {len(data)} bytes long", remedy)
        if not 0 <= version < 2**63:
            raise InvalidValue(self.role, key, f"has version {version}", "Give 0 to 2**63 - 1.")
