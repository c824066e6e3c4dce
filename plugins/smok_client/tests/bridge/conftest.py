"""The client's environment, the device's process, and a cloud."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.pki import Files, SandboxPki

from plugins.smok_client.tests.bridge.client import CannotBuild, client_python, python_path
from tests.conftest import skip_or_fail

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def client() -> Path:
    """The interpreter of an environment with smok 0.21.0."""
    try:
        return client_python()
    except CannotBuild as error:
        skip_or_fail("bridge", f"the environment of smok 0.21.0 cannot be built: {error}")
        raise


@pytest.fixture
def cloud() -> SandboxCloud:
    """A sandbox cloud, which understands what the client sends."""
    return SandboxCloud("pump-17")


@pytest.fixture(scope="session")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A device certificate with its key."""
    return SandboxPki(tmp_path_factory.mktemp("pki")).issue_device("pump-17")


class Device:
    """The process of a device."""

    def __init__(self, python: Path, config: Path, url: str, credentials: Files) -> None:
        self._log = (config.parent / "device.log").open("a")
        command = [python, "-W", "ignore", HERE / "device.py", config, url, *credentials]
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=config.parent,
            env={"PYTHONPATH": python_path(), "PATH": "/usr/bin:/bin"},
        )
        assert self._read() == "ready"

    def _read(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the device ended: {Path(self._log.name).read_text(encoding='utf-8')[-3000:]}"
        return json.loads(line)

    def __call__(self, name: str, *arguments: Any) -> Any:
        """Let it do something and give its answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([name, arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        assert "error" not in answer, answer["error"]
        return answer["answer"]

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            assert stream
            stream.close()


@pytest.fixture
def launch(client: Path, credentials: Files) -> Iterator[Callable[[Path, str], Device]]:
    """Starts devices, and ends those that are left."""
    started: list[Device] = []

    def start(config: Path, url: str) -> Device:
        started.append(Device(client, config, url, credentials))
        return started[-1]

    yield start
    for device in started:
        device.kill()


def eventually(condition: Callable[[], Any], what: str, seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"after {seconds} s it is not so: {what}"
        time.sleep(0.1)
