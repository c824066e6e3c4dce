"""Tables of the config that belong to a plugin, as the core sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from smok_core.hookspecs import TableHooks, TableInfo
from smok_core.registry.plugin import Plugin

__all__ = ["ConfigTable"]


class ConfigTable:
    """A loaded owner of a table.

    Args:
        name: The table's name in the config.
        package: The distribution it came from, with its version; for messages.
        implementation: The module or object that implements the hooks.

    Raises:
        PluginContract: A hook is misspelt, takes arguments nobody gives, or gives a wrong type.
        PluginBroken: A hook raised.
    """

    def __init__(self, name: str, package: str, implementation: Any) -> None:
        self.name, self.package = name, package
        self._plugin = Plugin("table", name, package, implementation, TableHooks)
        self._plugin.demand("smok_table")
        self.info: TableInfo = self._plugin.call("smok_table", TableInfo)

    def device(self, settings: Any, base_dir: Path) -> str | None:
        """Give the device's id, if the table tells it."""
        hook = "smok_table_device"
        if not self._plugin.implements(hook):
            return None
        found: str | None = self._plugin.ask(hook, str, settings=settings, base_dir=base_dir)
        return found

    def jobs(self, databases: Any) -> list[dict[str, Any]]:
        """Give a row for each job that works on these databases; [] if the table has none."""
        hook = "smok_table_jobs"
        if not self._plugin.implements(hook):
            return []
        rows: list[dict[str, Any]] = self._plugin.call(hook, list, databases=databases)
        return rows
