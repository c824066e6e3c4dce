"""Certificate authorities for the whole session: making keys is what takes time."""

from __future__ import annotations

from pathlib import Path

import pytest

from smok_core.testing.cloud.pki import Files, SandboxPki


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
