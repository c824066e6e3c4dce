"""Forks: what a process holds is let go before it forks, and made anew on both sides.

A child gets a copy of every lock and handle, but none of the threads that would release the one,
and none of the rights behind the other (contract G15). So each part that holds something takes
part in a fork: it comes to rest before (no other thread is inside it), and each side goes on with
what is its own.

The order matters: a call takes locks from the outside in, from a role through a buffer to an
engine. Before a fork the parts are quieted in that same order. In any other, a thread inside a
buffer that waits for its engine would hold the buffer for ever.
"""

import enum
import itertools
import logging
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final, Protocol

logger = logging.getLogger(__name__)


class Layer(enum.IntEnum):
    """Where a part stands in a call; lower ones are entered first."""

    CALLER = 0  #: what calls roles or opens engines: the bridge, shortcuts
    ROLE = 1
    BUFFER = 2
    ENGINE = 3


class ForkAware(Protocol):
    """A part that takes part in forks. Every method runs in the thread that forks."""

    def before_fork(self) -> None:
        """Come to rest: return when no other thread is inside, and let none in."""

    def after_fork_in_parent(self) -> None:
        """Let the other threads in again."""

    def after_fork_in_child(self) -> None:
        """Begin anew: nothing of the parent's may be used, locked, unlocked or closed."""


#: What a part does before a fork, after it in the parent, and in the child.
_Steps = tuple[Callable[[], object], Callable[[], object], Callable[[], object]]

_order: Final = itertools.count()
_places: Final[weakref.WeakKeyDictionary[Any, tuple[int, int]]] = weakref.WeakKeyDictionary()
_joining: Final = threading.RLock()  # held at the fork itself: nobody joins in the middle of it
_resting: Final[list[list[_Steps]]] = []  # a stack, used under `_joining` only


def join(part: "ForkAware | threading.RLock", layer: Layer) -> None:
    """Let ``part`` take part in every fork from now on, as long as it lives."""
    with _joining:
        _places[part] = (layer, next(_order))


def fork_safe_lock(layer: Layer) -> threading.RLock:
    """Return a lock that no fork leaves locked in the child."""
    lock = threading.RLock()
    join(lock, layer)
    return lock


def fill_standard_descriptors() -> None:
    """Let no file or socket of a store become 0, 1 or 2, where a daemon has closed these.

    Whatever the program prints would be written into it. SQLite does the same for its own files.
    """
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)


def _before() -> None:
    """Quiet all parts.

    A thread inside a part may make another one, and so wait for `_joining`: it is not held while
    we wait for that thread. If a part came meanwhile, its place may be before those that rest
    already, so all begin again.
    """
    while True:
        known = _known()
        parts = [_steps(part) for part in known]
        for before, _, _ in parts:
            _safely(before)
        _joining.acquire()
        if _known() == known:
            _resting.append(parts)
            return
        _joining.release()
        _wake(parts)


def _known() -> list[Any]:
    """Return all parts, the outermost first; they are compared by identity."""
    with _joining:
        return sorted(_places, key=_places.__getitem__)


def _wake(parts: list[_Steps]) -> None:
    for _, in_parent, _ in reversed(parts):
        _safely(in_parent)


def _in_parent() -> None:
    parts = _resting.pop()
    _joining.release()
    _wake(parts)


def _in_child() -> None:
    for _, _, in_child in reversed(_resting.pop()):
        _safely(in_child)
    _joining.release()


def _steps(part: Any) -> _Steps:
    if hasattr(part, "before_fork"):
        return part.before_fork, part.after_fork_in_parent, part.after_fork_in_child
    # A lock is held over the fork: so the thread that forked owns it, on both sides.
    return part.acquire, part.release, part.release


def _safely(step: Callable[[], object]) -> None:
    """Run one part's step; a failure of one must not keep the others from theirs."""
    try:
        step()
    except Exception:
        logger.exception("a part of smok could not follow a fork")


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
