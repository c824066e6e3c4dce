"""Which certificates are accepted as a device's: every row generated, none fetched."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from smok_cloud.certificates import DeviceCertificate, read_device_certificate
from smok_cloud.errors import InvalidCredentials
from smok_cloud.identity import DEVICE_ID_OID, ENVIRONMENT_OID
from smok_testing.cloud.pki import (
    Authority,
    Files,
    SandboxPki,
    device_extensions,
    key_usage,
    make_authority,
    make_certificate,
    new_key,
    write_credentials,
)

from plugins.smok_cloud.tests.der import as_sha1, as_version_1

Extension = tuple[x509.ExtensionType, bool]
Change = Callable[[list[Extension]], list[Extension]]


def _without(*kinds: type) -> Change:
    return lambda all_: [each for each in all_ if not isinstance(each[0], kinds)]


def _with(new: x509.ExtensionType, critical: bool) -> Change:
    return lambda all_: [*_without(type(new))(all_), (new, critical)]


def _private(dotted: str, value: bytes, *, critical: bool = False) -> Change:
    oid = x509.ObjectIdentifier(dotted)
    new = (x509.UnrecognizedExtension(oid, value), critical)
    return lambda all_: [*(each for each in all_ if each[0].oid != oid), new]


def _issue(
    directory: Path, issuer: Authority, change: Change, *, identify_issuer: bool = True
) -> Files:
    key, extensions = new_key(), change(device_extensions("pump-17", 0))
    certificate = make_certificate(
        "pump-17", key, issuer, extensions, identify_issuer=identify_issuer
    )
    return write_credentials(directory, "leaf", certificate, key)


def _read(files: Files, bundle: Path, **options: int) -> DeviceCertificate:
    return read_device_certificate(*files, ca_bundle=bundle, **options)  # type: ignore[arg-type]


def _refusal(files: Files, bundle: Path) -> InvalidCredentials:
    with pytest.raises(InvalidCredentials) as caught:
        _read(files, bundle)
    return caught.value


def _bundle(directory: Path, *certificates: x509.Certificate) -> Path:
    path = directory / "bundle.pem"
    path.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in certificates))
    return path


def test_the_real_profile_is_accepted(pki: SandboxPki, bundle: Path) -> None:
    """No alternative name, critical key usages, RSA-1024: accepted, with a warning for the key."""
    device = _read(pki.issue_device("pump-18", 1, rsa_bits=1024), bundle)
    assert (device.device_id, device.environment, device.has_small_key) == ("pump-18", 1, True)
    assert [each for each in device.warnings if "1024 bits is weak" in each]


def test_a_small_key_can_be_refused(pki: SandboxPki, bundle: Path) -> None:
    """min_rsa_bits refuses what the default only warns about."""
    files = pki.issue_device("pump-19", rsa_bits=1024)
    with pytest.raises(InvalidCredentials, match="1024 bits, at least 2048") as caught:
        _read(files, bundle, min_rsa_bits=2048)
    assert caught.value.reason == "weak-key"


def test_an_elliptic_key_brings_no_warning(device_files: Files, bundle: Path) -> None:
    """A good certificate with a good key, kept well, gives no warning."""
    assert _read(device_files, bundle).warnings == ()


REFUSED_LEAVES = {
    "server-only": _with(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), True),
    "may-sign-certificates": _with(key_usage("digital_signature", "key_cert_sign"), True),
    "may-not-sign": _with(key_usage("key_encipherment"), True),
    "is-a-ca": _with(x509.BasicConstraints(ca=True, path_length=None), True),
    "critical-device-id": _private(DEVICE_ID_OID, b"\x0c\x02ab", critical=True),
    "critical-environment": _private(ENVIRONMENT_OID, b"\x02\x01\x00", critical=True),
}


@pytest.mark.parametrize("name", REFUSED_LEAVES)
def test_an_unfit_leaf_is_refused(pki: SandboxPki, bundle: Path, tmp_path: Path, name: str) -> None:
    """A leaf that says it is something else than a device is refused, though the CA signed it."""
    files = _issue(tmp_path, pki.device_ca, REFUSED_LEAVES[name])
    assert _refusal(files, bundle).reason == "chain"


ACCEPTED_LEAVES = {
    "no-key-usage": _without(x509.KeyUsage),
    "no-extended-key-usage": _without(x509.ExtendedKeyUsage),
    "no-basic-constraints": _without(x509.BasicConstraints),
    "printable-string": _private(DEVICE_ID_OID, b"\x13\x07pump-17"),
    "ia5-string": _private(DEVICE_ID_OID, b"\x16\x07pump-17"),
}


@pytest.mark.parametrize("name", ACCEPTED_LEAVES)
def test_a_leaf_that_says_less_is_accepted(
    pki: SandboxPki, bundle: Path, tmp_path: Path, name: str
) -> None:
    """Extensions that a device certificate may lack, and other text types, are no obstacle."""
    files = _issue(tmp_path, pki.device_ca, ACCEPTED_LEAVES[name])
    assert _read(files, bundle).device_id == "pump-17"


def test_a_leaf_without_authority_key_identifier_is_refused(
    pki: SandboxPki, bundle: Path, tmp_path: Path
) -> None:
    """The leaf must say which key signed it."""
    files = _issue(tmp_path, pki.device_ca, lambda all_: all_, identify_issuer=False)
    assert _refusal(files, bundle).reason == "chain"


BAD_IDENTITIES = {
    "no-device-id": lambda all_: [
        each for each in all_ if each[0].oid.dotted_string != DEVICE_ID_OID
    ],
    "no-environment": lambda all_: [
        each for each in all_ if each[0].oid.dotted_string != ENVIRONMENT_OID
    ],
    "empty-value": _private(DEVICE_ID_OID, b""),
    "empty-id": _private(DEVICE_ID_OID, b"\x0c\x00"),
    "trailing-byte": _private(DEVICE_ID_OID, b"\x0c\x02abc"),
    "length-too-long": _private(DEVICE_ID_OID, b"\x0c\x03ab"),
    "long-form-length": _private(DEVICE_ID_OID, b"\x0c\x81\x02ab"),
    "octet-string": _private(DEVICE_ID_OID, b"\x04\x02ab"),
    "not-utf-8": _private(DEVICE_ID_OID, b"\x0c\x01\xff"),
    "not-ascii": _private(DEVICE_ID_OID, b"\x16\x02\xc3\xa9"),
    "newline": _private(DEVICE_ID_OID, b"\x0c\x03a\nb"),
    "padded": _private(DEVICE_ID_OID, b"\x0c\x03 ab"),
    "unknown-environment": _private(ENVIRONMENT_OID, b"\x02\x01\x03"),
    "negative-environment": _private(ENVIRONMENT_OID, b"\x02\x01\xff"),
    "two-byte-environment": _private(ENVIRONMENT_OID, b"\x02\x02\x00\x00"),
    "text-environment": _private(ENVIRONMENT_OID, b"\x0c\x010"),
}


@pytest.mark.parametrize("name", BAD_IDENTITIES)
def test_an_identity_that_is_not_exact_is_refused(
    pki: SandboxPki, bundle: Path, tmp_path: Path, name: str
) -> None:
    """Only one encoding of device id and environment is read; a missing one is refused, too."""
    files = _issue(tmp_path, pki.device_ca, BAD_IDENTITIES[name])
    assert _refusal(files, bundle).reason == "identity"


def test_a_leaf_of_the_rapid_ca_is_refused(pki: SandboxPki, bundle: Path, tmp_path: Path) -> None:
    """The CA of the RAPID servers hangs below the same root and may not make devices."""
    files = _issue(tmp_path, pki.rapid_ca, lambda all_: all_)
    assert _refusal(files, bundle).reason == "chain"


def test_a_leaf_of_the_root_is_refused(pki: SandboxPki, bundle: Path, tmp_path: Path) -> None:
    """The chain is device, device CA, root; not shorter."""
    files = _issue(tmp_path, pki.root, lambda all_: all_)
    assert _refusal(files, bundle).reason == "chain"


def test_a_leaf_of_a_device_is_refused(pki: SandboxPki, bundle: Path, tmp_path: Path) -> None:
    """A device's key cannot make devices."""
    key = new_key()
    certificate = make_certificate("bad", key, pki.device_ca, device_extensions("bad", 0))
    files = _issue(tmp_path, Authority(certificate, key), lambda all_: all_)
    assert _refusal(files, bundle).reason == "chain"


