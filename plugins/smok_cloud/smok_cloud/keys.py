"""The private key of a device: read, matched with its certificate, and how well it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from smok_cloud.errors import InvalidCredentials
from smok_cloud.files import is_exposed, read_credential

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from smok_core.settings import Secret


#: TLS libraries refuse smaller RSA keys unless they are asked not to.
_SOUND_RSA_BITS: Final = 2048


def load_private_key(path: str | Path, passphrase: Secret | None) -> PrivateKeyTypes:
    """Read a PEM private key, encrypted or not.

    Raises:
        InvalidCredentials: It is unreadable, not a key, or the passphrase is missing or wrong.
    """
    pem = read_credential(path)
    password = passphrase.reveal().encode() if passphrase and b"ENCRYPTED" in pem else None
    try:
        return serialization.load_pem_private_key(pem, password)
    except TypeError:
        raise InvalidCredentials(
            "passphrase", path, "is encrypted and no passphrase was given",
            "Configure the passphrase of the private key.",
        ) from None  # fmt: skip
    except Exception:  # noqa: BLE001 - cryptography raises many types, and quotes what it read
        raise _unusable_key(path, encrypted=password is not None) from None


def _unusable_key(path: str | Path, *, encrypted: bool) -> InvalidCredentials:
    if encrypted:
        detail, remedy = "cannot be opened with the given passphrase", "Correct the passphrase."
        return InvalidCredentials("passphrase", path, detail, remedy)
    remedy = "Copy the device's private key once more, as PEM."
    return InvalidCredentials("format", path, "does not hold a readable private key", remedy)


def check_key_matches(
    leaf: x509.Certificate, key: PrivateKeyTypes, cert_path: str | Path, key_path: str | Path
) -> None:
    """Refuse a private key that is not the certificate's."""
    if key.public_key() != leaf.public_key():
        raise InvalidCredentials(
            "key-mismatch", key_path, f"is not the private key of {cert_path}",
            "Use the two files that were issued together.",
        )  # fmt: skip


def key_file_warnings(path: str | Path, policy: str) -> tuple[str, ...]:
    """Tell when others can read the key's file; refuse it when the policy is ``refuse``."""
    if not is_exposed(path):
        return ()
    if policy == "refuse":
        raise InvalidCredentials(
            "exposed", path, "can be read or changed by others than its owner",
            f"chmod 600 {path}",
        )  # fmt: skip
    return (f"{path}: the private key can be read or changed by others; chmod 600 {path}",)


def _rsa_bits(leaf: x509.Certificate) -> float:
    key = leaf.public_key()
    return key.key_size if isinstance(key, rsa.RSAPublicKey) else float("inf")


def has_small_key(leaf: x509.Certificate) -> bool:
    """Tell whether the certificate has an RSA key below 2048 bits."""
    return _rsa_bits(leaf) < _SOUND_RSA_BITS


def key_size_warnings(leaf: x509.Certificate, path: str | Path, least: int) -> tuple[str, ...]:
    """Tell when an RSA key is weak; refuse one below ``least`` bits."""
    bits = _rsa_bits(leaf)
    if bits < least:
        raise InvalidCredentials(
            "weak-key", path, f"has an RSA key of {bits} bits, at least {least} are required",
            "Ask SMOK for a certificate with a larger key.",
        )  # fmt: skip
    if bits >= _SOUND_RSA_BITS:
        return ()
    return (f"{path}: an RSA key of {bits} bits is weak; ask SMOK for a new certificate",)
