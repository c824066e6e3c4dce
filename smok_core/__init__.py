"""Storage for SMOK devices: nine roles, any backend, nothing lost."""

from typing import Final

from smok_core.config import Config as Config, load_config as load_config
from smok_core.databases import Databases as Databases, open_databases as open_databases
from smok_core.errors import (
    AlreadyOpen as AlreadyOpen,
    ApiMismatch as ApiMismatch,
    BackendNotInstalled as BackendNotInstalled,
    BackendRoleUnsupported as BackendRoleUnsupported,
    BackendUnavailable as BackendUnavailable,
    CapabilityUnmet as CapabilityUnmet,
    ConfigError as ConfigError,
    ConfigProblem as ConfigProblem,
    CorruptData as CorruptData,
    DataLost as DataLost,
    DriverMissing as DriverMissing,
    DuplicateBackend as DuplicateBackend,
    DurabilityUnmet as DurabilityUnmet,
    ForeignData as ForeignData,
    InvalidKey as InvalidKey,
    InvalidType as InvalidType,
    InvalidValue as InvalidValue,
    NotFound as NotFound,
    PluginBroken as PluginBroken,
    PluginContract as PluginContract,
    PluginError as PluginError,
    QueueFull as QueueFull,
    ReadOnlyStore as ReadOnlyStore,
    SchemaTooNew as SchemaTooNew,
    SmokError as SmokError,
    StorageFull as StorageFull,
    StoreClosed as StoreClosed,
    StoreError as StoreError,
    StoreVanished as StoreVanished,
    UnknownBackend as UnknownBackend,
    VersionNotNewer as VersionNotNewer,
    WrongClasses as WrongClasses,
)
from smok_core.hookspecs import (
    BackendInfo as BackendInfo,
    Capability as Capability,
    Driver as Driver,
    StoreContext as StoreContext,
    TableInfo as TableInfo,
    hookimpl as hookimpl,
)
from smok_core.model import (
    BAOBDigest as BAOBDigest,
    Color as Color,
    Event as Event,
    Macro as Macro,
    NotReadedError as NotReadedError,
    OperationFailedError as OperationFailedError,
    OperationFailedReason as OperationFailedReason,
    PathpointDefinition as PathpointDefinition,
    Sensor as Sensor,
    SensorWriteEvent as SensorWriteEvent,
    StorageLevel as StorageLevel,
)
from smok_core.registry import register as register
from smok_core.roles import (
    ROLES as ROLES,
    BaseArchivesDatabase as BaseArchivesDatabase,
    BaseBAOBDatabase as BaseBAOBDatabase,
    BaseDataToSynchronize as BaseDataToSynchronize,
    BaseEventDatabase as BaseEventDatabase,
    BaseEventSynchronization as BaseEventSynchronization,
    BaseMacroDatabase as BaseMacroDatabase,
    BaseMetadataDatabase as BaseMetadataDatabase,
    BasePathpointDatabase as BasePathpointDatabase,
    BasePredicateDatabase as BasePredicateDatabase,
    BaseSensorDatabase as BaseSensorDatabase,
    BaseSensorWriteDatabase as BaseSensorWriteDatabase,
    BaseSensorWriteSynchronization as BaseSensorWriteSynchronization,
    NullEventDatabase as NullEventDatabase,
)
from smok_core.settings import Secret as Secret, option as option

__version__: Final = "0.1.0"
