"""Backends as the core sees them: one loaded plugin, and the nine roles made from its engine."""

from __future__ import annotations

from typing import Any

from smok_core.engine.base import Engine
from smok_core.errors import BackendRoleUnsupported, DriverMissing, SmokError
from smok_core.hookspecs import BackendInfo, Driver, SmokHooks, StoreContext, hookimpl
from smok_core.registry.plugin import Plugin
from smok_core.roles import ROLES, Database
from smok_core.roles.archives import ArchivesDatabase
from smok_core.roles.baobs import BAOBDatabase
from smok_core.roles.events import EventDatabase
from smok_core.roles.macros import MacroDatabase
from smok_core.roles.metadata import MetadataDatabase
from smok_core.roles.pathpoints import PathpointDatabase
from smok_core.roles.predicates import PredicateDatabase
from smok_core.roles.sensor_writes import SensorWriteDatabase
from smok_core.roles.sensors import SensorDatabase

__all__ = ["Backend", "EngineBackend"]


class EngineBackend:
    """Answers the nine hooks from an engine, for backends that supply one."""

    @hookimpl
    def smok_open_predicates(self, context: StoreContext, engine: Engine) -> PredicateDatabase:
        return PredicateDatabase(context, engine)

    @hookimpl
    def smok_open_sensor_writes(self, context: StoreContext, engine: Engine) -> SensorWriteDatabase:
        return SensorWriteDatabase(context, engine)

    @hookimpl
    def smok_open_archives(self, context: StoreContext, engine: Engine) -> ArchivesDatabase:
        return ArchivesDatabase(context, engine)

    @hookimpl
    def smok_open_baobs(self, context: StoreContext, engine: Engine) -> BAOBDatabase:
        return BAOBDatabase(context, engine)

    @hookimpl
    def smok_open_sensors(self, context: StoreContext, engine: Engine) -> SensorDatabase:
        return SensorDatabase(context, engine)

    @hookimpl
    def smok_open_pathpoints(self, context: StoreContext, engine: Engine) -> PathpointDatabase:
        return PathpointDatabase(context, engine)

    @hookimpl
    def smok_open_events(self, context: StoreContext, engine: Engine) -> EventDatabase:
        return EventDatabase(context, engine)

    @hookimpl
    def smok_open_macros(self, context: StoreContext, engine: Engine) -> MacroDatabase:
        return MacroDatabase(context, engine)

    @hookimpl
    def smok_open_metadata(self, context: StoreContext, engine: Engine) -> MetadataDatabase:
        return MetadataDatabase(context, engine)


class Backend:
    """A loaded backend.

    Args:
        name: The backend's name in the config.
        package: The distribution it came from, with its version; for messages.
        implementation: The module or object that implements the hooks.

    Raises:
        PluginContract: A hook is misspelt, takes arguments nobody gives, or gives a wrong type.
        PluginBroken: A hook raised.
    """

    def __init__(self, name: str, package: str, implementation: Any) -> None:
        self.name, self.package = name, package
        self._own = _BackendPlugin("backend", name, package, implementation, SmokHooks)
        self._own.demand("smok_backend")
        self.info: BackendInfo = self._own.call("smok_backend", BackendInfo)
        self._own.drivers = self.info.drivers
        self._made = Plugin("backend", name, package, EngineBackend(), SmokHooks)

    @property
    def has_engine(self) -> bool:
        """Tell whether it supplies the primitives, and so all roles."""
        return self._own.implements("smok_open_engine")

    @property
    def roles(self) -> tuple[str, ...]:
        """Name the roles it keeps."""
        return tuple(role for role in ROLES if self.has_engine or self._keeps_natively(role))

    def open_engine(self, context: StoreContext) -> Engine | None:
        """Open the store's engine; None if all roles of this backend are native."""
        if not self.has_engine:
            return None
        engine: Engine = self._own.call("smok_open_engine", Engine, context=context)
        return engine

    def open_role(self, role: str, context: StoreContext, engine: Engine | None) -> Database:
        """Open one role: natively if the plugin does that, from the engine otherwise."""
        if role not in self.roles:
            raise BackendRoleUnsupported(self.name, role, self.roles)
        implementer = self._own if self._keeps_natively(role) else self._made
        database: Database = implementer.call(
            f"smok_open_{role}", ROLES[role], context=context, engine=engine
        )
        return database

    def _keeps_natively(self, role: str) -> bool:
        return self._own.implements(f"smok_open_{role}")


class _BackendPlugin(Plugin):
    drivers: tuple[Driver, ...] = ()

    def missing(self, error: ModuleNotFoundError) -> SmokError:
        for driver in self.drivers:
            if error.name and error.name.partition(".")[0] == driver.module:
                return DriverMissing(self.name, self.package, driver.module, driver.requirement)
        return super().missing(error)
