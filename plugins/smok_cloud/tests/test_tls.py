"""Mutual TLS with real handshakes: who is believed, who is shown what, what is never retried."""

import contextlib
import datetime as dt
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from smok_cloud.api import ApiClient
from smok_cloud.certificates import DeviceCertificate, read_device_certificate
from smok_cloud.errors import (
    CloudError,
    CredentialsRefused,
    InvalidCloudSetting,
    InvalidCredentials,
    NotTheApi,
    UntrustedServer,
)
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.certificate_check import CertificateCheck, CertificateIn
from smok_testing.cloud.pki import (
    Files,
    SandboxPki,
    Validity,
    device_extensions,
    make_certificate,
    new_key,
    write_credentials,
)
from smok_testing.cloud.secure import secure_sandbox
from smok_testing.cloud.server import SandboxServer, server_context

from plugins.smok_cloud.tests.conftest import PATIENT
from smok_core.settings import Secret


@contextmanager
def _tls(
    cloud: SandboxCloud, pki: SandboxPki, server_files: Files | None = None
) -> Iterator[SandboxServer]:
    files = server_files or pki.issue_server()
    context = server_context(files, device_cas=pki.bundle)
    with SandboxServer(
        cloud, tls=context, certificate_check=CertificateCheck(CertificateIn.TLS, pki.bundle)
    ) as server:
        yield server


def _client(
    server: SandboxServer, device: DeviceCertificate | None, ca_bundle: Path | None
) -> ApiClient:
    return ApiClient(server.url, device, ca_bundle=ca_bundle, limits=PATIENT)


@pytest.fixture
def device(device_files: Files, bundle: Path) -> DeviceCertificate:
    return read_device_certificate(*device_files, ca_bundle=bundle)


def test_a_device_is_known_by_its_certificate(
    cloud: SandboxCloud, pki: SandboxPki, device: DeviceCertificate
) -> None:
    """Both sides verify each other, and no certificate travels in a header."""
    with _tls(cloud, pki) as server, _client(server, device, pki.bundle) as client:
        client.put_metadata("k", "v", 1.0)
    assert server.device_ids == ["pump-17"]
    assert "x-ssl-client-certificate" not in cloud.requests[0].headers


def test_a_real_device_profile_connects(cloud: SandboxCloud, pki: SandboxPki) -> None:
    """An RSA-1024 key, as real devices have, works in spite of OpenSSL's default level."""
    files = pki.issue_device("old-pump", rsa_bits=1024)
    device = read_device_certificate(*files, ca_bundle=pki.bundle)
    with _tls(cloud, pki) as server, _client(server, device, pki.bundle) as client:
        client.get_device()
    assert server.device_ids == ["old-pump"]


def test_an_encrypted_key_connects(cloud: SandboxCloud, pki: SandboxPki, tmp_path: Path) -> None:
    """The passphrase opens the key for the handshake, too."""
    key = new_key()
    leaf = make_certificate("p", key, pki.device_ca, device_extensions("secret-pump", 0))
    files = write_credentials(tmp_path, "p", leaf, key, "canary-passphrase")
    secret = Secret("canary-passphrase")
    device = read_device_certificate(*files, ca_bundle=pki.bundle, passphrase=secret)
    with _tls(cloud, pki) as server, _client(server, device, pki.bundle) as client:
        client.get_device()
    assert server.device_ids == ["secret-pump"]


def _past() -> Validity:
    start = dt.datetime(2022, 1, 1, tzinfo=dt.UTC)
    return Validity(start, start + dt.timedelta(days=365))


def _server_files(pki: SandboxPki, problem: str) -> Files:
    if problem == "wrong-host":
        return pki.issue_server(["api.other.example"], name=problem)
    if problem == "expired":
        return pki.issue_server(name=problem, validity=_past())
    return pki.issue_server(name=problem, self_signed=True)


@pytest.mark.parametrize(
    ("problem", "text"),
    [("wrong-host", "mismatch"), ("expired", "expired"), ("self-signed", "self-signed")],
)
def test_a_server_that_proves_nothing_gets_nothing(
    cloud: SandboxCloud, pki: SandboxPki, device: DeviceCertificate, problem: str, text: str
) -> None:
    """A wrong host, an expired and a self-signed certificate are refused each time; no retry."""
    with (
        _tls(cloud, pki, _server_files(pki, problem)) as server,
        _client(server, device, pki.bundle) as client,
    ):
        for _ in range(2):
            with pytest.raises(UntrustedServer, match=text):
                client.put_metadata("canary", "canary", 1.0)
    assert cloud.requests == []
    assert server.device_ids == []
    assert len(server.handshake_errors) == 2


def test_public_authorities_do_not_vouch_for_a_private_server(
    cloud: SandboxCloud, pki: SandboxPki, device: DeviceCertificate
) -> None:
    """Without ca_bundle only public authorities count."""
    with (
        _tls(cloud, pki) as server,
        _client(server, device, None) as client,
        pytest.raises(UntrustedServer),
    ):
        client.get_device()


