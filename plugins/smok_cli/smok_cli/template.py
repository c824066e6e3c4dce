"""The text of a new smok.toml; its comments are the help of the options' own declarations."""

from __future__ import annotations

import enum
import json
import typing
from typing import TYPE_CHECKING, Any, Final

import msgspec

from smok_core.registry import Registry
from smok_core.roles import ROLES
from smok_core.settings import Duration, Secret, StoreSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["config_text"]

_HEAD: Final = """\
# Configuration of a SMOK device's storage. `smok check` tries it, `smok why` explains it.
# A line with one # shows a setting and its default; remove the # to change it.
# Any text can stand elsewhere: {{ env = "NAME" }} or {{ file = "PATH" }}.
# The environment overrides: SMOK__ROLES__EVENTS=memory.

device = {device}

## A store: a backend (`smok backends` shows the installed ones) and its settings.
[stores.local]
backend = "pickle"
path = {path}  # {path_help}
"""
_ROLES: Final = """\

## Which store keeps which role; a role without one is kept in memory and lost at the end.
[roles]
default = "local"
"""
_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60))


def config_text(device: str, options: type[msgspec.Struct], path: str = "var/smok.db") -> str:
    """Give the file for a device whose nine roles are kept by the embedded backend.

    Args:
        device: The device's id.
        options: Those of the backend.
        path: Of the store's file.
    """
    fields = {field.name: field for field in msgspec.structs.fields(options)}
    head = _HEAD.format(
        device=json.dumps(device, ensure_ascii=False),
        path=json.dumps(path, ensure_ascii=False),
        path_help=_help(fields.pop("path").type),
    )
    roles = "".join(f'# {role} = "local"\n' for role in ROLES)
    store = "".join(_lines(fields.values())) + "".join(_commented(StoreSettings))
    return f"{head}{store}{_ROLES}{roles}{_tables()}"


def _tables() -> str:
    """Give the tables of the installed plugins, as comments."""
    registry = Registry()
    found = {name: registry.table(name) for name in registry.tables}
    return "".join(
        f"\n## {owner.info.summary}\n# [{name}]\n{''.join(_commented(owner.info.settings))}"
        for name, owner in found.items()
        if owner is not None
    )


def _commented(kind: type[msgspec.Struct]) -> Iterator[str]:
    return _lines(msgspec.structs.fields(kind))


def _lines(fields: Any) -> Iterator[str]:
    for field in fields:
        value = f"{field.name} = {_toml(field.default, field.type)}"
        unset = " (not set)" if field.default is None else ""
        yield f"# {value:<32}  # {_help(field.type)}{unset}\n"


def _help(kind: Any) -> str:
    meta = [item for item in getattr(kind, "__metadata__", ()) if isinstance(item, msgspec.Meta)]
    return next((item.description for item in meta if item.description), "")


def _toml(default: Any, kind: Any) -> str:
    """Write a default as TOML; for one that is not set, a value of the right form."""
    if isinstance(default, Duration):
        return f'"{_duration(default.seconds)}"'
    if default is None:
        parts = _parts(kind)
        if Secret in parts:
            return '{ env = "NAME" }'
        return '"90d"' if Duration in parts else "1000000" if {int, float} & parts else '"PATH"'
    return json.dumps(default.value if isinstance(default, enum.Enum) else default)


def _duration(seconds: float) -> str:
    for unit, size in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def _parts(kind: Any) -> set[Any]:
    """Give a type and all the types it is made of."""
    return {kind}.union(*(_parts(part) for part in typing.get_args(kind)))