def test_a_ca_below_the_device_ca_is_refused(pki: SandboxPki, tmp_path: Path) -> None:
    """The device CA may not delegate, even when the bundle offers the delegate."""
    delegate = make_authority("Delegate", pki.device_ca)
    files = _issue(tmp_path, delegate, lambda all_: all_)
    authorities = (pki.root, pki.device_ca, delegate)
    bundle = _bundle(tmp_path, *(each.certificate for each in authorities))
    assert _refusal(files, bundle).reason == "chain"


def test_a_stranger_with_the_same_names_is_refused(bundle: Path, tmp_path: Path) -> None:
    """Names prove nothing: a CA of the same name with another key is refused."""
    root = make_authority("Sandbox Root CA", None)
    files = _issue(tmp_path, make_authority("Sandbox Device CA", root, 0), lambda all_: all_)
    assert _refusal(files, bundle).reason == "chain"


UNFIT_CAS: dict[str, list[Extension]] = {
    "no-key-usage": [(x509.BasicConstraints(ca=True, path_length=0), True)],
    "may-not-sign-certificates": [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (key_usage("digital_signature"), True),
    ],
    "no-basic-constraints": [(key_usage("key_cert_sign"), True)],
    "is-no-ca": [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage("key_cert_sign"), True),
    ],
}


