"""Open everything a configuration names: the nine roles' databases behind one context manager."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Self

from smok_core import roles
from smok_core.config import Config, load_config
from smok_core.engine.base import Engine, Health
from smok_core.errors import ConfigError, ConfigProblem, SmokError
from smok_core.registry import Registry
from smok_core.registry.builtin import BUILT_IN
from smok_core.roles import ROLES, Database
from smok_core.settings import StoreContext
from smok_core.stores import Store

logger = logging.getLogger(__name__)


class Databases:
    """The nine opened roles; use it as a context manager, or call `close`.

    Every attribute may be used from any thread. Roles on one store share its connection.
    """

    predicates: roles.BasePredicateDatabase
    sensor_writes: roles.BaseSensorWriteDatabase
    archives: roles.BaseArchivesDatabase
    baobs: roles.BaseBAOBDatabase
    sensors: roles.BaseSensorDatabase
    pathpoints: roles.BasePathpointDatabase
    events: roles.BaseEventDatabase
    macros: roles.BaseMacroDatabase
    metadata: roles.BaseMetadataDatabase

    def __init__(
        self, config: Config, roles: dict[str, Database], stores: dict[str, Store]
    ) -> None:
        self.config, self.stores, self._roles = config, stores, roles
        for role, database in roles.items():
            setattr(self, role, database)

    @property
    def engines(self) -> dict[str, Engine]:
        """Return the engines of the stores that are open now, by the stores' names."""
        return {name: store.engine for name, store in self.stores.items() if store.engine}

    def __iter__(self) -> Iterator[tuple[str, Database]]:
        """Stream ``(role, database)`` for all nine roles."""
        return iter(self._roles.items())

    def __getitem__(self, role: str) -> Database:
        return self._roles[role]

    def health(self) -> dict[str, Health]:
        """Look at every store that has an engine; one that is away is not ``available``."""
        looks = {name: store.health() for name, store in self.stores.items()}
        return {name: health for name, health in looks.items() if health is not None}

    def flush(self) -> None:
        """Return when everything written survives what each store's durability promises."""
        for _, database in self:
            database.flush()

    def checkpoint(self) -> None:
        """Let every role do its housekeeping; call it about once a minute."""
        for _, database in self:
            database.checkpoint()

    def close(self) -> None:
        """Flush and close everything, even if part of it fails; twice is harmless.

        Raises SmokError: The first failure, after all else was closed.
        """
        with ExitStack() as stack:
            for store in self.stores.values():
                stack.callback(store.close)
            for _, database in self:
                stack.callback(database.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_databases(
    source: str | os.PathLike[str] | dict[str, Any] | Config | None = None,
    *,
    clock: Callable[[], float] = time.time,
    registry: Registry | None = None,
    require_all: bool = False,
    looking: bool = False,
) -> Databases:
    """Open the nine roles as a configuration says.

    A store that cannot be opened stops only its own roles: each of their methods raises the
    `StoreError` that opening raised (`BackendUnavailable` if the server is away), and tries to
    open the store again, at most about once a second. All other roles work.

    Args:
        source: What `smok_core.config.load_config` takes, or what it gave.
        clock: Seconds since the epoch; for tests.
        registry: The backends that exist; default: the installed ones.
        require_all: Whether every store must be there now.
        looking: Only look: no store is made, healed, migrated or moved.

    Raises:
        ConfigError, PluginError: The configuration cannot be used.
        StoreError: With ``require_all``, a store cannot be opened; the others are closed again.
    """
    config = source if isinstance(source, Config) else load_config(source, registry=registry)
    device = find_device(config)
    kept_in = {role: config.roles[role].store for role in ROLES}
    used = dict.fromkeys(kept_in.values())
    stores = {name: _store(config, name, device, clock, looking) for name in used}
    try:
        opened = {r: stores[s].open_role(r, required=require_all) for r, s in kept_in.items()}
    except BaseException:
        _close_quietly(stores)
        raise
    return Databases(config, opened, stores)


def open_store(
    config: Config, name: str, *, clock: Callable[[], float] = time.time, looking: bool = False
) -> Engine | None:
    """Open one store of a configuration alone; None if it has no engine."""
    return _store(config, name, find_device(config), clock, looking).open_engine()


def find_device(config: Config) -> str:
    """Return the device's id: the configured one, or the one that a table of the config tells.

    Raises ConfigError: Neither is there, and a role is kept in a store that needs it.
    """
    if config.device:
        return config.device
    for name, owner in config.owners.items():
        told = owner.device(config.tables[name], config.base_dir)
        if told is not None:
            return told
    if all(config.roles[role].store in BUILT_IN for role in ROLES):
        return "in-memory"
    where = str(config.path or "the given dict")
    remedy = 'Add: device = "pump-17" (or the device certificate under [cloud])'
    raise ConfigError(where, [ConfigProblem(where, f"the device has no id. {remedy}")])


def _store(
    config: Config, name: str, device: str, clock: Callable[[], float], looking: bool
) -> Store:
    store = config.stores[name]
    assert store.loaded is not None  # the stores that are used were loaded with the configuration
    context = StoreContext(
        store=name,
        device=device,
        options=store.options,
        settings=store.settings,
        base_dir=config.base_dir,
        roles=frozenset(role for role in ROLES if config.roles[role].store == name),
        clock=clock,
        looking=looking,
    )
    return Store(store.loaded, context)


def _close_quietly(stores: dict[str, Store]) -> None:
    for name, store in stores.items():
        try:
            store.close()
        except SmokError:
            logger.exception("store %s could not be closed", name)
