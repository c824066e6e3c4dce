"""The house stands: imports go downwards only, and the core imports no plugin."""

import re
import subprocess
import sys

import pytest

import smok_core
from smok_core import errors
from tests.conftest import ROOT, skip_or_fail

SLIM = (
    "requests",
    "cryptography",
    "redis",
    "pymongo",
    "click",
    "rich",
    "pytest",
    "hypothesis",
    "smok_pickle",
    "importlib.metadata",
)


def test_no_arrow_points_upwards():
    """A file stands above all that it imports: the layers in pyproject.toml are kept."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "code", ["import smok_core", "import smok_core; smok_core.open_databases({})"]
)
def test_the_core_is_slim(code):
    """Importing the core, or opening all roles in memory, imports no driver, extra or plugin."""
    script = f"{code}\nimport sys\nprint(*[m for m in {SLIM!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_every_name_that_the_docs_promise_can_be_had():
    """What the pages write as ``smok_core.Name``; what is promised nowhere is not there."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "".join(page.read_text() for page in pages)
    lines = re.findall(r"^ *from smok_core import ([\w, ]+)$", text, re.MULTILINE)
    promised = {*re.findall(r"\bsmok_core\.([A-Z]\w+)", text), *", ".join(lines).split(", ")}
    assert len(promised) > 5
    assert promised <= vars(smok_core).keys()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        smok_core.nothing  # noqa: B018


def test_every_error_of_the_core_can_be_caught_by_its_name():
    """A program needs no second import to say ``except smok_core.QueueFull``."""
    found = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    named = {kind.__name__: kind for kind in found if issubclass(kind, errors.SmokError)}
    assert len(named) > 30
    assert named.items() <= vars(smok_core).items()


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The whole programs of the README and of the page on errors, in a folder of their own."""
    folder = tmp_path_factory.mktemp("programs")
    pages = (ROOT / "README.md", ROOT / "docs/reference/errors.md")
    text = "".join(page.read_text() for page in pages)
    blocks = re.findall(r"^```python\n(import smok_core\n.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        (folder / f"program{number}.py").write_text(block)
    return folder


def test_the_programs_of_readme_and_errors_pass_a_strict_type_checker(programs):
    """As an integrator's: with the installed packages and none of our settings."""
    words = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent"]
    _passes([*words, f"--cache-dir={programs / 'cache'}"], programs)


def test_they_pass_pyright_too(programs):
    """What an editor shows."""
    words = [sys.executable, "-m", "pyright"]
    found = subprocess.run([*words, "--version"], capture_output=True, text=True, check=False)
    if found.returncode:
        skip_or_fail("pyright", f"pyright does not run: {found.stderr.strip()[-200:]}")
    (programs / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    _passes([*words, "--pythonpath", sys.executable], programs)


def _passes(words, folder):
    programs = sorted(map(str, folder.glob("*.py")))
    done = subprocess.run(
        [*words, *programs], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stdout
