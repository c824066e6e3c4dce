"""Backends as the core sees them: one loaded plugin, and the nine roles made from its engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pluggy

from smok_core.engine.base import Engine
from smok_core.errors import (
    BackendRoleUnsupported,
    DriverMissing,
    PluginBroken,
    PluginContract,
    SmokError,
)
from smok_core.hookspecs import BackendInfo, SmokHooks, StoreContext, hookimpl
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

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backend", "EngineBackend"]

_HOOKS: Final = tuple(name for name in vars(SmokHooks) if name.startswith("smok_"))


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
    """A loaded plugin, with a plugin manager of its own: no other plugin can answer its hooks.

    Args:
        name: The backend's name in the config.
        package: The distribution it came from, with its version; for messages.
        plugin: The module or object that implements the hooks.

    Raises:
        PluginContract: A hook is misspelt, takes arguments nobody gives, or gives a wrong type.
        PluginBroken: A hook raised.
    """

    def __init__(self, name: str, package: str, plugin: Any) -> None:
        self.name, self.package, self._plugin = name, package, plugin
        self._manager = pluggy.PluginManager("smok_core")
        self._manager.add_hookspecs(SmokHooks)
        self._engine_backend = EngineBackend()
        self._register(plugin)
        self.info: BackendInfo = self._call("smok_backend", BackendInfo)
        if self._implements("smok_open_engine"):
            self._manager.register(self._engine_backend, "engine")

    @property
    def has_engine(self) -> bool:
        """Tell whether it supplies the primitives, and so all roles."""
        return self._manager.has_plugin("engine")

    @property
    def roles(self) -> tuple[str, ...]:
        """Name the roles it keeps."""
        return tuple(role for role in ROLES if self.has_engine or self._keeps_natively(role))

    def open_engine(self, context: StoreContext) -> Engine | None:
        """Open the store's engine; None if all roles of this backend are native."""
        if not self.has_engine:
            return None
        engine: Engine = self._call("smok_open_engine", Engine, context=context)
        return engine

    def open_role(self, role: str, context: StoreContext, engine: Engine | None) -> Database:
        """Open one role: natively if the plugin does that, from the engine otherwise."""
        if role not in self.roles:
            raise BackendRoleUnsupported(self.name, role, self.roles)
        database: Database = self._call(
            f"smok_open_{role}", ROLES[role], context=context, engine=engine
        )
        return database

    def _keeps_natively(self, role: str) -> bool:
        return self._implements(f"smok_open_{role}")

    def _implements(self, hook: str) -> bool:
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        return any(impl.plugin is self._plugin for impl in implementations)

    def _register(self, plugin: Any) -> None:
        try:
            self._manager.register(plugin, self.name)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise PluginContract(self.name, self.package, _explain(error)) from error
        if not self._implements("smok_backend"):
            raise PluginContract(self.name, self.package, "it has no hook smok_backend")

    def _call(self, hook: str, kind: type[Any], **arguments: Any) -> Any:
        """Call one hook of this plugin, or of the engine if the plugin has none; check its type."""
        other = self._engine_backend if self._implements(hook) else self._plugin
        caller = self._manager.subset_hook_caller(hook, [other])
        results = self._guarded(hook, caller, **arguments)
        if len(results) == 1 and isinstance(results[0], kind):
            return results[0]
        got = type(results[0]).__qualname__ if results else "nothing"
        detail = f"{hook} gave {got}, not a {kind.__qualname__}"
        raise PluginContract(self.name, self.package, detail)

    def _guarded(self, hook: str, caller: Callable[..., Any], **arguments: Any) -> list[Any]:
        try:
            results: list[Any] = caller(**arguments)
        except SmokError:
            raise
        except ModuleNotFoundError as error:
            raise self._missing(error) from error
        except Exception as error:
            detail = f"its hook {hook} raised {type(error).__name__}"
            raise PluginBroken(self.name, self.package, detail) from error
        return results

    def _missing(self, error: ModuleNotFoundError) -> SmokError:
        for driver in self.info.drivers:
            if error.name and error.name.partition(".")[0] == driver.module:
                return DriverMissing(self.name, self.package, driver.module, driver.requirement)
        return PluginBroken(self.name, self.package, f"it imports {error.name!r}, which is missing")


def _explain(error: pluggy.PluginValidationError) -> str:
    """Add the nearest hook's name to pluggy's message about an unknown one."""
    import difflib  # noqa: PLC0415 - needed only to explain a mistake

    text = str(error).replace("\n", " ")
    words = [word.strip("'\",.()") for word in text.split()]
    for word in words:
        near = difflib.get_close_matches(word, _HOOKS, n=1)
        if word.startswith("smok_") and word not in _HOOKS and near:
            return f"unknown hook {word}, did you mean {near[0]}?"
    return text
