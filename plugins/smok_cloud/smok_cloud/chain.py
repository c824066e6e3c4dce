"""The chain of trust of a device certificate: device, device CA, root, and nothing else.

The one module that touches cryptography's verification API, which its authors call unstable.
"""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from smok_cloud.errors import InvalidCredentials

_AGNOSTIC = verification.Criticality.AGNOSTIC


class TrustedCas(NamedTuple):
    """Whom a device certificate may come from."""

    roots: tuple[x509.Certificate, ...]
    device_cas: tuple[x509.Certificate, ...]


def parse_bundle(pem: bytes, source: str | Path) -> TrustedCas:
    """Split a PEM bundle into roots (self-issued) and device CAs (all others).

    Whoever is in the bundle may issue device certificates: keep server CAs out of it.

    Raises:
        InvalidCredentials: It is not PEM, or one of the two kinds is missing.
    """
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise _bad_bundle(source, "does not hold PEM certificates") from error
    roots = tuple(each for each in certificates if each.subject == each.issuer)
    device_cas = tuple(each for each in certificates if each.subject != each.issuer)
    if not roots or not device_cas:
        raise _bad_bundle(source, "must hold a root certificate and the device CA's certificate")
    return TrustedCas(roots, device_cas)


def _bad_bundle(source: str | Path, detail: str) -> InvalidCredentials:
    remedy = "Put both as PEM into one file, or leave the setting out to use the packaged ones."
    return InvalidCredentials("ca-bundle", source, detail, remedy)


def find_issuer(
    certificate: x509.Certificate, candidates: Sequence[x509.Certificate]
) -> x509.Certificate | None:
    """Return the candidate whose name the certificate names as its issuer; proves nothing yet."""
    named = [each for each in candidates if each.subject == certificate.issuer]
    return next((each for each in named if _signed_by(certificate, each)), None)


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - any failure, of any type, means: not signed by it
        return False
    return True


def verify_chain(
    leaf: x509.Certificate, trusted: TrustedCas, moment: dt.datetime, path: str | Path
) -> None:
    """Prove that a device CA, itself issued by a root, issued the leaf as a client certificate.

    Raises:
        InvalidCredentials: It did not, or one of the three is not fit for its part.
    """
    try:
        verified = _verifier(trusted, moment).verify(leaf, list(trusted.device_cas))
    except verification.VerificationError as error:
        raise _refused(path, _reason(error)) from error
    chain = verified.chain
    if len(chain) != 3 or chain[1] not in trusted.device_cas or chain[2] not in trusted.roots:
        raise _refused(path, "the chain is not device, device CA, root")


def _verifier(trusted: TrustedCas, moment: dt.datetime) -> verification.ClientVerifier:
    builder = verification.PolicyBuilder().store(verification.Store(list(trusted.roots)))
    return (
        builder.time(moment)
        .max_chain_depth(1)
        .extension_policies(
            ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=_device_policy()
        )
        .build_client_verifier()
    )


def _device_policy() -> verification.ExtensionPolicy:
    # Real device certificates have no subject alternative name and a critical extended key
    # usage; the default policy refuses both. All else that it checks is checked here as well.
    return (
        verification.ExtensionPolicy.permit_all()
        .require_present(x509.AuthorityKeyIdentifier, verification.Criticality.NON_CRITICAL, None)
        .may_be_present(x509.BasicConstraints, _AGNOSTIC, _check_basic_constraints)
        .may_be_present(x509.KeyUsage, _AGNOSTIC, _check_key_usage)
        .may_be_present(x509.ExtendedKeyUsage, _AGNOSTIC, _check_extended_key_usage)
    )


def _check_basic_constraints(
    _policy: verification.Policy, _leaf: x509.Certificate, value: x509.BasicConstraints | None
) -> None:
    if value is not None and value.ca:
        raise ValueError("it is a certificate authority, not a device")


def _check_key_usage(
    _policy: verification.Policy, _leaf: x509.Certificate, value: x509.KeyUsage | None
) -> None:
    if value is not None and (value.key_cert_sign or not value.digital_signature):
        raise ValueError("its key usage is not that of a device")


def _check_extended_key_usage(
    _policy: verification.Policy, _leaf: x509.Certificate, value: x509.ExtendedKeyUsage | None
) -> None:
    if value is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in value:
        raise ValueError("its extended key usage does not allow client authentication")


def _reason(error: Exception) -> str:
    # The library appends its inner structures; what comes before them is readable.
    text = str(error).removeprefix("validation failed: ")
    for noise in ("candidates exhausted: ", "Python extension validator failed: ValueError: "):
        text = text.removeprefix(noise)
    return text.partition("(encountered")[0].partition(": AlgorithmIdentifier")[0].strip()


def _refused(path: str | Path, reason: str) -> InvalidCredentials:
    return InvalidCredentials(
        "chain", path, f"was not issued to a device by a trusted device CA: {reason}",
        "Use the certificate that SMOK issued for this device; for a private certificate "
        "authority configure its root and device CA.",
    )  # fmt: skip
