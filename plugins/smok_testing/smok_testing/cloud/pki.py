"""Certificates for tests and demonstrations: an own root, device CA, RAPID CA and server.

Nothing here is trusted by anybody else; keys live as long as their directory.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from smok_cloud.identity import DEVICE_ID_OID, ENVIRONMENT_OID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Extensions = Sequence[tuple[x509.ExtensionType, bool]]

_DAY: Final = dt.timedelta(days=1)


class Validity(NamedTuple):
    """From when until when a certificate is valid."""

    start: dt.datetime
    end: dt.datetime

    @classmethod
    def around_now(cls, days: int = 365) -> Self:
        """Return a validity that began yesterday and ends in so many days."""
        now = dt.datetime.now(dt.UTC)
        return cls(now - _DAY, now + days * _DAY)


class Authority(NamedTuple):
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Key


class Files(NamedTuple):
    """Where a certificate and its private key were written."""

    certificate: Path
    key: Path


def new_key() -> ec.EllipticCurvePrivateKey:
    """Generate a private key, fast."""
    return ec.generate_private_key(ec.SECP256R1())


def make_certificate(
    name: str,
    key: Key,
    issuer: Authority | None,
    extensions: Extensions,
    *,
    validity: Validity | None = None,
    identify_issuer: bool = True,
) -> x509.Certificate:
    """Sign a certificate.

    Args:
        name: The common name.
        key: The subject's key; only its public half goes into the certificate.
        issuer: Who signs; None signs with the key itself.
        extensions: Extensions with their criticality, beside the key identifiers.
        validity: Yesterday until next year if not given.
        identify_issuer: Add the authority key identifier.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start, end = validity or Validity.around_now()
    builder = x509.CertificateBuilder(
        issuer_name=issuer.certificate.subject if issuer else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=end,
    )
    signer = issuer.key if issuer else key
    for extension, critical in [*extensions, *_identifiers(key, signer, identify_issuer)]:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, hashes.SHA256())


def _identifiers(key: Key, signer: Key, identify_issuer: bool) -> Extensions:
    own = (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    issuers = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return [own, (issuers, False)] if identify_issuer else [own]


def key_usage(*allowed: str) -> x509.KeyUsage:
    """Make a key usage that allows exactly these, by the names of its parameters."""
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in allowed for name in names})


def make_authority(
    name: str, issuer: Authority | None, path_length: int | None = None
) -> Authority:
    """Make a certificate authority; a root if there is no issuer."""
    key = new_key()
    extensions: Extensions = [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (key_usage("digital_signature", "key_cert_sign", "crl_sign"), True),
    ]
    validity = Validity.around_now(3650)
    return Authority(make_certificate(name, key, issuer, extensions, validity=validity), key)


def device_extensions(device_id: str, environment: int) -> list[tuple[x509.ExtensionType, bool]]:
    """Return the extensions of a real device certificate, in their real criticality."""
    text = device_id.encode()
    return [
        (x509.BasicConstraints(ca=False, path_length=None), False),
        (key_usage("digital_signature", "content_commitment"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), True),
        (_private(DEVICE_ID_OID, bytes([0x0C, len(text)]) + text), False),
        (_private(ENVIRONMENT_OID, bytes([0x02, 0x01, environment])), False),
    ]


def _private(dotted: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(dotted), value)


def server_extensions(hosts: Sequence[str]) -> Extensions:
    """Return the extensions of a server that is called by these names and addresses."""
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([_general_name(host) for host in hosts]), False),
    ]


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def write_credentials(
    directory: Path, name: str, certificate: x509.Certificate, key: Key, passphrase: str = ""
) -> Files:
    """Write ``name.crt`` and ``name.key`` (mode 600), both PEM."""
    files = Files(directory / f"{name}.crt", directory / f"{name}.key")
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.touch(0o600)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase.encode())
            if passphrase
            else serialization.NoEncryption(),
        )
    )
    return files


class SandboxPki:
    """A set of certificate authorities that stands in for SMOK's, and what they issued.

    Args:
        directory: Where certificates and keys are written; it must exist.

    ``bundle`` is the file to give as ``ca_bundle``: root and device CA for reading a device
    certificate, and the root, which also issued the server's certificate, for HTTPS.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.root = make_authority("Sandbox Root CA", None)
        self.device_ca = make_authority("Sandbox Device CA", self.root, path_length=0)
        self.rapid_ca = make_authority("Sandbox RAPID CA", self.root)
        self.bundle = directory / "ca.pem"
        self.bundle.write_bytes(self._pem(self.root) + self._pem(self.device_ca))

    @staticmethod
    def _pem(authority: Authority) -> bytes:
        return authority.certificate.public_bytes(serialization.Encoding.PEM)

    def issue_device(
        self, device_id: str, environment: int = 0, *, name: str = "", rsa_bits: int = 0
    ) -> Files:
        """Issue a device certificate; an elliptic key unless ``rsa_bits`` is given."""
        key = rsa.generate_private_key(65537, rsa_bits) if rsa_bits else new_key()
        extensions = device_extensions(device_id, environment)
        certificate = make_certificate(device_id, key, self.device_ca, extensions)
        return write_credentials(self.directory, name or device_id, certificate, key)

    def issue_server(
        self,
        hosts: Sequence[str] = ("127.0.0.1", "localhost"),
        *,
        name: str = "server",
        validity: Validity | None = None,
        self_signed: bool = False,
    ) -> Files:
        """Issue a server certificate; wrong ones, too, to see them refused."""
        key = new_key()
        issuer = None if self_signed else self.root
        extensions = server_extensions(hosts)
        certificate = make_certificate(hosts[0], key, issuer, extensions, validity=validity)
        return write_credentials(self.directory, name, certificate, key)
