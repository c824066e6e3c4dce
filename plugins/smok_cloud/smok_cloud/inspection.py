"""What `smok certs` shows: every certificate of the device's chain and when it ends."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from smok_cloud.certificates import (
    load_certificate,
    read_device_certificate,
    read_identity,
    trusted_cas,
)
from smok_cloud.errors import InvalidCredentials
from smok_cloud.files import read_credential
from smok_cloud.validity import chain_of

if TYPE_CHECKING:
    from cryptography import x509

    from smok_cloud.chain import TrustedCas
    from smok_cloud.identity import Environment
    from smok_core.settings import Secret


WARN_DAYS: Final = 180


class CertificateStatus(NamedTuple):
    """One certificate of the chain."""

    part: str  #: the certificate, the device CA or the root CA
    subject: str
    not_before: dt.datetime
    not_after: dt.datetime
    days_left: int  #: negative when it has ended
    warnings: tuple[str, ...]


class CertificateReport(NamedTuple):
    """The chain, and whether the device could use it now.

    ``error`` is what `read_device_certificate` would raise, None if the credentials are good;
    ``device_id`` and ``environment`` are None when no device certificate was given or it names
    no device.
    """

    device_id: str | None
    environment: Environment | None
    certificates: tuple[CertificateStatus, ...]
    warnings: tuple[str, ...]
    error: InvalidCredentials | None


def inspect_certificates(
    cert_path: str | Path | None = None,
    key_path: str | Path | None = None,
    *,
    passphrase: Secret | str | None = None,
    ca_bundle: str | Path | None = None,
    clock: Callable[[], float] = time.time,
) -> CertificateReport:
    """Look at a device's certificates; without paths, at the certificate authorities alone.

    Never raises for bad credentials: they are what the report is about. Give both paths or none.
    """
    warnings: tuple[str, ...] = ()
    device_id, environment, error = None, None, None
    statuses: tuple[CertificateStatus, ...] = ()
    try:
        trusted = trusted_cas(ca_bundle)
        statuses = _statuses(_authorities(trusted), clock)
        if cert_path is not None:
            leaf = load_certificate(read_credential(cert_path), cert_path)
            statuses = _statuses(chain_of(leaf, trusted), clock)
            device_id, environment = read_identity(leaf, cert_path)
            warnings = read_device_certificate(
                cert_path, key_path or cert_path,
                passphrase=passphrase, ca_bundle=ca_bundle, clock=clock,
            ).warnings  # fmt: skip
    except InvalidCredentials as caught:
        error = caught
    warnings += tuple(text for status in statuses for text in status.warnings)
    return CertificateReport(device_id, environment, statuses, warnings, error)


def _authorities(trusted: TrustedCas) -> list[tuple[str, x509.Certificate]]:
    device_cas = [("the device CA", each) for each in trusted.device_cas]
    return device_cas + [("the root CA", each) for each in trusted.roots]


def _statuses(
    chain: list[tuple[str, x509.Certificate]], clock: Callable[[], float]
) -> tuple[CertificateStatus, ...]:
    now = dt.datetime.fromtimestamp(clock(), dt.UTC)
    return tuple(_status(part, certificate, now) for part, certificate in chain)


def _status(part: str, certificate: x509.Certificate, now: dt.datetime) -> CertificateStatus:
    ends = certificate.not_valid_after_utc
    days_left = (ends - now).days
    return CertificateStatus(
        part, certificate.subject.rfc4514_string(), certificate.not_valid_before_utc, ends,
        days_left, _end_warnings(part, days_left, ends),
    )  # fmt: skip


def _end_warnings(part: str, days_left: int, ends: dt.datetime) -> tuple[str, ...]:
    if days_left >= WARN_DAYS:
        return ()
    when = f"ends in {days_left} days, on" if days_left >= 0 else "ended on"
    remedy = (
        "ask SMOK for a new certificate"
        if part == "the certificate"
        else "upgrade smok-core, or configure a bundle with the new CA"
    )
    return (f"{part} {when} {ends:%Y-%m-%d}: {remedy}",)
