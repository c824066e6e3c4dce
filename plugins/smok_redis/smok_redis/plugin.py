"""The plugin's face: what it is called, its options, and the hook that opens a store."""

from smok_core.engine.base import Engine
from smok_core.hookspecs import BackendInfo, Capability, Driver, StoreContext, hookimpl
from smok_redis.options import RedisOptions


@hookimpl
def smok_backend() -> BackendInfo:
    """Describe the backend."""
    return BackendInfo(
        summary="Redis or Valkey: one server, Sentinel or Cluster.",
        options=RedisOptions,
        capabilities=frozenset(
            {
                Capability.PERSISTENT,
                Capability.SURVIVES_KILL,
                Capability.SURVIVES_POWER_LOSS,
                Capability.MULTI_PROCESS,
                Capability.NEEDS_NETWORK,
                Capability.FULL_DISK_DRAINS,
            }
        ),
        drivers=(Driver(module="redis", requirement="redis>=5,<9"),),
    )


@hookimpl
def smok_open_engine(context: StoreContext) -> Engine:
    """Open the store."""
    from smok_redis.engine import RedisEngine  # noqa: PLC0415 - brings the driver

    return RedisEngine(context)
