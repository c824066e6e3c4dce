"""Plain values <-> bytes, the same on every backend.

A value comes back with exactly the types it went in with (contract EV3). What a value may be made
of stands in `smok_core.engine.plain`, how much of it in `smok_core.engine.allowance`, and how the
types are stored that a format lacks in `smok_core.engine.tags`.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from smok_core.engine.allowance import MAX_BYTES, check_int
from smok_core.engine.msgpack_shape import check_shape
from smok_core.engine.plain import check_plain as check_plain, check_storable
from smok_core.engine.tags import BY_CODE, tag_of
from smok_core.errors import CorruptData, InvalidValue

#: What reading bytes that no codec made can raise. Not here: an exhausted stack or memory, which
#: is nothing that the bytes did: their limits are checked first.
UNREADABLE: Final = (
    msgspec.MsgspecError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError,
    EOFError, OSError,
)  # fmt: skip


class Codec(ABC):
    """Turns plain values into bytes and back; thread-safe, and pure."""

    @abstractmethod
    def dumps(self, value: Any) -> bytes:
        """Encode. Raises InvalidType, InvalidValue: `loads` would not give it back."""

    @abstractmethod
    def loads(self, data: bytes) -> Any:
        """Decode, in a time and memory that the limits of `smok_core.engine.allowance` bound.

        Raises CorruptData: The bytes are not what `dumps` makes.
        """

    def dumps_many(self, values: Iterable[Any]) -> list[bytes]:
        """Encode many values; a backend may override it where that is faster."""
        return list(map(self.dumps, values))

    def loads_many(self, values: list[bytes]) -> list[Any]:
        """Decode many values; a backend may override it where that is faster."""
        return list(map(self.loads, values))


def check_size(data: bytes) -> bytes:
    """Let encoded data through that `loads` takes; raises InvalidValue."""
    if len(data) > MAX_BYTES:
        reason, remedy = f"is larger than {MAX_BYTES} bytes", "Divide it, or use a BAOB."
        raise InvalidValue("codec", "the value", reason, remedy)
    return data


_INT: Final = 4
_DOUBLE: Final = 9  # bytes of a float: the format's 0xcb, and IEEE 754 behind it
_INT64: Final = range(-(2**63), 2**64)


class MsgpackCodec(Codec):
    """MessagePack by msgspec; what MessagePack lacks travels as extension types."""

    def __init__(self) -> None:
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(ext_hook=self._unpack).decode

    def dumps(self, value: Any) -> bytes:
        kind = type(value)
        if kind is float or kind is bool:
            return self._encode(value)
        check_storable(value)
        return check_size(self._encode(self._pack(value)))

    def loads(self, data: bytes) -> Any:
        try:
            check_shape(data)
            return self._decode(data)
        except UNREADABLE as error:
            raise CorruptData("record", f"{len(data)} bytes cannot be decoded") from error

    def loads_many(self, values: list[bytes]) -> list[Any]:
        """Decode many; floats, the usual case, are taken apart together."""
        joined = b"".join(values)
        if set(map(len, values)) == {_DOUBLE} and joined[::_DOUBLE] == b"\xcb" * len(values):
            return list(struct.unpack(">" + "xd" * len(values), joined))
        return list(map(self.loads, values))

    def _pack(self, value: Any) -> Any:
        kind = type(value)
        if kind is int:
            return value if value in _INT64 else self._ext(_INT, str(value))
        if kind is list:
            return list(map(self._pack, value))
        if kind is dict and all(type(key) is str for key in value):
            return {key: self._pack(item) for key, item in value.items()}
        tag = tag_of(kind)
        return self._ext(tag.code, list(map(self._pack, tag.parts(value)))) if tag else value

    def _ext(self, code: int, value: Any) -> msgspec.msgpack.Ext:
        return msgspec.msgpack.Ext(code, self._encode(value))

    def _unpack(self, code: int, data: memoryview) -> Any:
        parts = self._decode(data)
        if code == _INT and type(parts) is str:
            return check_int(int(parts))
        if type(parts) is list:
            return BY_CODE[code].make(parts)
        raise TypeError("an extension without the parts of a value")
