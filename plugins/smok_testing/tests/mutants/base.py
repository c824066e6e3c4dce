"""A right backend that outlives its handles, and how a wrong one is made of it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec
from smok_testing import Subject

from smok_core.engine.base import Health, Limits
from smok_core.engine.memory import MemoryBlobs, MemoryEngine, MemorySeries, MemoryTable
from smok_core.hookspecs import BackendInfo, Capability, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.hookspecs import StoreContext


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the store is kept, as a key of `_SHELF`."""

    place: str


_SHELF: dict[Any, dict[str, Any]] = {}
_KINDS = ("_tables", "_series", "_blobs")


class ShelfEngine(MemoryEngine):
    """The memory engine, put on a shelf when it is closed and taken from there when opened."""

    table_kind: type[MemoryTable] = MemoryTable
    series_kind: type[MemorySeries] = MemorySeries
    blobs_kind: type[MemoryBlobs] = MemoryBlobs

    def __init__(self, context: StoreContext) -> None:
        super().__init__(context.store)
        self.context = context
        self.put_down(copy.deepcopy(_SHELF.get(self.address(), {}), self._shared()))

    def _shared(self) -> dict[int, Any]:
        return {}

    def address(self) -> Any:
        return self.context.options.place, self.context.device

    def pick_up(self) -> dict[str, Any]:
        """Give all that is stored."""
        state = {kind: vars(self)[kind] for kind in _KINDS}
        for part in _parts(state):
            part._engine_lock = None
        return state

    def put_down(self, state: dict[str, Any]) -> None:
        """Take over all that was stored."""
        for part in _parts(state):
            part._engine_lock = self._engine_lock
        vars(self).update(state)

    def table(self, name: str) -> MemoryTable:
        with self._engine_lock:
            return self._tables.setdefault(name, self.table_kind(self._engine_lock))

    def series(self, name: str, limits: Limits = Limits()) -> MemorySeries:  # noqa: B008
        with self._engine_lock:
            new = self.series_kind(self._engine_lock, self._store)
            series = self._series.setdefault(name, new)
            series.limits = limits
            return series

    def blobs(self, name: str) -> MemoryBlobs:
        with self._engine_lock:
            return self._blobs.setdefault(name, self.blobs_kind(self._engine_lock))

    def health(self) -> Health:
        return msgspec.structs.replace(
            super().health(), durability=self.context.settings.durability
        )

    def close(self) -> None:
        if self._engine_lock.closed:
            return
        super().close()
        locks = [(part, part._engine_lock) for part in _parts({k: vars(self)[k] for k in _KINDS})]
        _SHELF[self.address()] = copy.deepcopy(self.pick_up())
        for part, lock in locks:
            part._engine_lock = lock


def _parts(state: dict[str, Any]) -> list[Any]:
    return [part for kind in state.values() for part in kind.values()]


class Plugin:
    """A backend whose engine is given; it is registered by the subject."""

    def __init__(self, engine: type[ShelfEngine]) -> None:
        self._engine = engine

    @hookimpl
    def smok_backend(self) -> BackendInfo:
        return BackendInfo(
            summary="a backend of the kit's own tests",
            options=Options,
            capabilities=frozenset({Capability.PERSISTENT}),
        )

    @hookimpl
    def smok_open_engine(self, context: StoreContext) -> ShelfEngine:
        return self._engine(context)


class Mutant(msgspec.Struct, frozen=True):
    """One wrong backend."""

    name: str
    fault: str
    caught_by: str  #: `str(clause)` of the clause made for it
    subject: Subject

    def __str__(self) -> str:
        return self.name


ALL: list[Mutant] = []


def subject_of(engine: type[ShelfEngine]) -> Subject:
    return Subject(backend="mutant", options={"place": "{place}"}, plugin=Plugin(engine))


RIGHT = subject_of(ShelfEngine)


def add(name: str, fault: str, caught_by: str, kind: type[ShelfEngine]) -> None:
    """Enter a wrong backend into the list."""
    ALL.append(Mutant(name, fault.strip(), caught_by, subject_of(kind)))


def _ref(subject: str, caught_by: str) -> str:
    """Name a clause; one without a subject of its own is about what the mutant is."""
    return caught_by if "-" in caught_by else f"{subject}-{caught_by}"


def _part(kind: str) -> Callable[[str], Callable[[type], type]]:
    """Give the decorator of wrong tables, series or blobs."""

    def mutant(caught_by: str) -> Callable[[type], type]:
        def enter(wrong: type) -> type:
            wrong_engine = type("E", (ShelfEngine,), {f"{kind}_kind": wrong})
            add(wrong.__name__, wrong.__doc__ or "", _ref(kind, caught_by), wrong_engine)
            return wrong

        return enter

    return mutant


table, series, blobs = map(_part, ("table", "series", "blobs"))


def engine(caught_by: str) -> Callable[[type], type]:
    """Enter a wrong engine."""

    def enter(wrong: type) -> type:
        add(wrong.__name__, wrong.__doc__ or "", caught_by, wrong)
        return wrong

    return enter


def forgetful(caught_by: str) -> Callable[[Any], Any]:
    """Enter an engine that spoils what is stored while nobody has it open."""

    def enter(spoil: Any) -> Any:
        def pick_up(self: ShelfEngine) -> dict[str, Any]:
            state = ShelfEngine.pick_up(self)
            spoil(state)
            return state

        wrong = type("E", (ShelfEngine,), {"pick_up": pick_up})
        add(spoil.__name__, spoil.__doc__ or "", caught_by, wrong)
        return spoil

    return enter


def role(name: str, caught_by: str) -> Callable[[type], type]:
    """Enter a backend that keeps one role by itself, and wrongly."""

    def enter(wrong: Any) -> Any:
        def hook(self: Plugin, context: StoreContext, engine: ShelfEngine) -> Any:
            return wrong(context, engine)

        kind = type("P", (Plugin,), {f"smok_open_{name}": hookimpl(hook)})
        subject = Subject(backend="mutant", options={"place": "{place}"}, plugin=kind(ShelfEngine))
        fault, ref = (wrong.__doc__ or "").strip(), _ref(name, caught_by)
        ALL.append(Mutant(wrong.__name__, fault, ref, subject))
        return wrong

    return enter
