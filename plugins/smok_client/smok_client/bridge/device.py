"""The nine databases for one device, as the keyword arguments of the client's SMOKDevice."""

import weakref
from typing import Any, Self

from smok_client.bridge.baobs import ClientBaobs
from smok_client.bridge.definitions import ClientArchives, ClientPredicates, ClientSensors
from smok_client.bridge.events import ClientEvents
from smok_client.bridge.pathpoints import ClientPathpoints
from smok_client.bridge.queues import ClientMacros, ClientMetadata, ClientSensorWrites
from smok_core.databases import Databases


class DeviceDatabases(dict[str, Any]):
    """The keyword arguments; ``databases`` holds ours, which `close` closes.

    Give it to one device: ``SMOKDevice(cert, key, **databases("smok.toml"))``. Close the device
    first, then this; used as a context manager it closes itself.

    Args:
        databases: Ours, opened.
    """

    def __init__(self, databases: Databases) -> None:
        self.databases = databases
        self._device: Any = lambda: None
        self._metadata = ClientMetadata(databases.metadata)
        super().__init__(
            evt_database=ClientEvents(databases.events),
            pp_database=ClientPathpoints(databases.pathpoints),
            macro_database=ClientMacros(databases.macros),
            meta_database=self._metadata,
            sensor_database=ClientSensors(databases.sensors, self._registered),
            baob_database=ClientBaobs(databases.baobs),
            pred_database=ClientPredicates(databases.predicates, self._started),
            arch_database=ClientArchives(databases.archives),
            sensor_write_database=ClientSensorWrites(databases.sensor_writes),
        )

    def warnings(self) -> tuple[str, ...]:
        """Tell what waits in this process's memory, and that the cloud refuses everything."""
        told = [
            (each, getattr(each, part))
            for each in self.values()
            for part in ("backlog", "pace")
            if hasattr(each, part)
        ]
        return tuple(
            f"{type(each).__name__}: {text}" for each, part in told for text in part.warnings()
        )

    def close(self) -> None:
        """Write what waits in memory, flush and close every store; twice is harmless."""
        for each in self.values():
            if hasattr(each, "backlog"):
                each.backlog.finish()
        self.databases.close()

    def _registered(self, device: Any) -> None:
        self._device = weakref.ref(device)

    def _started(self) -> None:
        """Let the new device upload our metadata, once per device."""
        device, self._device = self._device(), lambda: None
        if device is not None:
            self._metadata.upload_by(device)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
