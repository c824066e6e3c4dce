"""The dates of a certificate chain: a wrong certificate and a wrong clock are told apart."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from smok_cloud.chain import TrustedCas, find_issuer
from smok_cloud.errors import InvalidCredentials

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography import x509


#: No certificate of SMOK's was valid before its root certificate: an earlier clock is wrong.
_BEFORE_ANY_CERTIFICATE: Final = dt.datetime(2020, 2, 22, tzinfo=dt.UTC)


def chain_of(leaf: x509.Certificate, trusted: TrustedCas) -> list[tuple[str, x509.Certificate]]:
    """Return the certificates from the device's own up to the root, each with what it is called."""
    chain = [("the certificate", leaf)]
    for name, candidates in (("device CA", trusted.device_cas), ("root CA", trusted.roots)):
        issuer = find_issuer(chain[-1][1], candidates)
        if issuer is None:
            break
        chain.append((f"the {name}", issuer))
    return chain


def check_dates(
    leaf: x509.Certificate, trusted: TrustedCas, moment: dt.datetime, path: str | Path
) -> None:
    """Refuse a certificate outside of its time, telling a wrong clock from a wrong certificate."""
    if moment < _BEFORE_ANY_CERTIFICATE:
        raise InvalidCredentials(
            "clock", path, f"cannot be checked, because the device's clock says {moment:%Y-%m-%d}",
            "Set the clock (NTP, or a real-time clock with a battery) and try again.",
        )  # fmt: skip
    for what, certificate in chain_of(leaf, trusted):
        _check_validity(what, certificate, moment, path)


def _check_validity(
    what: str, certificate: x509.Certificate, moment: dt.datetime, path: str | Path
) -> None:
    if moment > certificate.not_valid_after_utc:
        raise InvalidCredentials(
            "expired", path, f"cannot be used: {what} expired on "
            f"{certificate.not_valid_after_utc:%Y-%m-%d}, the clock says {moment:%Y-%m-%d}",
            "Ask SMOK for a new one; a new CA comes with an upgrade of smok-core or in ca_bundle.",
        )  # fmt: skip
    if moment < certificate.not_valid_before_utc:
        raise InvalidCredentials(
            "not-yet-valid", path, f"cannot be used yet: {what} is valid from "
            f"{certificate.not_valid_before_utc:%Y-%m-%d}, the clock says {moment:%Y-%m-%d}",
            "Check the device's clock, or wait until then.",
        )  # fmt: skip
