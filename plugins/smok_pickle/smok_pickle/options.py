"""The options of a store with ``backend = "pickle"``: a leaf that every file may import."""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from smok_core.settings import PATH, option

#: What the files beside a store end in, its own and SQLite's. They are deleted, moved and written
#: by name: a store that is called so would be taken for a part of another.
_BESIDE: Final = ("-wal", "-shm", "-journal", ".lock", ".reserve", ".healing", ".healed")


class PickleOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a store with ``backend = "pickle"``."""

    path: Annotated[
        str,
        option("The file; a relative path starts at the config file.", min_length=1, extra=PATH),
    ]
    on_corrupt: Annotated[
        Literal["quarantine", "refuse"],
        option("A damaged file: put it aside and save what is readable, or refuse to open."),
    ] = "quarantine"
    busy_timeout_ms: Annotated[
        int, option("How long to wait for another process that writes, ms.", ge=0, le=3_600_000)
    ] = 5000
    ballast_kib: Annotated[
        int,
        option(
            "Space kept back so that a full disk can still be drained, KiB; 0: none.",
            ge=0,
            le=2**30,
        ),
    ] = 1024
    read_only: Annotated[
        bool,
        option("Read a store at rest on a read-only medium, or a copy; nothing at all is written."),
    ] = False

    def __post_init__(self) -> None:
        """Refuse what can be no file while its place in the config is known."""
        if "\0" in self.path or not Path(self.path).name:
            raise ValueError(f"path: {self.path!r} is no path of a file")
        if self.path.endswith(_BESIDE):
            raise ValueError(
                f"path: {self.path!r} ends as files do that lie beside a store; give another name"
            )
