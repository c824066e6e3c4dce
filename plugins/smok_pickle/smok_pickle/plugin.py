"""What smok-core finds at the entry point: the description of the backend and how to open it."""

from smok_core.engine.base import Engine
from smok_core.hookspecs import BackendInfo, Capability, StoreContext, hookimpl
from smok_pickle.options import PickleOptions


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
