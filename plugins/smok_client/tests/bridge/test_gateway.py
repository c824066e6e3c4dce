"""The example gateway, on the real client: killed again and again, it loses nothing."""

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.pki import Files, SandboxPki
from smok_testing.cloud.server import SandboxServer

from plugins.smok_client.tests.bridge.client import ROOT, python_path
from plugins.smok_client.tests.bridge.conftest import eventually

EXAMPLE = ROOT / "examples" / "smok_gateway"
#: Runs the program as it is, on a client that looks for work each second, not each minute.
HURRIED = """
import runpy, sys
from smok.threads import communicator
from smok.threads.archives_and_macros.thread import ArchivingAndMacroThread as Thread
import smok_core, smok_pickle.plugin
smok_core.register(smok_pickle.plugin, "pickle")
communicator.COMMUNICATOR_INTERVAL = 0.5
made = Thread.__init__
Thread.__init__ = lambda self, *args: (made(self, *args), setattr(self, "seconds", 0.5))[0]
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The device's certificate and key."""
    return SandboxPki(tmp_path).issue_device("gateway-1")


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """A directory with the example in it."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "gateway"))


@pytest.fixture
def cloud() -> SandboxCloud:
    """A cloud with a predicate, an archive and a macro for the gateway."""
    made = SandboxCloud("gateway-1")
    made.predicates.append(
        {"predicate_id": "p1", "online": True, "silencing": [], "statistic": "window",
         "configuration": {}, "verbose_name": "Window", "group": "B"}
    )  # fmt: skip
    made.archives.append({"interval": 1, "pathpoints": ["W1"]})
    made.macros.append(
        {"macro_id": "m1", "commands": [{"path": "setpoint", "value": 25}],
         "occurrences": [{"timestamp": int(time.time()) - 60, "completed": False}]}
    )  # fmt: skip
    return made


class Gateway:
    """The program in a process, and what it has told that it stored."""

    def __init__(self, python: Path, plant: Path, url: str, files: Files) -> None:
        self.stored: set[tuple[str, int]] = set()
        arguments = ("-W", "ignore", "-c", HURRIED, "gateway.py", url, *files)
        with (plant / "log").open("a") as log:
            self._process = subprocess.Popen(
                [str(python), *map(str, arguments)],
                stdout=subprocess.PIPE, stderr=log, text=True, cwd=plant,
                env={"PYTHONPATH": python_path(), "PATH": "/usr/bin:/bin"},
            )  # fmt: skip
        assert self._process.stdout
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            found = re.fullmatch(r"stored (\w+) (\d+)\n", line)
            if found:
                self.stored.add((found[1], int(found[2])))

    def kill(self) -> set[tuple[str, int]]:
        """Kill it; give what it had stored."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout
        self._process.stdout.close()
        return self.stored


@pytest.fixture
def running() -> Iterator[list[Gateway]]:
    """The gateways that were started; they end with the test."""
    started: list[Gateway] = []
    yield started
    for gateway in started:
        gateway.kill()


def test_a_gateway_that_is_killed_loses_nothing(
    client: Path, plant: Path, files: Files, cloud: SandboxCloud, running: list[Gateway]
) -> None:
    """Three kills, one of them without a link: all that was stored arrives, and one alarm."""
    stored: set[tuple[str, int]] = set()

    def live(url: str, at_least: int) -> Gateway:
        running.append(Gateway(client, plant, url, files))
        gateway = running[-1]
        eventually(lambda: len(gateway.stored) >= at_least, (plant / "log").read_text()[-2000:])
        return gateway

    with SandboxServer(cloud) as server:
        gateway = live(server.url, 8)
        eventually(lambda: cloud.events and cloud.macros_done, "the alarm and the macro are told")
        stored |= gateway.kill()
        stored |= live("http://127.0.0.1:9", 8).kill()
        stored |= live(server.url, 8).kill()
        live(server.url, 2)
        eventually(lambda: stored <= _arrived(cloud), "all that was stored has arrived")
    assert ("setpoint", 25) in stored
    assert [event["message"] for event in cloud.events.values()] == ["Window: W1 is being watched"]
    assert cloud.macros_done == [("m1", cloud.macros[0]["occurrences"][0]["timestamp"])]


def _arrived(cloud: SandboxCloud) -> set[tuple[str, int]]:
    return {(point["path"], point["value"]) for point in cloud.points if "value" in point}
