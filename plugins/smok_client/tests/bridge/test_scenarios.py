"""The bridge with the client's own classes: the scenarios, run in the client's environment."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.smok_client.tests.bridge.client import python_path

SCRIPT = Path(__file__).parent / "scenarios.py"
NAMES = [
    node.name
    for node in ast.parse(SCRIPT.read_text()).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("scenario_")
]


@pytest.fixture(scope="session")
def results(client: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """Every scenario's name, and its traceback if it failed."""
    done = subprocess.run(
        [client, "-W", "ignore", SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path_factory.mktemp("scenarios"),
        env={"PYTHONPATH": python_path(), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == NAMES
    return found


@pytest.mark.parametrize("name", NAMES)
def test_scenario(name: str, results: dict[str, str | None]) -> None:
    """What the scenario's docstring promises is so."""
    assert results[name] is None, results[name]


def test_without_the_client_the_bridge_says_how_to_install_it() -> None:
    """Where smok is missing, nothing is opened and the message is the recipe."""
    script = (
        "import sys; sys.modules['smok'] = None\n"
        "from smok_client import bridge\n"
        "try:\n    bridge.databases('no-such-file.toml')\n"
        "except ImportError as error:\n    print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("ClientMissing")
    assert "pip install --no-build-isolation smok==0.21.0" in done.stdout
