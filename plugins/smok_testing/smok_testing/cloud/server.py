"""The sandbox on a loopback port: HTTP or mutual TLS, with the faults of its plan acted out."""

import contextlib
import socket
import ssl
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.certificate_check import CertificateCheck
from smok_testing.cloud.handler import RequestHandler
from smok_testing.cloud.pki import Files

_HANDSHAKE_SECONDS: Final = 10.0
_PARTING_SECONDS: Final = 0.3


class SandboxServer:
    """Serves a `SandboxCloud` in threads of its own until it is closed; a context manager.

    Args:
        cloud: Who answers.
        tls: The server's settings for HTTPS, see `server_context`; None: plain HTTP.
        certificate_check: Who may talk to it; None: everybody.

    ``url`` is the address to give to a client. ``device_ids`` are those of the requests that
    passed the certificate_check, ``handshake_errors`` what went wrong before there was a request.
    """

    def __init__(
        self,
        cloud: SandboxCloud,
        *,
        tls: ssl.SSLContext | None = None,
        certificate_check: CertificateCheck | None = None,
    ) -> None:
        self.cloud, self.tls, self.certificate_check = cloud, tls, certificate_check
        self.device_ids: list[str] = []
        self.handshake_errors: list[str] = []
        self.stopping = threading.Event()
        self._http = _Server(self)
        self.port: int = self._http.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections, also those that hang, and wait for the threads."""
        self.stopping.set()
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.end_connections()
        self._http.server_close()


def server_context(files: Files, *, device_cas: Path | None = None) -> ssl.SSLContext:
    """Make the TLS settings of a server.

    Args:
        files: The server's certificate and key.
        device_cas: PEM file of the authorities whose devices may connect; None: no client
            certificate is asked for.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT@SECLEVEL=1")  # real devices have RSA-1024 keys
    context.load_cert_chain(files.certificate, files.key)
    if device_cas is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cafile=str(device_cas))
    return context


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, owner: SandboxServer) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), RequestHandler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, in its own thread: the handshake must not hold up others."""
        handle = request.dup()  # ends the connection at close(), whoever owns the descriptor
        with self._open_lock:
            self._open.add(handle)
        try:
            if not self.owner.stopping.is_set():
                self._converse(request, client_address)
        finally:
            with self._open_lock:
                self._open.discard(handle)
            handle.close()

    def _converse(self, request: socket.socket, client_address: Any) -> None:
        fault = self.owner.cloud.faults.take_at_connect()
        if fault is not None:
            self.owner.stopping.wait(fault.seconds)
            return
        with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError):
            connection = self._secured(request)
            if connection is not None:
                with connection:
                    RequestHandler(connection, client_address, self)

    def _secured(self, request: socket.socket) -> socket.socket | None:
        if self.owner.tls is None:
            return request
        request.settimeout(_HANDSHAKE_SECONDS)
        connection = self.owner.tls.wrap_socket(
            request, server_side=True, do_handshake_on_connect=False
        )
        try:
            connection.do_handshake()
        except OSError as error:
            self.owner.handshake_errors.append(getattr(error, "reason", None) or str(error))
            _part_gently(connection)
            return None
        return connection

    def end_connections(self) -> None:
        """Shut down what is still open, so that its threads come to an end."""
        with self._open_lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let an error of the sandbox itself be seen by whoever looks at its errors."""
        self.owner.handshake_errors.append("the sandbox failed, see its traceback")
        super().handle_error(request, client_address)


def _part_gently(connection: ssl.SSLSocket) -> None:
    """Read what the client has sent before closing.

    Closing with unread data resets the connection, and the client may lose the alert that says
    why it was refused.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_WR)
        connection.settimeout(_PARTING_SECONDS)
        while socket.socket.recv(connection, 65536):
            pass
    connection.close()
