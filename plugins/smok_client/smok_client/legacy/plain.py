"""Users' data in a legacy file: plain data comes through, a user's object is refused by name."""

import math
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, TypeVar

from smok_client.legacy.containers import is_container, read_container
from smok_client.legacy.fields import attributes, blame, member
from smok_client.legacy.limits import Limits
from smok_client.legacy.names import (
    COLOR,
    DISABLED_TIME,
    EVENT,
    FAILED,
    KNOWN,
    MACRO,
    NOT_READ,
    REASON,
    SENSOR_WRITE,
    TIME,
)
from smok_client.legacy.nodes import Bag, Map, Node, Obj
from smok_client.legacy.refusal import EntryRefused
from smok_client.legacy.registered import is_registered, read_registered
from smok_client.legacy.tags import looks_tagged, tagged
from smok_client.legacy.times import DATETIME, read_datetime
from smok_core.engine.allowance import TooMuch, checked_dict, checked_set
from smok_core.model import Color, OperationFailedReason

T = TypeVar("T")

#: The attributes of the client's classes, as they stand in a file.
ATTRIBUTES: Final[dict[str, tuple[str, ...]]] = {
    EVENT: (
        "uuid",
        "provisional_uuid",
        "started_on",
        "ended_on",
        "color",
        "is_point",
        "token",
        "group",
        "message",
        "handled_by",
        "metadata",
    ),
    SENSOR_WRITE: ("timestamp", "who", "hr_sensor", "hr_value", "fqts", "value", "reason"),
    MACRO: ("macro_id", "commands", "occurrences_not_done"),
    DISABLED_TIME: ("start", "stop"),
    TIME: ("day_of_week", "hour", "minute"),
}
_COLORS: Final = dict(enumerate(Color)), dict(Color.__members__)
#: Reasons of failures, by value and by name.
REASONS: Final = (
    {reason.value: reason for reason in OperationFailedReason},
    dict(OperationFailedReason.__members__),
)
_REGISTER: Final = (
    "register it (smok_client.register_state) in a module and import again with --register MODULE"
)
#: A class of the program itself has this name there only.
_REGISTER_MAIN: Final = (
    "register it (smok_client.register_state) in that program and call "
    "smok_client.legacy.import_legacy there"
)
_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})
_HASHABLE: Final = _SCALARS | {tuple, datetime}


class PlainReader:
    """Reads users' data within bounds that hold for a whole file.

    A node that is shared counts each time it is reached, so a small file cannot stand for a
    large amount of data; a cycle runs into the bound on depth.
    """

    def __init__(self, limits: Limits, file_size: int) -> None:
        self._limits = limits
        self._left_in_file = 2 * file_size + limits.max_entry
        self._left = 0

    def read(self, node: Node) -> Any:
        """Return the plain data of one entry.

        Raises:
            EntryRefused: It holds a class that is no plain data, or is too deep or too large.
        """
        self._left = min(self._limits.max_entry, self._left_in_file)
        start = self._left
        try:
            return self._plain(node, 0)
        finally:
            self._left_in_file -= start - self._left

    def _plain(self, node: Node, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise EntryRefused(f"it unfolds to more than {self._limits.max_entry} values")
        kind = type(node)
        if kind is float and not math.isfinite(node):
            return tagged("float", repr(node))
        if kind in _SCALARS:
            return node
        if depth >= self._limits.max_depth:
            raise EntryRefused(f"it nests deeper than {self._limits.max_depth}")
        if kind is list or kind is tuple:
            return kind(self._all(node, depth))
        if kind is Bag:
            return _hashed(checked_set, [_hashable(item) for item in self._all(node.items, depth)])
        if kind is Map:
            return self._dict(node, depth)
        return self._object(node, depth)

    def _all(self, nodes: Iterable[Node], depth: int) -> list[Any]:
        return [self._plain(node, depth + 1) for node in nodes]

    def _dict(self, node: Map, depth: int) -> dict[Any, Any]:
        flat = iter(self._all(node.flat, depth))
        pairs = [(_hashable(key), value) for key, value in zip(flat, flat, strict=True)]
        found = _hashed(checked_dict, pairs)
        if looks_tagged(found):
            return tagged("dict", [[key, value] for key, value in found.items()])
        return found

    def _object(self, node: Node, depth: int) -> Any:
        if is_container(node):
            return read_container(node, lambda part: self._plain(part, depth + 1))
        if is_registered(node) and node.name.text not in KNOWN:
            return read_registered(node, lambda part: self._plain(part, depth + 1))
        return self._of_the_client(node, depth)

    def _of_the_client(self, node: Node, depth: int) -> Any:
        name = node.name.text if isinstance(node, Obj) else None
        if name == DATETIME:
            return read_datetime(node)
        if name == COLOR:
            return tagged("Color", int(member(node, COLOR, *_COLORS)))
        if name == REASON:
            return _registered(REASON, member(node, REASON, *REASONS).name)
        if name in (FAILED, NOT_READ):
            found = attributes(node, name, ("reason", "timestamp"))
            return _registered(name, self._plain(tuple(found.values()), depth + 1))
        if name not in ATTRIBUTES:
            way_out = _REGISTER_MAIN if str(name).startswith("__main__:") else _REGISTER
            raise blame(f"it holds an object of a user's class; {way_out}", node)
        found = attributes(node, name, ATTRIBUTES[name])
        short = name.rpartition(":")[2]
        return tagged(short, {key: self._plain(item, depth + 1) for key, item in found.items()})


def _registered(name: str, content: Any) -> Any:
    """Return what the bridge stores for a class that it registers by itself."""
    return tagged(f"class {name.replace(':', '.')}", content)


def _hashed(make: Callable[[list[Any]], T], items: list[Any]) -> T:
    """Make a set or dict, unless its keys were chosen to make that take for ever."""
    try:
        return make(items)
    except TooMuch as error:
        raise EntryRefused(f"it {error}") from None


def _hashable(value: Any) -> Any:
    """Let a set's member or a dict's key through; nested ones are checked where they are hashed."""
    if type(value) not in _HASHABLE:
        raise EntryRefused(f"a {type(value).__name__} is a key or a member of a set")
    if type(value) is tuple:
        for item in value:
            _hashable(item)
    return value
