"""The Lua scripts: read from the package, and named by their digest."""

from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple

NAMES = (
    "open",
    "touch",
    "snapshot",
    "table_get",
    "table_put",
    "table_delete",
    "table_pending",
    "table_acknowledge",
    "table_replace",
    "table_reserve",
    "table_commit",
    "table_stats",
    "table_set_aside",
    "series_append",
    "series_latest",
    "series_page",
    "series_pending",
    "series_acknowledge",
    "series_requeue",
    "series_names",
    "series_trim",
    "series_stats",
    "set_aside",
    "blobs_put",
    "blobs_get",
    "blobs_version",
    "blobs_delete",
)

_PARTS = {
    "open": (),
    "touch": (),
    "series_append": ("prelude", "one", "points"),
    "series_requeue": ("prelude", "one", "points"),
    "series_page": ("prelude", "joined"),
    "series_pending": ("prelude", "joined"),
}


class Script(NamedTuple):
    """A script's text, and the digest the server knows it by."""

    text: bytes
    digest: str


@cache
def script(name: str) -> Script:
    """Return a script, with the parts that go in front of it."""
    folder = files("smok_redis") / "lua"
    parts = [*_PARTS.get(name, ("prelude",)), name]
    text = b"".join((folder / f"{part}.lua").read_bytes() for part in parts)
    return Script(text, sha1(text, usedforsecurity=False).hexdigest())
