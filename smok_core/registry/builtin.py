"""The backends that need no plugin: ``memory`` keeps all roles, ``null`` keeps no events."""

from smok_core.engine.base import Durability
from smok_core.engine.memory import MemoryEngine
from smok_core.hookspecs import BackendInfo, StoreContext, hookimpl
from smok_core.roles.events import NullEventDatabase


class _Memory:
    @hookimpl
    def smok_backend(self) -> BackendInfo:
        return BackendInfo(
            summary="Everything in the memory of the process; nothing survives it.",
            durabilities=frozenset({Durability.BUFFERED}),
        )

    @hookimpl
    def smok_open_engine(self, context: StoreContext) -> MemoryEngine:
        return MemoryEngine(context.store)


class _Null:
    @hookimpl
    def smok_backend(self) -> BackendInfo:
        return BackendInfo(summary="Keeps no events at all (events = 'null').")

    @hookimpl
    def smok_open_events(self) -> NullEventDatabase:
        return NullEventDatabase()


BUILT_IN = {"memory": _Memory(), "null": _Null()}
