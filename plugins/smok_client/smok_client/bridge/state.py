"""The standard library's containers and numbers, and users' own classes, inside a kept state.

Each is stored as a tag and plain data, so nothing is imported or called by a name that stands in a
store: what a tag means is said here, or was said by `register_state` in this very program.
"""

import enum
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple
from uuid import UUID

from smok_client.bridge.errors import StateUnknown


class Kind(NamedTuple):
    """How the objects of one class are stored."""

    name: str
    dump: Callable[[Any], Any]  #: gives what is stored; it may hold such objects itself
    load: Callable[[Any], Any]  #: gives the object back


_FACTORIES: Final[dict[str, Any]] = {
    kind.__name__: kind for kind in (bool, dict, float, int, list, set, str, tuple, deque, Counter)
}


def _pairs(value: dict[Any, Any]) -> list[list[Any]]:
    return [[key, item] for key, item in value.items()]


def _dump_defaultdict(value: defaultdict[Any, Any]) -> Any:
    factory = value.default_factory
    name = None if factory is None else getattr(factory, "__name__", "")
    known = name is None or _FACTORIES.get(name) is factory
    # A factory of the user's is left in, for the role to refuse by its class.
    return [name if known else factory, _pairs(value)]


def _load_defaultdict(stored: Any) -> Any:
    name, pairs = stored
    return defaultdict(None if name is None else _FACTORIES[name], pairs)


def _dump_time(value: time) -> Any:
    return [value.isoformat(), value.fold]


def _load_time(stored: Any) -> time:
    return time.fromisoformat(stored[0]).replace(fold=stored[1])


_KINDS: Final[dict[type, Kind]] = {
    deque: Kind("deque", lambda v: [v.maxlen, list(v)], lambda s: deque(s[1], s[0])),
    defaultdict: Kind("defaultdict", _dump_defaultdict, _load_defaultdict),
    Counter: Kind("Counter", _pairs, lambda s: Counter(dict(s))),
    OrderedDict: Kind("OrderedDict", _pairs, OrderedDict),
    frozenset: Kind("frozenset", list, frozenset),
    bytearray: Kind("bytearray", bytes, bytearray),
    range: Kind("range", lambda v: [v.start, v.stop, v.step], lambda s: range(*s)),
    Decimal: Kind("Decimal", str, Decimal),
    Fraction: Kind("Fraction", lambda v: [v.numerator, v.denominator], lambda s: Fraction(*s)),
    complex: Kind("complex", lambda v: [v.real, v.imag], lambda s: complex(*s)),
    date: Kind("date", date.isoformat, date.fromisoformat),
    time: Kind("time", _dump_time, _load_time),
    timedelta: Kind(
        "timedelta", lambda v: [v.days, v.seconds, v.microseconds], lambda s: timedelta(*s)
    ),
    UUID: Kind("UUID", lambda v: v.hex, UUID),
}
_BY_NAME: Final = {kind.name: kind for kind in _KINDS.values()}
#: The classes of users, by the names that a pickle gives them.
_CLASSES: Final[dict[str, type]] = {}


def register_state(
    cls: type,
    dump: Callable[[Any], Any] | None = None,
    load: Callable[[Any], Any] | None = None,
) -> None:
    """Let objects of a class be kept in the ``state`` of predicates.

    Call it before the device is made, in each program that reads the state; again for the same
    class it replaces what was registered. An enumeration needs neither function.

    Args:
        cls: The class itself; a subclass is registered by itself.
        dump: Gives what is stored for an object: plain data, or objects that can be kept.
        load: Gives an equal object for that.

    Raises:
        TypeError: A function is missing, for a class that is no enumeration.
    """
    if issubclass(cls, enum.Enum):
        dump = dump or (lambda member: member.name)
        load = load or (lambda name: cls[name])
    if dump is None or load is None:
        raise TypeError(f"register_state({cls.__name__}): give both functions, dump and load")
    kind = Kind(f"class {cls.__module__}.{cls.__qualname__}", dump, load)
    _KINDS[cls] = _BY_NAME[kind.name] = kind
    _CLASSES[f"{cls.__module__}:{cls.__qualname__}"] = cls


def registered_class(name: str) -> type | None:
    """Return the class that was registered under ``module:qualified name``; nothing is imported."""
    return _CLASSES.get(name)


def dump_of(cls: type) -> Kind | None:
    """Return how objects of exactly this class are stored; None for a class nobody knows."""
    return _KINDS.get(cls)


def load_of(name: str) -> Kind:
    """Return how what is stored under this name comes back.

    Raises:
        StateUnknown: This program has not registered the class.
    """
    if name not in _BY_NAME:
        raise StateUnknown(name)
    return _BY_NAME[name]
