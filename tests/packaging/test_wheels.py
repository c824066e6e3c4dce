"""The wheels work in an empty environment: what a user installs is what was tested."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, skip_or_fail

PROJECTS = (".", "plugins/smok_pickle", "plugins/smok_redis", "plugins/smok_mongo")
MAIN_JOB = """
import smok_core, sys
with smok_core.open_databases("smok.toml") as databases:
    databases.pathpoints.on_new_data("W1", 1_700_000_000_000, 21.5)
    databases.metadata.put_plain("name", "pump 17")
with smok_core.open_databases("smok.toml") as databases:
    assert databases.pathpoints.get_current_value("W1") == (1_700_000_000_000, 21.5)
    assert databases.pathpoints.get_data_to_sync().to_json()[0]["path"] == "W1"
print(*sorted(name for name in ("requests", "cryptography", "click") if name in sys.modules))
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The wheels of the core and the three backends."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in PROJECTS:
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT / project]
        done = subprocess.run(build, capture_output=True, text=True, check=False)
        if "hatchling" in done.stdout + done.stderr and "No matching" in done.stdout + done.stderr:
            skip_or_fail("pickle", "hatchling cannot be had: no package index is reachable")
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def empty(tmp_path_factory, wheels):
    """An environment that holds only the core and the embedded backend, from wheels."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "--find-links", wheels, "smok-pickle"]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return python


def names(wheels: Path, start: str) -> set[str]:
    (path,) = wheels.glob(f"{start}-*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_the_wheels_hold_what_they_need_and_nothing_else(wheels):
    """Certificates, types and templates are package data; tests and examples are not."""
    core = names(wheels, "smok_core")
    assert {
        f"plugins/smok_cloud/smok_cloud/pem/{name}.pem" for name in ("root", "dev", "rapid")
    } <= core
    assert "smok_core/py.typed" in core
    for project in ("smok_core", "smok_pickle", "smok_redis", "smok_mongo"):
        found = names(wheels, project)
        assert f"{project}/py.typed" in found
        assert all(name.startswith((f"{project}/", f"{project}-")) for name in found), found


def test_the_main_job_works_from_wheels_alone(empty, tmp_path):
    """Two packages and nothing optional: store, close, open again, hand over."""
    (tmp_path / "smok.toml").write_text(
        'device = "pump-17"\n[stores.local]\nbackend = "pickle"\npath = "var/smok.db"\n'
        '[roles]\ndefault = "local"\n'
    )
    done = subprocess.run(
        [empty, "-c", MAIN_JOB], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_the_slim_install_is_slim(empty):
    """`pip install smok-pickle` brings the core, pluggy and msgspec, nothing else."""
    listing = subprocess.run(
        [empty, "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    installed = {item["name"].lower().replace("_", "-") for item in json.loads(listing.stdout)}
    assert installed - {"pip", "setuptools"} == {"smok-core", "smok-pickle", "pluggy", "msgspec"}


@pytest.mark.parametrize("words", [["status"], ["--version"]])
def test_the_command_without_its_extra_names_it(empty, words):
    """Without click the command says what to install, and exits with 4."""
    command = [empty.with_name("smok"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert 'pip install "smok-core[cli]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_extra_of_the_core_is_named(empty):
    """Certificates and the kit without their extras say which extra they need."""
    for code, extra in (
        ("from smok_cloud.certificates import get_root_cert", "cloud"),
        ("import smok_testing as t; t.ConformanceSuite", "testing"),
    ):
        done = subprocess.run([empty, "-c", code], capture_output=True, text=True, check=False)
        assert f"smok-core[{extra}]" in done.stderr, done.stderr
