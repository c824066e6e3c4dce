"""The names of ``smok.extras``, on our stores: change the one line that imports them.

::

    from smok_client.extras import PicklingEventDatabase, PicklingPathpointDatabase

The abstract classes are the client's own, so whatever is written for them goes on working; the
Pickling databases take the same arguments, keep each in a file of the embedded backend, and may be
mixed freely with the client's others and with a user's own.
"""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

from smok_client.bridge import client
from smok_client.bridge.baobs import ClientBaobs
from smok_client.bridge.client import (
    BaseArchivesDatabase as BaseArchivesDatabase,
    BaseBAOBDatabase as BaseBAOBDatabase,
    BaseDataToSynchronize as BaseDataToSynchronize,
    BaseEventDatabase as BaseEventDatabase,
    BaseEventSynchronization as BaseEventSynchronization,
    BaseMacroDatabase as BaseMacroDatabase,
    BaseMetadataDatabase as BaseMetadataDatabase,
    BasePathpointDatabase as BasePathpointDatabase,
    BasePredicateDatabase as BasePredicateDatabase,
    BaseSensorDatabase as BaseSensorDatabase,
    BaseSensorWriteDatabase as BaseSensorWriteDatabase,
    BaseSensorWriteSynchronization as BaseSensorWriteSynchronization,
)
from smok_client.bridge.definitions import ClientArchives, ClientPredicates, ClientSensors
from smok_client.bridge.events import ClientEvents
from smok_client.bridge.pathpoints import ClientPathpoints
from smok_client.bridge.queues import ClientMacros, ClientMetadata, ClientSensorWrites

BAOBDigest = client.BAOBDigest
NullEventDatabase = client.NullEventDatabase


def _plain(name: str) -> Any:
    """Return the embedded backend's class of a name; the backend is asked for when it is used."""
    import smok_pickle  # noqa: PLC0415 - a program that takes only the abstract classes needs none

    return getattr(smok_pickle, name)


class _Closing:
    """What the Pickling databases have beside their role: everything written is kept at once."""

    _inner: Any

    def sync(self) -> None:
        """Return when everything written is on the disk, what waited in memory included."""
        if hasattr(self, "backlog"):
            self.backlog.drain()
        self._inner.flush()

    def close(self) -> None:
        """Write what waits in memory, flush and close the file; twice is harmless."""
        if hasattr(self, "backlog"):
            self.backlog.finish()
        self._inner.close()


class PicklingPredicateDatabase(ClientPredicates, _Closing):
    """Keeps the predicates.

    Args:
        path: The file; it is made if it is missing, with its directory.
    """

    def __init__(self, path: str) -> None:
        super().__init__(_plain("PicklingPredicateDatabase")(path))


class PicklingSensorWriteDatabase(ClientSensorWrites, _Closing):
    """Keeps the audit log of sensor writes.

    Args:
        pickle_addr: The file.
    """

    def __init__(self, pickle_addr: str) -> None:
        super().__init__(_plain("PicklingSensorWriteDatabase")(pickle_addr))


class PicklingArchivesDatabase(ClientArchives, _Closing):
    """Keeps the archiving instructions.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        super().__init__(_plain("PicklingArchivesDatabase")(path))


class PicklingBAOBDatabase(ClientBaobs, _Closing):
    """Keeps the BAOBs.

    Args:
        path: A directory, made if it is missing, as with the client; one file in it holds all.
    """

    def __init__(self, path: str) -> None:
        super().__init__(_plain("PicklingBAOBDatabase")(str(Path(path) / "baobs.db")))


class PicklingSensorDatabase(ClientSensors, _Closing):
    """Keeps the sensor definitions.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        super().__init__(_plain("PicklingSensorDatabase")(path))


class PicklingPathpointDatabase(ClientPathpoints, _Closing):
    """Keeps the values of pathpoints, and unlike the client's their archive.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        super().__init__(_plain("PicklingPathpointDatabase")(path))


class PicklingEventDatabase(ClientEvents, _Closing):
    """Keeps the events, and the caches of predicates.

    Args:
        cache_path: The file for the caches of predicates.
        data_path: The file for the events; may be the same.
    """

    def __init__(self, cache_path: str, data_path: str) -> None:
        super().__init__(_plain("PicklingEventDatabase")(cache_path, data_path))

    def sync_data(self) -> None:
        """Return when everything written is on the disk."""
        self.sync()


class PicklingMacroDatabase(ClientMacros, _Closing):
    """Keeps the macros.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        super().__init__(_plain("PicklingMacroDatabase")(path))


class PicklingMetadataDatabase(ClientMetadata, _Closing):
    """Keeps the metadata; its changes are uploaded from here once the device uses it.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        super().__init__(_plain("PicklingMetadataDatabase")(path))
        self._has_device = False

    def put_plain(self, key: str, value: str, timestamp: float | None = None) -> None:
        self._meet(sys._getframe(1))  # noqa: SLF001 - the client names the device to nobody
        super().put_plain(key, value, timestamp)

    def get_plain(self, key: str) -> str:
        self._meet(sys._getframe(1))  # noqa: SLF001 - likewise
        return super().get_plain(key)

    def delete_plain(self, key: str) -> None:
        self._meet(sys._getframe(1))  # noqa: SLF001 - likewise
        super().delete_plain(key)

    def _meet(self, caller: FrameType) -> None:
        """Upload by the device whose metadata calls, from the first time on that it does."""
        metadata = caller.f_locals.get("self")
        if not self._has_device and isinstance(metadata, client.PlainMetadata):
            self._has_device = True
            self.upload_by(metadata.device)

    def pickle(self) -> None:
        """Return when everything written is on the disk."""
        self.sync()
