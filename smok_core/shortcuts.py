"""Databases without a config file: one role by one line of Python; those on one place share it.

A plugin derives its nine classes from `Shortcut` and the role's implementation, for example
``class PicklingMetadataDatabase(Pickling, MetadataDatabase)``.
"""

import sys
from abc import abstractmethod
from collections import Counter
from typing import Any

import msgspec

from smok_core.engine.base import Engine
from smok_core.engine.forks import Layer, fill_standard_descriptors, fork_safe_lock
from smok_core.errors import WrongClasses
from smok_core.roles.base import OnEngine
from smok_core.settings import StoreContext, StoreSettings, decode_setting

#: The published client's module that takes databases.
_CLIENT = "smok.client.client"

_Key = tuple[Any, ...]
_lock = fork_safe_lock(Layer.CALLER)
_open: dict[_Key, Engine] = {}
_users: Counter[_Key] = Counter()


def _refuse_client(database: object) -> None:
    caller = sys._getframe(2)  # noqa: SLF001 - the one way to see who asks
    if caller.f_globals.get("__name__") == _CLIENT:
        raise WrongClasses(type(database).__name__)


class Shortcut(OnEngine):
    """A role's database that opens its own store; `close` it when it is not needed any more.

    Args:
        options: The backend's options.
        device: Whose data it is; two devices at one place do not see each other's.
        settings: What `StoreSettings` knows: durability, retention, max_pending, ...

    Raises:
        StoreError: The store cannot be opened.
        msgspec.ValidationError: A setting is unknown or wrong.
    """

    @staticmethod
    @abstractmethod
    def open_engine(context: StoreContext) -> Engine:
        """Open the store: the backend's ``smok_open_engine``."""

    def __init__(self, options: msgspec.Struct, device: str = "device", **settings: Any) -> None:
        context = StoreContext(
            store=type(self).__name__,
            device=device,
            options=options,
            settings=msgspec.convert(settings, StoreSettings, dec_hook=decode_setting),
        )
        self._uses: list[_Key] = []
        super().__init__(context, self._acquire(context))

    # The published client looks at its databases when its device is made: it asks whether they are
    # true, of the one for events whether it is a text. Both are answered as ever to anybody else.
    # Without this its threads would end one by one, later.

    def __bool__(self) -> bool:
        _refuse_client(self)
        return True

    @property  # type: ignore[misc] # object's can be assigned to
    def __class__(self) -> Any:
        _refuse_client(self)
        return type(self)

    def share(self, options: msgspec.Struct) -> Engine:
        """Return the engine of another place, closed with this database."""
        return self._acquire(msgspec.structs.replace(self.context, options=options))

    def close(self) -> None:
        """Flush, and close the store if no other shortcut uses it; twice is harmless."""
        if self._uses:
            super().close()
        with _lock:
            while self._uses:
                key = self._uses.pop()
                _users[key] -= 1
                if not _users[key]:
                    del _users[key]
                    _open.pop(key).close()

    def _acquire(self, context: StoreContext) -> Engine:
        opener = type(self).open_engine
        key = (opener, context.device, context.options, repr(context.settings))
        with _lock:
            if key not in _open:
                fill_standard_descriptors()
                _open[key] = opener(context)
            _users[key] += 1
            self._uses.append(key)
            return _open[key]
