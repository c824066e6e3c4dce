"""A role whose store is away: every call tries to open it, and raises what opening raised.

A gateway that reboots during an outage of the plant's server must still record everything else.
So a store that cannot be opened stops only the roles it keeps, and those come up by themselves.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from smok_core.roles import ROLES, Database


def standby(
    role: str, find: Callable[[], Database | None], get: Callable[[], Database]
) -> Database:
    """Give a database of ``role`` that hands every call on to the one that ``get`` gives.

    Args:
        role: One of `smok_core.roles.ROLES`.
        find: Gives the opened database, or None while the store is away; never raises.
        get: Gives it, or raises the `StoreError` that keeps the store from being opened.
    """
    database = _class_of(role)()
    vars(database).update(_find=find, _get=get)
    return database


#: What has nothing to do as long as nothing was ever written, and what is told then.
_QUIET: Final[dict[str, Any]] = {"flush": None, "checkpoint": None, "close": None, "warnings": ()}


@functools.cache
def _class_of(role: str) -> type[Database]:
    base = ROLES[role]
    methods = [n for n in dir(base) if not n.startswith("_") and callable(getattr(base, n))]
    calls = {name: _forwarded(name) for name in methods}
    return type(f"Standby{base.__name__}", (base,), {**calls, "__getattr__": _other})


def _forwarded(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name in _QUIET and self._find() is None:
            return _QUIET[name]
        return getattr(self._get(), name)(*args, **kwargs)

    call.__name__ = name
    return call


def _other(self: Any, name: str) -> Any:
    """Give what only the opened database has, such as its engine."""
    return getattr(self._get(), name)
