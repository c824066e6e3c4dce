"""Backends as the core sees them: one loaded plugin, and the nine roles made from its engine."""

from typing import Any

from smok_core.engine.base import Engine
from smok_core.engine.forks import fill_standard_descriptors
from smok_core.errors import BackendRoleUnsupported
from smok_core.hookspecs import BackendInfo, SmokHooks, StoreContext
from smok_core.registry.plugin import Plugin
from smok_core.roles import ON_ENGINE, ROLES, Database


class Backend(Plugin):
    """A loaded backend; see `Plugin`.

    Raises:
        PluginContract: A hook is misspelt, takes arguments nobody gives, or gives a wrong type.
        PluginBroken: A hook raised.
    """

    def __init__(self, name: str, package: str, implementation: Any) -> None:
        super().__init__("backend", name, package, implementation, SmokHooks)
        self.demand("smok_backend")
        self.info: BackendInfo = self.call("smok_backend", BackendInfo)
        self.drivers = self.info.drivers
        if not self.roles:
            self.demand("smok_open_engine")

    @property
    def has_engine(self) -> bool:
        """Tell whether it supplies the primitives, and so all roles."""
        return self.implements("smok_open_engine")

    @property
    def roles(self) -> tuple[str, ...]:
        """Name the roles it keeps."""
        opens = self.implements
        return tuple(role for role in ROLES if self.has_engine or opens(f"smok_open_{role}"))

    def open_engine(self, context: StoreContext) -> Engine | None:
        """Open the store's engine; None if all roles of this backend are native."""
        fill_standard_descriptors()
        if not self.has_engine:
            return None
        engine: Engine = self.call("smok_open_engine", Engine, context=context)
        return engine

    def open_role(self, role: str, context: StoreContext, engine: Engine | None) -> Database:
        """Open one role: natively if the plugin does that, from the engine otherwise."""
        if role not in self.roles:
            raise BackendRoleUnsupported(self.name, role, self.roles)
        hook = f"smok_open_{role}"
        call, made = (self.call, ROLES) if self.implements(hook) else (self.guarded, ON_ENGINE)
        database: Database = call(hook, made[role], context=context, engine=engine)
        return database
