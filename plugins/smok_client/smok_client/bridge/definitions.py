"""Predicates, sensors and archives for the published client: what the cloud sends whole."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from smok_client.bridge import client
from smok_client.bridge.error_guard import Refusals, guarded, nothing, told
from smok_client.bridge.errors import REGISTER
from smok_client.bridge.plain import from_plain, to_plain
from smok_client.bridge.values import number
from smok_core import model
from smok_core.engine.codec import check_plain
from smok_core.errors import InvalidType, InvalidValue
from smok_core.roles import BaseArchivesDatabase, BasePredicateDatabase, BaseSensorDatabase


class ClientPredicates(client.BasePredicateDatabase):
    """Takes and gives ``silencing`` as the client's `DisabledTime`; keeps ``state`` as it is.

    A state that is no plain data is not stored, and becomes a dead letter; the rest is stored.

    Args:
        inner: Our database.
        on_start: Called when the device loads its predicates, which is when it is nearly built.
    """

    def __init__(
        self, inner: BasePredicateDatabase, on_start: Callable[[], None] = lambda: None
    ) -> None:
        self._inner, self._on_start, self.refusals = inner, on_start, Refusals(inner)

    def get_all_predicates(self) -> list[dict[str, Any]]:
        self._on_start()
        return [_to_client(predicate) for predicate in self._inner.get_all_predicates()]

    @guarded(nothing)
    @told
    def update_predicate(self, v: dict[str, Any]) -> None:
        self._inner.update_predicate(self._to_model(v))

    @guarded(nothing)
    @told
    def set_new_predicates(self, v: list[dict[str, Any]]) -> None:
        self._inner.set_new_predicates(list(map(self._to_model, v)))

    def _to_model(self, predicate: dict[str, Any]) -> dict[str, Any]:
        silencing = [_silencing(period) for period in predicate.get("silencing") or ()]
        plain = {name: self._plain(predicate, name) for name in predicate if name != "silencing"}
        return plain | {"silencing": silencing}

    def _plain(self, predicate: dict[str, Any], name: str) -> Any:
        value = to_plain(predicate[name])
        try:
            check_plain(value, "predicates", name)
        except (InvalidType, InvalidValue) as error:
            key = str(predicate.get("predicate_id"))
            self.refusals.tell(key, value, f"not kept: {error} {REGISTER}")
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
        self._inner, self._tell, self.refusals = inner, on_register, Refusals(inner)

    def on_register(self, device: Any) -> None:
        super().on_register(device)
        self._inner.on_register(device)
        self._tell(device)

    def get_sensor(self, fqts: str) -> client.Sensor:
        return self._sensor(self._inner.get_sensor(fqts))

    @guarded(nothing)
    @told
    def on_sensors_sync(self, sensors: list[client.Sensor]) -> None:
        self._inner.on_sensors_sync(
            [model.Sensor(fqts=s.fqts, path=s.path, type_name=s.type_name) for s in sensors]
        )

    def get_all_sensors(self) -> Iterator[client.Sensor]:
        return map(self._sensor, self._inner.get_all_sensors())

    def _sensor(self, sensor: model.Sensor) -> client.Sensor:
        return client.Sensor(self.device, sensor.fqts, sensor.path, sensor.type_name)


class ClientArchives(client.BaseArchivesDatabase):
    """Takes intervals of any number of seconds, and keeps whole ones.

    One with a fraction is kept as the whole one below it, at least 1: its pathpoints go on being
    archived after a restart, as often or more often, until the cloud says the interval again.
    """

    def __init__(self, inner: BaseArchivesDatabase) -> None:
        self._inner, self.refusals = inner, Refusals(inner)

    def get_archiving_instructions(self) -> dict[int, list[str]]:
        return self._inner.get_archiving_instructions()

    @guarded(nothing)
    @told
    def on_archiving_data_sync(self, new_data: dict[float, list[str]]) -> None:
        kept: dict[Any, list[str]] = {}
        for interval, names in new_data.items():
            seconds = _whole(interval)
            kept[seconds] = [*kept[seconds], *names] if seconds in kept else names
        self._inner.on_archiving_data_sync(kept)


def _whole(interval: Any) -> Any:
    """Return whole seconds; what is no interval is left for the role to refuse."""
    seconds = number(interval)
    is_one = type(seconds) in (int, float) and 0 < seconds < math.inf
    return max(1, int(seconds)) if is_one else interval
