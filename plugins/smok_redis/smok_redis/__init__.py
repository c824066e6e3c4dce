"""Redis and Valkey as a home of SMOK data: one server, Sentinel or Cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smok_redis.options import RedisOptions

if TYPE_CHECKING:
    from smok_redis.shortcuts import (
        RedisArchivesDatabase,
        RedisBAOBDatabase,
        RedisEventDatabase,
        RedisMacroDatabase,
        RedisMetadataDatabase,
        RedisPathpointDatabase,
        RedisPredicateDatabase,
        RedisSensorDatabase,
        RedisSensorWriteDatabase,
    )

__all__ = [
    "RedisArchivesDatabase",
    "RedisBAOBDatabase",
    "RedisEventDatabase",
    "RedisMacroDatabase",
    "RedisMetadataDatabase",
    "RedisOptions",
    "RedisPathpointDatabase",
    "RedisPredicateDatabase",
    "RedisSensorDatabase",
    "RedisSensorWriteDatabase",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # The shortcuts import all roles, which a configured store does without.
    if name in __all__:
        from smok_redis import shortcuts  # noqa: PLC0415

        return getattr(shortcuts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
