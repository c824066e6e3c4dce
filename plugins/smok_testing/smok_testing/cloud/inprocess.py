"""The sandbox behind the API client's transport seam: no sockets, and time only pretended."""

from collections.abc import Callable, Mapping
from typing import Final

from smok_cloud.errors import NoLink, NotTheApi
from smok_cloud.transport import Answer, Limits

from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.faults import Fault, FaultKind
from smok_testing.cloud.state import Reply

_HANGS: Final = (FaultKind.HANG_CONNECT, FaultKind.HANG_HEADERS, FaultKind.HANG_BODY)


class InProcessTransport:
    """A `Transport` that calls a `SandboxCloud` directly; meets the faults of its plan.

    Args:
        cloud: Who answers.
        sleep: Called with the seconds that a fault takes; advance a virtual clock here.
    """

    def __init__(
        self, cloud: SandboxCloud, sleep: Callable[[float], object] = lambda _: None
    ) -> None:
        self._cloud, self._sleep = cloud, sleep

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> Answer:
        """Answer one request; see `Transport.send`."""
        call = f"{method} {path}"
        if self._cloud.faults.take_at_connect() is not None:
            self._sleep(limits.connect)
            raise NoLink(call, f"no connection within {limits.connect:g} s")
        reply, fault = self._cloud.exchange(method, path, headers, body)
        if fault is not None:
            reply = self._acted_out(call, fault, reply, limits)
        if reply is None:
            raise NoLink(call, "the connection failed (cut by the fault plan)")
        if len(reply.body) > limits.answer_bytes:
            raise NotTheApi(call, f"the answer is larger than {limits.answer_bytes} bytes")
        return Answer(reply.status, reply.headers, reply.body)

    def _acted_out(
        self, call: str, fault: Fault, reply: Reply | None, limits: Limits
    ) -> Reply | None:
        if reply is None:
            return None
        if fault.kind in _HANGS:
            self._wait(call, fault.seconds, limits.read, limits)
        elif fault.kind is FaultKind.SLOW_DRIP:
            self._wait(call, fault.seconds * len(reply.body), limits.total, limits)
        elif fault.kind is FaultKind.SLOW_HEADERS:
            self._wait(call, fault.seconds * len(reply.headers) * 20, limits.total, limits)
        elif fault.kind is FaultKind.HALF_BODY:
            return reply._replace(body=reply.body[: len(reply.body) // 2])
        return reply

    def _wait(self, call: str, seconds: float, limit: float, limits: Limits) -> None:
        bound = min(limit, limits.total)
        self._sleep(min(seconds, bound))
        if seconds > bound:
            raise NoLink(call, f"nothing was heard for {bound:g} s")

    def close(self) -> None:
        """There is nothing to close."""
