"""From a subject to an open store, along the way a user goes: config, entry point, hook."""

import importlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from smok_core import databases
from smok_core.config import Config, load_config
from smok_core.databases import Databases
from smok_core.engine.base import Engine
from smok_core.registry import Backend, Registry, register, unregister
from smok_testing.subject import Subject

# A library says nothing on stderr unless it is asked to.
logging.getLogger("smok_core").addHandler(logging.NullHandler())

#: Name of the store in the kit's configurations.
STORE: Final = "kit"


def find_backend(subject: Subject) -> Backend:
    """Load the backend as a configuration would.

    Raises:
        PluginError: It is not installed, broken, or claims what is not so.
    """
    with _registered(subject):
        return Registry().load(subject.backend, "the conformance kit")


def config_at(subject: Subject, place: Path, device: str, settings: dict[str, Any]) -> Config:
    """Return the configuration that keeps all roles it can in the store at a place."""
    with _registered(subject):
        registry = Registry()
        roles = registry.load(subject.backend, "the conformance kit").roles
        store = {"backend": subject.backend, **subject.options_at(place)}
        source = {
            "device": device,
            "stores": {STORE: store | dict(subject.settings) | settings},
            "roles": dict.fromkeys(roles, STORE),
        }
        return load_config(source, environ=_environment(), registry=registry)


def open_engine(config: Config, clock: Callable[[], float]) -> Engine:
    """Open the store's engine alone."""
    engine = databases.open_store(config, STORE, clock=clock)
    assert engine is not None
    return engine


def open_roles(config: Config, clock: Callable[[], float]) -> Databases:
    """Open the nine roles."""
    return databases.open_databases(config, clock=clock, require_all=True)


def kept(roles: Databases) -> list[str]:
    """Name the roles that the backend under test keeps; the others are the core's, in memory."""
    return [role for role, chosen in roles.config.roles.items() if chosen.store == STORE]


def _environment() -> dict[str, str]:
    """Leave overrides of somebody's real configuration out; secrets may still be looked up."""
    return {name: text for name, text in os.environ.items() if not name.startswith("SMOK__")}


@contextmanager
def _registered(subject: Subject) -> Iterator[None]:
    if subject.plugin is None:
        yield
        return
    register(_resolve(subject.plugin), subject.backend)
    try:
        yield
    finally:
        unregister(subject.backend)


def _resolve(plugin: Any) -> Any:
    if not isinstance(plugin, str):
        return plugin
    module, _, name = plugin.partition(":")
    found: Any = importlib.import_module(module)
    return getattr(found, name) if name else found
