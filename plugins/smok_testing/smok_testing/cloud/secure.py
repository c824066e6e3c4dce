"""A sandbox with everything around it: authorities, a device certificate, a server on a port."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.certificate_check import CertificateCheck, CertificateIn
from smok_testing.cloud.pki import Files, SandboxPki
from smok_testing.cloud.server import SandboxServer, server_context


class SecureSandbox(NamedTuple):
    """A running sandbox and the files a device needs to talk to it."""

    cloud: SandboxCloud
    server: SandboxServer
    pki: SandboxPki
    device: Files  #: certificate and private key
    ca_bundle: Path  #: for the device's certificate and for the server's

    @property
    def url(self) -> str:
        """Return the base URL."""
        return self.server.url


@contextlib.contextmanager
def secure_sandbox(
    directory: Path, device_id: str = "sandbox-device", environment: int = 0
) -> Iterator[SecureSandbox]:
    """Run a sandbox for one device, as its environment wants it.

    Args:
        directory: Where the generated certificates go; it must exist.
        device_id: Whom the device certificate names.
        environment: 0 is mutual TLS; with 1 and 2 the certificate travels in a header, over TLS.
    """
    pki, cloud = SandboxPki(directory), SandboxCloud(device_id)
    device_cas = None if environment else pki.bundle
    certificate_check = CertificateCheck(
        CertificateIn.HEADER if environment else CertificateIn.TLS, pki.bundle
    )
    tls = server_context(pki.issue_server(), device_cas=device_cas)
    with SandboxServer(cloud, tls=tls, certificate_check=certificate_check) as server:
        yield SecureSandbox(
            cloud, server, pki, pki.issue_device(device_id, environment), pki.bundle
        )
