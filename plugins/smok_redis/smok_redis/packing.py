"""Packs arguments for Lua's ``cmsgpack``: one argument instead of thousands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

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


def chunks(items: Sequence[Any], size: int = CHUNK) -> Iterator[Sequence[Any]]:
    """Cut a sequence."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
