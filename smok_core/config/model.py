"""The checked configuration: which store keeps which role, and where each value was set."""

from pathlib import Path
from typing import Any, Final

import msgspec

from smok_core.engine.base import Durability
from smok_core.hookspecs import Capability
from smok_core.registry.plugin import Backend, ConfigTable
from smok_core.settings import StoreSettings

#: What no backend gives with this durability.
_LOST: Final = {
    Durability.CRASH: {Capability.SURVIVES_POWER_LOSS},
    Durability.BUFFERED: {Capability.SURVIVES_POWER_LOSS, Capability.SURVIVES_KILL},
}


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
        """What the store offers as it is configured: of what its backend declares."""
        declared = self.loaded.info.capabilities if self.loaded else frozenset[Capability]()
        return declared - _LOST.get(self.settings.durability, set())


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
