"""The stores of a configuration: each is opened for itself, and again later if it was away.

A gateway that reboots during an outage of the plant's server must still record everything else.
So a store that cannot be opened stops only the roles it keeps, and those come up by themselves.
"""

import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

import msgspec

from smok_core.engine.base import Engine, Health
from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import BackendUnavailable, StoreClosed, StoreError
from smok_core.registry.plugin import Backend
from smok_core.roles import ROLES, Database
from smok_core.settings import StoreContext

#: Seconds between two tries to open a store that is away: at least this, and at least as long as
#: the last try took, so that a caller spends no more than half of its time waiting for a server.
_PAUSE: Final = 1.0
#: What has nothing to do as long as nothing was ever written, and what is told then.
_QUIET: Final[dict[str, Any]] = {"flush": None, "checkpoint": None, "close": None, "warnings": ()}


class Store:
    """A configured store, opened when it is first needed; thread-safe.

    While it is away its roles stand by: each call tries to open it, though not more often than
    about once a second, and raises the error of the last try. Only one caller waits for a try.
    """

    def __init__(self, backend: Backend, context: StoreContext) -> None:
        self.name, self._backend, self._context = context.store, backend, context
        self._lock = fork_safe_lock(Layer.ROLE)
        self.engine: Engine | None = None  #: None if the store is away, or its backend has none
        self._roles = dict[str, Database]()
        self._failure: StoreError | None = None
        self._next_try, self._closed = 0.0, False

    def open_role(self, role: str, *, required: bool) -> Database:
        """Open a role; if the store is away, give one that stands by.

        Raises:
            StoreError: The store cannot be opened, and it is required.
            PluginError: The backend cannot be used at all; waiting would not help.
        """
        try:
            return self._get(role)
        except StoreError:
            if required:
                raise
        database = _standby(role)()
        vars(database).update(_find=partial(self._roles.get, role), _get=partial(self._get, role))
        return database

    def health(self) -> Health | None:
        """Look at the store now, and at what its roles hold in memory.

        None if its backend has no engine to ask. A store that is away is not `Health.available`,
        and its warning says why.
        """
        try:
            engine = self.open_engine()
            found = None if engine is None else engine.health()
        except StoreError as error:
            durability, why = self._context.settings.durability, (str(error),)
            found = Health(location=self.name, durability=durability, available=False, warnings=why)
        in_memory = [text for role in list(self._roles.values()) for text in role.warnings()]
        return found and msgspec.structs.replace(found, warnings=(*found.warnings, *in_memory))

    def open_engine(self) -> Engine | None:
        """Open the store unless it is open; None: no engine. Raises StoreError: it is away."""
        if self.engine is None and self._backend.has_engine:
            self._try()
        return self.engine

    def close(self) -> None:
        """Let the engine go; the roles are closed before."""
        with self._lock:
            self._closed = True
            if self.engine is not None:
                self.engine.close()

    def _get(self, role: str) -> Database:
        if role not in self._roles:
            self._try(role)
        return self._roles[role]

    def _try(self, role: str | None = None) -> None:
        """Open the store and a role, unless another thread is at it or one has just failed."""
        if not self._lock.acquire(blocking=self._failure is None):
            raise self._told()
        try:
            if self._closed:
                raise StoreClosed(self.name, "it was closed")
            if self._failure is not None and time.monotonic() < self._next_try:
                raise self._told()
            self._open(role)
        finally:
            self._lock.release()

    def _open(self, role: str | None) -> None:
        started = time.monotonic()
        try:
            if self.engine is None:
                self.engine = self._backend.open_engine(self._context)
            if role is not None and role not in self._roles:
                self._roles[role] = self._backend.open_role(role, self._context, self.engine)
        except StoreError as error:
            now = time.monotonic()
            self._failure, self._next_try = error, now + max(_PAUSE, now - started)
            raise
        self._failure = None

    def _told(self) -> StoreError:
        """Return the last error once more; its old traceback says nothing about this call."""
        failure = self._failure or BackendUnavailable(self.name, "it is being opened")
        return failure.with_traceback(None)


@cache
def _standby(role: str) -> type[Database]:
    """Make the class of a database that hands every call on to the one that ``_get`` opens."""
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
    """Return what only the opened database has, such as its engine."""
    return getattr(self._get(), name)
