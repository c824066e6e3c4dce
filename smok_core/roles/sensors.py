"""Sensors: the definitions of a device's sensors, as the cloud sent them."""

import logging
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from smok_core.errors import InvalidType
from smok_core.model import Sensor, fqtsify
from smok_core.roles.base import Database, OnEngine
from smok_core.roles.checks import check_fields, check_key

logger = logging.getLogger(__name__)


class BaseSensorDatabase(Database):
    """Keep the sensor definitions (contract SE1). All methods may be called from any thread."""

    role = "sensors"
    #: The device the database was registered with, or None.
    device: Any = None

    def on_register(self, device: Any) -> None:
        """Remember the device that uses this database; it calls this once, when it is built."""
        self.device = device

    @abstractmethod
    def get_sensor(self, fqts: str) -> Sensor:
        """Return the sensor with these tags, in any order. Raises NotFound: none (a KeyError)."""

    @abstractmethod
    def on_sensors_sync(self, sensors: list[Sensor]) -> None:
        """Make the database hold exactly these, all at once; of equal tag sets the last counts.

        Raises InvalidType: One of them is not a `Sensor`. Nothing has been changed.
        """

    @abstractmethod
    def get_all_sensors(self) -> Iterator[Sensor]:
        """Stream every sensor, in the order they were given."""


class SensorDatabase(BaseSensorDatabase, OnEngine):
    """The role on an engine: one row a sensor, its key the tags in canonical order."""

    tables = ("sensors",)
    kind = Sensor

    def get_sensor(self, fqts: str) -> Sensor:
        if type(fqts) is not str:
            raise InvalidType(self.role, "the tags", fqts, "a str of tags")
        sensor: Sensor = self.stored(self._table, fqtsify(fqts), self._load)[1]
        return sensor

    def on_sensors_sync(self, sensors: list[Sensor]) -> None:
        checked = [check_fields(self.role, "a sensor", sensor, Sensor) for sensor in sensors]
        keys = [check_key(self.role, fqtsify(sensor.fqts)) for sensor in checked]
        rows = dict(zip(keys, map(self._dump, checked), strict=True))
        if len(rows) < len(checked):
            logger.warning("sensors: %d repeated tag sets ignored", len(checked) - len(rows))
        self._table.replace(rows)

    def get_all_sensors(self) -> Iterator[Sensor]:
        return iter(self.items())
