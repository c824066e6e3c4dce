"""What an answer of the cloud means: its status, its size, its shape."""

import email.utils
import zlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from smok_cloud.errors import (
    ClientFault,
    CloudError,
    CredentialsRefused,
    NotTheApi,
    ServerFault,
)
from smok_cloud.transport import Answer

MAX_DEPTH: Final = 64
#: An answer of 6 MiB can hold two million empty objects, each of 64 bytes in memory. So many
#: values are enough for a receipt for each of 100 000 events.
MAX_VALUES: Final = 220_000
MAX_RETRY_AFTER: Final = 3600.0  # seconds; a server that says more is misconfigured or hostile

_MAX_ERROR_BYTES: Final = 64 * 1024
_TEMPORARY_CLIENT_FAULTS: Final = frozenset({408, 425, 429})
_NETWORK_LOGIN_REQUIRED: Final = 511
#: Those from 206 on say that it was done in part, or for each record something else.
_LAST_SUCCESS: Final = 205
_T = TypeVar("_T")


def check_status(call: str, answer: Answer, clock: Callable[[], float]) -> None:
    """Return if the status means success.

    Raises:
        CloudError: The class says what kind of failure the status is.
    """
    if not 200 <= answer.status <= _LAST_SUCCESS:
        raise _failure(call, answer, clock)


def _failure(call: str, answer: Answer, clock: Callable[[], float]) -> CloudError:
    status, text = answer.status, _api_text(call, answer)
    detail = f"the answer was {status}" + (f" ({text})" if text else "")
    if status < 400 or status == _NETWORK_LOGIN_REQUIRED:
        return NotTheApi(call, f"{detail}, which the API never gives")
    if status in (401, 403):
        return CredentialsRefused(call, detail, status)
    if status in _TEMPORARY_CLIENT_FAULTS or status >= 500:
        return ServerFault(call, detail, status, _retry_after(answer, clock))
    return ClientFault(call, detail, status, from_api=text is not None)


def _api_text(call: str, answer: Answer) -> str | None:
    """Return the text of the API's own error object, None for anything else."""
    try:
        plain = decoded_body(call, answer, _MAX_ERROR_BYTES)
        body = msgspec.json.decode(plain, type=dict[str, msgspec.Raw])
        text = msgspec.json.decode(body["status"], type=str) if "status" in body else ""
    except (NotTheApi, ValueError, RecursionError):
        return None
    return ascii(text)[1:201].rstrip("'\"")


def _retry_after(answer: Answer, clock: Callable[[], float]) -> float | None:
    value = answer.headers.get("retry-after", "").strip()
    if not value:
        return None
    wait = float(value[:12]) if value.isascii() and value.isdigit() else None
    if wait is None:
        then = _http_date(value)
        # The server's own clock tells how far away its date is; the device's may be wrong.
        now = _http_date(answer.headers.get("date", ""))
        wait = None if then is None else then - (clock() if now is None else now)
    return None if wait is None else min(max(wait, 0.0), MAX_RETRY_AFTER)


def _http_date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None


def decoded_body(call: str, answer: Answer, limit: int) -> bytes:
    """Return the body without its transfer compression.

    Raises:
        NotTheApi: It is cut short, larger than ``limit`` bytes, or compressed in an unknown way.
    """
    _check_length(call, answer)
    if not answer.body:
        return b""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "gzip":
        body = _gunzip(call, answer.body, limit)
    elif encoding in ("identity", ""):
        body = answer.body
    else:
        raise NotTheApi(call, f"the answer has the unknown content encoding {encoding!a:.40}")
    if len(body) > limit:
        raise NotTheApi(call, f"the answer is larger than {limit} bytes")
    return body


def _check_length(call: str, answer: Answer) -> None:
    announced = answer.headers.get("content-length")
    if announced is None:
        return
    # Some proxies repeat the header; equal ones say the same.
    if {each.strip() for each in announced.split(",")} != {str(len(answer.body))}:
        received = len(answer.body)
        raise NotTheApi(call, f"{received} bytes arrived instead of {announced!a:.30}")


def _gunzip(call: str, body: bytes, limit: int) -> bytes:
    decompressor = zlib.decompressobj(wbits=31)
    try:
        plain = decompressor.decompress(body, limit + 1)
    except zlib.error as error:
        raise NotTheApi(call, "the compressed answer is damaged") from error
    if len(plain) <= limit and not decompressor.eof:
        raise NotTheApi(call, "the compressed answer is cut short")
    return plain


def parse(call: str, body: bytes, shape: type[_T]) -> _T:
    """Return the JSON body as the given type.

    Raises:
        NotTheApi: It is no JSON, holds more than 220 000 values, is nested deeper than 64 levels,
            or of another shape.
    """
    _check_number(call, body)
    try:
        value = msgspec.json.decode(body)
        if _is_deep(value):
            raise NotTheApi(call, f"the answer is nested deeper than {MAX_DEPTH} levels")
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise NotTheApi(call, f"the answer has another shape: {error}") from error
    except (ValueError, RecursionError) as error:
        raise NotTheApi(call, _unreadable(body)) from error


def _check_number(call: str, body: bytes) -> None:
    # What opens a container and what separates values, counted before any of them is made; those
    # within texts count, too.
    if sum(map(body.count, (b"{", b"[", b","))) > MAX_VALUES:
        raise NotTheApi(call, f"the answer holds more than {MAX_VALUES} values")


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [child for each in level for child in _children(each)]
        if not level:
            return False
    return True


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _unreadable(body: bytes) -> str:
    if not body.strip():
        return "the answer is empty"
    kind = "an HTML page" if body.lstrip()[:1] == b"<" else "not readable as JSON"
    return f"the answer is {kind}"
