"""The plugin interface: the hooks of a backend and of a config table, each written out.

A backend is a module (or object) named by an entry point of the group
``smok_core.backends.v1``. It implements `SmokHooks.smok_backend`, and then either
`SmokHooks.smok_open_engine`, which gives it all nine roles at once, or single
``smok_open_<role>`` hooks for the roles it keeps natively, or both. Hooks are always addressed
to one plugin, never broadcast. A hook may take fewer arguments than its specification names.

A table of the config beside ``stores`` and ``roles`` belongs to the distribution whose entry point
of the group ``smok_core.tables.v1`` has its name; it implements `TableHooks`.
"""

import enum
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import pluggy

from smok_core.engine.base import Durability, Engine
from smok_core.roles import Database
from smok_core.settings import NoOptions, StoreContext as StoreContext

#: Major version of this interface; a plugin for another one is never imported.
API_MAJOR: Final = 1

_spec = pluggy.HookspecMarker("smok_core")
hookimpl = pluggy.HookimplMarker("smok_core")


class Capability(enum.StrEnum):
    """What a backend promises; the conformance kit proves each that is declared."""

    PERSISTENT = "persistent"  #: data is there again after close and open
    SURVIVES_KILL = "survives-kill"  #: what returned is there after kill -9 of the process
    SURVIVES_POWER_LOSS = "survives-power-loss"  #: and, where that is configured, a power cut
    MULTI_PROCESS = "multi-process"  #: two processes may open one store
    NEEDS_NETWORK = "needs-network"  #: useless without a connection to another machine or process
    FULL_DISK_DRAINS = "full-disk-drains"  #: a full store still hands over and acknowledges (G13)


class Driver(msgspec.Struct, frozen=True):
    """A library the plugin imports when a store is opened, and how to install it."""

    module: str
    requirement: str


class BackendInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a backend tells about itself: pure data, made without I/O and without its driver."""

    summary: str
    #: A frozen msgspec.Struct with ``forbid_unknown_fields=True``: the keys of ``[stores.NAME]``.
    options: type[msgspec.Struct] = NoOptions
    capabilities: frozenset[Capability] = frozenset()
    durabilities: frozenset[Durability] = frozenset(Durability)
    drivers: tuple[Driver, ...] = ()


class SmokHooks(Protocol):
    """The specifications. A ``smok_open_<role>`` opens that role.

    It gives an instance of the role's abstract class, `smok_core.ROLES`; ``engine`` is None in a
    backend that has no ``smok_open_engine``.
    """

    @_spec
    def smok_backend(self) -> BackendInfo:
        """Describe the backend; no I/O, no driver import."""

    @_spec
    def smok_open_engine(self, context: StoreContext) -> Engine:
        """Open the store; raise a `StoreError` if that fails, within seconds."""

    @_spec
    def smok_open_predicates(self, context: StoreContext, engine: Engine | None) -> Database: ...

    @_spec
    def smok_open_sensor_writes(self, context: StoreContext, engine: Engine | None) -> Database: ...

    @_spec
    def smok_open_archives(self, context: StoreContext, engine: Engine | None) -> Database: ...

    @_spec
    def smok_open_baobs(self, context: StoreContext, engine: Engine | None) -> Database: ...

    @_spec
    def smok_open_sensors(self, context: StoreContext, engine: Engine | None) -> Database: ...

    @_spec
    def smok_open_pathpoints(self, context: StoreContext, engine: Engine | None) -> Database: ...

    @_spec
    def smok_open_events(self, context: StoreContext, engine: Engine | None) -> Database: ...

    @_spec
    def smok_open_macros(self, context: StoreContext, engine: Engine | None) -> Database: ...

    @_spec
    def smok_open_metadata(self, context: StoreContext, engine: Engine | None) -> Database: ...


class TableInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner of a config table tells about it: pure data, made without I/O."""

    summary: str  #: one line; the heading of the table in what ``smok init`` writes
    #: A frozen msgspec.Struct with ``forbid_unknown_fields=True``: the table's keys.
    settings: type[msgspec.Struct]


class TableHooks(Protocol):
    """The specifications for a table of the config; only `smok_table` is needed."""

    @_spec
    def smok_table(self) -> TableInfo:
        """Describe the table; no I/O."""

    @_spec
    def smok_table_device(self, settings: Any, base_dir: Path) -> str | None:
        """Tell the device's id, where the config has none; None if the table does not say.

        ``settings`` is an instance of the table's Struct; its paths are relative to ``base_dir``.
        """

    @_spec
    def smok_table_jobs(self, databases: Any) -> list[dict[str, Any]]:
        """Tell what was done so far with opened `Databases`; ``smok status`` shows it."""

    @_spec
    def smok_table_check(self, config: Any, offline: bool) -> list[dict[str, Any]]:
        """Try what the table of a `Config` says; ``smok check`` shows it.

        Nothing may be sent if it is ``offline``. Give dicts of ``what``, ``state`` (ok, warning,
        error), ``text``, ``fix`` (or None) and ``status``, the exit status of an error.
        """
