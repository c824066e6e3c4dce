"""Readings that the client dates itself: two of one millisecond are two.

The client dates what an ``on_read`` gives when it arrives, and then ignores a reading that is not
newer than the last. Readings that end together, as all do that waited for a store, share one
millisecond: all but one would be lost. A user's own ``set_new_value`` chooses its time, and there
the client's rule stands.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any, Final

from smok_client.bridge import client
from smok_core.engine.forks import Layer, fork_safe_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["keep_each_reading"]

_EXECUTOR: Final = "smok.threads.executor"
#: Readings that are older by more than this did not end together: the clock was set back, or one
#: was overtaken. They keep their time.
_TOGETHER_MS: Final = 1000
#: So few, for all pathpoints: they are held while one value is written.
_LOCKS: Final = tuple(fork_safe_lock(Layer.CALLER) for _ in range(64))


def keep_each_reading(databases: type) -> None:
    """Let the client's pathpoints date readings apart, where their database is one of ours.

    Args:
        databases: The class of our databases.
    """
    client.Pathpoint.set_new_value = _apart(client.Pathpoint.set_new_value, databases)


def _apart(original: Callable[..., None], databases: type) -> Callable[..., None]:
    @functools.wraps(original)
    def set_new_value(self: Any, *args: Any) -> None:
        ours = isinstance(self.device.pp_database, databases)
        if not ours or not _is_dated_by_the_client(sys._getframe(1)):  # noqa: SLF001 - likewise
            original(self, *args)
            return
        # Else two pool threads could take the same next millisecond.
        with _LOCKS[hash(self.name) % len(_LOCKS)]:
            _set(functools.partial(original, self), self, *args)

    return set_new_value


def _is_dated_by_the_client(caller: FrameType | None) -> bool:
    """Tell whether the executor has called, maybe through a user's own ``set_new_value``."""
    while caller is not None and caller.f_code.co_name == "set_new_value":
        caller = caller.f_back
    return caller is not None and caller.f_globals.get("__name__") == _EXECUTOR


def _set(original: Callable[..., None], pathpoint: Any, timestamp: float, value: Any) -> None:
    newest = pathpoint.current_timestamp
    if newest is None or timestamp > newest:
        original(timestamp, value)
    elif newest - timestamp < _TOGETHER_MS:
        original(_redated(value, int(newest) + 1), value)
    else:
        pathpoint.device.pp_database.on_new_data(pathpoint.name, timestamp, value)


def _redated(value: Any, timestamp: int) -> int:
    if isinstance(value, client.OperationFailedError):
        value.timestamp = timestamp
    return timestamp
