"""Users' data as plain data and back: what predicates keep as their state, and in caches."""

import logging
import math
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any, Final

from smok_client.bridge.client import (
    Color,
    DisabledTime,
    Event,
    Macro,
    NotReadedError,
    OperationFailedError,
    OperationFailedReason,
    SensorWriteEvent,
    Time,
)
from smok_client.bridge.errors import StateUnknown
from smok_client.bridge.state import dump_of, load_of, register_state
from smok_client.legacy.names import DISABLED_TIME, EVENT, MACRO, SENSOR_WRITE, TIME
from smok_client.legacy.plain import ATTRIBUTES
from smok_client.legacy.tags import MARK, looks_tagged, tagged
from smok_core.engine.allowance import MAX_DEPTH

logger = logging.getLogger(__name__)

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
_SIMPLE: Final[dict[str, Any]] = {"Color": Color, "float": float, "set": set}
_CLASSES: Final = {kind.__name__: kind for kind in _FIELDS}


def to_plain(value: Any, depth: int = 0) -> Any:
    """Return plain data for what a user keeps; what cannot be kept is the role's to refuse."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        return tagged("float", repr(value))
    if depth > MAX_DEPTH:
        return value
    if kind in (list, tuple):
        return kind(to_plain(item, depth + 1) for item in value)
    if kind is set:
        return _plain_set([to_plain(item, depth + 1) for item in value])
    if kind is dict:
        pairs = [[to_plain(k, depth + 1), to_plain(v, depth + 1)] for k, v in value.items()]
        return _plain_dict(pairs)
    return _plain_object(value, depth)


def _plain_set(items: list[Any]) -> Any:
    """Return a set, or what stands for one whose members are no members of a plain set."""
    return set(items) if _are_hashable(items) else tagged("set", items)


def _plain_dict(pairs: list[list[Any]]) -> Any:
    if not _are_hashable([key for key, _ in pairs]):
        return tagged("dict", pairs)
    plain = dict(map(tuple, pairs))
    return tagged("dict", pairs) if looks_tagged(plain) else plain


def _are_hashable(values: list[Any]) -> bool:
    try:
        return len({*values}) == len(values)
    except TypeError:
        return False


def _plain_object(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is Color:
        return tagged("Color", int(value))
    if kind in _FIELDS:
        fields = {name: getattr(value, name) for name in _FIELDS[kind]}
        if kind is Macro:
            fields["occurrences_not_done"] = list(value.occurrences_not_done)
        return tagged(kind.__name__, to_plain(fields, depth + 1))
    return _registered(value, depth)


def _registered(value: Any, depth: int) -> Any:
    known = dump_of(type(value))
    if known is None:
        return value
    try:
        dumped = known.dump(value)
    except Exception:  # a user's function; an error would end the client's thread
        logger.exception("%s was not dumped", known.name)
        return value
    return tagged(known.name, to_plain(dumped, depth + 1))


def from_plain(value: Any, known: Callable[[Event], Event] = lambda event: event) -> Any:
    """Return what `to_plain` took apart.

    Args:
        value: Plain data.
        known: Gives the event that the device holds already for one that was read, or the same.

    Raises:
        StateUnknown: It holds an object that this program cannot make: of a class that is not
            registered, or one that its ``load`` refuses.
    """
    kind = type(value)
    if kind in (list, tuple, set):
        return kind(from_plain(item, known) for item in value)
    if kind is not dict:
        return value
    if looks_tagged(value):
        name, content = value[MARK]
        return _made(name, content, known)
    return {from_plain(key, known): from_plain(item, known) for key, item in value.items()}


def _made(name: str, content: Any, known: Callable[[Event], Event]) -> Any:
    try:
        return _object(name, content, known)
    except StateUnknown:
        raise
    except Exception as error:  # a user's function, or what somebody else has written
        raise StateUnknown(name, error) from error


def _object(name: str, content: Any, known: Callable[[Event], Event]) -> Any:
    if name == "dict":
        return {from_plain(key, known): from_plain(item, known) for key, item in content}
    fields = from_plain(content, known)
    if name in _SIMPLE:
        return _SIMPLE[name](fields)
    if name == "Macro":
        return Macro(*(fields[field] for field in _FIELDS[Macro]))
    if name not in _CLASSES:
        return load_of(name).load(fields)
    made: Any = object.__new__(_CLASSES[name])
    for field, item in fields.items():
        setattr(made, field, item)
    return known(made) if isinstance(made, Event) else made


def _load_failure(kind: type[OperationFailedError], fields: Any) -> OperationFailedError:
    made = kind.__new__(kind)
    made.reason, made.timestamp = fields
    return made


# A predicate that keeps the last value of a pathpoint keeps its last failure so.
register_state(OperationFailedReason)
for _kind in (OperationFailedError, NotReadedError):
    register_state(_kind, attrgetter("reason", "timestamp"), partial(_load_failure, _kind))
