"""Killed inside any call of the operating system, nothing acknowledged is lost (G3, G17).

Other tests kill between our own steps; here ``strace`` kills at the n-th call of one kind, so also
in the middle of what SQLite does: between two pages of a commit, in a checkpoint, in a recovery.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.conftest import skip_or_fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smok_core.engine.base import Engine

CALLS: Final = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "link", "rename")
#: Kills for each kind of call, spread over the whole run; every call of it in ``make test-long``.
KILLS: Final = 10_000 if os.environ.get("SMOK_LONG") else 2
PAGE: Final = 4096

#: Brings a store up, whatever it has become, and puts it to rest.
RECOVERY: Final = """
open_store(path).close()
"""
#: Each line that it prints names a point that was acknowledged.
WRITER: Final = """
engine = open_store(path, durability="power-loss")
series = engine.series("points")
for n in range(1000, 1040):
    series.append([("W", n, b"%d" % n)])
    print(n, flush=True)
    if n % 10 == 5:
        series.acknowledge([point.seq for point in series.pending(7)])
        engine.checkpoint()
engine.close()
"""
BEGIN: Final = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import open_store
path = Path(sys.argv[1])
"""


def run(script: str, path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a script on a store under strace."""
    command = ["strace", "-f", "-qq", *options, sys.executable, "-c", BEGIN + script]
    return subprocess.run(
        [*command, str(path), str(Path(__file__).parent)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def count(script: str, path: Path) -> Counter[str]:
    """Count the calls of each kind that the script makes undisturbed."""
    log = path.with_name("calls.txt")
    done = run(script, path, "-o", str(log), "-e", f"trace={','.join(CALLS)}")
    assert done.returncode == 0, done.stderr
    return Counter(line.split("(")[0].split()[-1] for line in log.read_text().splitlines())


def moments(total: int) -> range:
    return range(1, total + 1, max(1, total // KILLS))


@pytest.fixture(scope="module", autouse=True)
def _strace() -> None:
    if shutil.which("strace") is None:
        skip_or_fail("strace", "strace is not installed")
    done = subprocess.run(["strace", "-qq", "true"], capture_output=True, check=False)
    if done.returncode:
        skip_or_fail("strace", "no process may be traced here")


def fill(engine: Engine) -> None:
    series, table = engine.series("points"), engine.table("metadata")
    for start in range(0, 800, 100):
        series.append([("W", n, b"%d" % n) for n in range(start, start + 100)])
    for n in range(200):
        table.put(f"key {n}", b"%d" % n * 20, pending=n % 2 == 0)


def points(engine: Engine) -> dict[int, bytes]:
    return dict(engine.series("points").range("W", None, None))


@pytest.mark.parametrize("call", CALLS)
def test_a_killed_recovery_is_done_again(
    call: str, tmp_path: Path, opened: Callable[..., Engine]
) -> None:
    """A damaged page and a damaged log: whoever starts next finds what the first would have."""
    made = tmp_path / "made" / "smok.db"
    engine = opened(path=made)
    fill(engine)
    shutil.copytree(made.parent, tmp_path / "damaged")
    with (tmp_path / "damaged" / "smok.db").open("r+b") as file:
        file.seek(3 * PAGE)
        file.write(bytes(PAGE))
    log = tmp_path / "damaged" / "smok.db-wal"
    log.write_bytes(b"\xff" + log.read_bytes()[1:])

    def damaged(name: str) -> Path:
        return Path(shutil.copytree(tmp_path / "damaged", tmp_path / name)) / "smok.db"

    calls = count(RECOVERY, damaged("whole"))
    assert calls[call], "a kind of call that is never made cannot be the moment of a kill"
    with opened(path=tmp_path / "whole" / "smok.db") as engine:
        undisturbed = points(engine)
    assert undisturbed
    for moment in moments(calls[call]):
        path = damaged(f"{call} {moment}")
        killed = run(RECOVERY, path, "-e", f"inject={call}:signal=SIGKILL:when={moment}")
        assert killed.returncode != 0
        with opened(path=path) as engine:
            assert points(engine) == undisturbed, f"killed at {call} {moment}"


@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "ftruncate"])
def test_a_killed_writer_has_lost_nothing_it_was_told_of(
    call: str, tmp_path: Path, opened: Callable[..., Engine]
) -> None:
    """In the middle of a commit or a checkpoint: what was acknowledged is there, in its order."""
    with opened(path=tmp_path / "made" / "smok.db") as engine:
        fill(engine)

    def copied(name: str) -> Path:
        return Path(shutil.copytree(tmp_path / "made", tmp_path / name)) / "smok.db"

    calls = count(WRITER, copied("whole"))
    for moment in moments(calls[call]):
        path = copied(f"{call} {moment}")
        killed = run(WRITER, path, "-e", f"inject={call}:signal=SIGKILL:when={moment}")
        told = list(map(int, killed.stdout.split()))
        with opened(path=path) as engine:
            found = points(engine)
            assert all(found.get(n) == b"%d" % n for n in (*range(800), *told))
            assert len(found) <= 800 + len(told) + 1
            seqs = [point.ts for point in engine.series("points").pending(10_000)]
            assert seqs == sorted(seqs)


@pytest.mark.parametrize(
    ("calls", "error"),
    [
        ("link,linkat", "EPERM"),
        ("chmod,fchmod,fchmodat,chown,fchown", "EPERM"),
        ("fallocate", "EOPNOTSUPP"),
    ],
)
def test_a_file_system_without_links_rights_or_room_ahead_will_do(
    calls: str, error: str, path: Path, opened: Callable[..., Engine]
) -> None:
    """FAT cards and network shares know none of these: everything is stored, and recovered."""
    lacks = ("-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}")
    done = run(WRITER, path, *lacks)
    assert done.returncode == 0, done.stderr
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - PAGE)
        file.write(os.urandom(PAGE))
    done = run(RECOVERY, path, *lacks)
    assert done.returncode == 0, done.stderr
    assert opened().series("points").stats().points > 20


STEPS: Final = """
from smok_core.errors import StoreError
engine = open_store(path)
series, number, table = engine.series("points"), iter(range(1000)), engine.table("metadata")
STEPS = {
    "append": lambda: series.append([("W", next(number), b"x")]),
    "put": lambda: table.put("key", b"%d" % next(number)),
    "flush": engine.flush,
    "checkpoint": engine.checkpoint,
    "health": lambda: print(*engine.health().warnings),
}
while name := input():
    try:
        STEPS[name]()
    except StoreError as error:
        print(type(error).__name__, error)
    print(flush=True)
engine.close()
"""


class Steps:
    """A process with an open store that does one step after the other when it is told to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        command = [sys.executable, "-c", BEGIN + STEPS, str(path), str(Path(__file__).parent)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, name: str) -> str:
        """Do a step; give what it printed, "" if nothing went wrong."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(name, file=self.process.stdin, flush=True)
        return "".join(itertools.takewhile("\n".__ne__, self.process.stdout))

    @contextlib.contextmanager
    def failing(self, call: str, error: str) -> Iterator[None]:
        """Let every call of one kind on the store's files fail meanwhile."""
        files = [f"-P{self._path}{suffix}" for suffix in ("", "-wal", "-shm")]
        options = ["-o/dev/null", f"-einject={call}:error={error}", *files]
        pid = self.process.pid
        with subprocess.Popen(["strace", "-f", "-qq", *options, f"-p{pid}"]) as tracer:
            try:
                while b"TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_bytes():
                    assert tracer.poll() is None
                    time.sleep(0.01)
                yield
            finally:
                tracer.terminate()


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (
            "pwrite64",
            "EROFS",
            "BackendUnavailable",
        ),  # ext4 after an error, until it is mounted anew
        ("pwrite64", "EIO", "BackendUnavailable"),
        ("pwrite64", "ENOSPC", "StorageFull"),
        ("pread64", "EIO", "BackendUnavailable"),
    ],
)
def test_a_medium_that_fails_for_a_while_is_told_and_loses_nothing(
    call: str, error: str, told: str, path: Path, opened: Callable[..., Engine]
) -> None:
    """The error is one of ours, `health` tells it, and all goes on when the medium does."""
    step = Steps(path)
    assert [step(name) for name in ("append", "checkpoint", "append", "put")] == [""] * 4
    with step.failing(call, error):
        results = [step(name) for name in ("append", "put", "flush", "checkpoint")]
        if call == "pwrite64":
            assert results[0].startswith(told)
            assert "The last write failed: " in step("health")
        assert {line.split()[0] for line in "".join(results).splitlines()} <= {told}
    assert [step(name) for name in ("append", "put", "flush", "checkpoint", "append")] == [""] * 5
    assert "failed" not in step("health")
    step.process.kill()
    step.process.communicate()
    engine = opened()
    assert len(points(engine)) in (4, 5)  # a write that failed may be there
    assert engine.health().warnings == ()


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("pwrite64", "EIO"),
        ("pwrite64", "ENOSPC"),
        ("fsync", "EIO"),
        ("rename", "EIO"),
        ("pread64", "EIO"),
    ],
)
def test_a_recovery_that_fails_is_done_again(
    call: str, error: str, tmp_path: Path, opened: Callable[..., Engine]
) -> None:
    """Whatever the medium refuses in the middle of it: it ends with an error of ours, or whole."""
    made = tmp_path / "made" / "smok.db"
    fill(opened(path=made))
    shutil.copytree(made.parent, tmp_path / "damaged")
    log = tmp_path / "damaged" / "smok.db-wal"
    log.write_bytes(b"\xff" + log.read_bytes()[1:])
    path = Path(shutil.copytree(tmp_path / "damaged", tmp_path / "whole")) / "smok.db"
    calls = tmp_path / "calls.txt"
    assert run(RECOVERY, path, f"-o{calls}", "-y", f"-etrace={call}").returncode == 0
    with opened(path=path) as engine:
        undisturbed = points(engine)
    lines = calls.read_text().splitlines()
    ours = [n for n, line in enumerate(lines, 1) if str(path) in line]
    for moment in ours[:: -max(1, len(ours) // KILLS)]:
        path = Path(shutil.copytree(tmp_path / "damaged", tmp_path / f"at {moment}")) / "smok.db"
        failed = run(RECOVERY, path, "-o/dev/null", f"-einject={call}:error={error}:when={moment}")
        assert not failed.returncode or "\nsmok_core.errors." in failed.stderr, failed.stderr
        with opened(path=path) as engine:
            assert points(engine) == undisturbed


def test_a_file_system_without_locks_is_told(path: Path) -> None:
    """The way out is another place, not another try."""
    done = run(RECOVERY, path, "-e", "trace=flock", "-e", "inject=flock:error=ENOSYS")
    assert "files cannot be locked there (Function not implemented). Keep the store" in done.stderr
