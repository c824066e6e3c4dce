"""The nine roles: one abstract class each, and its one implementation on the primitives."""

from typing import Final

from smok_core.roles.archives import ArchivesDatabase, BaseArchivesDatabase as BaseArchivesDatabase
from smok_core.roles.baobs import BAOBDatabase, BaseBAOBDatabase as BaseBAOBDatabase
from smok_core.roles.base import Database as Database, OnEngine, RoleStats as RoleStats
from smok_core.roles.dead_letters import DeadLetter as DeadLetter
from smok_core.roles.events import (
    BaseEventDatabase as BaseEventDatabase,
    BaseEventSynchronization as BaseEventSynchronization,
    EventDatabase,
    NullEventDatabase as NullEventDatabase,
)
from smok_core.roles.macros import (
    BaseMacroDatabase as BaseMacroDatabase,
    BaseMacroSynchronization as BaseMacroSynchronization,
    MacroDatabase,
)
from smok_core.roles.metadata import (
    BaseMetadataDatabase as BaseMetadataDatabase,
    BasePlainSynchronization as BasePlainSynchronization,
    MetadataDatabase,
)
from smok_core.roles.outbox import Batch as Batch
from smok_core.roles.pathpoints import (
    BaseDataToSynchronize as BaseDataToSynchronize,
    BaseDefinitionsToSynchronize as BaseDefinitionsToSynchronize,
    BasePathpointDatabase as BasePathpointDatabase,
    PathpointDatabase,
)
from smok_core.roles.predicates import (
    BasePredicateDatabase as BasePredicateDatabase,
    PredicateDatabase,
)
from smok_core.roles.sensor_writes import (
    BaseSensorWriteDatabase as BaseSensorWriteDatabase,
    BaseSensorWriteSynchronization as BaseSensorWriteSynchronization,
    SensorWriteDatabase,
)
from smok_core.roles.sensors import BaseSensorDatabase as BaseSensorDatabase, SensorDatabase

#: Each role's abstract class, and its implementation on an engine.
_CLASSES: Final = (
    (BasePredicateDatabase, PredicateDatabase),
    (BaseSensorWriteDatabase, SensorWriteDatabase),
    (BaseArchivesDatabase, ArchivesDatabase),
    (BaseBAOBDatabase, BAOBDatabase),
    (BaseSensorDatabase, SensorDatabase),
    (BasePathpointDatabase, PathpointDatabase),
    (BaseEventDatabase, EventDatabase),
    (BaseMacroDatabase, MacroDatabase),
    (BaseMetadataDatabase, MetadataDatabase),
)

#: Every role and its abstract class. Config, loader, tables of the CLI and tests read this.
ROLES: Final[dict[str, type[Database]]] = {base.role: base for base, _ in _CLASSES}

#: Every role and its implementation on an engine, which declares what it keeps there.
ON_ENGINE: Final[dict[str, type[OnEngine]]] = {own.role: own for _, own in _CLASSES}
