"""The standard library's containers and numbers in users' data, as the bridge keeps them.

Each is read from what a pickle would have called it with, made here from plain data of the right
types, and stored under the tag that the bridge gives back (`smok_client.bridge.state`).
"""

from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from smok_client.legacy.fields import blame
from smok_client.legacy.nodes import Bag, Holder, Map, Name, Node, Obj
from smok_client.legacy.refusal import EntryRefused
from smok_client.legacy.tags import tagged

_OLD: Final = {"__builtin__:xrange": "builtins:range", "__builtin__:long": "builtins:int"}
_FACTORIES: Final = frozenset(
    f"builtins:{kind}" for kind in ("bool", "dict", "float", "int", "list", "set", "str", "tuple")
) | {"collections:deque", "collections:Counter"}


def read_container(node: Obj, read: Callable[[Node], Any]) -> Any:
    """Return what stands for it.

    Args:
        node: An object for which `is_container` holds.
        read: Gives the plain data of a part of it, within the bounds of the file.

    Raises:
        EntryRefused: It is none that Python could have written.
    """
    name = _modern(node.name)
    try:
        return tagged(name.rpartition(":")[2], KINDS[name](node, read))
    except EntryRefused:
        raise
    except (ValueError, TypeError, ArithmeticError, LookupError):
        raise blame("it is not pickled as Python pickles it", node) from None


def is_container(node: Node) -> bool:
    """Tell whether it is one that is kept."""
    return isinstance(node, Obj) and _modern(node.name) in KINDS


def _modern(name: Name) -> str:
    """Return the name of today: protocol 2 writes those of Python 2."""
    return _OLD.get(name.text) or name.text.replace("__builtin__:", "builtins:")


def _pairs(flat: list[Node], read: Callable[[Node], Any]) -> list[list[Any]]:
    given = Map()
    given.flat = flat
    read(given)  # as a dict: keys that are none, or chosen to be slow, are refused
    parts = [read(part) for part in flat]
    return [[key, value] for key, value in zip(parts[::2], parts[1::2], strict=True)]


def _flat(node: Obj) -> list[Node]:
    return node.flat if isinstance(node, Holder) else []


def _deque(node: Obj, read: Callable[[Node], Any]) -> Any:
    limit = node.args[1] if node.args else None
    if limit is not None and (type(limit) is not int or limit < 0):
        raise ValueError(limit)
    return [limit, [read(item) for item in _flat(node)]]


def _defaultdict(node: Obj, read: Callable[[Node], Any]) -> Any:
    factory = node.args[0] if node.args else None
    if factory is not None and (type(factory) is not Name or _modern(factory) not in _FACTORIES):
        raise blame("its factory is not kept", factory)
    name = factory and _modern(factory).rpartition(":")[2]
    return [name, _pairs(_flat(node), read)]


def _counter(node: Obj, read: Callable[[Node], Any]) -> Any:
    (counts,) = node.args
    if type(counts) is not Map:
        raise TypeError(counts)
    return _pairs(counts.flat, read)


def _ordered(node: Obj, read: Callable[[Node], Any]) -> Any:
    return _pairs(_flat(node), read)


def _frozenset(node: Obj, read: Callable[[Node], Any]) -> Any:
    (members,) = node.args
    if type(members) is not list:
        raise TypeError(members)
    given = Bag()
    given.items = list(members)
    return list(read(given))


def _bytes(node: Obj, _: Callable[[Node], Any]) -> Any:
    content, *encoding = node.args or (b"",)
    if type(content) is str and encoding == ["latin-1"]:
        return content.encode("latin-1")
    if type(content) is not bytes or encoding:
        raise TypeError(content)
    return content


def _numbers(kind: type | tuple[type, ...], node: Obj) -> list[Any]:
    if not all(isinstance(part, kind) and type(part) is not bool for part in node.args):
        raise TypeError(node.args)
    return list(node.args)


def _range(node: Obj, _: Callable[[Node], Any]) -> Any:
    found = range(*_numbers(int, node))
    return [found.start, found.stop, found.step]


def _decimal(node: Obj, _: Callable[[Node], Any]) -> Any:
    (digits,) = node.args
    if type(digits) is not str:
        raise TypeError(digits)
    return str(Decimal(digits))


def _fraction(node: Obj, _: Callable[[Node], Any]) -> Any:
    parts = node.args if len(node.args) == 1 else _numbers(int, node)
    if len(node.args) == 1 and type(parts[0]) is not str:
        raise TypeError(parts)
    found = Fraction(*parts)
    return [found.numerator, found.denominator]


def _complex(node: Obj, read: Callable[[Node], Any]) -> Any:
    return [read(part) for part in _numbers((int, float), node)]


def _date(node: Obj, _: Callable[[Node], Any]) -> Any:
    (packed,) = node.args
    return date(int.from_bytes(packed[:2]), *packed[2:4]).isoformat()


def _time(node: Obj, _: Callable[[Node], Any]) -> Any:
    (packed,) = node.args  # with a zone there would be two
    hour, fold = packed[0] & 0x7F, packed[0] >> 7
    micro = int.from_bytes(packed[3:6])
    return [time(hour, packed[1], packed[2], micro).isoformat(), fold]


def _timedelta(node: Obj, _: Callable[[Node], Any]) -> Any:
    found = timedelta(*_numbers(int, node))
    return [found.days, found.seconds, found.microseconds]


def _uuid(node: Obj, _: Callable[[Node], Any]) -> Any:
    number = dict(zip(node.keys or (), node.values, strict=True))["int"]
    if type(number) is not int:
        raise TypeError(number)
    return UUID(int=number).hex


KINDS: Final[dict[str, Callable[[Obj, Callable[[Node], Any]], Any]]] = {
    "collections:deque": _deque,
    "collections:defaultdict": _defaultdict,
    "collections:Counter": _counter,
    "collections:OrderedDict": _ordered,
    "builtins:frozenset": _frozenset,
    "builtins:bytearray": _bytes,
    "builtins:range": _range,
    "builtins:complex": _complex,
    "decimal:Decimal": _decimal,
    "fractions:Fraction": _fraction,
    "datetime:date": _date,
    "datetime:time": _time,
    "datetime:timedelta": _timedelta,
    "uuid:UUID": _uuid,
}
