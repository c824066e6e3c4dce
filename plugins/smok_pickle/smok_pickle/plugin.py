"""What smok-core finds at the entry point: the description of the backend and how to open it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from smok_core.hookspecs import BackendInfo, Capability, StoreContext, hookimpl
from smok_core.settings import option

if TYPE_CHECKING:
    from smok_core.engine.base import Engine

__all__ = ["PickleOptions", "smok_backend", "smok_open_engine"]


class PickleOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a store with ``backend = "pickle"``."""

    path: Annotated[
        str, option("The file; a relative path starts at the config file.", min_length=1)
    ]
    on_corrupt: Annotated[
        Literal["quarantine", "refuse"],
        option("A damaged file: put it aside and save what is readable, or refuse to open."),
    ] = "quarantine"
    busy_timeout_ms: Annotated[
        int, option("How long to wait for another process that writes, in ms.", ge=0)
    ] = 5000
    ballast_kib: Annotated[
        int,
        option("Space kept back so that a full disk can still be drained, KiB; 0: none.", ge=0),
    ] = 1024


@hookimpl
def smok_backend() -> BackendInfo:
    """Describe the backend."""
    return BackendInfo(
        summary="One SQLite file on this device; needs nothing but Python.",
        options=PickleOptions,
        capabilities=frozenset(
            {
                Capability.PERSISTENT,
                Capability.SURVIVES_KILL,
                Capability.SURVIVES_POWER_LOSS,
                Capability.MULTI_PROCESS,
                Capability.FULL_DISK_DRAINS,
            }
        ),
    )


@hookimpl
def smok_open_engine(context: StoreContext) -> Engine:
    """Open the file, or make it."""
    from smok_pickle.engine import open_engine  # noqa: PLC0415 - nothing is loaded before it is used

    return open_engine(context)
