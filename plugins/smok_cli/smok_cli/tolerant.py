"""Read a configuration to look at all of its stores: a backend that fails spoils only its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from smok_core.config import Config, StoreConfig
from smok_core.config.document import Document
from smok_core.config.reader import Reader
from smok_core.errors import CapabilityUnmet, PluginError
from smok_core.registry import Registry

if TYPE_CHECKING:
    from smok_core.config.lines import Key


def read_tolerantly(source: str | None) -> tuple[Config, dict[str, PluginError]]:
    """Return the configuration, and for each store what is wrong with its backend.

    A store in the dict has no backend, or one that does not offer what a role requires.

    Raises:
        ConfigError: Something else is wrong with it.
    """
    environ = dict(os.environ)
    reader = _TolerantReader(Document.read(source, environ), environ, Registry())
    return reader.config(), reader.failed


class _TolerantReader(Reader):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.failed: dict[str, PluginError] = {}

    def _load(self, store: StoreConfig, options: dict[str, Any], key: Key) -> StoreConfig:
        loaded = super()._load(store, options, key)
        if self._plugin_errors:
            self.failed[store.name] = self._plugin_errors.pop()
        return loaded

    def _check_requirements(self, config: Config) -> None:
        for name, role in config.roles.items():
            try:
                if role.store not in self.failed:
                    super()._check_requirements(msgspec.structs.replace(config, roles={name: role}))
            except CapabilityUnmet as error:
                self.failed[role.store] = error
