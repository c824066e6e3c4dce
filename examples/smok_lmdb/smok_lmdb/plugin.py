"""What smok-core finds at the entry point: the description of the backend and how to open it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from smok_core.hookspecs import BackendInfo, Capability, Driver, StoreContext, hookimpl
from smok_core.settings import option

if TYPE_CHECKING:
    from smok_core.engine.base import Engine


class LmdbOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a store with ``backend = "lmdb"``."""

    path: Annotated[
        str, option("The file; a relative path starts at the config file.", min_length=1)
    ]
    max_mib: Annotated[
        int, option("Largest size of the data, MiB; beyond it new data is refused.", ge=1, le=2**24)
    ] = 1024
    reserve_mib: Annotated[
        int,
        option("Room kept back so that a full store can still be drained, MiB.", ge=4, le=2**20),
    ] = 16
    on_corrupt: Annotated[
        Literal["quarantine", "refuse"],
        option("A damaged file: put it aside and start afresh, or refuse to open."),
    ] = "quarantine"


@hookimpl
def smok_backend() -> BackendInfo:
    """Describe the backend."""
    return BackendInfo(
        summary="One LMDB file on this device, shared by any number of processes.",
        options=LmdbOptions,
        capabilities=frozenset(Capability) - {Capability.NEEDS_NETWORK},
        drivers=(Driver(module="lmdb", requirement="lmdb>=1.4,<4"),),
    )


@hookimpl
def smok_open_engine(context: StoreContext) -> Engine:
    """Open the file, or make it."""
    from smok_lmdb.engine import open_engine  # noqa: PLC0415 - lmdb is imported when it is used

    return open_engine(context)