@pytest.mark.parametrize("name", UNFIT_CAS)
def test_an_unfit_device_ca_is_refused(pki: SandboxPki, tmp_path: Path, name: str) -> None:
    """A certificate that is no full certificate authority issues nothing."""
    key = new_key()
    certificate = make_certificate("CA", key, pki.root, UNFIT_CAS[name])
    files = _issue(tmp_path, Authority(certificate, key), lambda all_: all_)
    bundle = _bundle(tmp_path, pki.root.certificate, certificate)
    assert _refusal(files, bundle).reason == "chain"


@pytest.mark.parametrize("part", ["root", "device_ca"])
def test_a_ca_is_no_device(pki: SandboxPki, bundle: Path, tmp_path: Path, part: str) -> None:
    """The certificate of an authority presented as a device's is refused."""
    authority: Authority = getattr(pki, part)
    files = write_credentials(tmp_path, "leaf", authority.certificate, authority.key)
    assert _refusal(files, bundle).reason in ("identity", "chain")


def test_a_self_made_root_with_an_identity_is_no_device(tmp_path: Path, pki: SandboxPki) -> None:
    """A trusted self-signed certificate with both extensions still is no device."""
    key = new_key()
    extensions = [
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (key_usage("digital_signature", "key_cert_sign"), True),
        *device_extensions("pump-17", 0)[3:],
    ]
    certificate = make_certificate("R", key, None, extensions)
    files = write_credentials(tmp_path, "leaf", certificate, key)
    bundle = _bundle(tmp_path, certificate, pki.device_ca.certificate)
    assert _refusal(files, bundle).reason == "chain"


def test_sha1_is_refused(pki: SandboxPki, bundle: Path, tmp_path: Path) -> None:
    """A leaf whose signature uses SHA-1 is refused."""
    key = new_key()
    leaf = make_certificate("old", key, pki.device_ca, device_extensions("old", 0))
    assert not isinstance(pki.device_ca.key, rsa.RSAPrivateKey)
    files = write_credentials(tmp_path, "leaf", as_sha1(leaf, pki.device_ca.key), key)
    assert _refusal(files, bundle).reason == "chain"


def test_version_1_is_refused(pki: SandboxPki, bundle: Path, tmp_path: Path) -> None:
    """A version 1 leaf has no extensions, so it names no device."""
    key = new_key()
    leaf = make_certificate("old", key, pki.device_ca, device_extensions("old", 0))
    assert not isinstance(pki.device_ca.key, rsa.RSAPrivateKey)
    files = write_credentials(tmp_path, "leaf", as_version_1(leaf, pki.device_ca.key), key)
    assert _refusal(files, bundle).reason in ("format", "identity")


def test_a_version_1_root_is_refused(pki: SandboxPki, device_files: Files, tmp_path: Path) -> None:
    """A version 1 root cannot say that it is a certificate authority."""
    assert not isinstance(pki.root.key, rsa.RSAPrivateKey)
    old = as_version_1(pki.root.certificate, pki.root.key)
    bundle = _bundle(tmp_path, old, pki.device_ca.certificate)
    assert _refusal(device_files, bundle).reason == "chain"
