"""What the author of a backend tells the kit: how to get a store, and what else can be done."""

# At run time, too: whoever resolves the annotations, such as ``help``, finds the names here.
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from smok_testing.proxy import Mode


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A backend under test. Only ``backend`` and ``options`` are needed.

    A *place* is an empty directory that is the kit's alone; its ``name`` is unique, so it can
    serve as a key prefix or a database name. Two stores at one place are the same store.

    Example:
        >>> Subject(backend="memory").options
        {}
    """

    backend: str  #: the name used in a config
    #: The options of a store at a place, as in ``[stores.NAME]``: a mapping whose texts may
    #: hold ``{place}`` and ``{name}``, or a function of the place. Plain data, as from TOML.
    options: Mapping[str, Any] | Callable[[Path], Mapping[str, Any]] = {}
    #: Extra settings of the store, such as ``{"durability": "power-loss"}``.
    settings: Mapping[str, Any] = {}
    #: A plugin that has no entry point: ``module``, ``module:attribute``, or the object itself.
    plugin: Any = None
    #: Throw away what is stored at a place; a directory is removed without it.
    discard: Callable[[Path], None] | None = None
    #: Clauses that are newer than this only warn.
    clauses_version: str | None = None
    #: Clauses this backend is known to break, by their `Clause.ref`, and why.
    exclusions: Mapping[str, str] = {}

    # --- abilities: each makes some more clauses checkable -----------------------------------

    #: Within the context, the server does what it is told and its answer gets lost once.
    drop_reply: Callable[[Path], AbstractContextManager[Any]] | None = None
    #: Within the context, the store's server cannot be reached.
    unreachable: Callable[[Path], AbstractContextManager[Any]] | None = None
    #: Within the context, the network before the store's server does what the mode says:
    #: ``lambda place, mode: proxy.doing(mode)`` with a `smok_testing.proxy.Proxy`.
    fault: Callable[[Path, Mode], AbstractContextManager[Any]] | None = None
    #: Within the context, the store has no room for anything new.
    full: Callable[[Path], AbstractContextManager[Any]] | None = None
    #: A text that no message may show; given together with ``unreachable``.
    secret: str | None = None
    #: Make the store look as a power cut may leave it; called while nobody has it open.
    power_cut: Callable[[Path], None] | None = None
    #: Let the store tidy up as it may at any time, also while it is open: VACUUM and ANALYZE, a
    #: compaction, a rewritten log. Clauses on order call it between their steps.
    disturb: Callable[[Path], None] | None = None
    #: Write something undecodable over what is stored at a place; nobody has it open.
    damage: Callable[[Path], None] | None = None
    #: Mark the store as written by a newer release; nobody has it open.
    make_newer: Callable[[Path], None] | None = None

    def options_at(self, place: Path) -> dict[str, Any]:
        """Return the options of the store at a place."""
        if callable(self.options):
            return dict(self.options(place))
        return {name: _fill(value, place) for name, value in self.options.items()}

    def has(self, ability: str) -> bool:
        """Tell whether the author has given this ability."""
        return getattr(self, ability) not in (None, False)

    @property
    def processes(self) -> bool:
        """Tell whether other processes can find the backend: by entry point, or by name."""
        return self.plugin is None or isinstance(self.plugin, str)


def _fill(value: Any, place: Path) -> Any:
    if not isinstance(value, str):
        return value
    return value.replace("{place}", str(place)).replace("{name}", place.name)
