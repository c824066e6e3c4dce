"""The names of ``smok.extras`` on our stores, with the client's own device."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from smok_testing.cloud.pki import Files

from plugins.smok_client.tests.bridge.client import python_path

SCRIPT = Path(__file__).parent / "extras_device.py"


@pytest.fixture(scope="module")
def told(
    client: Path, credentials: Files, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the script has found out; it ran each database alone on the real device before."""
    done = subprocess.run(
        [str(part) for part in (client, "-W", "ignore", SCRIPT, *credentials)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path_factory.mktemp("extras"),
        env={"PYTHONPATH": python_path(), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_changing_the_import_is_all_there_is_to_change(told: dict[str, Any]) -> None:
    """Every name is there, with the names and the order of arguments of 0.21.0."""
    assert told["differences"] == []


def test_all_together_keep_what_the_device_stored(told: dict[str, Any]) -> None:
    """What was written through the device is there in databases made anew on the same paths."""
    assert told["together"] == [5, ["m"], ["A"], "123", ["k"]]


def test_the_cores_own_databases_are_refused_with_the_right_import(told: dict[str, Any]) -> None:
    """The device is not made, and the message is the line to write."""
    assert len(told["refused"]) == 9
    for name, message in told["refused"].items():
        assert message.endswith(f"from smok_client.extras import {name}"), (name, message)
