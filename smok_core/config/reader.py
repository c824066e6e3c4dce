"""Check a raw configuration completely, and load the backends it names."""

import logging
import os
from collections.abc import Iterable
from typing import Any, Final

from smok_core.config.document import Document, exposed
from smok_core.config.fields import Fields
from smok_core.config.lines import Key
from smok_core.config.model import Config, StoreConfig
from smok_core.config.roles import RolesReader, store_in
from smok_core.errors import CapabilityUnmet, ConfigError, ConfigProblem, PluginError
from smok_core.registry.builtin import BUILT_IN
from smok_core.registry.loader import KNOWN_TABLES, Registry
from smok_core.registry.plugin import Backend, ConfigTable
from smok_core.settings import StoreSettings

_OWN_TABLES: Final = ("device", "stores", "roles")

logger = logging.getLogger(__name__)


def load_config(
    source: str | os.PathLike[str] | dict[str, Any] | None = None,
    *,
    environ: dict[str, str] | None = None,
    registry: Registry | None = None,
    stores: Iterable[str] = (),
) -> Config:
    """Read a configuration, and load the backends it names.

    Args:
        source: A file; a dict of the same shape; None is the file that ``SMOK_CONFIG`` names, or
            ``smok.toml`` in the working directory.
        environ: Where overrides and secrets come from; default: ``os.environ``.
        registry: The backends that exist; default: the installed ones.
        stores: Stores to load beside those that keep a role, as a copy between stores needs.

    Raises:
        ConfigError: With everything that is wrong.
        PluginError: A configured backend cannot be had (and nothing else is wrong).
    """
    environment = dict(os.environ) if environ is None else environ
    document = Document.read(source, environment)
    return Reader(document, environment, registry or Registry()).config(stores)


class Reader:
    """Checks a document."""

    def __init__(self, document: Document, environ: dict[str, str], registry: Registry) -> None:
        self._document, self._registry = document, registry
        self._fields = Fields(document, environ)
        self._problem = self._fields.problem
        self._plugin_errors: list[PluginError] = []

    def config(self, also: Iterable[str] = ()) -> Config:
        """Return the configuration, or raise all that is wrong; load the stores ``also`` too."""
        if self._document.path is not None:
            found = exposed(self._document.path, 0o022, "can be written by others", "chmod go-w")
            self._fields.warnings.append(found)
        stores, owners = self._stores(also), self._owners()
        config = Config(
            path=self._document.path,
            base_dir=self._document.base_dir,
            device=self._device(),
            stores=stores,
            roles=RolesReader(stores, self._fields).read(),
            tables={name: self._settings(owner) for name, owner in owners.items()},
            owners=owners,
        )
        self._raise_problems()
        self._check_requirements(config)
        config.warnings = tuple(filter(None, self._fields.warnings))
        for warning in config.warnings:
            logger.warning("%s", warning)
        return config

    def _raise_problems(self) -> None:
        if self._fields.problems:
            found = [ConfigProblem(f"[{e.code}]", str(e)) for e in self._plugin_errors]
            path = self._document.path or "the given dict"
            by_line = sorted(self._fields.problems, key=lambda each: (len(each.where), each.where))
            raise ConfigError(path, [*by_line, *found])
        if self._plugin_errors:
            raise self._plugin_errors[0]

    def _check_requirements(self, config: Config) -> None:
        for role in config.roles.values():
            store = config.stores[role.store]
            missing = role.require - store.capabilities
            if missing:
                raise CapabilityUnmet(role.role, store.name, sorted(missing), role.where)

    def _stores(self, also: Iterable[str]) -> dict[str, StoreConfig]:
        used = [*map(store_in, self._fields.table("roles").values()), *also]
        tables = self._fields.table("stores")
        stores = {name: self._store(name, table, name in used) for name, table in tables.items()}
        for name, plugin in BUILT_IN.items():
            if name in stores:
                self._problem(("stores", name), f"{name!r} is a built-in store. Rename this one.")
            loaded = Backend(name, "smok-core", plugin)
            stores[name] = StoreConfig(name=name, backend=name, where="built in", loaded=loaded)
            stores[name].options = loaded.info.options()
        return stores

    def _store(self, name: str, table: Any, used: bool) -> StoreConfig:
        key = ("stores", name)
        where = self._document.where(key)
        if not isinstance(table, dict) or not isinstance(table.get("backend"), str):
            self._problem(key, f'store {name!r} names no backend. Add: backend = "pickle"')
            return StoreConfig(name=name, backend="", where=where)
        own = {k: v for k, v in table.items() if k in StoreSettings.__struct_fields__}
        rest = {k: v for k, v in table.items() if k not in own and k != "backend"}
        settings = self._fields.convert(own, StoreSettings, key)
        store = StoreConfig(name=name, backend=table["backend"], where=where)
        store.settings = settings or StoreSettings()
        # A store that no role uses is not loaded: a broken plugin behind it has no effect.
        return self._load(store, rest, key) if used else store

    def _load(self, store: StoreConfig, options: dict[str, Any], key: Key) -> StoreConfig:
        try:
            where = self._document.where((*key, "backend"))
            store.loaded = self._registry.load(store.backend, where)
        except PluginError as error:
            self._plugin_errors.append(error)
            return store
        info, others = store.loaded.info, StoreSettings.__struct_fields__
        store.options = self._fields.convert(options, info.options, key, others)
        given = "durability" in self._document.tree["stores"][store.name]
        if given and store.settings.durability not in info.durabilities:
            names = ", ".join(sorted(info.durabilities)) or "none"
            wrong = f"{store.backend} offers: {names}. Choose one of these or another backend."
            self._problem((*key, "durability"), wrong)
        return store

    def _owners(self) -> dict[str, ConfigTable]:
        """Return the owner of every table that is neither the core's nor unknown."""
        names = [name for name in self._document.tree if name not in _OWN_TABLES]
        return {name: owner for name in names if (owner := self._owner(name)) is not None}

    def _owner(self, name: str) -> ConfigTable | None:
        try:
            owner = self._registry.table(name)
        except PluginError as error:
            self._plugin_errors.append(error)
            return None
        if owner is None and name in KNOWN_TABLES:
            wrong = f"the table [{name}] belongs to a package that is not installed."
            self._problem((name,), f'{wrong} Install it: pip install "{KNOWN_TABLES[name]}"')
        elif owner is None:
            known = {*_OWN_TABLES, *self._registry.tables, *KNOWN_TABLES}
            self._fields.check_names({name: None}, tuple(known), ())
        return owner

    def _settings(self, owner: ConfigTable) -> Any:
        table = self._fields.table(owner.name)
        return self._fields.convert(table, owner.info.settings, (owner.name,))

    def _device(self) -> str | None:
        given = self._document.tree.get("device")
        device: str | None = self._fields.setting(given, str | None, ("device",))
        if device == "":
            self._problem(("device",), 'device is empty. Write: device = "pump-17"')
        return device
