"""What ``smok check`` tries of the cloud: what would stop an upload, each with its fix."""

import re
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from smok_cloud.api import ApiClient
from smok_cloud.connect import connect
from smok_cloud.errors import CloudError, InvalidCloudSetting, InvalidCredentials
from smok_cloud.inspection import inspect_certificates
from smok_cloud.options import CloudSettings, cloud_settings
from smok_core.config import Config

_NOTHING_DONE: Final = re.compile(r"^Nothing was \w+[.:;] ")
#: A clock further off than this spoils the times of readings.
_CLOCK_SECONDS: Final = 60.0


class Finding(NamedTuple):
    """One thing that was tried; see ``smok_table_check``."""

    what: str
    state: str
    text: str
    fix: str | None = None
    status: int = 0


def examine(config: Config, *, offline: bool) -> Iterator[Finding]:
    """Try the credentials and settings; unless offline the name, TLS, a request and the clock."""
    cloud = cloud_settings(config)
    if cloud is None:
        return
    yield from _device_id(config, cloud)
    try:
        api = connect(config)
    except (InvalidCredentials, InvalidCloudSetting) as error:
        what = "credentials" if isinstance(error, InvalidCredentials) else "settings"
        yield _error(what, error)
        return
    yield from _credentials(config, cloud)
    if not offline:
        with api:
            yield from _online(cloud, api)


def _device_id(config: Config, cloud: CloudSettings) -> Iterator[Finding]:
    if cloud.certificate is None:
        yield Finding(
            "credentials", "warning", "no certificate: the cloud does not know who sends",
            "set certificate and private_key under [cloud]",
        )  # fmt: skip
        return
    told = inspect_certificates(config.resolve(cloud.certificate)).device_id
    if told is not None and config.device is not None and config.device != told:
        text = f"device = {config.device!r}, the certificate is that of {told!r}"
        fix = f"set device = {told!r}, or use the certificate of {config.device!r}"
        yield Finding("device id", "error", text, fix, 2)


def _credentials(config: Config, cloud: CloudSettings) -> Iterator[Finding]:
    if cloud.certificate is None or cloud.private_key is None:
        return
    bundle = None if cloud.ca_bundle is None else config.resolve(cloud.ca_bundle)
    paths = config.resolve(cloud.certificate), config.resolve(cloud.private_key)
    report = inspect_certificates(*paths, passphrase=cloud.passphrase, ca_bundle=bundle)
    for warning in report.warnings:
        text, _, fix = warning.rpartition(": " if ": " in warning else "; ")
        yield Finding("credentials", "warning", text or warning, fix if text else None)
    days = min((one.days_left for one in report.certificates), default=0)
    text = f"certificate, key and chain fit; the first of them ends in {days} days"
    yield Finding("credentials", "ok", text)


def _online(cloud: CloudSettings, api: ApiClient) -> Iterator[Finding]:
    host = urlsplit(cloud.url).hostname or ""
    try:
        # Behind a proxy the proxy resolves the name.
        if cloud.proxy is None:
            socket.getaddrinfo(host, None)
    except OSError as error:
        text = f"{host} cannot be resolved ({error.strerror or error})"
        fix = "check the link and /etc/resolv.conf; without a link: smok check --offline"
        yield Finding("cloud", "error", text, fix, CloudError.exit_status)
        return
    try:
        api.get_device()
    except CloudError as error:
        yield _error("cloud", error)
        return
    yield Finding("cloud", "ok", f"{cloud.url} answers")
    yield from _clock(api.server_date)


def _clock(told: str | None) -> Iterator[Finding]:
    if told is None:
        return
    try:
        ahead = time.time() - parsedate_to_datetime(told).timestamp()
    except ValueError:
        return
    if abs(ahead) > _CLOCK_SECONDS:
        way = "ahead of" if ahead > 0 else "behind"
        text = f"this clock is {abs(ahead):.0f} s {way} the cloud's"
        yield Finding("clock", "warning", text, "timedatectl set-ntp true")
    else:
        yield Finding("clock", "ok", "within a minute of the cloud's")


def _error(what: str, error: CloudError | InvalidCredentials | InvalidCloudSetting) -> Finding:
    """Return an error's message and its way out apart: the last sentences are the way out."""
    if isinstance(error, CloudError):
        # Nothing was to be acknowledged or sent by the one harmless request.
        fix = _NOTHING_DONE.sub("", error.remedy)
        text = f"{error.call}: {error.detail}"
        return Finding(what, "error", text, fix[:1].upper() + fix[1:], error.exit_status)
    text, _, fix = str(error).partition(". ")
    return Finding(what, "error", text, fix or None, error.exit_status)
