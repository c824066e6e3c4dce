"""Packs arguments for Lua's ``cmsgpack``: one argument instead of thousands."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

import msgspec

#: Rows in one reading or staging call.
CHUNK = 1000
#: Rows in one atomic write: one script of 0.2 to 1 s of the server's time.
MOST = 20_000

pack = msgspec.msgpack.Encoder().encode


def raw(data: bytes) -> msgspec.Raw:
    """Wrap bytes as a MessagePack text: the server's decoder does not know the binary type."""
    size = len(data)
    if size < 32:
        return msgspec.Raw(bytes((0xA0 | size,)) + data)
    if size < 256:
        return msgspec.Raw(bytes((0xD9, size)) + data)
    if size < 65536:
        return msgspec.Raw(b"\xda" + size.to_bytes(2, "big") + data)
    return msgspec.Raw(b"\xdb" + size.to_bytes(4, "big") + data)


_HEAD: Final = 4  # bytes that tell how long the lengths are
_lengths = msgspec.msgpack.Decoder(list[int]).decode


def apart(answer: bytes | list[bytes]) -> list[bytes]:
    """Return the texts that ``lua/joined.lua`` made one, or left; raises ValueError if torn."""
    if isinstance(answer, list):
        return answer
    begin = _HEAD + int.from_bytes(answer[:_HEAD], "little")
    ends = list(accumulate(_lengths(answer[_HEAD:begin]), initial=begin))
    if ends[-1] != len(answer):
        raise ValueError(f"{len(answer)} bytes instead of {ends[-1]}")
    return [answer[start:end] for start, end in pairwise(ends)]


def chunks(items: Sequence[Any], size: int = CHUNK) -> Iterator[Sequence[Any]]:
    """Cut a sequence."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
