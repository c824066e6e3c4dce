"""The cloud of the demonstration on a loopback port with mutual TLS, and the upload to it."""

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from smok_cloud.synchronizer import Synchronizer

from smok_core.config import load_config
from smok_core.databases import Databases, open_databases
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.pki import SandboxPki

DEVICE = "demo-device"
_CONFIG = """

[cloud]
url = {url}
certificate = {certificate}
private_key = {key}
ca_bundle = {bundle}
server_ca = {bundle}
connect_seconds = 2
"""


class Credentials(NamedTuple):
    """The authorities of the demonstration, and the ``[cloud]`` table that trusts them."""

    pki: SandboxPki
    table: str


class Outcome(NamedTuple):
    """What one attempt to upload did, as the synchronizer counts it."""

    complete: bool
    sent: dict[str, int]
    acknowledged: dict[str, int]
    error: str | None


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def issue(directory: Path, url: str) -> Credentials:
    """Make certificates for the demonstration, and the configuration that uses them."""
    from smok_testing.cloud.pki import SandboxPki

    directory.mkdir(exist_ok=True)
    pki = SandboxPki(directory)
    device = pki.issue_device(DEVICE)
    words = {
        "url": url,
        "certificate": device.certificate.absolute(),
        "key": device.key.absolute(),
        "bundle": pki.bundle.absolute(),
    }
    quoted = {name: json.dumps(str(word), ensure_ascii=False) for name, word in words.items()}
    return Credentials(pki, _CONFIG.format(**quoted))


@contextlib.contextmanager
def served(pki: SandboxPki) -> Iterator[tuple[SandboxCloud, str]]:
    """Run a sandbox cloud that takes only devices with a certificate; give it and its URL."""
    from smok_testing.cloud.app import SandboxCloud
    from smok_testing.cloud.certificate_check import CertificateCheck, CertificateIn
    from smok_testing.cloud.server import SandboxServer, server_context

    cloud = SandboxCloud(DEVICE)
    tls = server_context(pki.issue_server(), device_cas=pki.bundle)
    certificate_check = CertificateCheck(CertificateIn.TLS, pki.bundle)
    with SandboxServer(cloud, tls=tls, certificate_check=certificate_check) as server:
        yield cloud, server.url


def upload(config_path: Path, url: str) -> Outcome:
    """Let the synchronizer do everything once, as a device with this configuration would."""
    from smok_cloud.connect import connect
    from smok_cloud.service import Service

    config = load_config(config_path, environ={"SMOK__CLOUD__URL": url})
    with open_databases(config) as databases, connect(config) as api:
        synchronizer = Service(databases, api).synchronizer
        complete = synchronizer.run_once()
        return _outcome(synchronizer, databases, complete=complete)


def _outcome(synchronizer: Synchronizer, databases: Databases, *, complete: bool) -> Outcome:
    jobs = {name: job for name, job in synchronizer.statistics.items() if name.endswith(" up")}
    pending = any(database.stats().pending for _, database in databases)
    return Outcome(
        complete=complete and not pending,
        sent={name.removesuffix(" up"): job.sent for name, job in jobs.items()},
        acknowledged={name.removesuffix(" up"): job.acknowledged for name, job in jobs.items()},
        error=next((job.last_error for job in jobs.values() if job.last_error), None),
    )
