"""Readings that the client dates itself: two of one millisecond are two.

The client dates what an ``on_read`` gives when it arrives, and then ignores a reading that is not
newer than the last. Readings that end together, as all do that waited for a store, share one
millisecond: all but one would be lost. A user's own ``set_new_value`` chooses its time, and there
the client's rule stands.

A reading whose thread was overtaken, or whose clock was set back, keeps its time, unless another
reading has it already: a store takes a second value of one time for a correction of the first.
"""

import functools
import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, Final

from smok_client.bridge import client
from smok_core import model
from smok_core.engine.forks import Layer, fork_safe_lock

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
    database, newest = pathpoint.device.pp_database, _newest(pathpoint)
    if newest is not None and newest - timestamp >= _TOGETHER_MS:
        database.on_late_reading(pathpoint.name, int(timestamp), value)
        return
    if newest is not None and newest >= timestamp:
        timestamp = _redated(value, int(newest) + 1)
    original(timestamp, value)
    database.dated[pathpoint.name] = timestamp


def _newest(pathpoint: Any) -> float | None:
    """Return the newest time: the client makes a second object for a pathpoint that it has."""
    dated = pathpoint.device.pp_database.dated.get(pathpoint.name)
    times = (dated, pathpoint.current_timestamp)
    return max((time for time in times if time is not None), default=None)


def _redated(value: Any, timestamp: int) -> int:
    if isinstance(value, client.OperationFailedError):
        value.timestamp = timestamp
    return timestamp


def free_time(stored: Iterable[tuple[float, Any]], timestamp: int, value: Any) -> int:
    """Return the first millisecond that no other reading has; one that holds this value is its own.

    So a write that was repeated, because its answer was lost, takes no second place.

    Args:
        stored: What is stored from ``timestamp`` on, ascending.
        timestamp: The one that is wanted.
        value: Our value.
    """
    for taken, found in stored:
        if taken > timestamp or (taken == timestamp and _is_same(found, value)):
            break
        timestamp = int(taken) + 1
    return timestamp


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, model.OperationFailedError):
        one, other = one.reason, getattr(other, "reason", None)
    return type(one) is type(other) and bool(one == other)
