"""One request to the API: from a method, a path and a body to an answer that can be trusted."""

import contextlib
import time
from collections.abc import Callable, Iterator
from gzip import compress
from pathlib import Path
from typing import Any, Final, TypeVar

from smok_cloud.acknowledgement import check_acknowledges
from smok_cloud.answers import check_status, decoded_body, parse
from smok_cloud.bodies import Encoder, MiniJsonEncoder
from smok_cloud.certificates import DeviceCertificate
from smok_cloud.errors import NoLink, NotTheApi, UnsendableBody
from smok_cloud.pace import Pace
from smok_cloud.settings import certificate_headers, checked_proxy, checked_url
from smok_cloud.transport import Answer, Limits, Transport
from smok_core.settings import Secret

_T = TypeVar("_T")
_NO_BODY: Final = object()
_WORTH_COMPRESSING: Final = 512
#: About what the head of a request or of an answer takes.
_HEAD_BYTES: Final = 300
DEFAULT_LIMITS: Final = Limits()
DEFAULT_BAOB_LIMITS: Final = Limits(total=900.0, answer_bytes=64 * 1024 * 1024)


class Requester:
    """Sends requests and judges answers; `smok_cloud.api.ApiClient` gives them names.

    Args:
        base_url: The cloud, e.g. ``https://api.smok.co``; nothing else is ever talked to.
        certificate: The device's. Production shows it in the TLS handshake, the other
            environments in a header. None sends none (a sandbox without TLS).
        ca_bundle: PEM file of who may issue the server's certificate; None: public authorities.
        proxy: ``http://HOST:PORT``. The environment's proxies are never used.
        limits: For all requests but those that carry a BAOB.
        baob_limits: For BAOBs, which have up to 64 MiB.
        encoder: Makes the bodies; MiniJSON if not given.
        gzip: Compress bodies of more than 512 bytes; only for a server that is known to take it.
        bytes_per_second: Most bytes a second, sent and received, as an average; None: no limit.
        accept_empty: Over plain HTTP, too, take an empty 2xx for success in calls whose answer is
            not used. Off by default: an empty 200 is what some captive portals give, and it would
            acknowledge data. Over TLS the server is verified, and an empty 2xx is the cloud's.
        insecure: Talk plain HTTP to another machine.
        transport: Carries requests in place of sockets; then ``ca_bundle`` and ``proxy`` are
            without effect.
        clock: Seconds since the epoch; reads Retry-After dates when the server sends no Date.
    """

    def __init__(
        self,
        base_url: str,
        certificate: DeviceCertificate | None = None,
        *,
        ca_bundle: str | Path | None = None,
        proxy: Secret | str | None = None,
        limits: Limits = DEFAULT_LIMITS,
        baob_limits: Limits = DEFAULT_BAOB_LIMITS,
        encoder: Encoder | None = None,
        gzip: bool = False,
        bytes_per_second: float | None = None,
        accept_empty: bool = False,
        insecure: bool = False,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        url = checked_url(base_url, certificate, insecure=insecure or transport is not None)
        self._verified = url.startswith("https:")
        plain_proxy = checked_proxy(proxy.reveal() if isinstance(proxy, Secret) else proxy)
        self._limits, self._baob_limits, self._clock = limits, baob_limits, clock
        self._encoder, self._accept_empty = encoder or MiniJsonEncoder(), accept_empty
        self._gzip, self._pace = gzip, Pace(bytes_per_second)
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "smok-core",
            **certificate_headers(certificate),
        }
        #: The Date of the last answer, as it came.
        self.server_date: str | None = None
        #: The request that was sent last and is not answered yet, and when (monotonic seconds).
        self.request_out: tuple[str, float] | None = None
        self._transport = transport or _sockets(url, certificate, ca_bundle, plain_proxy)

    def close(self) -> None:
        """End requests under way, which raise NoLink, and close idle connections.

        May be called from any thread and from a signal handler, to stop at once. The client can
        be used again.
        """
        self._pace.interrupt()
        self._transport.close()

    def wait_for_turn(self) -> None:
        """Wait until the next request keeps within ``bytes_per_second``.

        Raises:
            NoLink: The client was closed meanwhile.
        """
        if not self._pace.wait():
            raise NoLink("the next request", "the client was closed while it waited for its turn")

    def _fetch(self, method: str, path: str, shape: type[_T], body: Any = _NO_BODY) -> _T:
        with self._no_trust_after_nonsense():
            return parse(f"{method} {path}", self._ask(method, path, body), shape)

    def _ask(self, method: str, path: str, body: Any) -> bytes:
        with self._no_trust_after_nonsense():
            answer = self._request(method, path, body)
            return decoded_body(f"{method} {path}", answer, self._limits.answer_bytes)

    def _tell(self, method: str, path: str, body: Any = _NO_BODY) -> None:
        with self._no_trust_after_nonsense():
            self._check_taken(f"{method} {path}", self._request(method, path, body))

    @contextlib.contextmanager
    def _no_trust_after_nonsense(self) -> Iterator[None]:
        """Let no later request use a connection on which something else than the API was read.

        After a wrong length its next bytes would be taken for the next answer.
        """
        try:
            yield
        except NotTheApi:
            self._transport.close()
            raise

    def _request(self, method: str, path: str, body: Any) -> Answer:
        headers, content = dict(self._headers), b""
        if body is not _NO_BODY:
            headers["Content-Type"] = self._encoder.content_type
            content = self._encode(f"{method} {path}", body)
        if self._gzip and len(content) > _WORTH_COMPRESSING:
            headers["Content-Encoding"], content = "gzip", compress(content, mtime=0)
        return self._send(method, path, headers, content, self._limits)

    def _send(
        self, method: str, path: str, headers: dict[str, str], body: bytes, limits: Limits
    ) -> Answer:
        self._pace.spend(len(body) + _HEAD_BYTES)
        call = f"{method} {path}"
        self.request_out = (call, time.monotonic())
        try:
            answer = self._transport.send(method, path, headers, body, limits)
        finally:
            self.request_out = None
        self.server_date = answer.headers.get("date") or answer.headers.get("Date")
        self._pace.spend(len(answer.body) + _HEAD_BYTES)
        if len(answer.body) > limits.answer_bytes:
            raise NotTheApi(call, f"the answer is larger than {limits.answer_bytes} bytes")
        check_status(call, answer, self._clock)
        return answer

    def _check_taken(self, call: str, answer: Answer) -> None:
        """Refuse a 2xx that does not acknowledge a call whose answer is not used."""
        body = decoded_body(call, answer, self._limits.answer_bytes)
        if not self._says_enough_by_nothing(body):
            check_acknowledges(call, body, verified=self._verified)

    def _says_enough_by_nothing(self, body: bytes) -> bool:
        return not body.strip() and (self._verified or self._accept_empty)

    def _encode(self, call: str, body: Any) -> bytes:
        try:
            return self._encoder.encode(body)
        except (ValueError, TypeError) as error:
            # The library's message is about the kind of the value; the value stays out of it.
            raise UnsendableBody(call, _encoding_problem(error)) from None


def _encoding_problem(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "a text holds a lone surrogate"
    if isinstance(error, TypeError):
        return f"a value cannot be sent ({error})"
    return "a number is NaN or infinite, or the record is nested too deeply"


def _sockets(
    url: str,
    certificate: DeviceCertificate | None,
    ca_bundle: str | Path | None,
    proxy: str | None,
) -> Transport:
    # A simulation with a transport of its own does without requests.
    from smok_cloud.https import RequestsTransport  # noqa: PLC0415

    return RequestsTransport(url, certificate=certificate, ca_bundle=ca_bundle, proxy=proxy)
