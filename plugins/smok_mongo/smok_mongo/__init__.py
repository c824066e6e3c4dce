"""The MongoDB backend of smok-core; importing it loads no driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smok_mongo.options import MongoOptions

if TYPE_CHECKING:
    from smok_mongo.shortcuts import (
        MongoArchivesDatabase,
        MongoBAOBDatabase,
        MongoEventDatabase,
        MongoMacroDatabase,
        MongoMetadataDatabase,
        MongoPathpointDatabase,
        MongoPredicateDatabase,
        MongoSensorDatabase,
        MongoSensorWriteDatabase,
    )

__all__ = [
    "MongoArchivesDatabase",
    "MongoBAOBDatabase",
    "MongoEventDatabase",
    "MongoMacroDatabase",
    "MongoMetadataDatabase",
    "MongoOptions",
    "MongoPathpointDatabase",
    "MongoPredicateDatabase",
    "MongoSensorDatabase",
    "MongoSensorWriteDatabase",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # The shortcuts import all roles, which a configured store does without.
    if name in __all__:
        from smok_mongo import shortcuts  # noqa: PLC0415

        return getattr(shortcuts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
