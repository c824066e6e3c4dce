"""Brings posts to the server in their order, from a thread of its own, until each has arrived."""

from __future__ import annotations

import collections
import logging
import os
import random
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from smok_core.errors import SmokError

if TYPE_CHECKING:
    from collections.abc import Callable


logger = logging.getLogger(__name__)

#: Answers that mean "never send me this again"; everything else but 2xx is tried again.
_REFUSALS: Final = frozenset({400, 413, 422})
_LONGEST_PAUSE: Final = 60.0
_LAST_CHANCE: Final = 2.0  # seconds; a device has to end within five


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected post would become a GET, and take the token to another host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class _Post(NamedTuple):
    body: bytes
    done: Callable[[], None]


class Postman:
    """Posts bodies one after the other; at least once each, while the process lives.

    It forgets with the process. Who posts keeps what has to outlive it until ``done`` is called.

    Args:
        url: Where to.
        token: For the Authorization header; never logged.
        timeout: Seconds to wait for an answer.
        most: How many may wait; then the oldest is dropped, counted and logged.
        pause: Seconds after a first failure; doubled after each further one.
        refused: Is given what the server refuses for good, and why; called by the thread.

    A forked child posts what it makes itself; what waited at the fork is the parent's to bring.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        timeout: float,
        most: int,
        pause: float = 1.0,
        refused: Callable[[bytes, str], None] | None = None,
    ) -> None:
        self._url, self._timeout, self._most, self._pause = url, timeout, most, pause
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._refused = refused
        self.dropped = 0
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._posts: collections.deque[_Post] = collections.deque()
        self._changed, self._ended = threading.Condition(), threading.Event()
        self._thread: threading.Thread | None = None

    def _begin_again_in_a_child(self) -> None:
        # The thread did not come along, and its lock may be held for ever.
        if self._process != os.getpid():
            self._begin()

    def post(self, body: bytes, done: Callable[[], None] = lambda: None) -> None:
        """Queue a body; returns at once.

        Args:
            body: What is posted.
            done: Called when it need not be sent any more: it arrived, is refused for good, or was
                dropped; by the thread that brings it, or by whoever posted one too many.
        """
        self._begin_again_in_a_child()
        with self._changed:
            if len(self._posts) >= self._most:
                self._lost("too many wait for the server")
                self._posts.popleft().done()
            self._posts.append(_Post(body, done))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def pending(self) -> int:
        """Count what has not arrived yet."""
        self._begin_again_in_a_child()
        with self._changed:
            return len(self._posts)

    def close(self) -> None:
        """Give what waits two more seconds, then end; what is left is logged."""
        self._begin_again_in_a_child()
        deadline = time.monotonic() + _LAST_CHANCE
        with self._changed:
            while self._posts and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            if self._posts and not self._ended.is_set():
                logger.warning("%d events were not told to %s", len(self._posts), self._url)
            self._ended.set()
            self._changed.notify_all()

    def _run(self) -> None:
        while (post := self._next()) is not None:
            if not self._deliver(post.body):
                return
            post.done()
            with self._changed:
                # The head may have been dropped for a newer one while it was on its way.
                if self._posts and self._posts[0] is post:
                    self._posts.popleft()
                self._changed.notify_all()

    def _next(self) -> _Post | None:
        with self._changed:
            while not self._posts and not self._ended.is_set():
                self._changed.wait()
            return None if self._ended.is_set() else self._posts[0]

    def _deliver(self, body: bytes) -> bool:
        """Send until it need not be sent any more; False if the end came before."""
        pause = self._pause
        while not self._ended.is_set():
            if self._arrives(body):
                return True
            # Full jitter: devices that lost one server do not come back all at once.
            self._ended.wait(random.uniform(0, pause))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE)
        return False

    def _arrives(self, body: bytes) -> bool:
        """Send once; True if it need not be sent again."""
        request = urllib.request.Request(self._url, body, self._headers)  # noqa: S310 - as configured
        try:
            with self._opener.open(request, timeout=self._timeout):
                return True
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _REFUSALS:
                self._set_aside(body, f"the server answered {error.code}")
            return error.code in _REFUSALS
        except (OSError, ValueError) as error:
            logger.info("%s cannot be told: %s", self._url, type(error).__name__)
            return False

    def _set_aside(self, body: bytes, reason: str) -> None:
        if self._refused is None:
            self._lost(reason)
            return
        try:
            self._refused(body, reason)
        except SmokError:  # closed meanwhile
            self._lost(reason)

    def _lost(self, reason: str) -> None:
        self.dropped += 1
        logger.warning("an event was not told to %s: %s", self._url, reason)
