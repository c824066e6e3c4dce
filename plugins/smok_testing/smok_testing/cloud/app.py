"""The sandbox cloud itself: requests in, answers out, everything in memory, no sockets.

`SandboxCloud.handle` is the API; `SandboxCloud.exchange` is the API behind a bad network, as its
fault plan says. `smok_testing.cloud.server` puts it on a port.
"""

import threading
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from smok_testing.cloud import minijson, routes
from smok_testing.cloud.faults import Fault, FaultPlan
from smok_testing.cloud.inputs import Refusal
from smok_testing.cloud.replies import error_reply, json_reply
from smok_testing.cloud.state import Recorded, Reply, State

_MAX_BODY = 65 * 1024 * 1024


class Exchange(NamedTuple):
    """What comes of a request: the answer, if any, and what happens to it on its way."""

    reply: Reply | None
    fault: Fault | None


class SandboxCloud(State):
    """The whole API for one device; thread-safe. See `State` for what to look at and to fill.

    Args:
        device_id: What ``GET /v1/device`` says.
        clock: Seconds since the epoch; dates the metadata.
        decoders: Content type -> function from bytes to plain values, beside JSON and MiniJSON.
        max_body: More bytes get 413.
        max_records: More records in one list get 413.
    """

    def __init__(
        self,
        device_id: str = "sandbox-device",
        *,
        clock: Callable[[], float] = time.time,
        decoders: Mapping[str, Callable[[bytes], Any]] | None = None,
        max_body: int = _MAX_BODY,
        max_records: int = 100_000,
    ) -> None:
        super().__init__(device_id, max_records)
        self.clock, self.faults, self._max_body = clock, FaultPlan(), max_body
        self._lock = threading.RLock()
        self._decoders: dict[str, Callable[[bytes], Any]] = {
            "application/json": msgspec.json.decode,
            "application/minijson": minijson.loads,
            **(decoders or {}),
        }

    def poison(self, when: Callable[[dict[str, Any]], bool]) -> None:
        """Refuse with 400 every batch that holds a record for which ``when`` is true.

        Records are points (``{path, timestamp, value}``), events and sensor writes.
        """
        self.poisons.append(when)

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Exchange:
        """Answer a request as the fault plan says."""
        fault = self.faults.take(method, path)
        if fault is None:
            return Exchange(self.handle(method, path, headers, body), None)
        if not fault.reaches_the_api:
            return Exchange(fault.own_reply(), fault)
        for _ in range(fault.repeats):
            reply = self.handle(method, path, headers, body)
        return Exchange(fault.changed(reply), fault)

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer a request as the API does; header names in any case."""
        lower = {name.lower(): value for name, value in headers.items()}
        with self._lock:
            try:
                reply = self._route(method, path, lower, body)
            except Refusal as refusal:
                reply = error_reply(refusal.status, refusal.text)
            self.requests.append(Recorded(method, path, lower, body, reply.status))
            return reply

    def _route(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if len(body) > self._max_body:
            raise Refusal(413, "the body is too large")
        handler, arguments = routes.find(method, path)
        if handler is routes.put_baob:
            return routes.put_baob(self, headers, body, *arguments)
        value = handler(self, self._decoded(method, headers, body), *arguments)
        return value if isinstance(value, Reply) else json_reply(value)

    def _decoded(self, method: str, headers: Mapping[str, str], body: bytes) -> Any:
        if method in ("GET", "DELETE") or not body:
            return None
        content_type = headers.get("content-type", "").partition(";")[0].strip()
        decode = self._decoders.get(content_type)
        if decode is None:
            raise Refusal(415, f"the content type {content_type!r} is not understood")
        try:
            return decode(self._unpacked(headers, body))
        except (ValueError, RecursionError, zlib.error):
            raise Refusal(400, "the body cannot be decoded") from None

    def _unpacked(self, headers: Mapping[str, str], body: bytes) -> bytes:
        encoding = headers.get("content-encoding", "identity")
        if encoding == "identity":
            return body
        if encoding != "gzip":
            raise Refusal(415, f"the content encoding {encoding!r} is not understood")
        plain = zlib.decompressobj(wbits=31).decompress(body, self._max_body + 1)
        if len(plain) > self._max_body:
            raise Refusal(413, "the body is too large")
        return plain
