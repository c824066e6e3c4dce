"""The one place where errors of requests, urllib3 and ssl become ours."""

import contextlib
import http.client
import ssl
from collections.abc import Iterator
from typing import Final

import requests
import urllib3.exceptions

from smok_cloud.deadline import Deadline
from smok_cloud.errors import (
    CloudError,
    CredentialsRefused,
    NoLink,
    NotTheApi,
    UntrustedServer,
)
from smok_cloud.transport import Limits

#: Alerts with which a server refuses a client's certificate, as OpenSSL names them.
_REFUSALS: Final = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")
#: A ValueError is the libraries' word for a number that is none, such as a chunk's size of -2.
_FAILURES: Final = (
    OSError,
    ValueError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
)
#: What OpenSSL says when the other side answers in clear text.
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")


@contextlib.contextmanager
def translated(call: str, deadline: Deadline, limits: Limits) -> Iterator[None]:
    """Raise our errors in place of the libraries', and `NoLink` if the deadline ended it."""
    try:
        yield
    except _FAILURES as error:
        if deadline.reason is not None:
            raise NoLink(call, deadline.reason) from error
        raise _translate(call, error, limits) from error
    if deadline.reason is not None:
        raise NoLink(call, deadline.reason)


def _translate(call: str, error: BaseException, limits: Limits) -> CloudError:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return _tls_error(call, cause)
        if isinstance(cause, urllib3.exceptions.NameResolutionError):
            return NoLink(call, "the host name cannot be resolved")
        if isinstance(cause, urllib3.exceptions.NewConnectionError):
            break  # a subclass of the next for history's sake; the system error says it better
        if isinstance(cause, urllib3.exceptions.ConnectTimeoutError):
            return NoLink(call, f"no connection within {limits.connect:g} s")
        if isinstance(cause, urllib3.exceptions.ReadTimeoutError | TimeoutError):
            return NoLink(call, f"nothing was heard for {limits.read:g} s")
        if _is_nonsense(cause):
            return NotTheApi(call, "the answer is not HTTP")
    return NoLink(call, _plain(error))


def _is_nonsense(error: BaseException) -> bool:
    # The other HTTPExceptions are cut answers; RemoteDisconnected counts as a bad status line.
    nonsense = (
        http.client.BadStatusLine,
        http.client.LineTooLong,
        http.client.UnknownProtocol,
        urllib3.exceptions.InvalidHeader,
    )
    if type(error) in (ValueError, UnicodeDecodeError):
        return True
    return isinstance(error, nonsense) and not isinstance(error, ConnectionError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error's causes, outermost first, also those that libraries hide in arguments."""
    seen: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        each = pending.pop(0)
        if isinstance(each, BaseException) and each not in seen:
            seen.append(each)
            pending += [getattr(each, "reason", None), *each.args, each.__cause__]
            yield each


def _tls_error(call: str, error: ssl.SSLError) -> CloudError:
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        detail = f"the server's certificate was not accepted ({error.verify_message})"
        return UntrustedServer(call, detail)
    if "ALERT" in reason and any(word in reason for word in _REFUSALS):
        alert = reason.replace("_", " ").lower()
        return CredentialsRefused(call, f"the server refused the device's certificate ({alert})")
    if any(word in reason for word in _NO_TLS):
        return NotTheApi(call, "what answered does not speak TLS")
    return NoLink(call, f"the TLS connection failed ({reason or 'it was cut'})")


def _plain(error: BaseException) -> str:
    """Describe an error by its innermost system error; library texts quote addresses and more."""
    for cause in reversed(list(_causes(error))):
        if isinstance(cause, OSError) and cause.strerror:
            return f"the connection failed ({cause.strerror})"
    return f"the connection broke ({type(error).__name__})"
