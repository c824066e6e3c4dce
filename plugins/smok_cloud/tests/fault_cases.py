"""Every fault with what the client must make of it; used over HTTP, over TLS and in process."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from smok_cloud.errors import (
    ClientFault,
    CloudError,
    CredentialsRefused,
    NoLink,
    NotTheApi,
    ServerFault,
)
from smok_testing.cloud.faults import Fault, FaultKind

K = FaultKind


class Case(NamedTuple):
    """A fault, the error it must become (None: none), and how often the API sees the request."""

    options: dict[str, Any]
    error: type[CloudError] | None
    applied: int
    attributes: Mapping[str, Any] = MappingProxyType({})

    def fault(self, **more: Any) -> Fault:
        """Make the fault anew: a plan counts it down."""
        return Fault(**self.options, **more)


def _status(status: int, error: type[CloudError], **attributes: Any) -> Case:
    return Case({"kind": K.STATUS, "status": status}, error, 0, {"status": status, **attributes})


def _page(status: int, error: type[CloudError], **attributes: Any) -> Case:
    return Case({"kind": K.PAGE_STATUS, "status": status}, error, 0, attributes)


CASES = {
    "drop-request": Case({"kind": K.DROP_REQUEST}, NoLink, 0),
    "drop-answer": Case({"kind": K.DROP_ANSWER}, NoLink, 1),
    "duplicate": Case({"kind": K.DUPLICATE}, None, 2),
    "redirect": Case({"kind": K.REDIRECT}, NotTheApi, 0),
    "html": Case({"kind": K.HTML}, NotTheApi, 0),
    "empty": Case({"kind": K.EMPTY}, NotTheApi, 0),
    "half-body": Case({"kind": K.HALF_BODY}, NotTheApi, 1),
    "wrong-length": Case({"kind": K.WRONG_LENGTH}, NotTheApi, 1),
    "bad-json": Case({"kind": K.BAD_JSON}, NotTheApi, 1),
    "gzip-bomb": Case({"kind": K.GZIP_BOMB}, NotTheApi, 1),
    "slow-drip": Case({"kind": K.SLOW_DRIP, "seconds": 0.11}, NoLink, 1),
    "slow-headers": Case({"kind": K.SLOW_HEADERS, "seconds": 0.05}, NoLink, 1),
    "hang-connect": Case({"kind": K.HANG_CONNECT}, NoLink, 0),
    "hang-headers": Case({"kind": K.HANG_HEADERS}, NoLink, 1),
    "hang-body": Case({"kind": K.HANG_BODY}, NoLink, 1),
    "400": _status(400, ClientFault, is_bad_data=True),
    "401": _status(401, CredentialsRefused),
    "403": _status(403, CredentialsRefused),
    "404": _status(404, ClientFault, is_bad_data=False),
    "408": _status(408, ServerFault, retry_after=None),
    "409": _status(409, ClientFault, is_bad_data=False),
    "413": _status(413, ClientFault, is_bad_data=True),
    "422": _status(422, ClientFault, is_bad_data=True),
    "425": _status(425, ServerFault),
    "429": _status(429, ServerFault),
    "500": _status(500, ServerFault, retry_after=None),
    "502": _status(502, ServerFault),
    "503": _status(503, ServerFault),
    "511": Case({"kind": K.STATUS, "status": 511}, NotTheApi, 0),
    "400-page": _page(400, ClientFault, is_bad_data=False),
    "422-page": _page(422, ClientFault, is_bad_data=False),
    "413-page": _page(413, ClientFault, is_bad_data=True),
    "404-page": _page(404, ClientFault, is_bad_data=False),
    "502-page": _page(502, ServerFault, retry_after=None),
}
