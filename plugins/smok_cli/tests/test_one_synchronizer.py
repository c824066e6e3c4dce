"""One synchronizer at a time per device and store: real processes and kills."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from smok_cloud.lease import LEASES, Lease
from smok_cloud.leases import WORK
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.server import SandboxServer

import smok_core
from plugins.smok_cli.tests.conftest import child_environment
from tests.servers.redis_servers import Server, require

RECORDS = 20_000


@pytest.fixture(params=["pickle", "redis"])
def cloud(request, tmp_path):
    """A cloud, and a smok.toml in the working directory that names it and a store."""
    with SandboxServer(SandboxCloud()) as running:
        if request.param == "pickle":
            configure(running.url, 'backend = "pickle"\npath = "var/smok.db"')
            yield running.cloud
        else:
            require("valkey")
            with Server("valkey", tmp_path / "srv") as server:
                configure(running.url, f'backend = "redis"\nurl = "{server.url}"')
                yield running.cloud


def configure(url, store):
    """Write the configuration into the working directory."""
    tables = f'[stores.local]\n{store}\n[roles]\ndefault = "local"\n[cloud]\nurl = "{url}"\n'
    Path("smok.toml").write_text(f'device = "pump-17"\n{tables}', encoding="utf-8")


def record(count):
    """Store something to upload."""
    with smok_core.open_databases("smok.toml") as databases:
        points = [("W1", 1_700_000_000_000 + n, n) for n in range(count)]
        databases.pathpoints.on_new_data_many(points)


def start(*words):
    """Start a command in a process of its own."""
    command = [sys.executable, "-m", "smok_cli", *words]
    return subprocess.Popen(
        command,
        env=child_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process, seconds=60):
    """Wait for the end of a process; give its exit status and what it said."""
    _, said = process.communicate(timeout=seconds)
    return process.returncode, said


def test_three_at_once_deliver_everything_once(cloud):
    """`smok run --once` three times together: one works, the others are told who does."""
    record(RECORDS)
    found = [ended(process) for process in [start("run", "--once") for _ in range(3)]]
    assert len(cloud.points) == RECORDS
    assert [status for status, _ in found].count(0) >= 1
    for status, said in found:
        assert status in (0, 7)
        if status == 7:
            assert "synchronizer is running already: process" in said
    with smok_core.open_databases("smok.toml") as databases:
        assert databases.pathpoints.stats().pending == 0


def test_a_killed_one_is_followed_at_once(cloud):
    """After kill -9 of the holder the next one works without waiting for anything to expire."""
    first = start("run", "--plain")
    wait_for_holder(first.pid)
    status, said = ended(start("run", "--once"))
    assert (status, f"process {first.pid} on " in said) == (7, True)
    first.send_signal(signal.SIGKILL)
    ended(first)
    record(10)
    begun = time.monotonic()
    assert ended(start("run", "--once"))[0] == 0
    assert time.monotonic() - begun < 30
    assert len(cloud.points) == 10


def test_one_that_ends_gives_the_lease_back(cloud):
    """SIGTERM gives the lease back; so does the end of `--once`."""
    first = start("run", "--plain")
    wait_for_holder(first.pid)
    first.send_signal(signal.SIGTERM)
    assert ended(first)[0] == 0
    assert holder() is None
    assert ended(start("run", "--once"))[0] == 0
    assert holder() is None


def holder():
    """Give the process id that the store names as the holder, or None."""
    with smok_core.open_databases("smok.toml") as databases:
        engine = databases.engines["local"]
        found = Lease("local", engine.table(LEASES), WORK).holder()
    return found and found.process.pid


def wait_for_holder(pid):
    """Wait until a process holds the lease."""
    deadline = time.monotonic() + 30
    while holder() != pid:
        assert time.monotonic() < deadline, "it never took the lease"
        time.sleep(0.05)
