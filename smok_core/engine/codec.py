"""Plain values <-> bytes, the same on every backend.

Plain data is None, bool, int, float, str, bytes, list, tuple, dict, set and datetime, nested at
most `MAX_DEPTH` deep; a value comes back with exactly the types it went in with (contract EV3).
Subclasses are refused, so no class of anybody's is ever built while reading.
"""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from datetime import datetime, timezone, tzinfo
from typing import TYPE_CHECKING, Any

import msgspec

from smok_core.errors import CorruptData, InvalidType, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["MAX_DEPTH", "Codec", "MsgpackCodec", "check_plain", "pack_datetime", "unpack_datetime"]

#: Nesting that any backend's reader must take without exhausting the interpreter's stack.
MAX_DEPTH = 64

_SCALARS = frozenset({type(None), bool, int, str, bytes})
_CONTAINERS = frozenset({list, tuple, set})
_PLAIN = "plain data (None, bool, int, float, str, bytes, list, tuple, dict, set, datetime)"


class Codec(ABC):
    """Turns plain values into bytes and back; thread-safe, and pure."""

    @abstractmethod
    def dumps(self, value: Any) -> bytes:
        """Encode a value that `check_plain` has let through."""

    @abstractmethod
    def loads(self, data: bytes) -> Any:
        """Decode.

        Raises:
            CorruptData: The bytes are not what `dumps` makes.
        """

    def dumps_many(self, values: Iterable[Any]) -> list[bytes]:
        """Encode many values; a backend may override it where that is faster."""
        return list(map(self.dumps, values))


def check_plain(value: Any, role: str, key: object, depth: int = 0) -> None:
    """Let plain data through, refuse anything else by the name of its class.

    Raises:
        InvalidType: A class that is not plain data, at any depth.
        InvalidValue: NaN, an infinity, or data nested deeper than `MAX_DEPTH`.
    """
    kind = type(value)
    if kind in _SCALARS:
        if kind is str:
            _check_text(value, role, key)
        return
    if kind is float:
        _check_finite(value, role, key)
    elif depth >= MAX_DEPTH:
        raise InvalidValue(role, key, f"nests deeper than {MAX_DEPTH}", "Flatten the value.")
    elif kind in _CONTAINERS:
        for item in value:
            check_plain(item, role, key, depth + 1)
    elif kind is dict:
        for name, item in value.items():
            check_plain(name, role, key, depth + 1)
            check_plain(item, role, key, depth + 1)
    elif kind is datetime:
        _check_zone(value, role, key)
    else:
        raise InvalidType(role, key, value, _PLAIN)


def _check_text(value: str, role: str, key: object) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidValue(
            role, key, "holds a lone surrogate", "Give text that can be written as UTF-8."
        ) from None


def _check_finite(value: float, role: str, key: object) -> None:
    if not math.isfinite(value):
        raise InvalidValue(role, key, f"is {value}", "Give a finite number.")


def _check_zone(value: datetime, role: str, key: object) -> None:
    zone = value.tzinfo
    if zone is not None and type(zone) is not timezone and not _zone_key(zone):
        raise InvalidType(role, key, zone, "a datetime without zone, or with timezone or ZoneInfo")


def pack_datetime(value: datetime) -> list[Any]:
    """Give plain scalars that `unpack_datetime` makes the equal datetime of, zone and fold kept."""
    zone = _zone_key(value.tzinfo)
    text = (value.replace(tzinfo=None) if zone else value).isoformat()
    return [text, value.fold, zone]


def unpack_datetime(packed: list[Any] | tuple[Any, ...]) -> datetime:
    """Give the datetime that `pack_datetime` took apart."""
    text, fold, zone = packed
    value = datetime.fromisoformat(text)
    return value.replace(fold=fold, tzinfo=_zone(zone) if zone else value.tzinfo)


def _zone_key(zone: tzinfo | None) -> str | None:
    """Give the key of a ZoneInfo; None for any other kind of zone."""
    # Whoever has a ZoneInfo has imported its module, which is too slow to import for nothing.
    module = sys.modules.get("zoneinfo")
    known = module is not None and type(zone) is module.ZoneInfo
    return zone.key if known else None  # type: ignore[union-attr]


def _zone(key: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - see above

    return ZoneInfo(key)


_TUPLE, _SET, _DATETIME, _INT, _DICT = 1, 2, 3, 4, 5
_INT64 = range(-(2**63), 2**64)


class MsgpackCodec(Codec):
    """MessagePack by msgspec; what MessagePack lacks travels as extension types."""

    def __init__(self) -> None:
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(ext_hook=self._unpack).decode

    def dumps(self, value: Any) -> bytes:
        """Encode."""
        kind = type(value)
        if kind is float or kind is str or kind is bool:
            return self._encode(value)
        return self._encode(self._pack(value))

    def loads(self, data: bytes) -> Any:
        """Decode."""
        try:
            return self._decode(data)
        except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
            raise CorruptData("record", f"{len(data)} bytes cannot be decoded") from error

    def _pack(self, value: Any) -> Any:
        kind = type(value)
        if kind is int:
            return value if value in _INT64 else self._ext(_INT, str(value))
        if kind is list:
            return [self._pack(item) for item in value]
        if kind is tuple:
            return self._ext(_TUPLE, [self._pack(item) for item in value])
        if kind is set:
            return self._ext(_SET, [self._pack(item) for item in value])
        if kind is datetime:
            return self._ext(_DATETIME, pack_datetime(value))
        return self._pack_dict(value) if kind is dict else value

    def _pack_dict(self, value: dict[Any, Any]) -> Any:
        if all(type(key) is str for key in value):
            return {key: self._pack(item) for key, item in value.items()}
        return self._ext(_DICT, [[self._pack(k), self._pack(v)] for k, v in value.items()])

    def _ext(self, code: int, value: Any) -> msgspec.msgpack.Ext:
        return msgspec.msgpack.Ext(code, self._encode(value))

    def _unpack(self, code: int, data: memoryview) -> Any:
        makers: dict[int, Callable[[Any], Any]] = {
            _TUPLE: tuple,
            _SET: set,
            _DATETIME: unpack_datetime,
            _INT: int,
            _DICT: dict,
        }
        if code not in makers:
            raise ValueError(f"unknown extension type {code}")
        return makers[code](self._decode(data))
