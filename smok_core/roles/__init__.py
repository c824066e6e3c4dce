"""The nine roles: one abstract class each, and its one implementation on the primitives."""

from __future__ import annotations

from typing import Final

from smok_core.roles.archives import ArchivesDatabase, BaseArchivesDatabase
from smok_core.roles.baobs import BAOBDatabase, BAOBDigest, BaseBAOBDatabase
from smok_core.roles.base import Database, OnEngine, RoleStats
from smok_core.roles.dead_letters import DeadLetter
from smok_core.roles.events import (
    BaseEventDatabase,
    BaseEventSynchronization,
    EventDatabase,
    NullEventDatabase,
)
from smok_core.roles.macros import BaseMacroDatabase, BaseMacroSynchronization, MacroDatabase
from smok_core.roles.metadata import (
    BaseMetadataDatabase,
    BasePlainSynchronization,
    MetadataDatabase,
)
from smok_core.roles.outbox import Batch
from smok_core.roles.pathpoints import (
    BaseDataToSynchronize,
    BaseDefinitionsToSynchronize,
    BasePathpointDatabase,
    PathpointDatabase,
)
from smok_core.roles.predicates import BasePredicateDatabase, PredicateDatabase
from smok_core.roles.sensor_writes import (
    BaseSensorWriteDatabase,
    BaseSensorWriteSynchronization,
    SensorWriteDatabase,
)
from smok_core.roles.sensors import BaseSensorDatabase, SensorDatabase

__all__ = [
    "ON_ENGINE",
    "ROLES",
    "BAOBDigest",
    "BaseArchivesDatabase",
    "BaseBAOBDatabase",
    "BaseDataToSynchronize",
    "BaseDefinitionsToSynchronize",
    "BaseEventDatabase",
    "BaseEventSynchronization",
    "BaseMacroDatabase",
    "BaseMacroSynchronization",
    "BaseMetadataDatabase",
    "BasePathpointDatabase",
    "BasePlainSynchronization",
    "BasePredicateDatabase",
    "BaseSensorDatabase",
    "BaseSensorWriteDatabase",
    "BaseSensorWriteSynchronization",
    "Batch",
    "Database",
    "DeadLetter",
    "NullEventDatabase",
    "RoleStats",
]

#: Every role and its abstract class. Config, loader, tables of the CLI and tests read this.
ROLES: Final[dict[str, type[Database]]] = {
    "predicates": BasePredicateDatabase,
    "sensor_writes": BaseSensorWriteDatabase,
    "archives": BaseArchivesDatabase,
    "baobs": BaseBAOBDatabase,
    "sensors": BaseSensorDatabase,
    "pathpoints": BasePathpointDatabase,
    "events": BaseEventDatabase,
    "macros": BaseMacroDatabase,
    "metadata": BaseMetadataDatabase,
}

#: Every role and its implementation on an engine, which declares what it keeps there.
ON_ENGINE: Final[dict[str, type[OnEngine]]] = {
    "predicates": PredicateDatabase,
    "sensor_writes": SensorWriteDatabase,
    "archives": ArchivesDatabase,
    "baobs": BAOBDatabase,
    "sensors": SensorDatabase,
    "pathpoints": PathpointDatabase,
    "events": EventDatabase,
    "macros": MacroDatabase,
    "metadata": MetadataDatabase,
}
