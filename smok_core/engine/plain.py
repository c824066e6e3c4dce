"""Plain data: what a value may be made of, checked before anything is written.

Plain data is None, bool, int, float, str, bytes, list, tuple, dict, set and datetime. Subclasses
are refused, so no class of anybody's is ever built while reading. How much of it a value may be
stands in `smok_core.engine.allowance`.
"""

import math
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import datetime
from typing import Any, Final

from smok_core.engine.allowance import MAX_DEPTH, Allowance, TooMuch, check_hashes, check_int
from smok_core.engine.tags import Tag, Unstorable, tag_of
from smok_core.errors import InvalidType, InvalidValue

_PLAIN: Final = frozenset({tuple, set, dict, datetime})
_SAFE: Final = frozenset({list, tuple, set, frozenset, dict})
_HASHED: Final = frozenset({set, frozenset, dict, defaultdict, Counter, OrderedDict})
_ORDERED: Final = frozenset({list, tuple, deque, bytearray})
_NAMES: Final = "plain data (None, bool, int, float, str, bytes, list, tuple, dict, set, datetime)"
_ALSO: Final = (
    f"{_NAMES}, or one of the standard library's deque, defaultdict, Counter, OrderedDict, "
    "frozenset, bytearray, Decimal, date, time, timedelta, complex"
)
#: A tagged value is stored as its tag, the list of its parts, and a few parts that it always has.
_TAGGED: Final = 6


def check_plain(value: Any, role: str, key: object) -> None:
    """Let plain data through, refuse anything else by the name of its class.

    Raises:
        InvalidType: A class that is not plain data, at any depth.
        InvalidValue: NaN, an infinity, a lone surrogate, or more than one value may be.
    """
    _Check(role, key, strict=True).whole(value)


def check_storable(value: Any, role: str = "codec", key: object = "the value") -> None:
    """Let through what every codec gives back exactly: plain data, and all that has a tag.

    Raises:
        InvalidType: A class that no codec knows, at any depth.
        InvalidValue: A lone surrogate, or more than one value may be.
    """
    _Check(role, key, strict=False).whole(value)


class _Check:
    def __init__(self, role: str, key: object, *, strict: bool) -> None:
        self._role, self._key, self._strict = role, key, strict
        self._allowance = Allowance()

    def whole(self, value: Any) -> None:
        try:
            self._value(value, 0)
        except TooMuch as reason:
            raise self._wrong(str(reason), "Divide the value into smaller ones.") from None
        except UnicodeEncodeError:
            remedy = "Give text that can be written as UTF-8."
            raise self._wrong("holds a lone surrogate", remedy) from None

    def _value(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind is str or kind is bytes:
            self._allowance.size(value)
            if kind is str and not value.isascii():
                value.encode()
        elif kind is int:
            check_int(value)
        elif kind is float:
            if self._strict and not math.isfinite(value):
                raise self._wrong(f"is {value}", "Give a finite number.")
        elif value is not None and kind is not bool:
            self._container(value, kind, depth)

    def _container(self, value: Any, kind: type, depth: int) -> None:
        tag = None if kind is list else self._tag(value, kind)
        if depth >= MAX_DEPTH:
            raise self._wrong(f"nests deeper than {MAX_DEPTH}", "Flatten the value.")
        self._allowance.parts(_parts_of(value, kind))
        for item in tag.items(value) if tag else value:
            self._value(item, depth + 1)
        if kind in _HASHED:
            check_hashes(value)
        if tag and kind not in _SAFE:
            self._apart(value, tag)

    def _tag(self, value: Any, kind: type) -> Tag:
        tag = tag_of(kind)
        if tag is None or (self._strict and kind not in _PLAIN):
            raise InvalidType(self._role, self._key, value, _NAMES if self._strict else _ALSO)
        return tag

    def _apart(self, value: Any, tag: Tag) -> None:
        """See whether it can be taken apart: no zone and no function of the user's own."""
        try:
            for part in tag.parts(value):
                if type(part) is bytes:
                    self._allowance.size(part)
        except Unstorable as error:
            raise InvalidType(self._role, self._key, *error.args) from None

    def _wrong(self, reason: str, remedy: str) -> InvalidValue:
        return InvalidValue(self._role, self._key, reason, remedy)


def _parts_of(value: Any, kind: type) -> int:
    """Count a container's own parts as its largest form has them, and one for each leaf in it."""
    if kind in _HASHED:
        return _TAGGED + 3 * len(value)
    return _TAGGED + (len(value) if kind in _ORDERED else 0)
