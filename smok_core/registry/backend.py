"""Backends as the core sees them: one loaded plugin, and the nine roles made from its engine."""

from __future__ import annotations

from typing import Any

from smok_core.engine.base import Engine
from smok_core.engine.forks import fill_standard_descriptors
from smok_core.errors import BackendRoleUnsupported, DriverMissing, SmokError
from smok_core.hookspecs import BackendInfo, Driver, SmokHooks, StoreContext
from smok_core.registry.plugin import Plugin
from smok_core.roles import ON_ENGINE, ROLES, Database


class Backend:
    """A loaded backend; see `Plugin` for its arguments.

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
        if not self.roles:
            self._own.demand("smok_open_engine")

    @property
    def has_engine(self) -> bool:
        """Tell whether it supplies the primitives, and so all roles."""
        return self._own.implements("smok_open_engine")

    @property
    def roles(self) -> tuple[str, ...]:
        """Name the roles it keeps."""
        opens = self._own.implements
        return tuple(role for role in ROLES if self.has_engine or opens(f"smok_open_{role}"))

    def open_engine(self, context: StoreContext) -> Engine | None:
        """Open the store's engine; None if all roles of this backend are native."""
        fill_standard_descriptors()
        if not self.has_engine:
            return None
        engine: Engine = self._own.call("smok_open_engine", Engine, context=context)
        return engine

    def open_role(self, role: str, context: StoreContext, engine: Engine | None) -> Database:
        """Open one role: natively if the plugin does that, from the engine otherwise."""
        if role not in self.roles:
            raise BackendRoleUnsupported(self.name, role, self.roles)
        hook, own = f"smok_open_{role}", self._own
        native = own.implements(hook)
        call, made = (own.call, ROLES) if native else (own.guarded, ON_ENGINE)
        database: Database = call(hook, made[role], context=context, engine=engine)
        return database


class _BackendPlugin(Plugin):
    drivers: tuple[Driver, ...] = ()

    def missing(self, error: ModuleNotFoundError) -> SmokError:
        for driver in self.drivers:
            if error.name and error.name.partition(".")[0] == driver.module:
                return DriverMissing(self.name, self.package, driver.module, driver.requirement)
        return super().missing(error)
