"""Load the plugins that a config names, and only those; tell every way this can fail apart."""

import importlib
from collections.abc import Sequence
from typing import Any, Final

from smok_core import errors
from smok_core.hookspecs import API_MAJOR
from smok_core.registry.builtin import BUILT_IN
from smok_core.registry.discovery import TABLES, Candidate, discover
from smok_core.registry.plugin import Backend, ConfigTable

#: Backends of this project, so that a missing one can be named with its package. Never guessed.
KNOWN: Final = {"pickle": "smok-pickle", "redis": "smok-redis", "mongo": "smok-mongo"}
#: Tables of this project, with what to install for one.
KNOWN_TABLES: Final = {"cloud": "smok-core[cloud]"}
_API: Final = str(API_MAJOR)
_Given = Sequence[Candidate] | None

_registered: dict[str, Any] = {}


def register(plugin: Any, name: str) -> None:
    """Offer a backend without an installed entry point: for frozen applications and tests.

    ``plugin`` is a module or object that implements the hooks of `smok_core.hookspecs.SmokHooks`;
    it takes precedence over installed backends of the same name.
    """
    _registered[name] = plugin


def unregister(name: str) -> None:
    """Take back what `register` offered; unknown names are ignored."""
    _registered.pop(name, None)


class Registry:
    """The backends one can name, and those that were loaded so far.

    Args:
        candidates: The backends that are installed; default: what `discover` finds.
        tables: The owners of config tables that are installed; default: likewise.
    """

    def __init__(self, candidates: _Given = None, tables: _Given = None) -> None:
        self._candidates, self._tables = candidates, tables
        self._loaded, self._owners = dict[str, Backend](), dict[str, ConfigTable]()

    @property
    def candidates(self) -> Sequence[Candidate]:
        """What is installed."""
        return discover() if self._candidates is None else self._candidates

    def names(self) -> list[str]:
        """Name everything that could be loaded, without importing it."""
        usable = {candidate.name for candidate in self.candidates if candidate.api == _API}
        return sorted({*BUILT_IN, *_registered, *usable})

    def load(self, name: str, where: str) -> Backend:
        """Return the backend, imported and checked on first use.

        Args:
            name: ``redis``, or ``smok-redis:redis`` to choose among distributions.
            where: What asked for it, for messages: ``smok.toml:4``.

        Raises:
            PluginError: One class for each way this can fail; see `smok_core.errors`.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name, where)
        return self._loaded[name]

    @property
    def tables(self) -> list[str]:
        """Name the config tables that have an owner, without importing it."""
        return sorted({candidate.name for candidate in self._table_candidates()})

    def table(self, name: str) -> ConfigTable | None:
        """Return the owner of a config table, imported on first use; None if nobody owns it.

        Raises PluginError: It is there and cannot be had.
        """
        candidate = choose(name, self._table_candidates(), "table")
        if candidate and name not in self._owners:
            plugin = import_plugin(candidate, "table")
            self._owners[name] = ConfigTable(name, candidate.package, plugin)
        return self._owners.get(name)

    def _table_candidates(self) -> Sequence[Candidate]:
        return discover(kind=TABLES) if self._tables is None else self._tables

    def _load(self, name: str, where: str) -> Backend:
        if name in _registered:
            return Backend(name, "registered", _registered[name])
        candidate = choose(name, self.candidates)
        if candidate and name in BUILT_IN:  # what should be kept must not end in memory
            raise errors.DuplicateBackend(name, [candidate.package, "smok-core"])
        if candidate:
            return Backend(name, candidate.package, import_plugin(candidate))
        if name in BUILT_IN:
            return Backend(name, "smok-core", BUILT_IN[name])
        if name in KNOWN:
            raise errors.BackendNotInstalled(name, KNOWN[name], where, self.names())
        near = errors.nearest(name, {*self.names(), *KNOWN})
        raise errors.UnknownBackend(name, where, near, self.names())


def choose(name: str, candidates: Sequence[Candidate], kind: str = "backend") -> Candidate | None:
    """Return the one candidate that a name as `Registry.load` takes means; None if there is none.

    Raises:
        DuplicateBackend: More than one distribution offers it.
        ApiMismatch: It is there for other versions of the plugin API only.
    """
    distribution, _, short = name.rpartition(":")
    named = [c for c in candidates if c.name == short and distribution in ("", c.distribution)]
    usable = [candidate for candidate in named if candidate.api == _API]
    if len(usable) > 1:
        raise errors.DuplicateBackend(name, [candidate.package for candidate in usable], kind)
    if named and not usable:
        raise errors.ApiMismatch(name, named[0].package, named[0].api, _API, kind)
    return usable[0] if usable else None


def import_plugin(candidate: Candidate, kind: str = "backend") -> Any:
    """Import what an entry point names.

    Raises PluginBroken: That failed, with the reason and the plugin's line.
    """
    module, _, attribute = candidate.value.partition(":")
    try:
        plugin: Any = importlib.import_module(module)
        for part in filter(None, attribute.split(".")):
            plugin = getattr(plugin, part)
    except Exception as error:
        detail = _locate(error)
        raise errors.PluginBroken(candidate.name, candidate.package, detail, kind) from error
    return plugin


def _locate(error: Exception) -> str:
    """Say what went wrong on import and in which line of the plugin."""
    import traceback  # noqa: PLC0415 - needed only to explain a mistake

    text = f"{type(error).__name__}: {error}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename]
    last = frames[-1] if len(frames) > 1 else None
    return f"{text} (in {last.filename.rpartition('/')[2]}, line {last.lineno})" if last else text
