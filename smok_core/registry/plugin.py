"""Loaded plugins, each alone in a plugin manager of its own: no other can answer its hooks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pluggy

from smok_core import errors
from smok_core.engine.base import Engine
from smok_core.engine.forks import fill_standard_descriptors
from smok_core.hookspecs import BackendInfo, Driver, SmokHooks, StoreContext, TableHooks, TableInfo
from smok_core.roles import ON_ENGINE, ROLES, Database


class Plugin:
    """A module or object that implements hooks of the class ``specifications``.

    For messages it has its ``kind`` (``backend`` or ``table``), the name that the config calls it
    by, and the ``package`` it came from: the distribution with its version.

    Raises:
        PluginContract: A hook is misspelt, takes arguments nobody gives, or gives a wrong type.
        PluginBroken: A hook raised what is no SmokError.
    """

    drivers: tuple[Driver, ...] = ()

    def __init__(
        self, kind: str, name: str, package: str, implementation: Any, specifications: type
    ) -> None:
        self.kind, self.name, self.package = kind, name, package
        self._manager = pluggy.PluginManager("smok_core")
        self._manager.add_hookspecs(specifications)
        self._hooks = [hook for hook in vars(specifications) if hook.startswith("smok_")]
        try:
            self._manager.register(implementation, name)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise self._breach(self._explain(error)) from error

    def implements(self, hook: str) -> bool:
        """Tell whether the plugin has this hook."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def demand(self, hook: str) -> None:
        """Raise PluginContract if the plugin lacks a hook that every plugin of its kind has."""
        if not self.implements(hook):
            raise self._breach(f"it has no hook {hook} marked with @hookimpl")

    def call(self, hook: str, expected: type[Any], **arguments: Any) -> Any:
        """Call one hook and check the type of what it gives; raises as `Plugin` does."""
        answer = self.ask(hook, expected, **arguments)
        if answer is None:
            raise self._breach(f"{hook} gave nothing, not a {expected.__qualname__}")
        return answer

    def ask(self, hook: str, expected: type[Any], **arguments: Any) -> Any:
        """Call one hook as `call` does; it may also give None."""
        results: list[Any] = self.guarded(hook, getattr(self._manager.hook, hook), **arguments)
        answer = results[0] if results else None
        if answer is None or isinstance(answer, expected):
            return answer
        got = type(answer).__qualname__
        raise self._breach(f"{hook} gave {got}, not a {expected.__qualname__}")

    def guarded(self, hook: str, caller: Callable[..., Any], **arguments: Any) -> Any:
        """Call what stands in for a hook; raise PluginBroken for what is no SmokError."""
        try:
            return caller(**arguments)
        except errors.SmokError:
            raise
        except ModuleNotFoundError as error:
            raise self._missing(error) from error
        except Exception as error:
            raise self._broken(f"its hook {hook} raised {type(error).__name__}") from error

    def _missing(self, error: ModuleNotFoundError) -> errors.SmokError:
        for driver in self.drivers:
            if error.name and error.name.partition(".")[0] == driver.module:
                install = driver.requirement
                return errors.DriverMissing(self.name, self.package, driver.module, install)
        return self._broken(f"it imports {error.name!r}, which is missing")

    def _broken(self, detail: str) -> errors.PluginBroken:
        return errors.PluginBroken(self.name, self.package, detail, self.kind)

    def _breach(self, detail: str) -> errors.PluginContract:
        return errors.PluginContract(self.name, self.package, detail, self.kind)

    def _explain(self, error: pluggy.PluginValidationError) -> str:
        """Add the nearest hook's name, or its arguments, to pluggy's message."""
        text = " ".join(str(error).split())
        hook = text.partition("hook '")[2].partition("'")[0]
        if hook not in self._hooks:
            near = errors.nearest(hook, self._hooks).replace(" D", ", d")
            return f"unknown hook {hook}{near[:-1]}"
        takes = ", ".join(vars(self._manager.hook)[hook].spec.argnames)
        return f"{text.partition('definition: ')[2]}; it may take {takes or 'nothing'}"


class Backend(Plugin):
    """A backend: its description, and the nine roles made from its engine; see `Plugin`."""

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
            raise errors.BackendRoleUnsupported(self.name, role, self.roles)
        hook = f"smok_open_{role}"
        call, made = (self.call, ROLES) if self.implements(hook) else (self.guarded, ON_ENGINE)
        database: Database = call(hook, made[role], context=context, engine=engine)
        return database


class ConfigTable(Plugin):
    """The owner of a table of the config; see `Plugin`."""

    def __init__(self, name: str, package: str, implementation: Any) -> None:
        super().__init__("table", name, package, implementation, TableHooks)
        self.demand("smok_table")
        self.info: TableInfo = self.call("smok_table", TableInfo)

    def device(self, settings: Any, base_dir: Path) -> str | None:
        """Return the device's id, if the table tells it."""
        found: str | None = self.ask("smok_table_device", str, settings=settings, base_dir=base_dir)
        return found

    def jobs(self, databases: Any) -> list[dict[str, Any]]:
        """Return a row for each job that works on these databases; [] if the table has none."""
        return self.ask("smok_table_jobs", list, databases=databases) or []

    def check(self, config: Any, *, offline: bool) -> list[dict[str, Any]]:
        """Try what the table says; [] if it has nothing to try."""
        return self.ask("smok_table_check", list, config=config, offline=offline) or []
