"""From a subject to an open engine, along the way a config file would take."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

import msgspec

from smok_core.engine.memory import MemoryEngine
from smok_core.errors import UnknownBackend
from smok_core.hookspecs import ENTRY_POINT_GROUP, BackendInfo, StoreContext
from smok_core.settings import StoreSettings, decode_setting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smok_core.engine.base import Engine
    from smok_core.testing.subject import Subject

__all__ = ["backend_info", "has_engine", "open_engine"]


def backend_info(subject: Subject) -> BackendInfo:
    """Give what the backend tells about itself."""
    plugin = _plugin(subject)
    return BackendInfo(summary="built in") if plugin is None else plugin.smok_backend()


def open_engine(
    subject: Subject, place: Path, device: str, settings: dict[str, Any], clock: Callable[[], float]
) -> Engine:
    """Open the store of a subject at a place."""
    plugin = _plugin(subject)
    if plugin is None:
        return MemoryEngine("kit")
    kind = plugin.smok_backend().options
    options = msgspec.convert(subject.options_at(place), kind, dec_hook=decode_setting)
    wanted = msgspec.convert({**subject.settings, **settings}, StoreSettings)
    context = StoreContext(
        store="kit", device=device, options=options, settings=wanted, base_dir=place, clock=clock
    )
    engine: Engine = plugin.smok_open_engine(context)
    return engine


def _plugin(subject: Subject) -> Any:
    if subject.plugin:
        module, _, name = subject.plugin.partition(":")
        found = importlib.import_module(module)
        return getattr(found, name) if name else found
    if subject.backend == "memory":
        return None
    entries = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP, name=subject.backend)
    for entry in entries:
        return entry.load()
    raise UnknownBackend(subject.backend, "conformance kit", None, ())


def has_engine(subject: Subject) -> bool:
    """Tell whether the backend supplies the primitives."""
    plugin = _plugin(subject)
    return plugin is None or hasattr(plugin, "smok_open_engine")
