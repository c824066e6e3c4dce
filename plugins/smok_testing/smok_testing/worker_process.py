"""The parent's side of worker processes: start, follow, kill."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from smok_testing.checks import expect
from smok_testing.harness import DEVICE, Harness
from smok_testing.subject import Subject
from smok_testing.threads import PATIENCE as PATIENCE


class Worker:
    """A process that does jobs in children which can be killed at any moment."""

    def __init__(self, harness: Harness, **settings: Any) -> None:
        self._subject, self._settings = harness.subject, settings
        self._process = subprocess.Popen(
            [sys.executable, "-m", "smok_testing.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._buffer = b""
        self.pid, self._ended = 0, True
        self.done = -1  #: the last step that returned
        self.error = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.pid:
                self.kill()
        finally:
            self._process.communicate(timeout=PATIENCE)

    def start(
        self, place: Path, script: str, last: int, *, me: str = "", hold: bool = False,
        wait_for: Path | None = None,
    ) -> None:  # fmt: skip
        """Begin a job: the steps 0 to ``last``.

        Args:
            place: Of the store.
            script: What is done, by its name.
            last: The last step.
            me: Which of several processes this is.
            hold: The store stays open after the steps.
            wait_for: No step is taken before this file is there.
        """
        subject = _as_json(self._subject, place, self._settings)
        job: dict[str, Any] = {"subject": subject, "place": str(place), "device": DEVICE}
        job |= {"script": script, "first": 0, "last": last, "me": me, "hold": hold}
        job["wait_for"] = str(wait_for or "")
        self.done, self.error, self._ended = -1, "", False
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()

    def has_ended(self) -> bool:
        """Tell whether the child is gone, without waiting for it."""
        while not self._ended and self._has_line():
            self.follow("")
        return self._ended

    def follow(self, until: str) -> str:
        """Read on until a line begins with ``until``, or the child is gone; give that line."""
        while True:
            line = self._line()
            word, _, rest = line.partition(" ")
            if word == "pid":
                self.pid = int(rest)
            elif word == "done":
                self.done = int(rest)
            elif word == "error":
                self.error = rest
            elif word == "exit":
                self.pid, self._ended = 0, True
            if line.startswith(until) or word == "exit":
                return line

    def finish(self) -> None:
        """Wait for the end of the job; fail if it went wrong."""
        if not self._ended:
            self.follow("exit")
        expect(not self.error, f"a process failed: {self.error}")

    def kill(self) -> int:
        """Kill the child with SIGKILL; give the last step that returned before that."""
        # It may have ended by itself, and its last line is not read yet.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.follow("exit")
        return self.done

    def _has_line(self) -> bool:
        assert self._process.stdout
        return b"\n" in self._buffer or bool(select.select([self._process.stdout], [], [], 0)[0])

    def _line(self) -> str:
        deadline = time.monotonic() + PATIENCE
        assert self._process.stdout
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._process.stdout], [], [], max(left, 0))
            expect(ready, f"a process said nothing for {PATIENCE:.0f} s")
            data = os.read(self._process.stdout.fileno(), 65_536)
            expect(data, "a worker process ended by itself")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()


def begin_together(harness: Harness, workers: Mapping[str, Worker], script: str, last: int) -> None:
    """Begin one job in processes of these names, at the moment when all have the store open."""
    start = harness.new_file()
    for me, worker in workers.items():
        worker.start(harness.place, script, last, me=me, wait_for=start)
    for worker in workers.values():
        worker.follow("open")
    start.touch()


def _as_json(subject: Subject, place: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Return what another process needs to know about the subject."""
    expect(
        subject.plugin is None or isinstance(subject.plugin, str),
        "other processes can import a plugin only by name: give Subject.plugin as a text",
    )
    options = subject.options_at(place)
    found = {"backend": subject.backend, "settings": dict(subject.settings) | settings}
    return found | {"options": options, "plugin": subject.plugin}
