"""The text of a new smok.toml; its comments are the help of the options' own declarations."""

from __future__ import annotations

import enum
import json
import re
import typing
from typing import TYPE_CHECKING, Any, Final

import msgspec

from smok_core.hookspecs import Capability
from smok_core.registry import Registry
from smok_core.roles import ROLES
from smok_core.settings import PATH, Duration, Secret, StoreSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smok_core.registry import Backend


_HEAD: Final = """\
# Configuration of a SMOK device's storage. `smok check` tries it, `smok why` explains it.
# A line with one # shows a setting and its default; remove the # to change it.
# Any text can stand elsewhere: {{ env = "NAME" }} or {{ file = "PATH" }}.
# The environment overrides: SMOK__ROLES__EVENTS=memory.

device = {device}

## A store: a backend (`smok backends` shows the installed ones) and its settings.
[stores.{store}]
backend = {backend}
"""
_ROLES: Final = """\

## Which store keeps which role; a role without one is kept in memory and lost at the end.
[roles]
"""
_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60))


def config_text(device: str, backend: Backend, path: str = "var/smok.db") -> str:
    """Return the file for a device whose roles are kept by one backend.

    Args:
        device: The device's id.
        backend: The store's; it keeps all the roles it can.
        path: Of the store's file, if the backend asks for one.
    """
    away = Capability.NEEDS_NETWORK in backend.info.capabilities
    store = "plant" if away else "local"
    head = _HEAD.format(device=_quoted(device), store=store, backend=_quoted(backend.name))
    own = "".join(_own_lines(backend, path)) + "".join(_lines(_settings(backend)))
    return f"{head}{own}{_ROLES}{''.join(_role_lines(backend, store))}{_tables()}"


def to_fill_in(backend: Backend) -> list[str]:
    """Name the options without a default whose value only the user knows."""
    return [field.name for field in _required(backend) if not _is_path(field.type)]


def _required(backend: Backend) -> list[Any]:
    fields = msgspec.structs.fields(backend.info.options)
    return [field for field in fields if field.required]


def _own_lines(backend: Backend, path: str) -> Iterator[str]:
    """Yield the backend's options: those without a default as they are, the others as comments."""
    required = _required(backend)
    for field in required:
        value = _quoted(path) if _is_path(field.type) else _asked(backend, field)
        yield f"{field.name} = {value}  # {_help(field.type)}\n"
    others = msgspec.structs.fields(backend.info.options)
    yield from _lines(field for field in others if field not in required)


def _asked(backend: Backend, field: Any) -> str:
    """Return a value of the right form, for the user to put his own in its place."""
    if Secret in _parts(field.type):
        name = re.sub(r"\W", "_", f"SMOK_{backend.name}_{field.name}").upper()
        return f'{{ env = "{name}" }}'
    return "0" if {int, float} & _parts(field.type) else '""'


def _is_path(kind: Any) -> bool:
    meta = getattr(kind, "__metadata__", ())
    return any(getattr(item, "extra", None) == PATH for item in meta)


def _settings(backend: Backend) -> Iterator[Any]:
    """Yield the settings of every store, with a durability that this backend offers."""
    offered = backend.info.durabilities
    for field in msgspec.structs.fields(StoreSettings):
        if field.name == "durability" and offered and field.default not in offered:
            yield msgspec.structs.replace(field, default=min(offered))
        else:
            yield field


def _role_lines(backend: Backend, store: str) -> Iterator[str]:
    """Name the store for all roles at once, or for each that the backend keeps."""
    whole = len(backend.roles) == len(ROLES)
    if whole:
        yield f'default = "{store}"\n'
    for role in ROLES:
        sign = "" if role in backend.roles and not whole else "# "
        yield f'{sign}{role} = "{store if role in backend.roles else "memory"}"\n'


def _tables() -> str:
    """Return the tables of the installed plugins, as comments."""
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
        text = '"PATH"' if _is_path(kind) else '"TEXT"'
        return '"90d"' if Duration in parts else "1000000" if {int, float} & parts else text
    return json.dumps(default.value if isinstance(default, enum.Enum) else default)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _duration(seconds: float) -> str:
    for unit, size in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def _parts(kind: Any) -> set[Any]:
    """Return a type and all the types it is made of."""
    return {kind}.union(*(_parts(part) for part in typing.get_args(kind)))
