"""Reading a device's credentials: what is told apart, and that no secret shows."""

import datetime as dt
import importlib.resources
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from smok_cloud.certificates import (
    get_dev_ca_cert,
    get_rapid_ca_cert,
    get_root_cert,
    read_device_certificate,
)
from smok_cloud.errors import InvalidCredentials
from smok_cloud.identity import Environment
from smok_cloud.inspection import inspect_certificates
from smok_testing.cloud.pki import (
    Files,
    SandboxPki,
    Validity,
    device_extensions,
    make_certificate,
    new_key,
    write_credentials,
)

from smok_core.settings import Secret

CANARY = "canary-passphrase"


def _refusal(files: Files, bundle: Path, **options: object) -> InvalidCredentials:
    with pytest.raises(InvalidCredentials) as caught:
        read_device_certificate(*files, ca_bundle=bundle, **options)  # type: ignore[arg-type]
    return caught.value


def _at(year: int, month: int = 6) -> Callable[[], float]:
    return dt.datetime(year, month, 1, tzinfo=dt.UTC).timestamp


def test_the_packaged_authorities_are_smoks() -> None:
    """The three packaged certificates are the root and, signed by it, the two others."""
    root = x509.load_pem_x509_certificate(get_root_cert())
    for pem in (get_dev_ca_cert(), get_rapid_ca_cert()):
        x509.load_pem_x509_certificate(pem).verify_directly_issued_by(root)
    device_ca = x509.load_pem_x509_certificate(get_dev_ca_cert())
    assert device_ca.not_valid_after_utc.date() == dt.date(2030, 2, 19)
    assert "Device Certificate Authority" in device_ca.subject.rfc4514_string()


def test_the_rapid_authority_is_the_newest() -> None:
    """The one of 2022 is given, the one of 2021 is kept; both are the root's."""
    folder = importlib.resources.files("smok_cloud") / "pem"
    newest, older = (
        x509.load_pem_x509_certificate(pem)
        for pem in (get_rapid_ca_cert(), (folder / "rapid-2021.pem").read_bytes())
    )
    assert newest.not_valid_after_utc.date() == dt.date(2032, 12, 17)
    assert older.not_valid_after_utc.date() == dt.date(2031, 2, 9)
    older.verify_directly_issued_by(x509.load_pem_x509_certificate(get_root_cert()))


def test_a_device_certificate_names_device_and_environment(pki: SandboxPki, bundle: Path) -> None:
    """Device id and environment come out of the certificate."""
    files = pki.issue_device("kocioł-3", 2)
    device = read_device_certificate(*files, ca_bundle=bundle)
    assert (device.device_id, device.environment) == ("kocioł-3", Environment.LOCAL)
    assert device.pem.startswith("-----BEGIN CERTIFICATE-----\n")


def test_without_a_bundle_smoks_own_authorities_decide(device_files: Files) -> None:
    """A certificate of other authorities is refused unless they are configured."""
    with pytest.raises(InvalidCredentials, match="trusted device CA") as caught:
        read_device_certificate(*device_files)
    assert caught.value.reason == "chain"


def _dated(pki: SandboxPki, directory: Path, start: int, end: int) -> Files:
    key = new_key()
    days = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (start, end))
    extensions = device_extensions("pump-17", 0)
    leaf = make_certificate("pump", key, pki.device_ca, extensions, validity=Validity(*days))
    return write_credentials(directory, "dated", leaf, key)


def test_expired_not_yet_valid_and_a_wrong_clock_are_told_apart(
    pki: SandboxPki, bundle: Path, tmp_path: Path
) -> None:
    """Three situations, three reasons, three messages that name the dates."""
    expired = _refusal(_dated(pki, tmp_path, 2022, 2023), bundle)
    early = _refusal(_dated(pki, tmp_path, 2098, 2099), bundle)
    clock = _refusal(_dated(pki, tmp_path, 2022, 2099), bundle, clock=lambda: 86_400.0)
    assert (expired.reason, early.reason, clock.reason) == ("expired", "not-yet-valid", "clock")
    assert "expired on 2023-01-01" in str(expired)
    assert "valid from 2098-01-01" in str(early)
    assert "clock says 1970-01-02" in str(clock)


