"""Certificate authorities for the whole session: making keys is what takes time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from smok_cloud.api import ApiClient
from smok_cloud.transport import Limits
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.inprocess import InProcessTransport
from smok_testing.cloud.pki import Files, SandboxPki
from smok_testing.cloud.server import SandboxServer

#: For what shall succeed, also on a busy machine, and for what shall be given up soon.
PATIENT = Limits(connect=5.0, read=5.0, total=10.0, answer_bytes=1024 * 1024)
QUICK = Limits(connect=0.5, read=0.3, total=0.8, answer_bytes=1024 * 1024)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> SandboxPki:
    """Certificate authorities that play SMOK's."""
    return SandboxPki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def device_files(pki: SandboxPki) -> Files:
    """A good production device certificate with its key."""
    return pki.issue_device("pump-17")


@pytest.fixture(scope="session")
def bundle(pki: SandboxPki) -> Path:
    """The file with the root and the device CA."""
    return pki.bundle


@pytest.fixture
def cloud() -> SandboxCloud:
    """An empty sandbox cloud."""
    return SandboxCloud()


@pytest.fixture
def server(cloud: SandboxCloud) -> Iterator[SandboxServer]:
    """The sandbox cloud on a port, plain HTTP."""
    with SandboxServer(cloud) as running:
        yield running


@pytest.fixture
def client(server: SandboxServer) -> Iterator[ApiClient]:
    """A client of the sandbox over real sockets."""
    with ApiClient(server.url, limits=PATIENT, baob_limits=PATIENT) as opened:
        yield opened


@pytest.fixture
def direct(cloud: SandboxCloud) -> ApiClient:
    """A client of the sandbox without sockets."""
    return ApiClient("http://sandbox", transport=InProcessTransport(cloud), limits=QUICK)
