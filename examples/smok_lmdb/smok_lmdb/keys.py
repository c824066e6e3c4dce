"""How names and numbers become LMDB keys: bounded in length, and in the order of their numbers."""

import hashlib
import struct
from typing import Final

#: LMDB takes keys of 511 bytes, the contract wants 1024.
_LONGEST: Final = 400
_DIGEST: Final = 32
_NUMBER: Final = struct.Struct(">Q")
_OFFSET: Final = 1 << 63


def space_of(device: str, kind: str, name: str) -> bytes:
    """Return the prefix of everything in one table, series or blobs of one device.

    A digest: no name, however it is spelt, is the beginning of another.
    """
    text = b"\0".join(part.encode() for part in (device, kind, name))
    return hashlib.sha256(text).digest()[:12]


def key_of(space: bytes, key: str) -> bytes:
    """Return the LMDB key of a key; the long ones end in a digest of themselves."""
    data = key.encode()
    if len(data) <= _LONGEST:
        return b"%b\0%b" % (space, data)
    return b"%b\1%b%b" % (space, data[: _LONGEST - _DIGEST], hashlib.sha256(data).digest())


def seq_bytes(seq: int) -> bytes:
    """Return a sequence number so that bytes sort as numbers do."""
    return _NUMBER.pack(seq)


def seq_of(data: bytes) -> int:
    """Read what `seq_bytes` gave."""
    number: int = _NUMBER.unpack(data)[0]
    return number


def ts_bytes(ts: int) -> bytes:
    """Return a signed timestamp so that bytes sort as numbers do."""
    return _NUMBER.pack(ts + _OFFSET)


def ts_of(data: bytes) -> int:
    """Read what `ts_bytes` gave."""
    return seq_of(data) - _OFFSET
