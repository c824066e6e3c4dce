"""Check a raw configuration completely, and load the backends it names."""

from __future__ import annotations

import logging
import os
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from smok_core.config.document import Document
from smok_core.config.exposure import readable_secret, writable_config
from smok_core.config.lines import Key
from smok_core.config.model import CloudSettings, Config, RoleConfig, StoreConfig
from smok_core.errors import CapabilityUnmet, ConfigError, ConfigProblem, PluginError
from smok_core.hookspecs import Capability
from smok_core.registry.builtin import BUILT_IN
from smok_core.registry.loader import Registry
from smok_core.roles import ROLES
from smok_core.settings import Secret, StoreSettings, decode_setting

__all__ = ["load_config"]

_MAX_SECRET_BYTES: Final = 64 * 1024
_TABLES: Final = ("device", "stores", "roles", "cloud")
_ROLE_KEYS: Final = ("store", "require")
_NOT_GIVEN: Final = "not configured: kept in memory"

logger = logging.getLogger(__name__)


def load_config(
    source: str | os.PathLike[str] | dict[str, Any] | None = None,
    *,
    environ: dict[str, str] | None = None,
    registry: Registry | None = None,
    stores: Iterable[str] = (),
) -> Config:
    """Read and check a configuration, and load the backends it names.

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
    return Reader(document, environment, registry or Registry(), frozenset(stores)).config()


class Reader:
    """Checks a document and collects all that is wrong with it."""

    def __init__(
        self,
        document: Document,
        environ: dict[str, str],
        registry: Registry,
        also: frozenset[str] = frozenset(),
    ) -> None:
        self._document, self._environ, self._registry = document, environ, registry
        self._also = also
        self._base = document.path.parent.absolute() if document.path else Path.cwd()
        self._problems: list[ConfigProblem] = []
        self._warnings: list[str | None] = []
        self._plugin_errors: list[PluginError] = []

    def config(self) -> Config:
        """Give the configuration, or raise all that is wrong."""
        self._check_names(self._document.tree, _TABLES, ())
        if self._document.path is not None:
            self._warnings.append(writable_config(self._document.path))
        stores = self._stores()
        roles = {role: self._role(role, stores) for role in ROLES}
        config = Config(
            path=self._document.path,
            base_dir=self._base,
            device=self._device(),
            stores=stores,
            roles=roles,
            cloud=self._cloud(),
        )
        self._raise_problems()
        self._check_requirements(config)
        config.warnings = tuple(filter(None, self._warnings))
        for warning in config.warnings:
            logger.warning("%s", warning)
        return config

    def _raise_problems(self) -> None:
        if self._problems:
            found = [ConfigProblem(f"[{e.code}]", str(e)) for e in self._plugin_errors]
            path = self._document.path or "the given dict"
            raise ConfigError(path, [*self._problems, *found])
        if self._plugin_errors:
            raise self._plugin_errors[0]

    def _check_requirements(self, config: Config) -> None:
        for role in config.roles.values():
            store = config.stores[role.store]
            missing = role.require - store.capabilities
            if missing:
                raise CapabilityUnmet(role.role, store.name, sorted(missing), role.where)

    # --- stores ----------------------------------------------------------------------------------

    def _stores(self) -> dict[str, StoreConfig]:
        tables = self._table("stores")
        used = self._used_stores() | self._also
        stores = {name: self._store(name, table, name in used) for name, table in tables.items()}
        for name in BUILT_IN:
            if name in stores:
                self._problem(("stores", name), f"{name!r} is a built-in store. Rename this one.")
            stores[name] = self._built_in(name)
        return stores

    def _used_stores(self) -> set[str]:
        values = self._table("roles").values()
        return {value.get("store") if isinstance(value, dict) else value for value in values}  # type: ignore[misc]

    def _built_in(self, name: str) -> StoreConfig:
        backend = self._registry.load(name, "built in")
        options = backend.info.options()
        return StoreConfig(
            name=name, backend=name, where="built in", options=options, loaded=backend
        )

    def _store(self, name: str, table: Any, used: bool) -> StoreConfig:
        key = ("stores", name)
        where = self._document.where(key)
        if not isinstance(table, dict) or not isinstance(table.get("backend"), str):
            self._problem(key, f'store {name!r} names no backend. Add: backend = "pickle"')
            return StoreConfig(name=name, backend="", where=where)
        own = {k: v for k, v in table.items() if k in StoreSettings.__struct_fields__}
        rest = {k: v for k, v in table.items() if k not in own and k != "backend"}
        settings = self._convert(own, StoreSettings, key)
        store = StoreConfig(name=name, backend=table["backend"], where=where)
        store.settings = settings or StoreSettings()
        # A store that no role uses is not loaded: a broken plugin behind it has no effect.
        return self._load(store, rest, key) if used else store

    def _load(self, store: StoreConfig, options: dict[str, Any], key: Key) -> StoreConfig:
        try:
            store.loaded = self._registry.load(
                store.backend, self._document.where((*key, "backend"))
            )
        except PluginError as error:
            self._plugin_errors.append(error)
            return store
        info = store.loaded.info
        store.options = self._convert(options, info.options, key, StoreSettings.__struct_fields__)
        self._check_durability(store, key)
        return store

    def _check_durability(self, store: StoreConfig, key: Key) -> None:
        assert store.loaded is not None
        possible = store.loaded.info.durabilities
        given = "durability" in self._document.tree["stores"][store.name]
        if given and store.settings.durability not in possible:
            names = ", ".join(sorted(possible)) or "none"
            self._problem(
                (*key, "durability"),
                f"{store.backend} offers: {names}. Choose one of these or another backend.",
            )

    # --- roles -----------------------------------------------------------------------------------

    def _role(self, role: str, stores: dict[str, StoreConfig]) -> RoleConfig:
        table = self._table("roles")
        self._check_names(table, ("default", *ROLES), ("roles",))
        name = role if role in table else "default"
        if name not in table:
            return RoleConfig(role=role, store="memory", where=_NOT_GIVEN, chain=(_NOT_GIVEN,))
        return self._given_role(role, ("roles", name), table[name], stores)

    def _given_role(
        self, role: str, key: Key, value: Any, stores: dict[str, StoreConfig]
    ) -> RoleConfig:
        given = {"store": value} if isinstance(value, str) else value
        if not isinstance(given, dict) or not isinstance(given.get("store"), str):
            self._problem(key, f'{key[-1]} names no store. Write: {key[-1]} = "local"')
            return RoleConfig(role=role, store="memory", where=_NOT_GIVEN)
        self._check_names(given, _ROLE_KEYS, key)
        self._check_store(given["store"], key, stores)
        store = given["store"] if given["store"] in stores else "memory"
        self._check_supports(role, stores[store], key)
        return RoleConfig(
            role=role,
            store=store,
            require=self._require(given.get("require", []), key),
            where=self._document.where(key),
            chain=self._chain(key, given["store"]),
        )

    def _chain(self, key: Key, store: str) -> tuple[str, ...]:
        """List what had a say, the winner last: overridden values, then the one that counts."""
        default = self._table("roles").get("default")
        steps = [_NOT_GIVEN]
        if key[-1] != "default" and default is not None:
            name = default if isinstance(default, str) else default.get("store")
            steps.append(f"default = {name!r} at {self._document.where(('roles', 'default'))}")
        steps += self._document.history.get(key, [])
        return (*steps, f"{key[-1]} = {store!r} at {self._document.where(key)}")

    def _check_store(self, name: str, key: Key, stores: dict[str, StoreConfig]) -> None:
        if name not in stores:
            near = _nearest(name, stores)
            self._problem(
                key,
                f"there is no store {name!r}.{near} Configured: {', '.join(stores)}. "
                f"Add [stores.{name}] or name one of these.",
            )

    def _check_supports(self, role: str, store: StoreConfig, key: Key) -> None:
        if store.loaded is not None and role not in store.loaded.roles:
            kept = ", ".join(store.loaded.roles)
            self._problem(
                key,
                f"{role}: the backend {store.backend!r} keeps only: {kept}. "
                f"Give {role} another store.",
            )

    def _require(self, names: Any, key: Key) -> frozenset[Capability]:
        values = {item.value: item for item in Capability}
        if not isinstance(names, list):
            self._problem(key, 'require is a list of capabilities, for example ["persistent"].')
            return frozenset()
        for name in names:
            if name not in values:
                self._problem(
                    key,
                    f"no capability is called {name!r}.{_nearest(str(name), values)} "
                    f"Known: {', '.join(values)}.",
                )
        return frozenset(values[name] for name in names if name in values)

    # --- the rest --------------------------------------------------------------------------------

    def _device(self) -> str | None:
        device = self._document.tree.get("device")
        if device is not None and (not isinstance(device, str) or not device):
            self._problem(("device",), 'device is a text. Write: device = "pump-17"')
            return None
        return device

    def _cloud(self) -> CloudSettings | None:
        table = self._document.tree.get("cloud")
        return (
            None
            if table is None
            else self._convert(self._table("cloud"), CloudSettings, ("cloud",))
        )

    def _table(self, name: str) -> dict[str, Any]:
        table = self._document.tree.get(name, {})
        if isinstance(table, dict):
            return table
        self._document.tree[name] = {}
        self._problem((name,), f"{name} is a table. Write: [{name}]")
        return {}

    def _convert(
        self, values: dict[str, Any], kind: type[Any], key: Key, others: tuple[str, ...] = ()
    ) -> Any:
        """Make a settings Struct; every field is checked for itself, so all errors are found."""
        known = {field.name: field for field in msgspec.structs.fields(kind)}
        self._check_names(values, (*known, *others), key)
        before = len(self._problems)
        fields = {
            name: self._field(known[name].type, value, (*key, name))
            for name, value in values.items()
            if name in known
        }
        for field in known.values():
            if field.required and field.name not in fields:
                self._problem(key, f"{field.name} is missing. Add: {field.name} = ...")
        # Fields that only fit together wrongly are found by the Struct as a whole.
        return self._checked(fields, kind, key) if len(self._problems) == before else None

    def _field(self, kind: Any, value: Any, key: Key) -> Any:
        resolved = self._resolve(value, key)
        if isinstance(resolved, Secret) and Secret not in _parts(kind):
            resolved = resolved.reveal()
        return self._checked(resolved, kind, key)

    def _checked(self, value: Any, kind: Any, key: Key) -> Any:
        try:
            return msgspec.convert(value, kind, dec_hook=decode_setting)
        except (msgspec.ValidationError, ValueError) as error:
            self._problem(key, f"{key[-1]}: {str(error).rstrip('.')}. Correct the value.")
            return None

    def _resolve(self, value: Any, key: Key) -> Any:
        """Replace ``{ env = "NAME" }`` and ``{ file = "PATH" }`` by what they point to."""
        if not isinstance(value, dict) or len(value) != 1:
            return value
        source, name = next(iter(value.items()))
        if source not in ("env", "file") or not isinstance(name, str):
            return value
        found = self._environ.get(name) if source == "env" else self._secret_file(name, key)
        if found is None and source == "env":
            self._problem(key, f"the environment variable {name} is not set. Set it.")
        return Secret(found or "")

    def _secret_file(self, name: str, key: Key) -> str | None:
        path = self._base / name
        self._warnings.append(readable_secret(path))
        try:
            small = path.is_file() and path.stat().st_size <= _MAX_SECRET_BYTES
            text = path.read_text() if small else None
            reason = f"it is no plain file of at most {_MAX_SECRET_BYTES} bytes"
        except (OSError, UnicodeDecodeError) as error:
            text, reason = None, getattr(error, "strerror", None) or "it is not text"
        if text is None:
            self._problem(key, f"the file {path} cannot be read: {reason}. Make it readable.")
        return text and text.removesuffix("\n")

    def _check_names(self, table: dict[str, Any], known: tuple[str, ...], key: Key) -> None:
        for name in table:
            if name not in known:
                place = f" in [{'.'.join(key)}]" if key else ""
                self._problem(
                    (*key, name),
                    f"unknown key {name!r}{place}.{_nearest(name, known)} "
                    f"Known: {', '.join(sorted(known))}.",
                )

    def _problem(self, key: Key, message: str) -> None:
        """Note what is wrong; what several roles find in a shared default is noted once."""
        problem = ConfigProblem(self._document.where(key), message)
        if str(problem) not in map(str, self._problems):
            self._problems.append(problem)


def _nearest(name: str, known: Any) -> str:
    import difflib  # noqa: PLC0415 - needed only to explain a mistake

    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _parts(kind: Any) -> set[Any]:
    """Give a type and all types it is made of: ``Annotated[Secret | None, ...]`` has Secret."""
    return {kind}.union(*(_parts(part) for part in typing.get_args(kind)))
