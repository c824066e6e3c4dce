"""What can go wrong with a request, chosen in advance: which request, how often, how."""

import enum
import fnmatch
import functools
import gzip
import threading
from collections.abc import Callable
from typing import Final

import msgspec

from smok_testing.cloud.replies import error_reply, make_reply
from smok_testing.cloud.state import Reply

_BOMB_BYTES: Final = 48 * 1024 * 1024
_PAGE: Final = b"<!DOCTYPE html><title>Welcome</title><p>Please log in to use this network."


class FaultKind(enum.StrEnum):
    """The kinds of faults; the first group keeps the request from the API."""

    HANG_CONNECT = "hang-connect"  #: the connection is taken and nothing is said on it
    DROP_REQUEST = "drop-request"  #: cut before the API sees the request
    STATUS = "status"  #: another status in the API's form; see Fault.status and retry_after
    PAGE_STATUS = "page-status"  #: another status with an HTML page, as proxies give
    REDIRECT = "redirect"  #: to Fault.location
    HTML = "html"  #: a login page with 200
    EMPTY = "empty"  #: 200 and nothing else

    DROP_ANSWER = "drop-answer"  #: the API has applied the request, its answer is lost
    DUPLICATE = "duplicate"  #: the API gets the request twice
    HALF_BODY = "half-body"  #: the connection ends in the middle of the body
    WRONG_LENGTH = "wrong-length"  #: Content-Length is one too small
    BAD_JSON = "bad-json"  #: the body is damaged, its length is right
    SLOW_DRIP = "slow-drip"  #: one byte of the body every Fault.seconds
    SLOW_HEADERS = "slow-headers"  #: one byte of the headers every Fault.seconds
    HANG_HEADERS = "hang-headers"  #: silence instead of an answer, for Fault.seconds
    HANG_BODY = "hang-body"  #: silence in the middle of the body, for Fault.seconds
    GZIP_BOMB = "gzip-bomb"  #: some KiB that decompress to 48 MiB


_BEFORE_THE_API: Final = frozenset(list(FaultKind)[: list(FaultKind).index(FaultKind.DROP_ANSWER)])


class Fault(msgspec.Struct, kw_only=True):
    """One fault of the plan.

    ``method`` and ``path`` are shell patterns; the first ``skip`` matching requests are spared,
    the next ``times`` meet the fault (None: all of them).
    """

    kind: FaultKind
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    skip: int = 0
    status: int = 500
    retry_after: str | None = None  #: the header's text: seconds or a date
    location: str = "https://login.example/"
    seconds: float = 30.0

    @property
    def reaches_the_api(self) -> bool:
        """Tell whether the API sees the request."""
        return self.kind not in _BEFORE_THE_API

    @property
    def repeats(self) -> int:
        """Return how often the API sees the request."""
        return 2 if self.kind is FaultKind.DUPLICATE else 1

    def matches(self, method: str, path: str) -> bool:
        """Tell whether the fault is meant for this request."""
        return fnmatch.fnmatchcase(method, self.method) and fnmatch.fnmatchcase(path, self.path)

    def own_reply(self) -> Reply | None:
        """Return the answer of a fault that keeps the request from the API; None: there is none."""
        if self.kind is FaultKind.STATUS:
            extra = {} if self.retry_after is None else {"retry_after": self.retry_after}
            return error_reply(self.status, "a fault of the sandbox", **extra)
        if self.kind is FaultKind.REDIRECT:
            return make_reply(302, b"", "text/html", location=self.location)
        if self.kind in (FaultKind.HTML, FaultKind.PAGE_STATUS):
            status = 200 if self.kind is FaultKind.HTML else self.status
            return make_reply(status, _PAGE, "text/html")
        return make_reply(200, b"", "text/html") if self.kind is FaultKind.EMPTY else None

    def changed(self, reply: Reply) -> Reply | None:
        """Return what the fault makes of the API's answer; None: it is lost."""
        if self.kind is FaultKind.DROP_ANSWER:
            return None
        if self.kind is FaultKind.GZIP_BOMB:
            return make_reply(200, _bomb(), "application/json", content_encoding="gzip")
        if self.kind is FaultKind.BAD_JSON:
            return make_reply(reply.status, b"}" + reply.body[1:], "application/json")
        if self.kind is FaultKind.WRONG_LENGTH:
            wrong = str(max(len(reply.body) - 1, 0))
            return reply._replace(headers={**reply.headers, "content-length": wrong})
        return reply


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(bytes(_BOMB_BYTES), 9)


class FaultPlan:
    """The faults to come, first come, first matched; thread-safe."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self.taken: list[Fault] = []  #: what has happened so far, in order

    def add(self, fault: Fault) -> Fault:
        """Put a fault into the plan."""
        if fault.kind is FaultKind.GZIP_BOMB:
            _bomb()  # made before a client waits for it
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Drop all that has not happened yet."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that this request meets, and count it."""
        return self._take(lambda fault: fault.matches(method, path), connecting=False)

    def take_at_connect(self) -> Fault | None:
        """Return the fault that this new connection meets, and count it."""
        return self._take(lambda _: True, connecting=True)

    def _take(self, matches: Callable[[Fault], bool], *, connecting: bool) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if (fault.kind is FaultKind.HANG_CONNECT) is connecting and matches(fault):
                    return self._counted(fault)
            return None

    def _counted(self, fault: Fault) -> Fault | None:
        if fault.skip > 0:
            fault.skip -= 1
            return None
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self._faults.remove(fault)
        self.taken.append(fault)
        return fault
