"""Sensor writes, macros and metadata: records of their own, some of which wait for the cloud."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from smok_client.legacy.fields import attributes, clean, expect, number, shape, text, whole
from smok_client.legacy.kinds.base import Kind, table_of
from smok_client.legacy.names import MACRO, SENSOR_WRITE
from smok_client.legacy.nodes import Bag, Map, Node, Obj, shown
from smok_client.legacy.plain import ATTRIBUTES, PlainReader
from smok_client.legacy.refusal import EntryRefused, Fault, LegacyRefused
from smok_core.errors import InvalidType
from smok_core.model import Macro, SensorWriteEvent
from smok_core.roles import BaseMacroDatabase, BaseMetadataDatabase, BaseSensorWriteDatabase
from smok_core.roles.checks import check_fields, check_key


class SensorWriteFile(Kind[SensorWriteEvent]):
    """A set of audit records, all of which wait."""

    role = "sensor_writes"
    title = "sensor writes"
    hints = ("write", "sw")
    database: BaseSensorWriteDatabase

    def __init__(self, database: Any, plain: PlainReader) -> None:
        super().__init__(database, plain)
        self._stored = set(self._pending())

    def _pending(self) -> Iterator[SensorWriteEvent]:
        table = table_of(self.database, self.role)
        for row in table.rows() if table is not None else ():
            fields = self.database.codec.loads(row.value)  # type: ignore[attr-defined]
            yield msgspec.convert(fields, SensorWriteEvent)

    @classmethod
    def fits(cls, root: Node) -> bool:
        return type(root) is Bag

    def entries(self, root: Node) -> list[Node]:
        return shape(root, Bag, "a set of sensor writes").items

    def label(self, entry: Node) -> str:
        return f"sensor write at byte {entry.offset}" if type(entry) is Obj else "sensor write"

    def convert(self, entry: Node) -> SensorWriteEvent:
        found = attributes(entry, SENSOR_WRITE, ATTRIBUTES[SENSOR_WRITE])
        fields: dict[str, Any] = {name: text(node, name) for name, node in found.items()}
        fields["timestamp"] = whole(found["timestamp"], "timestamp")
        return check_fields(
            self.role, "a sensor write", SensorWriteEvent(**fields), SensorWriteEvent
        )

    def has(self, value: SensorWriteEvent) -> bool:
        return value in self._stored

    def put(self, value: SensorWriteEvent) -> None:
        self.database.add_sw(value)
        self._stored.add(value)


class _Done(NamedTuple):
    macro_id: str
    timestamp: int | float


class MacroFile(Kind[Macro | _Done]):
    """``([macro, ...], [(macro_id, timestamp) executed and not reported, ...])``."""

    role = "macros"
    title = "macros"
    hints = ("macro",)
    database: BaseMacroDatabase

    def __init__(self, database: Any, plain: PlainReader) -> None:
        super().__init__(database, plain)
        self._macros = {macro.macro_id: macro for macro in database.get_macros()}
        self._done = set(database.get_done_macros())
        self._grew = False

    @classmethod
    def fits(cls, root: Node) -> bool:
        if type(root) is not tuple or len(root) != 2:
            return False
        macros, done = root
        return (
            type(macros) is list
            and type(done) is list
            and all(type(item) is Obj and item.name.text == MACRO for item in macros)
            and all(type(item) is tuple for item in done)
        )

    def entries(self, root: Node) -> list[Node]:
        if type(root) is not tuple or [type(part) for part in root] != [list, list]:
            raise LegacyRefused(
                Fault.WRONG_SHAPE, "a list of macros and one of executions expected"
            )
        # Executions first: what was done must not be offered again.
        return [*root[1], *root[0]]

    def label(self, entry: Node) -> str:
        if type(entry) is Obj:
            return f"macro at byte {entry.offset}"
        return f"execution {shown(entry)}"

    def convert(self, entry: Node) -> Macro | _Done:
        if type(entry) is tuple:
            if len(entry) != 2:
                raise EntryRefused("it is not (macro_id, timestamp)")
            return _Done(check_key(self.role, entry[0]), number(entry[1], "timestamp"))
        found = attributes(entry, MACRO, ATTRIBUTES[MACRO])
        return self._macro(found)

    def _macro(self, found: dict[str, Node]) -> Macro:
        times = expect(found["occurrences_not_done"], list, "occurrences_not_done")
        commands = dict(self.plain.read(expect(found["commands"], Map, "commands")))
        for path, value in commands.items():
            check_key(self.role, path)
            if type(value) not in (int, float, str, bool):
                raise InvalidType(self.role, path, value, "a command of int, float, str or bool")
        macro = Macro(
            macro_id=check_key(self.role, found["macro_id"]),
            commands=commands,
            occurrences_not_done=[number(item, "an occurrence") for item in times],
        )
        return check_fields(self.role, macro.macro_id, macro, Macro)

    def has(self, value: Macro | _Done) -> bool:
        if isinstance(value, _Done):
            return tuple(value) in self._done
        # One without occurrences has nothing left to execute; the client forgets to remove it.
        return not value or value.macro_id in self._macros

    def put(self, value: Macro | _Done) -> None:
        if isinstance(value, _Done):
            self.database.notify_macro_executed(value.macro_id, value.timestamp)
            self._done.add(tuple(value))
            return
        self._macros[value.macro_id] = value
        self._grew = True

    def finish(self) -> None:
        if self._grew:
            self.database.set_macros(list(self._macros.values()))


class _Text(NamedTuple):
    key: str
    value: str
    timestamp: int | float


class MetadataFile(Kind[_Text]):
    """``{key: (value, timestamp in seconds)}``; what is newer here stays."""

    role = "metadata"
    title = "metadata"
    hints = ("meta",)
    database: BaseMetadataDatabase

    def __init__(self, database: Any, plain: PlainReader) -> None:
        super().__init__(database, plain)
        self._stamps = {key: timestamp for key, _, timestamp in database.get_all_plain()}

    @classmethod
    def fits(cls, root: Node) -> bool:
        return type(root) is Map and all(
            type(key) is str
            and type(value) is tuple
            and len(value) == 2
            and type(value[1]) in (int, float)
            for key, value in root.pairs()
        )

    def entries(self, root: Node) -> list[tuple[Node, Node]]:
        return list(shape(root, Map, "a dict of texts").pairs())

    def label(self, entry: tuple[Node, Node]) -> str:
        return f"key {shown(entry[0])}"

    def convert(self, entry: tuple[Node, Node]) -> _Text:
        key = check_key(self.role, entry[0])
        pair = expect(entry[1], tuple, "the entry")
        if len(pair) != 2:
            raise EntryRefused("it is not (value, timestamp)")
        value = clean(text(pair[0], "the value"))
        return _Text(key, value, number(pair[1], "timestamp"))

    def has(self, value: _Text) -> bool:
        return value.key in self._stamps and self._stamps[value.key] >= value.timestamp

    def put(self, value: _Text) -> None:
        # Not as a local change: the client has uploaded it already, or will never.
        self.database.update_plain(*value)
        self._stamps[value.key] = value.timestamp
