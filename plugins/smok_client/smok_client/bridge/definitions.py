"""Predicates, sensors and archives for the published client: what the cloud sends whole."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from smok_client.bridge import client
from smok_client.bridge.error_guard import guarded, nothing
from smok_client.bridge.plain import from_plain, to_plain
from smok_core import model
from smok_core.engine.codec import check_plain
from smok_core.errors import InvalidType, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smok_core.roles import BaseArchivesDatabase, BasePredicateDatabase, BaseSensorDatabase

__all__ = ["ClientArchives", "ClientPredicates", "ClientSensors"]

logger = logging.getLogger(__name__)


class ClientPredicates(client.BasePredicateDatabase):
    """Takes and gives ``silencing`` as the client's `DisabledTime`; keeps ``state`` as it is.

    A state that is no plain data is not stored, and that is logged; the rest of the predicate is.

    Args:
        inner: Our database.
        on_start: Called when the device loads its predicates, which is when it is nearly built.
    """

    def __init__(
        self, inner: BasePredicateDatabase, on_start: Callable[[], None] = lambda: None
    ) -> None:
        self._inner, self._on_start = inner, on_start

    def get_all_predicates(self) -> list[dict[str, Any]]:
        self._on_start()
        return [_to_client(predicate) for predicate in self._inner.get_all_predicates()]

    @guarded(nothing)
    def update_predicate(self, v: dict[str, Any]) -> None:
        self._inner.update_predicate(_to_model(v))

    @guarded(nothing)
    def set_new_predicates(self, v: list[dict[str, Any]]) -> None:
        self._inner.set_new_predicates(list(map(_to_model, v)))


def _to_model(predicate: dict[str, Any]) -> dict[str, Any]:
    silencing = [_silencing(period) for period in predicate.get("silencing") or ()]
    plain = {name: _plain(predicate, name) for name in predicate if name != "silencing"}
    return plain | {"silencing": silencing}


def _plain(predicate: dict[str, Any], name: str) -> Any:
    value = to_plain(predicate[name])
    try:
        check_plain(value, "predicates", name)
    except (InvalidType, InvalidValue) as error:
        key = predicate.get("predicate_id")
        logger.warning("predicate %r: %r is not stored: %s", key, name, error)
        return None
    return value


def _silencing(period: client.DisabledTime) -> dict[str, dict[str, int]]:
    return {"start": _time(period.start), "stop": _time(period.stop)}


def _time(time: client.Time) -> dict[str, int]:
    return {"day": time.day_of_week, "hour": time.hour, "minute": time.minute}


def _to_client(predicate: dict[str, Any]) -> dict[str, Any]:
    given = {name: from_plain(value) for name, value in predicate.items() if name != "silencing"}
    periods = predicate.get("silencing") or []
    return given | {"silencing": [_disabled_time(period) for period in periods]}


def _disabled_time(period: dict[str, dict[str, int]]) -> client.DisabledTime:
    ends = [
        client.Time(end["day"], end["hour"], end["minute"])
        for end in (period["start"], period["stop"])
    ]
    return client.DisabledTime(*ends)


class ClientSensors(client.BaseSensorDatabase):
    """Gives the client's `Sensor`, bound to the device that registered.

    Args:
        inner: Our database.
        on_register: Called with the device.
    """

    def __init__(
        self, inner: BaseSensorDatabase, on_register: Callable[[Any], None] = lambda _: None
    ) -> None:
        super().__init__()
        self._inner, self._tell = inner, on_register

    def on_register(self, device: Any) -> None:
        super().on_register(device)
        self._inner.on_register(device)
        self._tell(device)

    def get_sensor(self, fqts: str) -> client.Sensor:
        return self._sensor(self._inner.get_sensor(fqts))

    @guarded(nothing)
    def on_sensors_sync(self, sensors: list[client.Sensor]) -> None:
        self._inner.on_sensors_sync(
            [model.Sensor(fqts=s.fqts, path=s.path, type_name=s.type_name) for s in sensors]
        )

    def get_all_sensors(self) -> Iterator[client.Sensor]:
        return map(self._sensor, self._inner.get_all_sensors())

    def _sensor(self, sensor: model.Sensor) -> client.Sensor:
        return client.Sensor(self.device, sensor.fqts, sensor.path, sensor.type_name)


class ClientArchives(client.BaseArchivesDatabase):
    """Nothing to translate: intervals and names."""

    def __init__(self, inner: BaseArchivesDatabase) -> None:
        self._inner = inner

    def get_archiving_instructions(self) -> dict[int, list[str]]:
        return self._inner.get_archiving_instructions()

    @guarded(nothing)
    def on_archiving_data_sync(self, new_data: dict[float, list[str]]) -> None:
        self._inner.on_archiving_data_sync(
            {int(interval): list(names) for interval, names in new_data.items()}
        )
