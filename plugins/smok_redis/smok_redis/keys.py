"""The names of all keys: ``<prefix>:{<device>}:…``; the braces keep a device in one slot."""

import re
from typing import NamedTuple
from urllib.parse import quote

from smok_core.errors import InvalidKey


class TableKeys(NamedTuple):
    """The keys of one table."""

    rows: str  #: hash, key -> "seq stamp value"
    queue: str  #: sorted set of the keys that wait, by seq
    tags: str  #: hash, key -> tag
    counters: str  #: prefix of its field in the meta hash: dropped


class SeriesKeys(NamedTuple):
    """The keys of one series."""

    queue: str  #: stream of the points that wait, id "seq-0"
    names: str  #: sorted set of the names, all of score 0
    stream: str  #: + name: stream of its points, id "place-seq"
    late: str  #: + name: sorted set of the points that came late, "place seq value"
    counters: str  #: prefix of its fields in the meta hash: points, dropped


class BlobKeys(NamedTuple):
    """The keys of one set of blobs."""

    heads: str  #: hash, key -> "version seq chunks"
    chunks: str  #: + key: hash, number -> chunk


class Keys:
    """All keys of one device.

    Args:
        prefix: First word of every key.
        device: The device's id, any text. It is percent-encoded: a brace or a colon in it can
            neither end the hash tag nor reach another device.
    """

    def __init__(self, prefix: str, device: str) -> None:
        try:
            name = quote(device, safe="") or "%"  # an empty tag would not be a tag
        except UnicodeEncodeError:
            raise InvalidKey("device", device, "holds a lone surrogate") from None
        self.base = f"{prefix}:{{{name}}}"
        self.meta = f"{self.base}:meta"  #: hash: schema, id, seq, counters, last writes
        self.damaged = f"{self.base}:damaged"  #: hash: what could not be read, set aside
        self.client = f"{prefix}:{name}"[:200]  #: how CLIENT LIST shows the connection

    def table(self, name: str) -> TableKeys:
        """Return the keys of a table."""
        base = f"{self.base}:t:{name}"
        return TableKeys(f"{base}:rows", f"{base}:queue", f"{base}:tags", f"t:{name}:")

    def series(self, name: str) -> SeriesKeys:
        """Return the keys of a series."""
        base = f"{self.base}:s:{name}"
        return SeriesKeys(
            f"{base}:queue", f"{base}:names", f"{base}:p:", f"{base}:l:", f"s:{name}:"
        )

    def blobs(self, name: str) -> BlobKeys:
        """Return the keys of a set of blobs."""
        base = f"{self.base}:b:{name}"
        return BlobKeys(f"{base}:heads", f"{base}:d:")

    @property
    def escaped(self) -> str:
        """The base as a pattern of SCAN that matches only itself."""
        return re.sub(r"([\\*?\[\]^-])", r"\\\1", self.base)

    def owner(self, key: bytes) -> str:
        """Tell what a key belongs to: ``t:events``, ``s:pathpoints``, ``b:baobs`` or ``meta``."""
        kind, _, rest = key.decode(errors="replace").removeprefix(f"{self.base}:").partition(":")
        return f"{kind}:{rest.partition(':')[0]}" if kind in ("t", "s", "b") else kind

    def staging(self, writer: str, number: int) -> str:
        """Return the key where a large write is prepared."""
        return f"{self.base}:staging:{writer}:{number}"
