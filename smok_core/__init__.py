"""Storage for SMOK devices: nine roles, any backend, nothing lost.

Names are imported when they are first used, so ``import smok_core`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from smok_core.config import Config, load_config
    from smok_core.databases import Databases, open_databases
    from smok_core.errors import ConfigError, PluginError, SmokError, StoreError
    from smok_core.hookspecs import BackendInfo, Capability, Driver, StoreContext, hookimpl
    from smok_core.model import (
        BAOBDigest,
        Color,
        Event,
        Macro,
        NotReadedError,
        OperationFailedError,
        OperationFailedReason,
        PathpointDefinition,
        Sensor,
        SensorWriteEvent,
        StorageLevel,
    )
    from smok_core.registry import register
    from smok_core.roles import (
        ROLES,
        BaseArchivesDatabase,
        BaseBAOBDatabase,
        BaseDataToSynchronize,
        BaseEventDatabase,
        BaseEventSynchronization,
        BaseMacroDatabase,
        BaseMetadataDatabase,
        BasePathpointDatabase,
        BasePredicateDatabase,
        BaseSensorDatabase,
        BaseSensorWriteDatabase,
        BaseSensorWriteSynchronization,
        NullEventDatabase,
    )
    from smok_cloud.service import Service
    from smok_core.settings import Secret, option

__version__: Final = "0.1.0"

_HOMES: Final = {
    "config": ("Config", "load_config"),
    "databases": ("Databases", "open_databases"),
    "errors": ("ConfigError", "PluginError", "SmokError", "StoreError"),
    "hookspecs": ("BackendInfo", "Capability", "Driver", "StoreContext", "hookimpl"),
    "model": (
        "BAOBDigest",
        "Color",
        "Event",
        "Macro",
        "NotReadedError",
        "OperationFailedError",
        "OperationFailedReason",
        "PathpointDefinition",
        "Sensor",
        "SensorWriteEvent",
        "StorageLevel",
    ),
    "registry": ("register",),
    "roles": (
        "ROLES",
        "BaseArchivesDatabase",
        "BaseBAOBDatabase",
        "BaseDataToSynchronize",
        "BaseEventDatabase",
        "BaseEventSynchronization",
        "BaseMacroDatabase",
        "BaseMetadataDatabase",
        "BasePathpointDatabase",
        "BasePredicateDatabase",
        "BaseSensorDatabase",
        "BaseSensorWriteDatabase",
        "BaseSensorWriteSynchronization",
        "NullEventDatabase",
    ),
    "service": ("Service",),
    "settings": ("Secret", "option"),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: PLE0604 - the names are strings, collected from the table above
    "__version__",
    *_HOME_OF,
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'smok_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"smok_core.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
