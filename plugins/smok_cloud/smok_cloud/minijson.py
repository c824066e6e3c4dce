"""MiniJSON, the binary form of JSON in which the published client sends bodies.

Only what a body can hold: None, bool, int, float, str, list, tuple and dict with text keys. Each
value is a byte for its type, and what that type needs; numbers are big-endian.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

_MAX_DEPTH: Final = 200
#: Whole numbers, the shortest first: the bits that a type holds (without the sign), it, its bytes.
_UNSIGNED: Final = (
    (7, 3, 1),
    (8, 6, 1),
    (15, 2, 2),
    (16, 5, 2),
    (24, 12, 3),
    (31, 1, 4),
    (32, 4, 4),
)
_SIGNED: Final = ((7, 3, 1), (15, 2, 2), (31, 1, 4))
_LONG, _MOST_BYTES = 24, 255
#: The type of a float, and its bytes.
_SINGLE, _DOUBLE = struct.Struct(">Bf"), struct.Struct(">Bd")
#: Types of a container by the bytes of its length; the first holds it in its own low bits.
_TEXT: Final = (0x80, 0x80, 0, 13, 14)
_LIST: Final = (0x40, 0x10, 7, 15, 16)
_DICT: Final = (0x50, 0x10, 11, 17, 18)
_PAIRS: Final = (0x60, 0x10, 20, 21, 19)


def dumps(value: Any) -> bytes:
    """Encode a value; floats of single precision where that is exact, else of double.

    Raises:
        ValueError: NaN, an infinity, a lone surrogate, or nested deeper than 200.
        TypeError: A value of another type, or a key that is no text.
    """
    out: list[bytes] = []
    _write_all((value,), out.append, 0)
    return b"".join(out)


def _write_all(values: Sequence[Any], out: Callable[[bytes], object], depth: int) -> None:
    if values and depth > _MAX_DEPTH:
        raise ValueError("the record is nested too deeply")
    for value in values:
        # Nearly all are plain, one look and one call each, or a reading: [timestamp, float].
        if plain := _PLAIN.get(type(value)):
            out(plain(value))
        elif (
            type(value) is list
            and len(value) == 2
            and type(value[0]) is int
            and type(value[1]) is float
            and depth < _MAX_DEPTH
        ):
            out(b"\x42" + _int(value[0]) + _float(value[1]))
        elif isinstance(value, list | tuple):
            out(_head(len(value), _LIST))
            _write_all(value, out, depth + 1)
        elif isinstance(value, dict):
            _write_dict(value, out, depth)
        else:
            out(_like_plain(value))


def _write_dict(value: dict[str, Any], out: Callable[[bytes], object], depth: int) -> None:
    if not all(isinstance(key, str) for key in value):
        raise TypeError("a key that is no text")
    names = [key.encode() for key in value]
    # The usual form has a byte for the length of a name.
    short = all(len(name) < 256 for name in names)
    out(_head(len(value), _DICT if short else _PAIRS))
    for name, item in zip(names, value.values(), strict=True):
        out((bytes([len(name)]) if short else _head(len(name), _TEXT)) + name)
        _write_all((item,), out, depth + 1)


def _head(length: int, types: tuple[int, int, int, int, int]) -> bytes:
    mark, room, one, two, four = types
    if length < room:
        return bytes([mark | length])
    if length < 2**8:
        return bytes([one, length])
    if length < 2**16:
        return struct.pack(">BH", two, length)
    return struct.pack(">BL", four, length)


def _like_plain(value: Any) -> bytes:
    """Write what derives from a plain type, as an IntEnum does."""
    for kind, write in _PLAIN.items():
        if isinstance(value, kind):
            return write(value)
    raise TypeError(f"a {type(value).__name__}")


def _text(value: str) -> bytes:
    text = value.encode()
    return _head(len(text), _TEXT) + text


def _int(value: int) -> bytes:
    if value < 0:
        first, size = _whole((~value).bit_length(), value.bit_length(), _SIGNED)
        return first + value.to_bytes(size, signed=True)
    bits = value.bit_length()
    first, size = _POSITIVE[bits] if bits < 64 else _whole(bits, bits, _UNSIGNED)
    return first + value.to_bytes(size)


def _whole(bits: int, all_bits: int, types: tuple[tuple[int, int, int], ...]) -> tuple[bytes, int]:
    """Return how a whole number of so many bits begins, and how many bytes follow."""
    for most, mark, size in types:
        if bits <= most:
            return bytes((mark,)), size
    size = max(5, all_bits // 8 + 1)
    if size > _MOST_BYTES:
        raise ValueError("a whole number of more than 255 bytes")
    return bytes((_LONG, size)), size


def _float(value: float) -> bytes:
    if value - value != 0.0:
        raise ValueError("NaN or an infinity")
    try:
        single = _SINGLE.pack(9, value)
    except OverflowError:
        return _DOUBLE.pack(10, value)
    return single if _SINGLE.unpack(single)[1] == value else _DOUBLE.pack(10, value)


#: How the types are written that hold no others.
_PLAIN: Final[dict[type, Callable[[Any], bytes]]] = {
    type(None): lambda _: b"\x08",
    bool: lambda value: b"\x16" if value else b"\x17",
    str: _text,
    int: _int,
    float: _float,
}
#: How a whole number from 0 that has so many bits begins, and the bytes that follow.
_POSITIVE: Final = [_whole(bits, bits, _UNSIGNED) for bits in range(64)]