def test_an_expired_device_ca_is_named(pki: SandboxPki, bundle: Path, tmp_path: Path) -> None:
    """When the device CA has ended the message says so, not that the device's own has."""
    error = _refusal(_dated(pki, tmp_path, 2022, 2099), bundle, clock=_at(2050))
    assert error.reason == "expired"
    assert "the device CA expired" in str(error)


def test_another_devices_key_is_refused(pki: SandboxPki, bundle: Path) -> None:
    """A key that is not the certificate's is found before anything is sent."""
    mine, other = pki.issue_device("mine"), pki.issue_device("other")
    error = _refusal(Files(mine.certificate, other.key), bundle)
    assert error.reason == "key-mismatch"
    assert str(other.key) in str(error)


def _encrypted(pki: SandboxPki, directory: Path) -> Files:
    key = new_key()
    leaf = make_certificate("pump", key, pki.device_ca, device_extensions("pump-17", 0))
    return write_credentials(directory, "encrypted", leaf, key, CANARY)


def test_an_encrypted_key_needs_its_passphrase(
    pki: SandboxPki, bundle: Path, tmp_path: Path
) -> None:
    """The right passphrase opens the key, as a text or as a Secret."""
    files = _encrypted(pki, tmp_path)
    for passphrase in (CANARY, Secret(CANARY)):
        device = read_device_certificate(*files, ca_bundle=bundle, passphrase=passphrase)
        assert device.device_id == "pump-17"
        assert CANARY not in repr(device)


@pytest.mark.parametrize(("given", "text"), [(None, "no passphrase was given"), ("x", "opened")])
def test_a_missing_and_a_wrong_passphrase_are_told_apart(
    pki: SandboxPki, bundle: Path, tmp_path: Path, given: str | None, text: str
) -> None:
    """Both name the key file and the way out."""
    error = _refusal(_encrypted(pki, tmp_path), bundle, passphrase=given)
    assert error.reason == "passphrase"
    assert text in str(error)


def test_a_passphrase_for_a_plain_key_is_no_error(device_files: Files, bundle: Path) -> None:
    """A passphrase that is not needed is not used."""
    assert read_device_certificate(*device_files, ca_bundle=bundle, passphrase="x").device_id


def test_no_message_shows_key_or_passphrase(pki: SandboxPki, bundle: Path, tmp_path: Path) -> None:
    """Neither an error's text, its chain of causes nor a repr shows what is secret."""
    files = _encrypted(pki, tmp_path)
    canary_key = tmp_path / "canary.key"
    canary_key.write_text(
        "-----BEGIN PRIVATE KEY-----\nQ0FOQVJZQ0FOQVJZ\n-----END PRIVATE KEY-----"
    )
    errors = [
        _refusal(files, bundle, passphrase=CANARY + "-wrong"),
        _refusal(Files(files.certificate, canary_key), bundle, passphrase=CANARY),
        _refusal(Files(canary_key, canary_key), bundle, passphrase=CANARY),
    ]
    for error in errors:
        seen = f"{error!r} {error} {error.__cause__!r}"
        assert CANARY not in seen
        assert "Q0FOQVJZ" not in seen


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "format"),
    "text": (b"hello", "format"),
    "zeros": (bytes(4096), "format"),
    "torn": (b"-----BEGIN CERTIFICATE-----\nMIIB", "format"),
    "not-der": (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "format"),
    "too-large": (b"x" * (64 * 1024 + 1), "too-large"),
}


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.parametrize("part", ["certificate", "key", "bundle"])
def test_a_damaged_file_is_refused_by_name(
    device_files: Files, bundle: Path, tmp_path: Path, name: str, part: str
) -> None:
    """Garbage in any of the three files gives a typed error that names the file."""
    content, reason = BAD_FILES[name]
    path = tmp_path / "bad"
    path.write_bytes(content)
    files = device_files._replace(**({part: path} if part != "bundle" else {}))
    error = _refusal(files, path if part == "bundle" else bundle)
    assert error.path == str(path)
    assert error.reason == ("ca-bundle" if part == "bundle" and reason == "format" else reason)


