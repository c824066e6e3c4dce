"""An exception that comes from elsewhere, in the middle of a call, keeps no lock and loses nothing.

A supervisor may raise one in any thread (``PyThreadState_SetAsyncExc``), as Ctrl-C does in the main
one. It can come between any two steps of Python; only ``with`` on a lock of C is safe from it. The
storm has a process of its own, for it would also hit what a test runner does in its threads.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from smok_core.engine.buffered import BufferedSeries

if TYPE_CHECKING:
    from smok_core.engine.base import Engine, Series


class Interrupt(BaseException):
    """Comes from elsewhere."""


class Writer(threading.Thread):
    """Appends until it is told to stop, whatever is raised in it meanwhile."""

    def __init__(self, series: Series, name: str) -> None:
        super().__init__(daemon=True)
        self.series, self.label, self.over = series, name, False
        self.stored, self.hits, self.number = list[int](), 0, 0

    def run(self) -> None:
        while not self.over:  # it must not end in the storm: its number may become another's
            try:
                while not self.over:
                    try:
                        self._go_on()
                    except Interrupt:
                        self.hits += 1
            except Interrupt:
                continue

    def _go_on(self) -> None:
        while not self.over:
            self.number += 1
            self.series.append([(self.label, self.number, b"v")])
            self.stored.append(self.number)


def storm(engine: Engine, kind: str) -> None:
    """Two threads write under a storm; then a third one does, and all that returned is there."""
    inner = engine.series("s")
    series: Series = BufferedSeries(inner, 20) if kind == "buffered" else inner
    # Until a new thread runs, CPython knows it by the number of the one that started it, and would
    # end it in its place: so what the store starts is there before the storm.
    series.append([("c", 0, b"v")])
    assert series.latest("c") == (0, b"v")
    writers = [Writer(series, name) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        for writer in writers:
            assert writer.is_alive()
            ident = ctypes.c_ulong(writer.ident or 0)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(Interrupt))
        time.sleep(0.001)
    for writer in writers:
        writer.over = True
        writer.join(10)
        assert not writer.is_alive()
    assert sum(writer.hits for writer in writers) > 20
    other = threading.Thread(target=lambda: series.append([("c", 1, b"v")]), daemon=True)
    other.start()
    other.join(10)
    assert not other.is_alive(), "a lock was kept"
    for writer in writers:
        found = {ts for ts, _ in series.range(writer.label, None, None)}
        assert found.issuperset(writer.stored)
        assert len(found) <= writer.number
    assert len(series.pending(10**6)) == series.stats().pending == series.stats().points


@pytest.mark.parametrize("kind", ["crash", "power-loss", "buffered"])
def test_interrupts_in_the_middle_of_writes(kind: str, path: Path) -> None:
    """No lock is kept and nothing is lost."""
    command = [sys.executable, __file__, kind, str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout == "all is well\n", ended.stderr


if __name__ == "__main__":
    import faulthandler

    from conftest import open_store

    faulthandler.dump_traceback_later(25, exit=True)

    storm(open_store(Path(sys.argv[2]), durability=sys.argv[1]), sys.argv[1])
    sys.stdout.write("all is well\n")
