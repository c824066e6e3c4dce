"""The checked configuration: which store keeps which role, and where each value was set."""

from pathlib import Path
from typing import Any

import msgspec

from smok_core.hookspecs import Capability, effective_capabilities
from smok_core.registry.backend import Backend
from smok_core.registry.plugin import ConfigTable
from smok_core.settings import StoreSettings


class StoreConfig(msgspec.Struct, kw_only=True):
    """A store: a named, configured backend."""

    name: str
    backend: str
    where: str
    options: Any = None  #: an instance of the backend's options, once it is loaded
    settings: StoreSettings = StoreSettings()
    loaded: Backend | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the store offers as it is configured."""
        if self.loaded is None:
            return frozenset()
        return effective_capabilities(self.loaded.info.capabilities, self.settings.durability)


class RoleConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which store keeps a role, and everything that had a say in it, the winner last."""

    role: str
    store: str
    require: frozenset[Capability] = frozenset()
    where: str
    chain: tuple[str, ...] = ()


class Config(msgspec.Struct, kw_only=True):
    """A checked configuration; the backends it names are loaded."""

    path: Path | None
    base_dir: Path
    device: str | None
    stores: dict[str, StoreConfig]
    roles: dict[str, RoleConfig]
    #: Settings of the tables that belong to plugins: ``config.tables["cloud"]``.
    tables: dict[str, Any] = {}
    owners: dict[str, ConfigTable] = {}  #: the plugins that the tables belong to
    warnings: tuple[str, ...] = ()  #: what is no error, and still should be mended

    def resolve(self, path: str) -> Path:
        """Make a path of the configuration absolute: it is relative to the file's directory."""
        return self.base_dir / path
