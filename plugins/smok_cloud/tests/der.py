"""Certificates that no sound library makes: signed with SHA-1, or of version 1."""

from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")
_VERSION, _EXTENSIONS, _SEQUENCE = 0xA0, 0xA3, 0x30


def as_sha1(certificate: x509.Certificate, signer: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Give the certificate signed again, with SHA-1."""
    parts = list(_elements(_content(certificate.tbs_certificate_bytes)))
    parts[2] = _ECDSA_SHA1
    return _sign(parts, _ECDSA_SHA1, signer, hashes.SHA1())


def as_version_1(
    certificate: x509.Certificate, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """Give the certificate as one of version 1: without its extensions, signed again."""
    parts = list(_elements(_content(certificate.tbs_certificate_bytes)))
    kept = [part for part in parts if part[0] not in (_VERSION, _EXTENSIONS)]
    return _sign(kept, kept[1], signer, hashes.SHA256())


def _sign(
    parts: list[bytes],
    algorithm: bytes,
    signer: ec.EllipticCurvePrivateKey,
    digest: hashes.HashAlgorithm,
) -> x509.Certificate:
    tbs = _element(_SEQUENCE, b"".join(parts))
    signature = b"\x00" + signer.sign(tbs, ec.ECDSA(digest))
    whole = _element(_SEQUENCE, tbs + algorithm + _element(0x03, signature))
    return x509.load_der_x509_certificate(whole)


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def _elements(content: bytes) -> Iterator[bytes]:
    while content:
        header, size = _measure(content)
        yield content[: header + size]
        content = content[header + size :]


def _content(element: bytes) -> bytes:
    return element[_measure(element)[0] :]


def _measure(element: bytes) -> tuple[int, int]:
    if element[1] < 0x80:
        return 2, element[1]
    digits = element[1] & 0x7F
    return 2 + digits, int.from_bytes(element[2 : 2 + digits])
