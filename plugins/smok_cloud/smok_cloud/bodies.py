"""The bodies of requests: a replaceable encoder, multipart forms, keys in URLs."""

import hashlib
import json
from typing import Any, ClassVar, Protocol
from urllib.parse import quote

from smok_cloud.errors import UnaddressableKey
from smok_cloud.minijson import dumps

_MAX_KEY_BYTES = 512


class Encoder(Protocol):
    """Turns plain values into the body of a request.

    ``encode`` raises ValueError or TypeError for what it cannot say.
    """

    @property
    def content_type(self) -> str:
        """Return the media type, sent with every body."""
        ...

    def encode(self, value: Any) -> bytes:
        """Return the bytes to send."""
        ...

    def values(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the values of pathpoints in the shape that goes with this encoding."""
        ...


class JsonEncoder:
    """JSON, compact, UTF-8; refuses NaN and infinities."""

    content_type: ClassVar[str] = "application/json"

    def encode(self, value: Any) -> bytes:
        """Return the JSON text.

        Raises:
            ValueError: NaN, an infinity, a lone surrogate, or nested too deeply.
            TypeError: A value of a type that JSON does not know.
        """
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        except RecursionError:
            raise ValueError("the record is nested too deeply") from None
        return text.encode()

    def values(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Leave them as they are: ``{timestamp, value | error_code}``, as clients up to 0.5 did."""
        return batch


class MiniJsonEncoder:
    """What the published client 0.21.0 sends, the one format that is known to work today."""

    content_type: ClassVar[str] = "application/minijson"

    def encode(self, value: Any) -> bytes:
        """Return the MiniJSON; see `smok_cloud.minijson.dumps` for what it raises."""
        return dumps(value)

    def values(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return each value as ``[timestamp, value]`` or ``[false, timestamp, error_code]``."""
        return [
            {
                "path": item["path"],
                "values": [
                    [one["timestamp"], one["value"]]
                    if "value" in one
                    else [False, one["timestamp"], one["error_code"]]
                    for one in item["values"]
                ],
            }
            for item in batch
        ]


#: By their names in the configuration.
ENCODERS: dict[str, type[JsonEncoder | MiniJsonEncoder]] = {
    "minijson": MiniJsonEncoder,
    "json": JsonEncoder,
}


def multipart(parts: dict[str, bytes]) -> tuple[str, bytes]:
    """Return media type and body of a form of files.

    The boundary comes from the content, so that the same request has the same bytes.
    """
    digest = hashlib.sha256(b"".join(parts.values()))
    boundary = digest.hexdigest()[:48]
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in parts.items()
    )
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def quoted(resource: str, key: str) -> str:
    """Return the key as one segment of a URL.

    Raises:
        UnaddressableKey: No URL can name it. ``.`` and ``..`` collapse even percent-encoded:
            every client, proxy and server may resolve them to another resource.
    """
    if not isinstance(key, str):
        raise UnaddressableKey(resource, key, "is not a text")
    if key in (".", ".."):
        raise UnaddressableKey(resource, key, "means another resource in a URL")
    if not key or "\0" in key:
        raise UnaddressableKey(resource, key, "is empty or holds a NUL")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise UnaddressableKey(resource, key, "holds a lone surrogate") from None
    if size > _MAX_KEY_BYTES:
        raise UnaddressableKey(resource, key, f"is longer than {_MAX_KEY_BYTES} bytes")
    return quote(key, safe="")
