"""Checks of the API client's settings, made before anything is sent."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

from smok_cloud.certificates import DeviceCertificate
from smok_cloud.errors import InvalidCloudSetting
from smok_cloud.identity import Environment

PRODUCTION_URL: Final = "https://api.smok.co"

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_HEADER: Final = "X-SSL-Client-Certificate"


def checked_url(url: str, certificate: DeviceCertificate | None, *, insecure: bool = False) -> str:
    """Return the base URL without its trailing slash.

    Args:
        url: As configured.
        certificate: The device's, if it has one.
        insecure: Plain HTTP to another machine is what is wanted.

    Raises:
        InvalidCloudSetting: It is no plain http(s) URL, or it is HTTP to another machine: a
            production certificate is never shown over it, and without one anybody on the way
            reads, changes and acknowledges what the device sends, so that must be asked for.
    """
    parts = _split("url", url)
    if parts.scheme not in ("http", "https"):
        raise InvalidCloudSetting("url", "is not an http or https URL", f"Use {PRODUCTION_URL}.")
    production = certificate is not None and certificate.environment is Environment.PRODUCTION
    remote = parts.scheme == "http" and parts.hostname not in _LOOPBACK
    if remote and production:
        raise InvalidCloudSetting(
            "url", "is not https, and a production certificate is shown over TLS only",
            f"Use https, e.g. {PRODUCTION_URL}.",
        )  # fmt: skip
    if remote and not insecure:
        raise InvalidCloudSetting(
            "url", "is plain http to another machine: anybody on the way could read the data, "
            "and acknowledge them in the cloud's place",
            f"Use https, e.g. {PRODUCTION_URL}; for a trusted network set insecure = true.",
        )  # fmt: skip
    return url.rstrip("/")


def checked_proxy(proxy: str | None) -> str | None:
    """Return the proxy's URL; only ``http://`` proxies are supported, with a password or not.

    Raises:
        InvalidCloudSetting: It is another kind of proxy, or no URL with a host.
    """
    remedy = "Write http://HOST:PORT."
    if proxy is not None:
        parts = _parsed("proxy", proxy, remedy)
        if parts.scheme != "http" or not parts.hostname or parts.query or parts.fragment:
            raise InvalidCloudSetting("proxy", "is not an http URL with a host", remedy)
    return proxy


def _split(setting: str, url: str) -> SplitResult:
    remedy = "Write scheme, host and port only, e.g. https://api.smok.co."
    parts = _parsed(setting, url, remedy)
    if not parts.hostname or parts.query or parts.fragment:
        raise InvalidCloudSetting(setting, "has no host, or a query or fragment", remedy)
    if parts.username is not None or parts.password is not None:
        raise InvalidCloudSetting(setting, "holds a user name or password", remedy)
    return parts


def _parsed(setting: str, url: str, remedy: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - parsed on access
        (parts.hostname or "").encode("idna")  # finds labels that no resolver takes
        sound = url.isprintable() and " " not in url
    except ValueError:
        sound = False
    if not sound:
        raise InvalidCloudSetting(setting, "is not a URL", remedy)
    return parts


def certificate_headers(certificate: DeviceCertificate | None) -> dict[str, str]:
    """Return the header that stands in for the TLS certificate outside of production."""
    if certificate is None or certificate.environment is Environment.PRODUCTION:
        return {}
    return {_HEADER: certificate.pem.strip().replace("\n", "\t")}
