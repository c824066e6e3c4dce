"""Plain values <-> pickles, read by a reader that knows no classes.

A value of the types that pickle writes without a class is its pickle (protocol 4). One that holds
any other, such as a datetime, is written as ``T`` and a pickle in which every tuple is a tag and
its parts (`smok_core.engine.tags`): ``("t", items)`` a tuple, ``("d", (text, fold, zone))`` a
datetime.
"""

import pickle
import struct
import sys
from array import array
from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

from smok_core.engine.codec import UNREADABLE, Codec, check_size
from smok_core.engine.plain import check_storable
from smok_core.engine.tags import tag_of
from smok_core.errors import CorruptData
from smok_pickle.reader import read_pickle

_PROTOCOL: Final = 4
_TAGGED: Final = b"T"
_FLOAT: Final = pickle.dumps(1.5, _PROTOCOL)
_FLOAT_HEAD: Final = _FLOAT[: _FLOAT.index(b"G") + 1]
#: Where the pickle of a float has which byte, but for the float itself.
_FRAME: Final = [
    (at, bytes((byte,))) for at, byte in enumerate(_FLOAT)
    if not 0 <= at - len(_FLOAT_HEAD) < 8
]  # fmt: skip
_pack_float = struct.Struct(f">{len(_FLOAT_HEAD)}sdc").pack
_unpack_float = struct.Struct(">d").unpack_from
_MANY: Final = 16  # floats that had better be taken apart together
_NATIVE_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})
_NATIVE: Final = frozenset({list, tuple, set, dict})


class PickleCodec(Codec):
    """Pickle without its dangers: no class is ever looked up, whatever the bytes say."""

    def dumps(self, value: Any) -> bytes:
        """Encode."""
        if type(value) is float:
            return _pack_float(_FLOAT_HEAD, value, b".")
        check_storable(value)
        if _is_native(value):
            return check_size(pickle.dumps(value, _PROTOCOL))
        return check_size(_TAGGED + pickle.dumps(_tag(value), _PROTOCOL))

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
            if data[:1] == _TAGGED:
                return read_pickle(data[1:], tagged=True)
            return read_pickle(data, tagged=False)
        except UNREADABLE as error:
            raise CorruptData("record", f"{len(data)} bytes cannot be decoded") from error

    def loads_many(self, values: list[bytes]) -> list[Any]:
        """Decode many; floats are taken apart together."""
        if len(values) >= _MANY and set(map(len, values)) == {len(_FLOAT)}:
            data = b"".join(values)
            if all(data[at :: len(_FLOAT)] == byte * len(values) for at, byte in _FRAME):
                return _floats_in(data)
        return list(map(self.loads, values))


def _floats_in(data: bytes) -> list[float]:
    """Take floats out of their frames, a column of bytes at a time."""
    found = bytearray(8 * (len(data) // len(_FLOAT)))
    for at in range(8):
        found[at::8] = data[len(_FLOAT_HEAD) + at :: len(_FLOAT)]
    floats = array("d", bytes(found))
    if sys.byteorder == "little":
        floats.byteswap()
    return floats.tolist()


def _is_native(value: Any) -> bool:
    """Tell whether pickle writes it without naming a class."""
    kind = type(value)
    if kind in _NATIVE_SCALARS:
        return True
    return kind in _NATIVE and all(map(_is_native, _inside(value)))


def _inside(value: Any) -> Iterable[Any]:
    return chain(value, value.values()) if type(value) is dict else value


def _tag(value: Any) -> Any:
    kind = type(value)
    if kind is list or kind is set:
        return kind(map(_tag, value))
    if kind is dict:
        return {_tag(key): _tag(item) for key, item in value.items()}
    tag = None if kind in _NATIVE_SCALARS else tag_of(kind)
    return (tag.name, tuple(map(_tag, tag.parts(value)))) if tag else value
