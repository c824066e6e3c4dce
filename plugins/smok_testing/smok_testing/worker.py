"""A process that opens stores and works on them until it is told to die.

``python -m smok_testing.worker`` reads one job a line (JSON) and forks a child for each, so
that a child costs a few milliseconds: everything is imported, nothing is opened before the fork.
Lines that come back: ``pid N``, ``open``, ``done STEP`` after each step that returned, ``end``,
``error CODE TEXT``, and ``exit`` when the child is gone.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from smok_core.errors import SmokError
from smok_testing import opening
from smok_testing.harness import FakeClock
from smok_testing.races import RACES
from smok_testing.scripts import SCRIPTS
from smok_testing.subject import Subject


def say(*words: object) -> None:
    """Tell the parent; a line is written at once and as a whole."""
    os.write(1, (" ".join(map(str, words)).replace("\n", " ") + "\n").encode())


def work(job: dict[str, Any]) -> None:
    """Open the store and do the steps."""
    subject = Subject(**job["subject"])
    config = opening.config_at(subject, Path(job["place"]), job["device"], {})
    race = RACES.get(job["script"])
    opened = opening.open_engine if race else opening.open_roles
    script: Any = race or SCRIPTS[job["script"]]
    with opened(config, FakeClock()) as store:
        say("open")
        _wait_for(job["wait_for"])
        for step in range(job["first"], job["last"] + 1):
            script(store, step, job["me"])
            say("done", step)
        if job["hold"]:
            signal.pause()
    say("end")


def _wait_for(file: str) -> None:
    """Let all processes of a race start at one moment: ever so often is often enough."""
    while file and not os.path.exists(file):  # noqa: PTH110 - as fast as it can be
        time.sleep(0.0002)


def child(job: dict[str, Any]) -> None:
    """Do one job and report how it ended."""
    say("pid", os.getpid())
    try:
        work(job)
    except SmokError as error:
        say("error", error.code, error)
    except Exception as error:  # noqa: BLE001 - the parent judges it
        say("error", type(error).__name__, error)


def main() -> None:
    """Serve jobs until the standard input ends."""
    for line in sys.stdin:
        job = json.loads(line)
        _import_driver(job)
        pid = os.fork()
        if pid == 0:
            child(job)
            os._exit(0)
        os.waitpid(pid, 0)
        say("exit")


def _import_driver(job: dict[str, Any]) -> None:
    """Import what the backend needs before the fork, unless that starts threads."""
    if threading.active_count() == 1:
        opening.find_backend(Subject(**job["subject"]))


if __name__ == "__main__":
    main()
