"""MiniJSON, the binary form of JSON in which the published client sends bodies.

Only what a body can hold: None, bool, int, float, str, list, tuple and dict with text keys. Each
value is a byte for its type, and what that type needs; numbers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

_MAX_DEPTH: Final = 200
#: Signed and unsigned whole numbers: largest size in bits, type and struct, the shortest first.
_INTS: Final = (
    (range(-(2**7), 2**7), b"\x03", struct.Struct(">b")),
    (range(2**8), b"\x06", struct.Struct(">B")),
    (range(-(2**15), 2**15), b"\x02", struct.Struct(">h")),
    (range(2**16), b"\x05", struct.Struct(">H")),
    (range(2**24), b"\x0c", None),
    (range(-(2**31), 2**31), b"\x01", struct.Struct(">l")),
    (range(2**32), b"\x04", struct.Struct(">L")),
)
_SINGLE, _DOUBLE = struct.Struct(">f"), struct.Struct(">d")
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
    _write(value, out.append, 0)
    return b"".join(out)


def _write(value: Any, out: Callable[[bytes], object], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError("the record is nested too deeply")
    if value is None or value is True or value is False:
        out({None: b"\x08", True: b"\x16", False: b"\x17"}[value])
    elif isinstance(value, str):
        text = value.encode()
        out(_head(len(text), _TEXT) + text)
    elif isinstance(value, int):
        out(_int(value))
    elif isinstance(value, float):
        out(_float(value))
    elif isinstance(value, list | tuple):
        out(_head(len(value), _LIST))
        for item in value:
            _write(item, out, depth + 1)
    elif isinstance(value, dict):
        _write_dict(value, out, depth)
    else:
        raise TypeError(f"a {type(value).__name__}")


def _write_dict(value: dict[str, Any], out: Callable[[bytes], object], depth: int) -> None:
    if not all(isinstance(key, str) for key in value):
        raise TypeError("a key that is no text")
    names = [key.encode() for key in value]
    # The usual form has a byte for the length of a name.
    short = all(len(name) < 256 for name in names)
    out(_head(len(value), _DICT if short else _PAIRS))
    for name, item in zip(names, value.values(), strict=True):
        out((bytes([len(name)]) if short else _head(len(name), _TEXT)) + name)
        _write(item, out, depth + 1)


def _head(length: int, types: tuple[int, int, int, int, int]) -> bytes:
    mark, room, one, two, four = types
    if length < room:
        return bytes([mark | length])
    if length < 2**8:
        return bytes([one, length])
    if length < 2**16:
        return struct.pack(">BH", two, length)
    return struct.pack(">BL", four, length)


def _int(value: int) -> bytes:
    for numbers, mark, form in _INTS:
        if value in numbers:
            return mark + (form.pack(value) if form else value.to_bytes(3, "big"))
    size = max(5, value.bit_length() // 8 + 1)
    if size > 255:
        raise ValueError("a whole number of more than 255 bytes")
    return bytes([24, size]) + value.to_bytes(size, "big", signed=True)


def _float(value: float) -> bytes:
    if value - value != 0.0:
        raise ValueError("NaN or an infinity")
    try:
        single = _SINGLE.pack(value)
    except OverflowError:
        return b"\x0a" + _DOUBLE.pack(value)
    if _SINGLE.unpack(single)[0] == value:
        return b"\x09" + single
    return b"\x0a" + _DOUBLE.pack(value)
