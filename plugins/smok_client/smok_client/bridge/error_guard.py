"""Errors of a store where the client is the caller: there they would end a thread, or be lost.

The client's communicator, executor and archiving threads end for good when a database raises, and
with them every upload until the process is started again. There an error of ours is logged and
the call answered with what makes the client try again later; a write that the client would not
repeat waits in memory. The same holds for a reading whose Future ends in a pool's thread: the
client's callback would lose it. Where the user is the caller it is raised as everywhere else.
"""

import atexit
import functools
import logging
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from smok_client.bridge.plain import to_plain
from smok_core.engine.forks import Layer, fork_safe_lock, join
from smok_core.errors import SmokError, StoreError
from smok_core.model import OperationFailedError
from smok_core.roles.base import Database

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

#: Writes that may wait in memory for a store to come back.
_MAX_WAITING: Final = 10_000
_LONGEST_KEY: Final = 200
_LONGEST_RECORD: Final = 2000


_backlogs: Final[weakref.WeakSet["Backlog"]] = weakref.WeakSet()


class Backlog:
    """Writes of the client's that a store could not take, in their order; thread-safe.

    Args:
        inner: The database they are for. What it refuses for good becomes its dead letter; what
            is lost because too much waits is counted in its status.
    """

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self._calls: deque[functools.partial[None]] = deque()
        self._lock = fork_safe_lock(Layer.CALLER)
        self._lost = self._uncounted = 0
        self._is_finished = False
        join(self, Layer.CALLER)
        _backlogs.add(self)
        # Again for each: what ends the stores was registered with them, and has to come later.
        atexit.unregister(_finish_all)
        atexit.register(_finish_all)

    def before_fork(self) -> None:
        """Nothing has to rest: the lock does."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Forget what waits: it is the parent's, which writes it."""
        self._calls.clear()

    def keep(self, call: functools.partial[None]) -> None:
        """Let a write wait; when too many do, the oldest is given up, loudly."""
        with self._lock:
            if self._is_finished:
                logger.error("a write came after its store was closed and is lost: %r", call.args)
                return
            self._calls.append(call)
            if len(self._calls) > _MAX_WAITING:
                self._calls.popleft()
                self._lost, self._uncounted = self._lost + 1, self._uncounted + 1
                logger.error("more than %d writes wait, the oldest is lost", _MAX_WAITING)

    def warnings(self) -> tuple[str, ...]:
        """Tell how many writes wait, and how many were given up; nothing when all is stored."""
        with self._lock:
            pending, lost = len(self._calls), self._lost
        found = f"{pending} writes wait in memory for the store" if pending else ""
        gone = f"{lost} writes were lost, more than {_MAX_WAITING} waited" if lost else ""
        return tuple(text for text in (found, gone) if text)

    def refuse(self, arguments: tuple[Any, ...], error: SmokError) -> None:
        """Set aside what the database will never take; if that fails too, it waits."""
        try:
            self._set_aside(arguments, error)
        except StoreError:
            self.keep(functools.partial(self._set_aside, arguments, error))

    def drain(self) -> None:
        """Write what waits; one that turns out to be refused does not hold those after it.

        Raises:
            StoreError: The store still fails; the rest waits on.
        """
        with self._lock:
            while self._calls:
                self._write(self._calls[0])
                self._calls.popleft()
            if self._uncounted:
                self._inner.count_refused(self._uncounted)
                self._uncounted = 0

    def finish(self) -> None:
        """Write what waits before the store is closed; what cannot be written is lost, loudly."""
        try:
            self.drain()
        except SmokError as error:
            logger.error("%d writes that waited in memory are lost: %s", len(self._calls), error)  # noqa: TRY400
        with self._lock:
            self._calls.clear()
            self._is_finished = True

    def _write(self, call: functools.partial[None]) -> None:
        try:
            call()
        except StoreError:
            raise
        except SmokError as error:
            # A store that was away took it unseen; only now is it known to be wrong.
            self._set_aside(call.args[1:], error)

    def _set_aside(self, arguments: tuple[Any, ...], error: SmokError) -> None:
        key, record = str(arguments[0])[:_LONGEST_KEY], to_plain(list(arguments))
        self._inner.set_refused_aside(key, record, str(error))


