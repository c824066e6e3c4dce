"""Pages that tell a reader to do something are done, literally, in an environment of their own."""

import subprocess
import sys
from pathlib import Path

import pytest
from smok_testing.cloud.pki import SandboxPki

from plugins.smok_client.tests.bridge.client import CannotBuild, client_python
from tests.conftest import skip_or_fail
from tests.docs.blocks import DOCS
from tests.docs.following import follow, fresh_environment, own_packages
from tests.third import wheels

#: The pages, and what has to be in the output of each.
FOLLOWED = {
    "tutorial.md": ["arrived: 4 values, 1 events", "nothing lost", "W1,2024-03-01T12:02:00Z,22.0"],
    "howto/choose-a-backend.md": ["pickle", "persistent"],
    "howto/configure.md": ["decided by", "SMOK__ROLES__EVENTS"],
    "howto/survive-without-internet.md": ["nothing lost"],
    "howto/back-up-and-restore.md": ["verified"],
    "howto/migrate.md": ["verified"],
    "howto/coming-from-smok.md": [
        "['too hot']",
        "waits in memory for a store: ()",
        "pump-18 has ['pump-18']",
        "events.pkl",
        "['too hot', 'too hot']",
    ],
    "howto/use-asyncio.md": [],
    "howto/use-several-processes.md": [],
    "howto/write-a-plugin.md": ["smok_plant_db/connection.py"],
    "howto/test-a-plugin.md": ["memory conforms"],
    "howto/publish-a-plugin.md": ["smok-notes"],
    "guide/index.md": ["notes conforms", "persistent, survives-kill"],
    "guide/promises.md": [],
    "reference/errors.md": ["21.7"],
}
#: Pages that are read with a configured device at hand.
CONFIGURED = (
    "configure.md",
    "survive-without-internet.md",
    "test-a-plugin.md",
    "back-up-and-restore.md",
    "migrate.md",
    "errors.md",
)
#: Pages that build or install a distribution, which needs the build backend.
BUILDING = ("guide/index.md", "howto/publish-a-plugin.md")
#: The page that is read where the published client is installed, which needs Python 3.11.
WITH_THE_CLIENT = "howto/coming-from-smok.md"


@pytest.fixture(scope="module")
def base():
    """Give the site-packages of built wheels, or of this environment without a package index."""
    try:
        packages = wheels.environment().parent.glob("lib/python*/site-packages")
    except wheels.NoIndex as error:
        skip_or_fail("third", f"the package index cannot be reached: {error}")
    return str(next(packages))


@pytest.mark.parametrize("page", [p for p in FOLLOWED if p not in (*BUILDING, WITH_THE_CLIENT)])
def test_a_page_does_what_it_says(page, tmp_path):
    """Block after block in one shell; nothing fails, and what the page tells is what comes."""
    programs = fresh_environment(tmp_path / "venv", own_packages())
    check(page, programs, tmp_path / "work")


def test_the_way_from_the_published_client(tmp_path):
    """In an environment with smok 0.21.0 the page is done word for word, there and back."""
    if sys.version_info[:2] != (3, 11):
        skip_or_fail("bridge", "smok 0.21.0 needs Python 3.11")
    try:
        client = client_python().parent.parent / "lib/python3.11/site-packages"
    except CannotBuild as error:
        skip_or_fail("bridge", f"the environment of smok 0.21.0 cannot be built: {error}")
    files = SandboxPki(tmp_path).issue_device("pump-17")
    work = tmp_path / "work"
    work.mkdir()
    for name, path in (("device.crt", files.certificate), ("device.key", files.key)):
        (work / name).write_bytes(Path(path).read_bytes())
    programs = fresh_environment(tmp_path / "venv", own_packages(), str(client))
    check(WITH_THE_CLIENT, programs, work)


@pytest.mark.parametrize("page", BUILDING)
def test_the_way_to_a_plugin_of_ones_own(page, tmp_path, base, monkeypatch):
    """With the built wheels, the docs and the scaffold only, a new backend conforms."""
    if Path("/dev/shm").is_dir():
        monkeypatch.setenv("TMPDIR", "/dev/shm")
    check(page, fresh_environment(tmp_path / "venv", base), tmp_path / "work")


def check(page, programs, work):
    """Follow a page and look for what it should have shown."""
    work.mkdir(exist_ok=True)
    if page.endswith(CONFIGURED):
        prepare(programs, work)
    told = follow(DOCS / page, programs, work)
    for text in FOLLOWED[page]:
        assert text in told, told[-3000:]


def prepare(programs, work):
    """Configure a device, as the tutorial does."""
    subprocess.run([programs / "python", "-c", SETUP, work], check=True)


SETUP = """
import os, sys; os.chdir(sys.argv[1])
from smok_cli import main
raise SystemExit(main(["init", "--device", "pump-17"]))
"""
