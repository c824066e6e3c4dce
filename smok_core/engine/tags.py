"""The types that neither MessagePack nor a pickle without classes has: one table for all codecs.

A value of such a type is stored as a tag and a list of parts, which are plain values again. The
tag says which function makes the value of its parts; nothing is ever looked up by a name that was
read. Every codec takes its tags from here, so a type that is added here is stored everywhere.
"""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from itertools import chain
from typing import Any, Final, NamedTuple

from smok_core.engine.allowance import checked_dict, checked_set

#: What a defaultdict may make for a missing key; a function of the user's cannot be stored.
_FACTORIES: Final[dict[str, Any]] = {
    kind.__name__: kind
    for kind in (bool, int, float, str, bytes, list, tuple, dict, set, frozenset)
}
_LONGEST_DECIMAL: Final = 4300


class Unstorable(TypeError):
    """A value of a type that has a tag holds something of the user's own, such as a function."""

    def __init__(self, culprit: object, expected: str) -> None:
        self.culprit, self.expected = culprit, expected
        super().__init__(f"{culprit!r} cannot be stored; give {expected}")


class Tag(NamedTuple):
    """How a type is stored."""

    code: int  #: the extension type in MessagePack
    name: str  #: the tag in a pickle
    parts: Callable[[Any], list[Any]]  #: takes a value apart, or raises Unstorable
    make: Callable[[list[Any]], Any]  #: makes it of its parts, or raises an error of any kind
    items: Callable[[Any], Iterable[Any]]  #: the values inside; () for a scalar


def tag_of(kind: type) -> Tag | None:
    """Give the tag of exactly this class, not of a subclass."""
    tag = _BY_CLASS.get(kind)
    # Whoever has a Decimal has imported its module, which is too slow to import for nothing.
    if tag is None and kind is getattr(sys.modules.get("decimal"), "Decimal", None):
        return _DECIMAL
    return tag


def unpack_datetime(packed: Sequence[Any]) -> datetime:
    """Give the datetime that `pack_datetime` took apart."""
    value: datetime = _in_zone(datetime, packed)
    return value


# --- moments -------------------------------------------------------------------------------------


def pack_datetime(value: datetime | time) -> list[Any]:
    """Give plain scalars of which the equal moment is made again, zone and fold kept."""
    zone = _zone_key(value.tzinfo)
    text = (value.replace(tzinfo=None) if zone else value).isoformat()
    return [text, value.fold, zone]


def _zone_key(zone: tzinfo | None) -> str | None:
    """Give the key of a ZoneInfo; None for no zone or a fixed one."""
    if zone is None or type(zone) is timezone:
        return None
    # Whoever has a ZoneInfo has imported its module, which is too slow to import for nothing.
    module = sys.modules.get("zoneinfo")
    known = module is not None and type(zone) is module.ZoneInfo
    key: str | None = getattr(zone, "key", None) if known else None
    if not key:
        raise Unstorable(zone, "a time without zone, or with a timezone or a ZoneInfo with a key")
    return key


def _in_zone(kind: Any, parts: Sequence[Any]) -> Any:
    """Make a moment of what `pack_datetime` took apart."""
    text, fold, zone = parts
    value = kind.fromisoformat(text)
    return value.replace(fold=fold, tzinfo=_zone(zone) if zone else value.tzinfo)


def _zone(key: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - see above

    return ZoneInfo(key)


def _timedelta(parts: list[Any]) -> timedelta:
    days, seconds, microseconds = map(_an_int, parts)
    return timedelta(days, seconds, microseconds)


def _an_int(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("an int expected")
    return value


# --- numbers and bytes ---------------------------------------------------------------------------


def _decimal_parts(value: Any) -> list[Any]:
    text = str(value)
    if len(text) > _LONGEST_DECIMAL:
        raise Unstorable(value, f"a Decimal of at most {_LONGEST_DECIMAL} digits")
    return [text]


def _decimal(parts: list[Any]) -> Any:
    from decimal import Decimal  # noqa: PLC0415 - see `tag_of`

    (text,) = parts
    if type(text) is not str or len(text) > _LONGEST_DECIMAL:
        raise TypeError("the digits of a Decimal expected")
    return Decimal(text)


def _complex(parts: list[Any]) -> complex:
    real, imag = parts
    if type(real) is not float or type(imag) is not float:
        raise TypeError("two floats expected")
    return complex(real, imag)


def _bytearray(parts: list[Any]) -> bytearray:
    (content,) = parts
    if type(content) is not bytes:  # of a number it would make that many zeros
        raise TypeError("bytes expected")
    return bytearray(content)


# --- containers ----------------------------------------------------------------------------------


def _both(value: dict[Any, Any]) -> Iterable[Any]:
    return chain(value, value.values())


def _pairs(value: dict[Any, Any]) -> list[Any]:
    return [[key, item] for key, item in value.items()]


def _deque(parts: list[Any]) -> deque[Any]:
    longest, items = parts
    return deque(items, longest)


def _defaultdict_parts(value: defaultdict[Any, Any]) -> list[Any]:
    factory: Any = value.default_factory
    name = None if factory is None else getattr(factory, "__name__", "")
    if name is not None and _FACTORIES.get(name) is not factory:
        raise Unstorable(factory, f"a defaultdict of {', '.join(_FACTORIES)} or None")
    return [name, _pairs(value)]


def _defaultdict(parts: list[Any]) -> defaultdict[Any, Any]:
    name, pairs = parts
    return defaultdict(None if name is None else _FACTORIES[name], checked_dict(pairs))


def _no_items(_: Any) -> Iterable[Any]:
    return ()


#: Codes and names stand in what is stored: they never change, and none is used again.
_DECIMAL: Final = Tag(12, "decimal", _decimal_parts, _decimal, _no_items)
_BY_CLASS: Final[dict[type, Tag]] = {
    tuple: Tag(1, "t", list, tuple, iter),
    set: Tag(2, "set", list, checked_set, iter),
    datetime: Tag(3, "d", pack_datetime, unpack_datetime, _no_items),
    # 4 is an integer beyond 64 bits, in MessagePack only
    dict: Tag(5, "dict", _pairs, checked_dict, _both),
    frozenset: Tag(6, "frozenset", list, lambda parts: frozenset(checked_set(parts)), iter),
    deque: Tag(7, "deque", lambda value: [value.maxlen, list(value)], _deque, iter),
    defaultdict: Tag(8, "defaultdict", _defaultdict_parts, _defaultdict, _both),
    Counter: Tag(9, "counter", _pairs, lambda pairs: Counter(checked_dict(pairs)), _both),
    OrderedDict: Tag(
        10, "ordereddict", _pairs, lambda pairs: OrderedDict(checked_dict(pairs)), _both
    ),
    bytearray: Tag(11, "bytearray", lambda value: [bytes(value)], _bytearray, _no_items),
    date: Tag(
        13, "date", lambda value: [value.isoformat()], lambda p: date.fromisoformat(*p), _no_items
    ),
    time: Tag(14, "time", pack_datetime, lambda parts: _in_zone(time, parts), _no_items),
    timedelta: Tag(
        15, "timedelta", lambda v: [v.days, v.seconds, v.microseconds], _timedelta, _no_items
    ),
    complex: Tag(16, "complex", lambda value: [value.real, value.imag], _complex, _no_items),
}
_ALL: Final = (*_BY_CLASS.values(), _DECIMAL)
BY_CODE: Final[dict[int, Tag]] = {tag.code: tag for tag in _ALL}
BY_NAME: Final[dict[str, Tag]] = {tag.name: tag for tag in _ALL}
