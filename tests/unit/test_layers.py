"""The house stands: imports go downwards only, and the core imports no plugin."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

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


def test_every_public_name_can_be_had():
    """Everything in ``smok_core.__all__`` exists, and nothing else is promised."""
    import smok_core

    for name in smok_core.__all__:
        assert getattr(smok_core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        smok_core.nothing  # noqa: B018


def test_every_error_of_the_core_can_be_caught_by_its_name():
    """A program needs no second import to say ``except smok_core.QueueFull``."""
    import smok_core
    from smok_core import errors

    assert set(errors.__all__) <= set(smok_core.__all__)
    assert smok_core.StoreVanished is errors.StoreVanished


def test_the_programs_of_readme_and_errors_pass_a_strict_type_checker(tmp_path):
    """As an integrator's: with the installed packages and none of our settings."""
    pages = (ROOT / "README.md", ROOT / "docs/reference/errors.md")
    text = "".join(page.read_text() for page in pages)
    blocks = re.findall(r"^```python\n(import smok_core\n.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        (tmp_path / f"program{number}.py").write_text(block)
    words = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent"]
    words += [f"--cache-dir={tmp_path}", *map(str, sorted(tmp_path.glob("*.py")))]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
