"""The device of the demonstration: records readings, events and sensor writes until it is killed.

It runs in a process of its own. What the databases have promised to keep (the call has returned)
it notes in a journal, one line each, so that the outcome can be held against it.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from smok_core.databases import Databases, open_databases
from smok_core.model import Color, Event, OperationFailedError, SensorWriteEvent, ValueOrExcept
from smok_testing.demo.machine import Machine

#: Seconds between two samples of everything.
INTERVAL: Final = 0.02
#: An event and a sensor write every so many samples.
EVERY: Final = 10
#: What events say about their source.
_SOURCE: Final = "recorder"


class Journal:
    """Lines in a file, each written by one call: a kill leaves none out and tears none."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, *items: list[Any]) -> None:
        """Note what was just promised."""
        os.write(self._file, "".join(json.dumps(item) + "\n" for item in items).encode())

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


class Recorder:
    """Samples the machine once per call; notes in the journal what the databases promised."""

    def __init__(self, databases: Databases, journal: Journal, run: str) -> None:
        self._databases, self._journal, self._run = databases, journal, run
        self._machine, self._samples = Machine(), 0
        self._started = Event(
            started_on=int(time.time()), token=_SOURCE, message=f"{run}: recording"
        )

    def start(self) -> None:
        """Raise the event that says we record."""
        self._databases.events.add_event(self._started)
        self._journal.write(["event", self._started.message])

    def sample(self) -> None:
        """Record one reading of everything, and now and then an event and a sensor write."""
        at = time.time_ns() // 1_000_000
        values = self._machine.read(at)
        self._databases.pathpoints.on_new_data_many((name, at, v) for name, v in values.items())
        self._journal.write(*(["point", name, at, _plain(v)] for name, v in values.items()))
        self._samples += 1
        if self._samples % EVERY == 0:
            self._report(at, values["load.1min"])

    def _report(self, at: int, load: ValueOrExcept) -> None:
        message = f"{self._run}: {self._samples} samples, load {_plain(load)}"
        event = Event(
            started_on=at // 1000,
            is_point=True,
            token=_SOURCE,
            color=Color.YELLOW,
            message=message,
        )
        self._databases.events.add_event(event)
        self._journal.write(["event", message])
        write = SensorWriteEvent(
            timestamp=at,
            who=self._run,
            hr_sensor="Samples taken",
            hr_value=f"{self._samples} samples",
            fqts="recorder samples",
            value=str(self._samples),
            reason="demonstration",
        )
        self._databases.sensor_writes.add_sw(write)
        self._journal.write(["write", at, self._run, write.value])

    def stop(self) -> None:
        """End the event."""
        self._databases.events.close_event(self._started)
        self._journal.write(["closed", self._started.message])


def _plain(value: ValueOrExcept) -> Any:
    if isinstance(value, OperationFailedError) and value.reason:
        return {"error_code": value.reason.value}
    return value


def main(config: str, journal_path: str, run: str) -> None:
    """Record until SIGTERM."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends us
    journal = Journal(Path(journal_path))
    with open_databases(config) as databases:
        recorder = Recorder(databases, journal, run)
        recorder.start()
        # An orphan ends, too: nobody would stop it.
        parent = os.getppid()
        while not stopped and os.getppid() == parent:
            recorder.sample()
            time.sleep(INTERVAL)
        recorder.stop()
    journal.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
