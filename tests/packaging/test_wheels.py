"""The wheels work in an empty environment: what a user installs is what was tested."""

import json
import re
import shlex
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROJECTS = (ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml")))
#: What the core's wheel may weigh, and how many lines of Python the core may have.
MAX_BYTES, MAX_LINES = 110_000, 6_500
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
    """The wheels of the core and of every plugin."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in PROJECTS:
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
        done = subprocess.run(
            [*build, folder, project], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def empty(tmp_path_factory, wheels):
    """An environment that holds only the core and the embedded backend, from wheels."""
    return install(tmp_path_factory.mktemp("empty"), wheels, "smok-pickle")


def install(folder, wheels, *words):
    """Make an environment and install into it, with this one's pip; give its Python."""
    venv.create(folder / "venv")
    python = folder / "venv/bin/python"
    done = subprocess.run(
        [*pip(python), "install", "-q", "--no-compile", "--find-links", wheels, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return python


def pip(python):
    """Give the beginning of a command of pip for another environment."""
    return [sys.executable, "-m", "pip", "--python", python]


def names(wheels: Path, start: str) -> set[str]:
    (path,) = wheels.glob(f"{start}-*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_the_wheels_hold_what_they_need_and_nothing_else(wheels):
    """Certificates, types and templates are package data; tests and examples are not."""
    for project in PROJECTS:
        package = "smok_core" if project == ROOT else project.name
        found = names(wheels, package)
        assert f"{package}/py.typed" in found
        assert all(name.startswith((f"{package}/", f"{package}-")) for name in found), found
    pem = {f"smok_cloud/pem/{name}.pem" for name in ("root", "dev", "rapid", "rapid-2021")}
    assert pem <= names(wheels, "smok_cloud")
    assert "smok_testing/scaffold/templates/pyproject.toml.tmpl" in names(wheels, "smok_testing")


def test_the_core_is_small(wheels):
    """At most eight distributions, and the core stays slim, as a wheel and to read."""
    (wheel,) = wheels.glob("smok_core-*.whl")
    lines = sum(len(p.read_text().splitlines()) for p in (ROOT / "smok_core").rglob("*.py"))
    assert len(PROJECTS) <= 8
    assert wheel.stat().st_size <= MAX_BYTES
    assert lines <= MAX_LINES


def test_annotations_are_deferred_only_where_names_are_imported_for_types_alone():
    """Elsewhere they are what they say; a class that is named before it is made is in quotes."""
    ours = [*ROOT.glob("smok_core/**/*.py"), *ROOT.glob("plugins/*/*/**/*.py")]
    assert len(ours) > 300
    texts = [text for path in ours if "__future__" in (text := path.read_text())]
    assert not [text for text in texts if "TYPE_CHECKING" not in text]


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
        [*pip(empty), "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    installed = {item["name"].lower().replace("_", "-") for item in json.loads(listing.stdout)}
    assert installed - {"pip", "setuptools"} == {"smok-core", "smok-pickle", "pluggy", "msgspec"}


INSTALL = re.compile(r"^ *(?:[-$] )?`?(pip install [^`#\n]+)", re.MULTILINE)
PAGES = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")]


def install_lines():
    """Every line of the docs that installs something of ours from an index."""
    found = {line.strip() for page in PAGES for line in INSTALL.findall(page.read_text())}
    return sorted(line for line in found if "smok-" in line and "smok-notes" not in line)


@pytest.mark.parametrize("line", install_lines())
def test_every_install_line_of_the_docs_works(line, wheels, tmp_path):
    """In an empty environment, from the built wheels; then everything it brought is importable."""
    _, verb, *words = shlex.split(line)
    assert verb == "install"
    python = install(tmp_path, wheels, *words)
    done = subprocess.run([python, "-c", IMPORT_ALL], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "smok_core" in done.stdout.split()
    if "smok_cli" in done.stdout.split():
        helped = [python.with_name("smok"), "--help"]
        listed = subprocess.run(helped, capture_output=True, text=True, check=True)
        assert "cannot be loaded" not in listed.stdout
    if "smok_cli" in done.stdout.split() and "smok_testing" not in done.stdout.split():
        # What is not installed is one line with the way out, with whatever words.
        for words in ([], ["pickle"]):
            missing = [python.with_name("smok"), "conformance", *words]
            told = subprocess.run(missing, capture_output=True, text=True, check=False)
            assert (told.returncode, told.stdout, told.stderr.count("\n")) == (4, "", 1)
            assert 'pip install "smok-core[testing]"' in told.stderr


IMPORT_ALL = """
import importlib, importlib.util
names = ["core", "pickle", "redis", "mongo", "cli", "cloud", "client", "testing"]
for name in (f"smok_{name}" for name in names):
    if importlib.util.find_spec(name):
        importlib.import_module(name)
        print(name)
import smok_core
from smok_core.registry.discovery import discover
from smok_core.registry.loader import import_plugin
for kind in ("backends", "tables", "commands"):
    for candidate in discover(kind=kind):
        if kind != "commands" or importlib.util.find_spec("smok_cli"):
            import_plugin(candidate)
"""
