"""The nine roles: one abstract class each, and its one implementation on the primitives."""

from __future__ import annotations

from typing import Final

from smok_core.roles.archives import BaseArchivesDatabase
from smok_core.roles.baobs import BAOBDigest, BaseBAOBDatabase
from smok_core.roles.base import Database, RoleStats
from smok_core.roles.dead_letters import DeadLetter
from smok_core.roles.events import BaseEventDatabase, BaseEventSynchronization, NullEventDatabase
from smok_core.roles.handover import HandOver
from smok_core.roles.macros import BaseMacroDatabase, BaseMacroSynchronization
from smok_core.roles.metadata import BaseMetadataDatabase, BasePlainSynchronization
from smok_core.roles.pathpoints import (
    BaseDataToSynchronize,
    BaseDefinitionsToSynchronize,
    BasePathpointDatabase,
)
from smok_core.roles.predicates import BasePredicateDatabase
from smok_core.roles.sensor_writes import (
    BaseSensorWriteDatabase,
    BaseSensorWriteSynchronization,
)
from smok_core.roles.sensors import BaseSensorDatabase

__all__ = [
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
    "Database",
    "DeadLetter",
    "HandOver",
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
