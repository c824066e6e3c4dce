"""The client's objects inside users' data: predicates keep the event they opened as their state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from smok_client.bridge.client import Color, DisabledTime, Event, Macro, SensorWriteEvent, Time
from smok_client.legacy.names import DISABLED_TIME, EVENT, MACRO, SENSOR_WRITE, TIME
from smok_client.legacy.plain import ATTRIBUTES
from smok_client.legacy.tags import MARK, looks_tagged, tagged

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["from_plain", "to_plain"]

_KINDS: Final = {
    Event: EVENT,
    SensorWriteEvent: SENSOR_WRITE,
    Macro: MACRO,
    DisabledTime: DISABLED_TIME,
    Time: TIME,
}
_FIELDS: Final[dict[type, tuple[str, ...]]] = {
    kind: ATTRIBUTES[name] for kind, name in _KINDS.items()
}
_CLASSES: Final = {kind.__name__: kind for kind in _FIELDS}


def to_plain(value: Any) -> Any:
    """Give plain data for what a user keeps; what is not plain is left for the role to refuse."""
    kind = type(value)
    if kind in (list, tuple, set):
        return kind(map(to_plain, value))
    if kind is dict:
        plain = {to_plain(key): to_plain(item) for key, item in value.items()}
        if looks_tagged(plain):
            return tagged("dict", [[key, item] for key, item in plain.items()])
        return plain
    if kind is Color:
        return tagged("Color", int(value))
    if kind in _FIELDS:
        fields = {name: getattr(value, name) for name in _FIELDS[kind]}
        if kind is Macro:
            fields["occurrences_not_done"] = list(value.occurrences_not_done)
        return tagged(kind.__name__, to_plain(fields))
    return value


def from_plain(value: Any, known: Callable[[Event], Event] = lambda event: event) -> Any:
    """Give back what `to_plain` took apart.

    Args:
        value: Plain data.
        known: Gives the event that the device holds already for one that was read, or the same.
    """
    kind = type(value)
    if kind in (list, tuple, set):
        return kind(from_plain(item, known) for item in value)
    if kind is not dict:
        return value
    if looks_tagged(value):
        name, content = value[MARK]
        return _object(name, content, known)
    return {from_plain(key, known): from_plain(item, known) for key, item in value.items()}


def _object(name: str, content: Any, known: Callable[[Event], Event]) -> Any:
    if name == "dict":
        return {from_plain(key, known): from_plain(item, known) for key, item in content}
    if name == "Color":
        return Color(content)
    fields = from_plain(content, known)
    if name == "Macro":
        return Macro(*(fields[field] for field in _FIELDS[Macro]))
    made: Any = object.__new__(_CLASSES[name])
    for field, item in fields.items():
        setattr(made, field, item)
    return known(made) if isinstance(made, Event) else made
