"""Plain values <-> pickles, read by a reader that knows no classes.

A value without a datetime is its pickle (protocol 4). Pickle has no datetime without a class, so
a value that holds one is written as ``T`` and a pickle in which every tuple starts with what it
stands for: ``("t", items)`` a tuple, ``("d", (text, fold, zone))`` a datetime.
"""

from __future__ import annotations

import io
import pickle
import struct
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from smok_core.engine.codec import MAX_DEPTH, Codec, pack_datetime, unpack_datetime
from smok_core.errors import CorruptData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["PickleCodec"]

_PROTOCOL: Final = 4
_TAGGED: Final = b"T"
_FLOAT: Final = pickle.dumps(1.5, _PROTOCOL)
_FLOAT_HEAD: Final = _FLOAT[: _FLOAT.index(b"G") + 1]
_pack_float = struct.Struct(f">{len(_FLOAT_HEAD)}sdc").pack
_unpack_float = struct.Struct(">d").unpack_from

#: The only opcodes that plain data needs, with the length of their argument. None of them can
#: name a class, call anything, or make the reader allocate more than a small multiple of its input.
_FIXED: Final = {
    **dict.fromkeys(b"N\x88\x89)]}\x8f(.\x85\x86\x87tlaesu\x90\x94", 0),
    **dict.fromkeys(b"\x80Kh", 1),
    ord("M"): 2,
    **dict.fromkeys(b"Jj", 4),
    **dict.fromkeys(b"G\x95", 8),
}
#: Opcodes followed by a length of so many bytes and then by the data themselves.
_COUNTED: Final = {
    **dict.fromkeys(b"\x8cC\x8a", 1),
    **dict.fromkeys(b"XB\x8b", 4),
    **dict.fromkeys(b"\x8d\x8e", 8),
}
_BROKEN: Final = (
    pickle.UnpicklingError, ValueError, TypeError, KeyError, IndexError, EOFError, AttributeError,
    OverflowError, MemoryError, RecursionError, ImportError, struct.error,
)  # fmt: skip


class _Reader(pickle.Unpickler):
    """Refuses everything that is not data: the second lock behind the scan."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is not plain data")

    def persistent_load(self, _pid: Any) -> Any:
        raise pickle.UnpicklingError("a persistent id is not plain data")


class PickleCodec(Codec):
    """Pickle without its dangers: no class is ever looked up, whatever the bytes say."""

    def dumps(self, value: Any) -> bytes:
        """Encode."""
        if type(value) is float:
            return _pack_float(_FLOAT_HEAD, value, b".")
        if _has_datetime(value):
            return _TAGGED + pickle.dumps(_tag(value), _PROTOCOL)
        return pickle.dumps(value, _PROTOCOL)

    def dumps_many(self, values: Iterable[Any]) -> list[bytes]:
        """Encode many; floats, the usual case, are put together without the pickler."""
        given = list(values)
        if set(map(type, given)) == {float}:
            pack = _pack_float
            return [pack(_FLOAT_HEAD, value, b".") for value in given]
        return list(map(self.dumps, given))

    def loads(self, data: bytes) -> Any:
        """Decode."""
        if len(data) == len(_FLOAT) and data.startswith(_FLOAT_HEAD) and data[-1:] == b".":
            return _unpack_float(data, len(_FLOAT_HEAD))[0]
        try:
            tagged = data[:1] == _TAGGED
            body = data[1:] if tagged else data
            _scan(body)
            value = _Reader(io.BytesIO(body)).load()
            return _untag(value) if tagged else value
        except _BROKEN as error:
            raise CorruptData("record", f"{len(data)} bytes cannot be decoded") from error


_SIMPLE: Final = frozenset({type(None), bool, int, float, str, bytes})


def _scan(data: bytes) -> None:
    """Walk the opcodes and let only those of plain data through, none reaching past the end."""
    at, end, op = 0, len(data), -1
    while at < end:
        op = data[at]
        at += 1
        if op in _FIXED:
            at += _FIXED[op]
        elif op in _COUNTED:
            width = _COUNTED[op]
            at += width + int.from_bytes(data[at : at + width], "little")
        else:
            raise ValueError(f"opcode {op:#x} is not of plain data")
        if op == _STOP:
            break
    if op != _STOP or at != end:
        raise ValueError("the pickle is torn or has something behind it")


_STOP: Final = ord(".")


def _has_datetime(value: Any) -> bool:
    kind = type(value)
    if kind in _SIMPLE:
        return False
    if kind is dict:
        return any(map(_has_datetime, value)) or any(map(_has_datetime, value.values()))
    return kind is datetime or any(map(_has_datetime, value))


def _tag(value: Any) -> Any:
    kind = type(value)
    if kind is datetime:
        return ("d", tuple(pack_datetime(value)))
    if kind is tuple:
        return ("t", tuple(map(_tag, value)))
    if kind is list or kind is set:
        return kind(map(_tag, value))
    return {_tag(k): _tag(v) for k, v in value.items()} if kind is dict else value


def _untag(value: Any, depth: int = 0) -> Any:
    if depth > MAX_DEPTH + 1:
        raise ValueError("nested too deep")
    kind, deeper = type(value), depth + 1
    if kind is tuple:
        tag, body = value
        return _TUPLES[tag](body, deeper)
    if kind is list or kind is set:
        return kind(_untag(item, deeper) for item in value)
    if kind is dict:
        return {_untag(k, deeper): _untag(v, deeper) for k, v in value.items()}
    return value


_TUPLES: Final[dict[str, Callable[[Any, int], Any]]] = {
    "t": lambda body, depth: tuple(_untag(item, depth) for item in body),
    "d": lambda body, _: unpack_datetime(body),
}
