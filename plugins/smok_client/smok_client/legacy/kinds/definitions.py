"""Predicates, sensors and archives: what the cloud sends whole; missing ones are added."""

import math
from typing import Any, NamedTuple

from smok_client.legacy.fields import attributes, expect, number, shape
from smok_client.legacy.kinds.base import Kind
from smok_client.legacy.names import DISABLED_TIME, TIME
from smok_client.legacy.nodes import Map, Node, shown
from smok_client.legacy.plain import ATTRIBUTES, PlainReader
from smok_client.legacy.refusal import EntryRefused
from smok_core.engine.codec import check_plain
from smok_core.model import Sensor, fqtsify
from smok_core.roles import BaseArchivesDatabase, BasePredicateDatabase, BaseSensorDatabase
from smok_core.roles.checks import check_fields, check_key

_Pair = tuple[Node, Node]


class PredicateFile(Kind[dict[str, Any]]):
    """``{predicate_id: keyword arguments}``; silencing becomes what the cloud's API calls it."""

    role = "predicates"
    title = "predicates"
    hints = ("pred", "statistic")
    database: BasePredicateDatabase

    def __init__(self, database: Any, plain: PlainReader) -> None:
        super().__init__(database, plain)
        self._stored = {p["predicate_id"] for p in database.get_all_predicates()}

    @classmethod
    def fits(cls, root: Node) -> bool:
        return type(root) is Map and all(
            type(key) is str and type(value) is Map and "predicate_id" in value.flat[::2]
            for key, value in root.pairs()
        )

    def entries(self, root: Node) -> list[_Pair]:
        return list(shape(root, Map, "a dict of predicates").pairs())

    def label(self, entry: _Pair) -> str:
        return f"predicate {shown(entry[0])}"

    def convert(self, entry: _Pair) -> dict[str, Any]:
        key = check_key(self.role, entry[0])
        found = {
            expect(name, str, "a name"): self._argument(name, value)
            for name, value in expect(entry[1], Map, "a predicate").pairs()
        }
        if found.get("predicate_id") != key:
            raise EntryRefused("its predicate_id is another one")
        check_plain(found, self.role, key)
        return found

    def _argument(self, name: str, value: Node) -> Any:
        if name != "silencing":
            return self.plain.read(value)
        return [_silencing(item) for item in expect(value, list, name)]

    def has(self, value: dict[str, Any]) -> bool:
        return value["predicate_id"] in self._stored

    def put(self, value: dict[str, Any]) -> None:
        self.database.update_predicate(value)
        self._stored.add(value["predicate_id"])


def _silencing(node: Node) -> dict[str, dict[str, int]]:
    found = attributes(node, DISABLED_TIME, ATTRIBUTES[DISABLED_TIME])
    return {name: _time(end) for name, end in found.items()}


def _time(node: Node) -> dict[str, int]:
    found = attributes(node, TIME, ATTRIBUTES[TIME])
    api = {"day": "day_of_week", "hour": "hour", "minute": "minute"}
    return {word: expect(found[name], int, name) for word, name in api.items()}


class SensorFile(Kind[Sensor]):
    """``{fqts: (fqts, path, type)}``."""

    role = "sensors"
    title = "sensors"
    hints = ("sensor",)
    database: BaseSensorDatabase

    def __init__(self, database: Any, plain: PlainReader) -> None:
        super().__init__(database, plain)
        self._sensors = {fqtsify(s.fqts): s for s in database.get_all_sensors()}
        self._grew = False

    @classmethod
    def fits(cls, root: Node) -> bool:
        return type(root) is Map and all(
            type(key) is str
            and type(value) is tuple
            and len(value) == 3
            and all(type(item) is str for item in value)
            for key, value in root.pairs()
        )

    def entries(self, root: Node) -> list[_Pair]:
        return list(shape(root, Map, "a dict of sensors").pairs())

    def label(self, entry: _Pair) -> str:
        return f"sensor {shown(entry[0])}"

    def convert(self, entry: _Pair) -> Sensor:
        parts = expect(entry[1], tuple, "a sensor")
        if len(parts) != 3:
            raise EntryRefused("it is not (tags, path, type)")
        sensor = Sensor(fqts=parts[0], path=parts[1], type_name=parts[2])
        checked = check_fields(self.role, "a sensor", sensor, Sensor)
        check_key(self.role, fqtsify(checked.fqts))
        return checked

    def has(self, value: Sensor) -> bool:
        return fqtsify(value.fqts) in self._sensors

    def put(self, value: Sensor) -> None:
        self._sensors[fqtsify(value.fqts)] = value
        self._grew = True

    def finish(self) -> None:
        if self._grew:
            self.database.on_sensors_sync(list(self._sensors.values()))


class _Instruction(NamedTuple):
    interval: int
    names: list[str]


class ArchivesFile(Kind[_Instruction]):
    """``{interval in seconds: [pathpoint, ...]}``."""

    role = "archives"
    title = "archiving instructions"
    hints = ("arch",)
    database: BaseArchivesDatabase

    def __init__(self, database: Any, plain: PlainReader) -> None:
        super().__init__(database, plain)
        self._stored = database.get_archiving_instructions()
        self._added: dict[int, list[str]] = {}

    @classmethod
    def fits(cls, root: Node) -> bool:
        return type(root) is Map and all(
            type(key) in (int, float) and type(value) is list for key, value in root.pairs()
        )

    def entries(self, root: Node) -> list[_Pair]:
        return list(shape(root, Map, "a dict of intervals").pairs())

    def label(self, entry: _Pair) -> str:
        return f"interval {shown(entry[0])}"

    def convert(self, entry: _Pair) -> _Instruction:
        seconds = number(entry[0], "the interval")
        if not 0 < seconds < math.inf:
            raise EntryRefused(f"an interval of {entry[0]} s is not a number above 0")
        interval = max(1, int(seconds))  # as the bridge keeps it
        names = expect(entry[1], list, "the list of pathpoints")
        return _Instruction(interval, [check_key(self.role, name) for name in names])

    def has(self, value: _Instruction) -> bool:
        return value.interval in self._stored

    def put(self, value: _Instruction) -> None:
        self._added.setdefault(value.interval, []).extend(value.names)

    def finish(self) -> None:
        if self._added:
            self.database.on_archiving_data_sync(self._stored | self._added)
