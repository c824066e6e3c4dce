"""HTTP and HTTPS with requests: verified servers, the device's certificate, hard limits."""

import contextlib
import http.client
import io
import socket
import ssl
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import requests
import requests.adapters
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from smok_cloud.certificates import DeviceCertificate, present
from smok_cloud.deadline import Deadline, watch
from smok_cloud.errors import (
    InvalidCloudSetting,
    NotTheApi,
    UnaddressableKey,
)
from smok_cloud.http_errors import translated
from smok_cloud.identity import Environment
from smok_cloud.transport import Answer, Limits
from smok_core.engine.forks import Layer, join

_CHUNK: Final = 64 * 1024


class _FinalResponse(http.client.HTTPResponse):
    """An answer; those that only say that one will come (102, 103) are read past.

    The library knows 100 alone, and takes any other for the answer. 101 is one: the connection
    speaks another protocol after it.
    """

    def begin(self) -> None:
        super().begin()
        while self.status in range(102, 200):
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class _Watched(HTTPConnection):
    """A connection whose use the current deadline ends."""

    response_class = _FinalResponse

    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn()
        watch(connection)
        return connection

    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is not None:
            watch(self.sock)
        super().request(*args, **options)


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS; the handshake is under the deadline, too."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class _Adapter(requests.adapters.HTTPAdapter):
    """Uses one TLS context and one proxy, whatever requests and the environment would prefer."""

    def __init__(self, context: ssl.SSLContext | None, proxy: str | None) -> None:
        self._context, self._proxy = context, proxy
        super().__init__(pool_connections=1, pool_maxsize=4)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        if self._context is not None:
            options["ssl_context"] = self._context
        super().init_poolmanager(*args, **options)
        _use_watched_pools(self.poolmanager)

    def get_connection_with_tls_context(
        self,
        request: Any,
        verify: Any,  # noqa: ARG002 - the context decides
        proxies: Any = None,  # noqa: ARG002 - the proxy is fixed
        cert: Any = None,  # noqa: ARG002 - the context holds it
    ) -> Any:
        manager = self.poolmanager
        if self._proxy is not None:
            options = {} if self._context is None else {"ssl_context": self._context}
            manager = self.proxy_manager_for(self._proxy, **options)
            _use_watched_pools(manager)
        return manager.connection_from_url(request.url)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the context as it is; requests would add its own certificate authorities."""


def _use_watched_pools(manager: Any) -> None:
    manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def client_context(
    certificate: DeviceCertificate | None, ca_bundle: str | Path | None
) -> ssl.SSLContext:
    """Make the TLS settings: TLS 1.2 or newer, the server verified, the device's certificate.

    Args:
        certificate: Presented to the server if it is for production.
        ca_bundle: PEM file of the authorities that may issue the server's certificate; None
            means the public ones that requests brings.

    Raises:
        InvalidCloudSetting: The bundle cannot be read.
        InvalidCredentials: TLS cannot use the certificate's files.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=str(ca_bundle or DEFAULT_CA_BUNDLE_PATH))
    except OSError as error:
        detail = f"({ca_bundle}) cannot be read as PEM certificates"
        raise InvalidCloudSetting("ca_bundle", detail, "Give a readable PEM file.") from error
    if certificate is not None and certificate.environment is Environment.PRODUCTION:
        present(context, certificate)
    return context


class RequestsTransport:
    """A `Transport` over real sockets; may be used by several threads at once.

    Args:
        base_url: Scheme, host and port of the only server that is ever talked to.
        certificate: The device's; shown to that server alone.
        ca_bundle: Who may issue the server's certificate; see `client_context`.
        proxy: ``http://host:port``; the environment's proxies are not used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        certificate: DeviceCertificate | None = None,
        ca_bundle: str | Path | None = None,
        proxy: str | None = None,
    ) -> None:
        _check_url(base_url)
        https = base_url.startswith("https:")
        context = client_context(certificate, ca_bundle) if https else None
        self._base_url, self._make_adapter = base_url.rstrip("/"), partial(_Adapter, context, proxy)
        self._adapter, self._parents = self._make_adapter(), list[_Adapter]()
        self._deadlines: set[Deadline] = set()  # each operation on it is atomic
        join(self, Layer.ENGINE)
        self._proxies = {"http": proxy, "https": proxy} if proxy is not None else {}

    def before_fork(self) -> None:
        """Nothing has to rest: the child uses no connection of the parent's."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Leave the parent's connections and its requests under way alone."""
        self._parents.append(self._adapter)
        self._adapter, self._deadlines = self._make_adapter(), set()

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> Answer:
        """Send one request; see `Transport.send`."""
        call = f"{method} {path}"
        # As a stream, because the time limit of a socket holds for each piece that is sent: in
        # one piece a large body would have to leave within it, however slow the link is.
        data = io.BytesIO(body) if body else None
        request = requests.Request(method, self._base_url + path, headers=dict(headers), data=data)
        prepared = request.prepare()
        if prepared.url != self._base_url + path:  # a path that would reach something else
            raise UnaddressableKey("url", path, f"would become {prepared.url!a:.200}")
        with (
            Deadline(limits.total) as deadline,
            self._under_way(deadline),
            translated(call, deadline, limits),
        ):
            return self._exchange(call, prepared, limits)

    @contextlib.contextmanager
    def _under_way(self, deadline: Deadline) -> Iterator[None]:
        self._deadlines.add(deadline)
        try:
            yield
        finally:
            self._deadlines.discard(deadline)

    def _exchange(self, call: str, request: requests.PreparedRequest, limits: Limits) -> Answer:
        timeout = (min(limits.connect, limits.total), min(limits.read, limits.total))
        # The adapter alone: a session would add cookies, credentials and proxies from the
        # environment, and reads the body of a redirect without a limit.
        response = self._adapter.send(request, stream=True, timeout=timeout, proxies=self._proxies)
        try:
            body = _read(call, response.raw, limits)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, body)
        finally:
            response.close()

    def close(self) -> None:
        """End requests under way and close idle connections; see `Transport.close`."""
        for deadline in self._deadlines.copy():
            deadline.end("the client was closed")
        self._adapter.close()


def _check_url(url: str) -> None:
    """Refuse a URL that requests would only refuse, or rewrite, with the first request."""
    remedy = "Write scheme, host and port in lower case, e.g. https://api.smok.co."
    try:
        prepared = requests.Request("GET", url.rstrip("/") + "/").prepare()
    except (requests.RequestException, ValueError):
        raise InvalidCloudSetting("url", "does not name a host", remedy) from None
    if prepared.url != url.rstrip("/") + "/":
        raise InvalidCloudSetting("url", f"means {prepared.url!a:.200}", remedy)


def _read(call: str, raw: Any, limits: Limits) -> bytes:
    raw.enforce_content_length = False  # a short body is judged above the seam
    body = bytearray()
    while chunk := raw.read(_CHUNK, decode_content=False):
        body += chunk
        if len(body) > limits.answer_bytes:
            raise NotTheApi(call, f"the answer is larger than {limits.answer_bytes} bytes")
    return bytes(body)
