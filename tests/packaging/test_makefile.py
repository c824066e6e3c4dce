"""The Makefile's environment: made once, and made anew when another Python made it."""

import shutil
import subprocess

import pytest

from tests.conftest import ROOT


def steps(folder, *words: str) -> str:
    """Give what make would do, in a folder that holds nothing but the Makefile."""
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    done = subprocess.run(
        ["make", "-n", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("answer", ["False", ""], ids=["too old", "broken"])
def test_an_environment_of_another_python_is_made_anew(answer, tmp_path):
    """Python 3.8 made it once, or its Python is gone: pip would only say that nothing fits."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho {answer}\n")
    python.chmod(0o755)
    assert "venv --clear .venv" in steps(tmp_path, ".venv/bin/python")


def test_a_right_environment_stays(tmp_path):
    """Nothing is made anew without need."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho True\n")
    python.chmod(0o755)
    assert "venv" not in steps(tmp_path, ".venv/bin/python").replace(".venv/bin/python", "")
