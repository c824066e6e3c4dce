"""What smok-core finds at the entry point: the description of the backend and how to open it."""

from smok_core.engine.base import Engine
from smok_core.hookspecs import BackendInfo, Capability, Driver, StoreContext, hookimpl
from smok_mongo.options import MongoOptions


@hookimpl
def smok_backend() -> BackendInfo:
    """Describe the backend."""
    return BackendInfo(
        summary="MongoDB 4.4 or newer: standalone, replica set or sharded cluster.",
        options=MongoOptions,
        capabilities=frozenset(
            {
                Capability.PERSISTENT,
                Capability.SURVIVES_KILL,
                Capability.MULTI_PROCESS,
                Capability.NEEDS_NETWORK,
            }
        ),
        drivers=(Driver(module="pymongo", requirement="pymongo>=4.9,<5"),),
    )


@hookimpl
def smok_open_engine(context: StoreContext) -> Engine:
    """Connect, check the server and the schema."""
    from smok_mongo.engine import open_engine  # noqa: PLC0415 - pymongo is loaded when it is used

    return open_engine(context)
