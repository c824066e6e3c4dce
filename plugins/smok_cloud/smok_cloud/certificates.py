"""The device's credentials: its certificate and key, checked before anything is sent with them."""

import datetime as dt
import importlib.resources
import logging
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from smok_cloud.chain import TrustedCas, parse_bundle, verify_chain
from smok_cloud.errors import InvalidCredentials
from smok_cloud.files import read_credential
from smok_cloud.identity import (
    DEVICE_ID_OID,
    ENVIRONMENT_OID,
    Environment,
    decode_device_id,
    decode_environment,
)
from smok_cloud.keys import (
    check_key_matches,
    has_small_key,
    key_file_warnings,
    key_size_warnings,
    load_private_key,
)
from smok_cloud.validity import check_dates
from smok_core.settings import Secret

_log = logging.getLogger("smok_cloud")


def get_root_cert() -> bytes:
    """Return SMOK's root certificate, PEM, as packaged with this release."""
    return _packaged("root.pem")


def get_dev_ca_cert() -> bytes:
    """Return the certificate of SMOK's device CA, PEM, as packaged with this release."""
    return _packaged("dev.pem")


def get_rapid_ca_cert() -> bytes:
    """Return the newest certificate of SMOK's RAPID CA, PEM, as packaged with this release.

    That of 2021, which ends in 2031, is packaged beside it as ``rapid-2021.pem``.
    """
    return _packaged("rapid.pem")


def _packaged(name: str) -> bytes:
    return (importlib.resources.files("smok_cloud") / "pem" / name).read_bytes()


class DeviceCertificate(NamedTuple):
    """A device certificate that passed all checks; holds no private key, only where it lies."""

    device_id: str
    environment: Environment
    certificate_path: Path
    key_path: Path
    passphrase: Secret | None
    pem: str  #: the device's own certificate alone, normalized
    not_after: dt.datetime
    has_small_key: bool  #: RSA below 2048 bits, which TLS libraries refuse unless asked
    warnings: tuple[str, ...]


def read_device_certificate(
    cert_path: str | Path,
    key_path: str | Path,
    *,
    passphrase: Secret | str | None = None,
    ca_bundle: str | Path | None = None,
    clock: Callable[[], float] = time.time,
    on_exposed_key: Literal["warn", "refuse"] = "warn",
    min_rsa_bits: int = 1024,
) -> DeviceCertificate:
    """Read and check a device's certificate and private key.

    Args:
        cert_path: PEM; the first certificate is the device's own.
        key_path: PEM, optionally encrypted with ``passphrase``.
        passphrase: Opens the key; a plain text is wrapped at once.
        ca_bundle: A PEM file with a root and a device CA that replace the packaged ones.
        clock: Seconds since the epoch; injected by tests.
        on_exposed_key: What to do when others can read the key file.
        min_rsa_bits: A smaller RSA key is refused; below 2048 bits there is a warning.

    Raises:
        InvalidCredentials: Anything is wrong; its ``reason`` says what, as a stable word.
    """
    secret = Secret(passphrase) if isinstance(passphrase, str) else passphrase
    leaf = load_certificate(read_credential(cert_path), cert_path)
    check_key_matches(leaf, load_private_key(key_path, secret), cert_path, key_path)
    device_id, environment = read_identity(leaf, cert_path)
    trusted, moment = trusted_cas(ca_bundle), _moment(clock)
    check_dates(leaf, trusted, moment, cert_path)
    verify_chain(leaf, trusted, moment, cert_path)
    warnings = key_file_warnings(key_path, on_exposed_key)
    warnings += key_size_warnings(leaf, cert_path, min_rsa_bits)
    for warning in warnings:
        _log.warning(warning)
    device = DeviceCertificate(
        device_id, environment, Path(cert_path), Path(key_path), secret,
        leaf.public_bytes(serialization.Encoding.PEM).decode(), leaf.not_valid_after_utc,
        has_small_key(leaf), warnings,
    )  # fmt: skip
    present(
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), device
    )  # what reads it here may be more lenient
    return device


def present(context: ssl.SSLContext, device: DeviceCertificate) -> None:
    """Have TLS show the certificate to the server.

    Raises:
        InvalidCredentials: The TLS library does not take the files as they are now.
    """
    if device.has_small_key:
        # Real device certificates have RSA-1024 keys, which OpenSSL does not even load at its
        # default security level. The price: a server with such a key would pass as well.
        context.set_ciphers("DEFAULT@SECLEVEL=1")
    passphrase = device.passphrase.reveal() if device.passphrase is not None else ""
    try:
        context.load_cert_chain(device.certificate_path, device.key_path, lambda: passphrase)
    except OSError as error:
        raise InvalidCredentials(
            "format", device.certificate_path, "cannot be used for TLS with its key",
            "Check both files with `smok certs`: PEM lines have no blanks before them.",
        ) from error  # fmt: skip


def device_id_of(cert_path: str | Path) -> str:
    """Return the device id that a certificate names, without checking who issued it or when.

    Names the device's own data: that must be reachable with a clock in 1970, too.

    Raises:
        InvalidCredentials: The file is unreadable, no certificate, or names no device.
    """
    return read_identity(load_certificate(read_credential(cert_path), cert_path), cert_path)[0]


def load_certificate(pem: bytes, path: str | Path) -> x509.Certificate:
    """Return the first certificate of a PEM text; refuse what is none, and version 1."""
    try:
        leaf = x509.load_pem_x509_certificates(pem)[0]
        leaf.extensions  # noqa: B018 - parsed on first access: damage in them is found here
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension) as error:
        raise InvalidCredentials(
            "format", path, "does not hold a readable PEM certificate",
            "Copy the certificate that SMOK issued for this device once more.",
        ) from error  # fmt: skip
    return leaf


def read_identity(leaf: x509.Certificate, path: str | Path) -> tuple[str, Environment]:
    """Return the device id and the environment that a certificate names."""
    try:
        return (
            decode_device_id(_extension(leaf, DEVICE_ID_OID)),
            decode_environment(_extension(leaf, ENVIRONMENT_OID)),
        )
    except ValueError as error:
        raise InvalidCredentials(
            "identity", path, f"does not name a device: {error}",
            "Use the certificate that SMOK issued for this device.",
        ) from error  # fmt: skip


def _extension(leaf: x509.Certificate, dotted: str) -> bytes:
    try:
        value = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(dotted)).value
    except x509.ExtensionNotFound:
        raise ValueError(f"the extension {dotted} is missing") from None
    assert isinstance(value, x509.UnrecognizedExtension)
    return value.value


def trusted_cas(ca_bundle: str | Path | None) -> TrustedCas:
    """Return the configured certificate authorities, or the packaged ones."""
    if ca_bundle is not None:
        return parse_bundle(read_credential(ca_bundle), ca_bundle)
    return parse_bundle(get_root_cert() + get_dev_ca_cert(), "plugins/smok_cloud/smok_cloud/pem")


def _moment(clock: Callable[[], float]) -> dt.datetime:
    return dt.datetime.fromtimestamp(clock(), dt.UTC)
