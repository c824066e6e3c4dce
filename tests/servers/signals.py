"""Signals to a server of the tests, which hold when the call returns."""

import signal
import subprocess
import time
from pathlib import Path

#: States of a task that runs no code: stopped, traced, ended.
STILL = frozenset("TtZX")


def pause(process: subprocess.Popen, seconds: float = 10) -> None:
    """Stop ``process``, and return when each of its threads stands still.

    The kernel delivers SIGSTOP when a thread is scheduled next: on a busy machine a server
    answered one more request after the signal had been sent.
    """
    process.send_signal(signal.SIGSTOP)
    deadline = time.monotonic() + seconds
    while not _stands_still(process.pid):
        assert time.monotonic() < deadline, f"process {process.pid} does not stop"
        time.sleep(0.001)


def resume(process: subprocess.Popen) -> None:
    """Let ``process`` go on after `pause`."""
    process.send_signal(signal.SIGCONT)


def _stands_still(pid: int) -> bool:
    return all(_state(task) in STILL for task in Path(f"/proc/{pid}/task").glob("*"))


def _state(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"
