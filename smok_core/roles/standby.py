"""A role whose store is away: every call tries to open it, and raises what opening raised.

A gateway that reboots during an outage of the plant's server must still record everything else.
So a store that cannot be opened stops only the roles it keeps, and those come up by themselves.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from smok_core.roles import ROLES, Database


def standby(role: str, find: Callable[[], Database | None], get: Callable[[], Database]) -> Any:
    """Give a database of ``role`` that hands every call on to the one that ``get`` gives.

    Args:
        role: One of `smok_core.roles.ROLES`.
        find: Gives the opened database, or None while the store is away; never raises.
        get: Gives it, or raises the `StoreError` that keeps the store from being opened.
    """
    database = _class_of(role)()
    vars(database).update(_find=find, _get=get)
    return database


@functools.cache
def _class_of(role: str) -> type[Database]:
    base = ROLES[role]
    calls = {name: _forwarded(name) for name in dir(base) if _is_method(base, name)}
    quiet = {name: _if_open(name) for name in ("flush", "checkpoint", "close")}
    own = {"warnings": _warnings, "__getattr__": _other}
    return type(f"Standby{base.__name__}", (base,), {**calls, **quiet, **own})


def _is_method(base: type[Database], name: str) -> bool:
    return not name.startswith("_") and callable(getattr(base, name))


def _forwarded(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._get(), name)(*args, **kwargs)

    call.__name__ = name
    return call


def _if_open(name: str) -> Callable[..., None]:
    """Make a call that has nothing to do as long as nothing was ever written."""

    def call(self: Any) -> None:
        database = self._find()
        if database is not None:
            getattr(database, name)()

    call.__name__ = name
    return call


def _warnings(self: Any) -> tuple[str, ...]:
    database = self._find()
    return () if database is None else database.warnings()


def _other(self: Any, name: str) -> Any:
    """Give what only the opened database has, such as its engine."""
    return getattr(self._get(), name)