def test_private_authorities_replace_the_public_ones(
    cloud: SandboxCloud, pki: SandboxPki, device: DeviceCertificate
) -> None:
    """With ca_bundle nobody else can vouch for a server, not even after requests were sent."""
    with _tls(cloud, pki) as server, _client(server, device, pki.bundle) as client:
        client.get_device()
        assert client._transport._adapter._context.cert_store_stats()["x509_ca"] == 2


def test_no_certificate_is_told_as_credentials(cloud: SandboxCloud, pki: SandboxPki) -> None:
    """A handshake that fails for want of a certificate is about credentials, not the link."""
    with (
        _tls(cloud, pki) as server,
        _client(server, None, pki.bundle) as client,
        pytest.raises(CredentialsRefused, match="certificate required") as caught,
    ):
        client.get_device()
    assert caught.value.status is None


def test_a_strangers_certificate_is_told_as_credentials(
    cloud: SandboxCloud, pki: SandboxPki, tmp_path: Path
) -> None:
    """A certificate of other authorities is refused in the handshake, and told as that."""
    stranger = SandboxPki(tmp_path)
    files = stranger.issue_device("stranger")
    device = read_device_certificate(*files, ca_bundle=stranger.bundle)
    with (
        _tls(cloud, pki) as server,
        _client(server, device, pki.bundle) as client,
        pytest.raises(CredentialsRefused),
    ):
        client.get_device()
    assert cloud.requests == []


def test_a_certificate_for_another_purpose_gets_403(
    cloud: SandboxCloud, pki: SandboxPki, device: DeviceCertificate, tmp_path: Path
) -> None:
    """TLS alone would take a leaf of the RAPID CA; the sandbox's certificate_check does not."""
    key = new_key()
    leaf = make_certificate("r", key, pki.rapid_ca, device_extensions("rapid", 0))
    rapid_pem = pki.rapid_ca.certificate.public_bytes(Encoding.PEM)
    files = write_credentials(tmp_path, "r", leaf, key)
    files.certificate.write_bytes(files.certificate.read_bytes() + rapid_pem)
    forged = device._replace(certificate_path=files.certificate, key_path=files.key)
    with (
        _tls(cloud, pki) as server,
        _client(server, forged, pki.bundle) as client,
        pytest.raises(CredentialsRefused, match="403"),
    ):
        client.get_device()


@pytest.mark.parametrize("environment", [1, 2])
def test_other_environments_send_the_certificate_in_a_header(
    cloud: SandboxCloud, pki: SandboxPki, environment: int
) -> None:
    """Outside of production the certificate travels in a header, newlines as tabs."""
    files = pki.issue_device(f"staged-{environment}", environment)
    device = read_device_certificate(*files, ca_bundle=pki.bundle)
    certificate_check = CertificateCheck(CertificateIn.HEADER, pki.bundle)
    with (
        SandboxServer(cloud, certificate_check=certificate_check) as server,
        _client(server, device, None) as client,
    ):
        client.put_metadata("k", "v", 1.0)
    header = cloud.requests[0].headers["x-ssl-client-certificate"]
    assert header.replace("\t", "\n") + "\n" == files.certificate.read_text()
    assert server.device_ids == [f"staged-{environment}"]


def test_a_header_certificate_is_not_shown_in_the_handshake(
    cloud: SandboxCloud, pki: SandboxPki
) -> None:
    """Outside of production the handshake shows no certificate."""
    files = pki.issue_device("staged", 1)
    device = read_device_certificate(*files, ca_bundle=pki.bundle)
    with (
        _tls(cloud, pki) as server,
        _client(server, device, pki.bundle) as client,
        pytest.raises(CredentialsRefused, match="certificate required"),
    ):
        client.get_device()


@pytest.mark.parametrize("shown", ["nothing", "production"])
def test_the_header_gate_refuses_what_is_not_for_it(
    cloud: SandboxCloud, pki: SandboxPki, device: DeviceCertificate, shown: str
) -> None:
    """No header is 401; production certificates are not sent in a header at all."""
    certificate_check = CertificateCheck(CertificateIn.HEADER, pki.bundle)
    with (
        SandboxServer(cloud, certificate_check=certificate_check) as server,
        _client(server, None if shown == "nothing" else device, None) as client,
        pytest.raises(CredentialsRefused, match="401"),
    ):
        client.get_device()


def test_a_production_certificate_needs_https(device: DeviceCertificate) -> None:
    """Over plain HTTP a production device would be nobody: refused, except on this machine."""
    with pytest.raises(InvalidCloudSetting, match="TLS only"):
        ApiClient("http://api.smok.co", device)
    ApiClient("http://localhost:1", device).close()


