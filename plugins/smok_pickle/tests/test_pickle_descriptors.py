"""A daemon closes all descriptors that it has: nothing goes into the files that get their numbers.

Each program is a process of its own, for the test runner needs its descriptors.
"""

import subprocess
import sys

import pytest

import smok_core

BEGIN = """
import os, signal, sys
import smok_core

path, folder, durability = sys.argv[1:]

def opened():
    store = {"backend": "pickle", "path": path, "durability": durability}
    config = {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}
    return smok_core.open_databases(config, require_all=True)

def record(first, last):
    for n in range(first, last):
        databases.pathpoints.on_new_data("W1", n, n)

def close_all():
    os.closerange(3, 4096)
    return [open(f"{folder}/{n}", "w+b", buffering=0) for n in range(20)]

databases = opened()
record(0, 50)
databases.flush()
"""

WITHOUT_A_FORK = """
others = close_all()
for number, other in enumerate(others):
    other.write(b"other" * 10_000)
told = []
for step in (lambda: record(50, 100), databases.flush, databases.close, opened):
    try:
        step()
    except smok_core.errors.StoreVanished as error:
        told.append(str(error))
    if step is databases.flush:
        assert "descriptors" in databases.health()["s"].warnings[0]
assert len(told) >= 2, told
for number, other in enumerate(others):
    assert os.pread(other.fileno(), 10**6, 0) == b"other" * 10_000, number
"""

AS_A_DAEMON = """
if os.fork():
    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
os.setsid()
others = close_all()
record(50, 100)
databases.flush()
record(100, 150)
if durability != "buffered":
    os.kill(os.getpid(), signal.SIGKILL)
databases.close()
assert not any(os.fstat(other.fileno()).st_size for other in others)
"""


@pytest.fixture
def run(tmp_path):
    """Give a function that runs a program and gives how it ended, and what the store holds."""
    (tmp_path / "others").mkdir()
    path = tmp_path / "smok.db"

    def run(program, durability):
        command = [sys.executable, "-c", BEGIN + program, path, tmp_path / "others", durability]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        config = {"stores": {"s": {"backend": "pickle", "path": str(path)}}}
        config |= {"device": "d", "roles": {"default": "s"}}
        with smok_core.open_databases(config) as databases:
            found = [ts for ts, _ in databases.pathpoints.get_archive_data("W1")]
            assert not databases.health()["s"].warnings
        return done, found

    return run


@pytest.mark.parametrize("durability", ["power-loss", "crash", "buffered"])
def test_a_daemon_without_a_fork_is_told(run, durability):
    """What was stored stays, nothing more is accepted, and no other file is written or closed."""
    done, found = run(WITHOUT_A_FORK, durability)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert found == list(range(50))


@pytest.mark.parametrize("durability", ["power-loss", "crash", "buffered"])
def test_a_daemon_that_forks_goes_on(run, durability):
    """The child has let go of the store at the fork, and opens it for itself afterwards."""
    done, found = run(AS_A_DAEMON, durability)
    assert done.returncode == (0 if durability == "buffered" else -9 % 256), done.stderr
    assert found == list(range(150))
