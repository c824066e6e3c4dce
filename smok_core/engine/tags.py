"""The types that neither MessagePack nor a pickle without classes has: one table for all codecs.

A value of such a type is stored as a tag and a list of parts, which are plain values again. The
tag says which function makes the value of its parts; nothing is ever looked up by a name that was
read. Every codec takes its tags from here, so a type that is added here is stored everywhere.
"""

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
    """A value holds something of the user's own, such as a function: that, and what to give."""


class Tag(NamedTuple):
    """How a type is stored."""

    code: int  #: the extension type in MessagePack
    name: str  #: the tag in a pickle
    parts: Callable[[Any], list[Any]]  #: takes a value apart, or raises Unstorable
    make: Callable[[list[Any]], Any]  #: makes it of its parts, or raises an error of any kind
    items: Callable[[Any], Iterable[Any]] = lambda _: ()  #: the values inside; () for a scalar


def tag_of(kind: type) -> Tag | None:
    """Return the tag of exactly this class, not of a subclass."""
    tag = _BY_CLASS.get(kind)
    # Whoever has a Decimal has imported its module, which is too slow to import for nothing.
    if tag is None and kind is getattr(sys.modules.get("decimal"), "Decimal", None):
        return _DECIMAL
    return tag


def _moment_parts(value: datetime | time) -> list[Any]:
    """Return plain scalars of which the equal moment is made again, zone and fold kept."""
    zone = _zone_key(value.tzinfo)
    text = (value.replace(tzinfo=None) if zone else value).isoformat()
    return [text, value.fold, zone]


def _zone_key(zone: tzinfo | None) -> str | None:
    """Return the key of a ZoneInfo; None for no zone or a fixed one."""
    if zone is None or type(zone) is timezone:
        return None
    # Whoever has a ZoneInfo has imported its module, which is too slow to import for nothing.
    module = sys.modules.get("zoneinfo")
    known = module is not None and type(zone) is module.ZoneInfo
    key: str | None = getattr(zone, "key", None) if known else None
    if not key:
        raise Unstorable(zone, "a time without zone, or with a timezone or a ZoneInfo with a key")
    return key


def _moment(kind: Any, parts: Sequence[Any]) -> Any:
    """Make a moment of what `_moment_parts` took apart."""
    text, fold, zone = parts
    value = kind.fromisoformat(text)
    if zone:
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - see above

        value = value.replace(tzinfo=ZoneInfo(zone))
    return value.replace(fold=fold)


def _checked(make: Callable[..., Any], count: int, kind: type) -> Callable[[list[Any]], Any]:
    """Return what makes a value of exactly so many parts of a type: bytearray(9) is nine zeros."""

    def checked(parts: list[Any]) -> Any:
        if [type(part) for part in parts] != [kind] * count:
            raise TypeError(f"{count} of {kind.__name__} expected")
        return make(*parts)

    return checked


def _decimal_parts(value: Any) -> list[Any]:
    text = str(value)
    if len(text) > _LONGEST_DECIMAL:
        raise Unstorable(value, f"a Decimal of at most {_LONGEST_DECIMAL} digits")
    return [text]


def _decimal(text: str) -> Any:
    from decimal import Decimal  # noqa: PLC0415 - see `tag_of`

    if len(text) > _LONGEST_DECIMAL:
        raise ValueError(f"{len(text)} digits of a Decimal")
    return Decimal(text)


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


#: Codes and names stand in what is stored: they never change, and none is used again.
_DECIMAL: Final = Tag(12, "decimal", _decimal_parts, _checked(_decimal, 1, str))
_BY_CLASS: Final[dict[type, Tag]] = {
    tuple: Tag(1, "t", list, tuple, iter),
    set: Tag(2, "set", list, checked_set, iter),
    datetime: Tag(3, "d", _moment_parts, lambda parts: _moment(datetime, parts)),
    # 4 is an integer beyond 64 bits, in MessagePack only
    dict: Tag(5, "dict", _pairs, checked_dict, _both),
    frozenset: Tag(6, "frozenset", list, lambda parts: frozenset(checked_set(parts)), iter),
    deque: Tag(7, "deque", lambda value: [value.maxlen, list(value)], _deque, iter),
    defaultdict: Tag(8, "defaultdict", _defaultdict_parts, _defaultdict, _both),
    Counter: Tag(9, "counter", _pairs, lambda pairs: Counter(checked_dict(pairs)), _both),
    OrderedDict: Tag(10, "ordereddict", _pairs, lambda p: OrderedDict(checked_dict(p)), _both),
    bytearray: Tag(11, "bytearray", lambda v: [bytes(v)], _checked(bytearray, 1, bytes)),
    date: Tag(13, "date", lambda v: [v.isoformat()], _checked(date.fromisoformat, 1, str)),
    time: Tag(14, "time", _moment_parts, lambda parts: _moment(time, parts)),
    timedelta: Tag(
        15, "timedelta", lambda v: [v.days, v.seconds, v.microseconds], _checked(timedelta, 3, int)
    ),
    complex: Tag(16, "complex", lambda v: [v.real, v.imag], _checked(complex, 2, float)),
}
_ALL: Final = (*_BY_CLASS.values(), _DECIMAL)
BY_CODE: Final[dict[int, Tag]] = {tag.code: tag for tag in _ALL}
BY_NAME: Final[dict[str, Tag]] = {tag.name: tag for tag in _ALL}
