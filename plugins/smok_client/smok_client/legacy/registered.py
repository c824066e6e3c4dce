"""Objects of users' classes in a legacy file: made again for those that the program registered.

Nothing is looked up by a name that stands in a file: the name is compared with those of the
classes that `smok_client.register_state` was called for. Of such a class an empty instance is made
and given its attributes; neither its constructor nor ``__setstate__`` is called, only the function
that was registered to dump it.
"""

import enum
from collections.abc import Callable
from typing import Any, Final

from smok_client.bridge.errors import ClientMissing
from smok_client.bridge.state import registered_class
from smok_client.legacy.fields import blame
from smok_client.legacy.nodes import Map, Node, Obj

#: The attribute under which the decoder keeps a state that is no dict of attributes.
STATE: Final = "__setstate__"
#: What an instance can be made of, beside nothing: the classes whose arguments are its content.
_IMMUTABLE: Final = (tuple, str, int, float, bytes)
_FILLED: Final = (list, dict, set)


def is_registered(node: Node) -> bool:
    """Tell whether it is an object of a class that this program has registered."""
    return isinstance(node, Obj) and registered_class(node.name.text) is not None


def read_registered(node: Obj, read: Callable[[Node], Any]) -> Any:
    """Return what the bridge stores for an object of a registered class.

    Args:
        node: An object for which `is_registered` holds.
        read: Gives the plain data of a part of it, within the bounds of the file.

    Raises:
        EntryRefused: It cannot be made or dumped, or the published client is not installed.
    """
    cls = registered_class(node.name.text)
    assert cls is not None
    try:
        # What is stored holds the client's own classes, so it must be there.
        from smok_client.bridge.plain import from_plain, to_plain  # noqa: PLC0415
    except ClientMissing:
        raise blame("the published client, which its class needs, is not installed", node) from None
    try:
        made = _made(cls, node, lambda part: from_plain(read(part)))
    except (TypeError, ValueError, AttributeError, LookupError):
        raise blame("it was pickled in a way of its own; only attributes are read", node) from None
    kept = to_plain(made)
    if kept is made:
        raise blame("the function registered to dump it has failed", node)
    return kept


def _made(cls: Any, node: Obj, value: Callable[[Node], Any]) -> Any:
    if issubclass(cls, enum.Enum):
        (member,) = node.args
        return _member(cls, value(member))
    made = _empty(cls, [value(part) for part in node.args])
    for name, part in zip(node.keys or (), node.values, strict=True):
        if name.startswith("__"):
            raise AttributeError(name)
        object.__setattr__(made, name, value(part))
    return made


def _member(cls: Any, key: Any) -> Any:
    found: dict[Any, Any] = cls._value2member_map_
    return found[key] if key in found else cls.__members__[key]


def _empty(cls: Any, args: list[Any]) -> Any:
    if hasattr(cls, STATE) or issubclass(cls, _FILLED):
        raise TypeError(cls)
    base: Any = next((each for each in _IMMUTABLE if issubclass(cls, each)), object)
    return base.__new__(cls, *([args] if base is tuple else args))


def attributes_of(state: Node) -> list[Node]:
    """Return names and values in turn of what sets an object's attributes; else the state."""
    parts = state if type(state) is tuple and len(state) == 2 else (state,)
    if not all(part is None or type(part) is Map for part in parts):
        return [STATE, state]
    return [node for part in parts if part is not None for node in part.flat]