def _finish_all() -> None:
    """Do at the end of the process what a program has not done by closing."""
    for backlog in list(_backlogs):
        backlog.finish()


class Refusals:
    """What a database will never take, told once each as a dead letter, which status counts.

    The cloud sends, and predicates keep, the same again every few minutes and after each start.

    Args:
        inner: The database that refuses.
    """

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self._told: set[tuple[str, str]] = set()

    def tell(self, key: str, record: Any, reason: str) -> None:
        """Leave a dead letter, unless there is one; a store that fails is asked the next time."""
        if (key, reason) in self._told:
            return
        try:
            if not self._is_known(key, reason):
                self._inner.set_refused_aside(key, to_plain(record), reason)
        except StoreError as failure:
            logger.warning("%s: %s; no dead letter can be kept: %s", key, reason, failure)
            return
        if len(self._told) < _MAX_WAITING:
            self._told.add((key, reason))

    def _is_known(self, key: str, reason: str) -> bool:
        letters = self._inner.get_dead_letters()
        return any((letter.key, letter.reason) == (key, reason) for letter in letters)


class HasRefusals(Protocol):
    """A database of the bridge that tells what it refuses."""

    refusals: Refusals


T = TypeVar("T", bound=HasRefusals)


def told(method: Callable[[T, Any], None]) -> Callable[[T, Any], None]:
    """Tell of what the cloud sends whole and is refused: what was stored before stays."""

    @functools.wraps(method)
    def inner(self: T, given: Any, /) -> None:
        try:
            method(self, given)
        except SmokError as error:
            if isinstance(error, StoreError) or not the_client_calls():
                raise
            reason = f"what the cloud sent is refused, what was there stays: {error}"
            self.refusals.tell(method.__name__, repr(given)[:_LONGEST_RECORD], reason)

    return inner


class HasBacklog(Protocol):
    """A database of the bridge that can let writes wait."""

    backlog: Backlog


D = TypeVar("D", bound=HasBacklog)


def deferred(
    method: Callable[Concatenate[D, P], None],
) -> Callable[Concatenate[D, P], None]:
    """Let a write of the client's threads wait while the store fails; elsewhere it raises."""

    @functools.wraps(method)
    def inner(self: D, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            self.backlog.drain()
            method(self, *args, **kwargs)
        except StoreError as error:
            if not the_client_calls():
                raise
            self.backlog.keep(functools.partial(method, self, *args, **kwargs))
            logger.warning("%s.%s waits: %s", type(self).__name__, method.__name__, error)
        except SmokError as error:
            if not the_client_calls():
                raise
            self.backlog.refuse(args, error)

    return inner


def the_client_calls() -> bool:
    """Tell whether this is the client's doing: one of its threads, or its callback in a pool's."""
    if _is_of_client(type(threading.current_thread()).__module__):
        return True
    frame = sys._getframe(1)  # noqa: SLF001 - the one way to see who calls
    while frame.f_back is not None and not _is_of_client(frame.f_globals.get("__name__")):
        frame = frame.f_back
    return _is_of_client(frame.f_globals.get("__name__"))


def _is_of_client(module: str | None) -> bool:
    return module is not None and module.startswith("smok.threads")


def device_of_thread() -> Any:
    """Return the device whose thread this is; None in a thread that is not the client's."""
    thread: Any = threading.current_thread()
    return getattr(thread, "device", None) if _is_of_client(type(thread).__module__) else None


def guarded(
    instead: Callable[[], Any],
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Keep the errors of a store away from the client's threads.

    Args:
        instead: Makes the answer for the client when the store has failed; it may raise what the
            client handles. What the client's contracts name passes: KeyError, a failed reading.
    """

    def outer(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @functools.wraps(method)
        def inner(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(self, *args, **kwargs)
            except SmokError as error:
                if isinstance(error, KeyError | OperationFailedError) or not the_client_calls():
                    raise
                logger.warning("%s.%s: %s", type(self).__name__, method.__name__, error)
                answer: R = instead()
                return answer

        return inner

    return outer


def nothing() -> Any:
    """Answer with None: the client finds nothing to do and comes back."""
    return None
