"""One connection of the sandbox server: reads requests, writes answers, acts out faults."""

import email.utils
import ssl
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar, Final, Protocol

from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.certificate_check import CertificateCheck
from smok_testing.cloud.faults import Fault, FaultKind
from smok_testing.cloud.inputs import Refusal
from smok_testing.cloud.replies import error_reply
from smok_testing.cloud.state import Reply

_IDLE_SECONDS: Final = 30.0
_CUTS: Final = (FaultKind.HALF_BODY, FaultKind.WRONG_LENGTH)


class Owner(Protocol):
    """The server that a connection belongs to."""

    cloud: SandboxCloud
    certificate_check: CertificateCheck | None
    device_ids: list[str]
    stopping: threading.Event


class RequestHandler(BaseHTTPRequestHandler):
    """Hands requests to the sandbox cloud and its answers back."""

    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float | None] = _IDLE_SECONDS
    server: Any

    def handle_one_request(self) -> None:
        """Serve one request of the connection."""
        line = self.rfile.readline(65537)
        self.raw_requestline = line
        if not line.strip() or not self.parse_request():
            self.close_connection = True
            return
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self.send_error(411)
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply, fault = self._answer(headers, body)
        if reply is None:
            self.close_connection = True
        else:
            self._write(reply, fault)

    @property
    def _owner(self) -> Owner:
        owner: Owner = self.server.owner
        return owner

    def _answer(self, headers: Mapping[str, str], body: bytes) -> tuple[Reply | None, Fault | None]:
        owner = self._owner
        try:
            if owner.certificate_check is not None:
                device_id = owner.certificate_check.device_id(self._tls_certificate(), headers)
                owner.device_ids += [device_id] if device_id else []
        except Refusal as refusal:
            return error_reply(refusal.status, refusal.text), None
        return owner.cloud.exchange(self.command, self.path, headers, body)

    def _tls_certificate(self) -> str | None:
        if not isinstance(self.connection, ssl.SSLSocket):
            return None
        der = self.connection.getpeercert(binary_form=True)
        return None if der is None else ssl.DER_cert_to_PEM_cert(der)

    def _write(self, reply: Reply, fault: Fault | None) -> None:
        kind = None if fault is None else fault.kind
        head, body = self._head(reply), reply.body
        if fault is not None and kind is FaultKind.HANG_HEADERS:
            self._owner.stopping.wait(fault.seconds)
        elif fault is not None and kind is FaultKind.SLOW_HEADERS:
            self._drip(head, fault.seconds)
            head = b""
        half = len(body) // 2
        if fault is not None and kind is FaultKind.SLOW_DRIP:
            self._send([head])
            self._drip(body, fault.seconds)
        elif fault is not None and kind is FaultKind.HANG_BODY:
            self._send([head, body[:half]])
            self._owner.stopping.wait(fault.seconds)
            self._send([body[half:]])
        else:
            self._send([head, body[:half] if kind is FaultKind.HALF_BODY else body])
        self.close_connection = kind in _CUTS or self._wants_close()

    def _wants_close(self) -> bool:
        return self.headers.get("Connection", "").lower() == "close"

    def _head(self, reply: Reply) -> bytes:
        lines = [f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('-',))[0]}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if "date" not in reply.headers:
            lines.append(f"date: {email.utils.formatdate(usegmt=True)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send(self, parts: Iterable[bytes]) -> None:
        self.wfile.write(b"".join(parts))
        self.wfile.flush()

    def _drip(self, content: bytes, seconds: float) -> None:
        for value in content:
            if self._owner.stopping.wait(seconds):
                return
            self._send([bytes([value])])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Stay silent; the sandbox keeps its requests."""