def test_a_bundle_needs_root_and_device_ca(device_files: Files, tmp_path: Path) -> None:
    """A bundle with only one of the two is refused with what it lacks."""
    path = tmp_path / "half.pem"
    path.write_bytes(get_root_cert())
    assert _refusal(device_files, path).reason == "ca-bundle"


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo"])
def test_what_is_no_file_is_refused(
    device_files: Files, bundle: Path, tmp_path: Path, kind: str
) -> None:
    """A missing file, a directory and a FIFO are told as unreadable; nothing hangs."""
    path = tmp_path / "thing"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    error = _refusal(Files(device_files.certificate, path), bundle)
    assert (error.reason, error.path) == ("unreadable", str(path))


def test_an_exposed_key_warns_or_is_refused(
    device_files: Files, bundle: Path, tmp_path: Path
) -> None:
    """A key that others can read is used with a warning, or refused, as configured."""
    exposed = tmp_path / "exposed.key"
    exposed.write_bytes(device_files.key.read_bytes())
    exposed.chmod(0o644)
    files = Files(device_files.certificate, exposed)
    (warning,) = read_device_certificate(*files, ca_bundle=bundle).warnings
    assert f"chmod 600 {exposed}" in warning
    error = _refusal(files, bundle, on_exposed_key="refuse")
    assert error.reason == "exposed"
    assert f"chmod 600 {exposed}" in str(error)


def test_inspection_shows_the_whole_chain(device_files: Files, bundle: Path) -> None:
    """Every certificate comes with its name, dates and days left."""
    report = inspect_certificates(*device_files, ca_bundle=bundle)
    assert report.error is None
    assert (report.device_id, report.environment) == ("pump-17", 0)
    assert [each.part for each in report.certificates] == [
        "the certificate", "the device CA", "the root CA",
    ]  # fmt: skip
    assert report.certificates[0].days_left in (364, 365)
    assert report.warnings == ()


@pytest.mark.parametrize(
    ("clock", "days", "warned"),
    [(_at(2029, 8), 202, False), (_at(2029, 9), 171, True), (_at(2030, 3), -10, True)],
)
def test_the_end_of_the_packaged_device_ca_is_announced(
    clock: Callable[[], float], days: int, warned: bool
) -> None:
    """From 180 days before 2030-02-19 on the report says what to do, and also afterwards."""
    report = inspect_certificates(clock=clock)
    device_ca = next(each for each in report.certificates if each.part == "the device CA")
    assert device_ca.days_left == days
    assert any("the device CA end" in each for each in report.warnings) is warned


def test_inspection_reports_what_it_cannot_accept(
    pki: SandboxPki, bundle: Path, tmp_path: Path
) -> None:
    """An expired certificate is reported with its dates instead of raising."""
    report = inspect_certificates(*_dated(pki, tmp_path, 2022, 2023), ca_bundle=bundle)
    assert report.error is not None
    assert report.error.reason == "expired"
    assert report.certificates[0].days_left < 0
    assert report.device_id == "pump-17"


def test_inspection_of_nothing_readable_reports_it(bundle: Path, tmp_path: Path) -> None:
    """A missing certificate is an entry of the report, beside the authorities' dates."""
    report = inspect_certificates(tmp_path / "none.crt", ca_bundle=bundle)
    assert report.error is not None
    assert report.error.reason == "unreadable"
    assert len(report.certificates) == 2


@pytest.mark.parametrize("which", [0, 1])
def test_what_tls_does_not_take_is_refused_when_it_is_checked(
    device_files: Files, bundle: Path, tmp_path: Path, which: int
) -> None:
    """An indented PEM pleases one library and not the other: `certs` says so, not `run` later."""
    files = Files(*(Path(shutil.copy(path, tmp_path)) for path in device_files))
    path = files[which]
    path.write_text("".join(f"  {line}\n" for line in path.read_text().splitlines()))
    refusal = _refusal(files, bundle)
    assert refusal.reason == "format"
    assert "no blanks before them" in str(refusal)
    assert inspect_certificates(*files, ca_bundle=bundle).error is not None
