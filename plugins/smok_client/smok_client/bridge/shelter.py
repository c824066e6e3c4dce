"""Errors of a store in the client's own threads: logged, because there they would end the thread.

The client's communicator, executor and archiving threads end for good when a database raises, and
with them every upload until the process is started again. There an error of ours is logged and
the call answered with what makes the client try again later; a write that the client would not
repeat waits in memory. In any other thread, which is the user's, it is raised as everywhere else.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from smok_core.engine.forks import Layer, fork_safe_lock
from smok_core.errors import SmokError, StoreError
from smok_core.model import OperationFailedError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Backlog", "deferred", "in_client_thread", "nothing", "sheltered"]

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

#: Writes that may wait in memory for a store to come back.
_MAX_WAITING: Final = 10_000


class Backlog:
    """Writes of the client's threads that a store could not take, in their order; thread-safe.

    Args:
        count_refused: Remembers writes that are lost for good, so that `smok status` tells.
    """

    def __init__(self, count_refused: Callable[[int], object]) -> None:
        self._calls: deque[Callable[[], object]] = deque()
        self._lock = fork_safe_lock(Layer.CALLER)
        self._count_refused, self._refused = count_refused, 0

    def keep(self, call: Callable[[], object]) -> None:
        """Let a write wait; when too many do, the oldest is given up, loudly."""
        with self._lock:
            self._calls.append(call)
            if len(self._calls) > _MAX_WAITING:
                self._calls.popleft()
                self._refused += 1
                logger.error("more than %d writes wait, the oldest is lost", _MAX_WAITING)

    def drain(self) -> None:
        """Write what waits; one that turns out to be refused does not hold those after it.

        Raises:
            StoreError: The store still fails; the rest waits on.
        """
        with self._lock:
            while self._calls:
                self._write(self._calls[0])
                self._calls.popleft()
            self._tell()

    def refuse(self, error: SmokError) -> None:
        """Remember a write that a role refused, and that its writer cannot be told of."""
        with self._lock:
            self._refused += 1
            logger.warning("refused: %s", error)
            try:
                self._tell()
            except StoreError as failure:
                logger.debug("the count of refused writes waits: %s", failure)

    def _write(self, call: Callable[[], object]) -> None:
        try:
            call()
        except StoreError:
            raise
        except SmokError as error:
            # A store that was away took it unseen; only now is it known to be wrong.
            self._refused += 1
            logger.warning("refused: %s", error)

    def _tell(self) -> None:
        if self._refused:
            self._count_refused(self._refused)
            self._refused = 0


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
            if not in_client_thread():
                raise
            self.backlog.keep(functools.partial(method, self, *args, **kwargs))
            logger.warning("%s.%s waits: %s", type(self).__name__, method.__name__, error)
        except SmokError as error:
            if not in_client_thread():
                raise
            self.backlog.refuse(error)

    return inner


def in_client_thread() -> bool:
    """Tell whether the current thread is one that the client started."""
    return type(threading.current_thread()).__module__.startswith("smok.threads")


def sheltered(
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
                if isinstance(error, KeyError | OperationFailedError) or not in_client_thread():
                    raise
                logger.warning("%s.%s: %s", type(self).__name__, method.__name__, error)
                answer: R = instead()
                return answer

        return inner

    return outer


def nothing() -> Any:
    """Answer with None: the client finds nothing to do and comes back."""
    return None
