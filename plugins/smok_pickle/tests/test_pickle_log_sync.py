"""The log is synced soon after a commit, by one thread, in every process; failures are told."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from smok_pickle import log_sync

from smok_core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.engine.base import Engine


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the names of the files that are synced from now on, really synced."""
    names: list[str] = []
    real = os.fdatasync

    def note(handle: int) -> None:
        names.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        real(handle)

    monkeypatch.setattr(os, "fdatasync", note)
    return names


def until(condition: Callable[[], Any]) -> None:
    """Wait for something that another thread does; a machine under load may take its time."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def acknowledged(synced: list[str]) -> None:
    """Wait until nothing of what came before is left to sync."""
    until(lambda: not log_sync.due)
    synced.clear()


def syncers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "smok-log-sync"]


@pytest.mark.parametrize("durability", ["crash", "buffered"])
def test_a_single_write_is_synced_without_another(
    durability: str, opened: Callable[..., Engine], synced: list[str]
) -> None:
    """A writer that falls silent does not keep its last values from the disk."""
    engine = opened(durability=durability)
    acknowledged(synced)
    engine.series("pathpoints").append([("p", 1, b"v")])
    until(lambda: synced)
    assert synced[0] == "smok.db-wal"


def test_many_writes_are_one_sync_and_silence_is_none(
    opened: Callable[..., Engine], synced: list[str]
) -> None:
    """The log is synced once for all that came in the meantime, and not while nothing comes."""
    table = opened().table("metadata")
    acknowledged(synced)
    for number in range(20):
        table.put("k", b"%d" % number)
    until(lambda: synced and not log_sync.due)
    time.sleep(1.2)
    assert len(synced) < 20
    assert not log_sync.due


def test_reading_syncs_nothing(opened: Callable[..., Engine], synced: list[str]) -> None:
    """What changes nothing costs the disk nothing."""
    engine = opened()
    acknowledged(synced)
    for _ in range(3):
        engine.table("metadata").get("k")
        engine.health()
        time.sleep(0.3)
    assert not synced


def test_a_store_that_syncs_each_write_needs_no_thread(opened: Callable[..., Engine]) -> None:
    """With power-loss, SQLite itself has synced when a call returns."""
    until(lambda: not log_sync.due)
    opened(durability="power-loss").table("metadata").put("k", b"v")
    assert not log_sync.due


def test_stores_share_one_thread(opened: Callable[..., Engine], tmp_path: Path) -> None:
    """However many stores a process has."""
    for number in range(4):
        opened(path=tmp_path / f"{number}.db").table("metadata").put("k", b"v")
    assert len(syncers()) == 1


def test_the_thread_ends_when_nothing_is_written(
    opened: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is there again with the next write."""
    monkeypatch.setattr(log_sync, "_IDLE", 0.05)
    table = opened().table("metadata")
    table.put("k", b"v")
    log_sync._syncer._changed.acquire()
    log_sync._syncer._changed.notify()
    log_sync._syncer._changed.release()
    until(lambda: not syncers())
    table.put("k", b"w")
    assert syncers()


def test_a_failing_sync_is_told(
    opened: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """In the program's log, in health, by the next flush; and it is tried again by itself."""
    engine = opened()
    attempts = []

    def fail(_handle: int) -> None:
        attempts.append(1)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        engine.table("metadata").put("k", b"v")
        until(lambda: len(attempts) > 1)
        assert "may not be on the disk" in engine.health().warnings[0]
        assert "could not be synced" in caplog.text
    until(lambda: not log_sync.due)
    with pytest.raises(StoreError, match=r"smok\.db"):
        engine.flush()
    engine.flush()
    assert not engine.health().warnings


_CHILD = """
import os, sys, time
from smok_core import open_databases
store = {"backend": "pickle", "path": sys.argv[1]}
databases = open_databases({"device": "d", "stores": {"s": store}, "roles": {"default": "s"}})
databases.metadata.put_plain("parent", "1")
real, seen = os.fdatasync, []
os.fdatasync = lambda handle: (real(handle), seen.append(handle))
if (child := os.fork()) == 0:
    databases.metadata.put_plain("child", "1")
    while not seen:
        time.sleep(0.01)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
while not seen:
    time.sleep(0.01)
seen.clear()
databases.metadata.put_plain("last", "1")
import atexit
atexit._run_exitfuncs()
print(len(seen))
"""


def test_forks_and_the_end_of_a_process(path: Path) -> None:
    """A child syncs what it writes, its parent goes on, and what is due at the end is synced."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