def test_a_clear_text_server_on_a_tls_port_is_not_the_api(
    cloud: SandboxCloud, device: DeviceCertificate, bundle: Path
) -> None:
    """A captive portal that answers in clear text is told as that; nothing is sent in clear."""
    with SandboxServer(cloud) as server:
        url = server.url.replace("http:", "https:")
        with (
            ApiClient(url, device, ca_bundle=bundle, limits=PATIENT) as client,
            pytest.raises(NotTheApi, match="does not speak TLS"),
        ):
            client.get_device()
    assert cloud.requests == []


def test_the_environments_proxies_are_not_used(
    client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY and its kin change nothing."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert client.get_sensors() == []


def test_a_configured_proxy_is_used(cloud: SandboxCloud, server: SandboxServer) -> None:
    """A proxy that is configured gets the whole URL."""
    # The sandbox is no proxy: it knows the whole URL as no call of its API.
    with (
        ApiClient("http://api.example", proxy=server.url, insecure=True, limits=PATIENT) as client,
        pytest.raises(CloudError, match="404"),
    ):
        client.get_device()
    assert cloud.requests[0].path == "http://api.example/v1/device"


@contextmanager
def _connect_proxy(seen: list[str]) -> Iterator[str]:
    """Run a proxy for one connection: answers CONNECT and passes bytes on until one side ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pump(source: socket.socket, sink: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while chunk := source.recv(65536):
                    sink.sendall(chunk)
                sink.shutdown(socket.SHUT_RDWR)

        def serve() -> None:
            client, _ = listener.accept()
            head = client.recv(65536).decode()
            seen.append(head)
            host, port = head.split()[1].split(":")
            with client, socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pump, args=(server, client))
                back.start()
                pump(client, server)
                back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://user:pass@127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_mutual_tls_goes_through_a_proxy(
    cloud: SandboxCloud, pki: SandboxPki, device: DeviceCertificate
) -> None:
    """A proxy tunnels: it sees its own password and neither requests nor certificate."""
    seen: list[str] = []
    with _tls(cloud, pki) as server, _connect_proxy(seen) as proxy:
        options = {"ca_bundle": pki.bundle, "limits": PATIENT, "proxy": Secret(proxy)}
        with ApiClient(server.url, device, **options) as client:
            client.put_metadata("k", "v", 1.0)
    assert server.device_ids == ["pump-17"]
    assert "Proxy-Authorization: Basic" in seen[0]
    assert "proxy-authorization" not in cloud.requests[0].headers


def test_the_ready_made_sandbox_is_what_a_device_needs(tmp_path: Path) -> None:
    """One call gives a cloud, its address and credentials that work with it."""
    for environment in (0, 1, 2):
        with secure_sandbox(tmp_path, "demo", environment) as sandbox:
            device = read_device_certificate(*sandbox.device, ca_bundle=sandbox.ca_bundle)
            options = {"ca_bundle": sandbox.ca_bundle, "limits": PATIENT}
            with ApiClient(sandbox.url, device, **options) as client:
                assert client.get_device().device_id == "demo"
            assert sandbox.server.device_ids == ["demo"]


def test_no_error_shows_a_secret(cloud: SandboxCloud, pki: SandboxPki, tmp_path: Path) -> None:
    """Key, passphrase and proxy password stay out of messages, causes, reprs and tracebacks."""
    key = new_key()
    leaf = make_certificate("p", key, pki.device_ca, device_extensions("p", 0))
    files = write_credentials(tmp_path, "p", leaf, key, "canary-passphrase")
    device = read_device_certificate(*files, ca_bundle=pki.bundle, passphrase="canary-passphrase")
    proxy = Secret("http://user:canary-proxy@127.0.0.1:9")
    seen = repr(device)
    for options in ({"ca_bundle": pki.bundle}, {"proxy": proxy}, {"ca_bundle": None}):
        with _tls(cloud, pki, _server_files(pki, "expired")) as server:
            client = ApiClient(server.url, device, limits=PATIENT, **options)
            with client, pytest.raises(CloudError) as caught:
                client.get_device()
        seen += repr(client) + "".join(traceback.format_exception(caught.value))
    assert "canary" not in seen
    assert "PRIVATE" not in seen


def test_credentials_that_change_after_the_check_are_found(
    device: DeviceCertificate, pki: SandboxPki
) -> None:
    """A key that was exchanged since it was read is refused when the client is made."""
    other = pki.issue_device("other-key")
    with pytest.raises(InvalidCredentials, match="smok certs"):
        ApiClient("https://localhost", device._replace(key_path=other.key))


def test_an_unreadable_server_bundle_is_refused_at_once(tmp_path: Path) -> None:
    """A server bundle that is no PEM file is found when the client is made."""
    path = tmp_path / "bundle.pem"
    path.write_text("nothing")
    for each in (path, tmp_path / "missing.pem"):
        with pytest.raises(InvalidCloudSetting, match="ca_bundle"):
            ApiClient("https://localhost", ca_bundle=each)
