"""An exception that comes from elsewhere, in the middle of a call, keeps no lock and loses nothing.

A supervisor may raise one in any thread (``PyThreadState_SetAsyncExc``), as Ctrl-C does in the main
one. It can come between any two steps of Python; only ``with`` on a lock of C is safe from it. The
storm has a process of its own, for it would also hit what a test runner does in its threads.
"""

from __future__ import annotations

import ctypes
import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from smok_core.engine.base import Ack
from smok_core.engine.buffered import BufferedSeries

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

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


_WRITES: dict[str, Callable[[Engine, str], object]] = {
    "the first point of a name": lambda engine, key: engine.series(key).append([(key, 1, b"v")]),
    "a row": lambda engine, key: engine.table("t").put(key, b"v", pending=True),
    "an acknowledgement": lambda engine, key: engine.table("t").acknowledge([Ack(key, 1, "done")]),
    "a blob": lambda engine, key: engine.blobs("b").put(key, b"v", 1),
}


class At:
    """Raises an interrupt at one call among those that its thread makes meanwhile."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __enter__(self) -> Self:
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _count(self, _frame: object, event: str, _called: object) -> None:
        self.left -= event == "call"
        if self.left < 0:
            sys.setprofile(None)
            raise Interrupt


@pytest.mark.parametrize("what", _WRITES)
def test_an_interrupt_in_any_step_comes_out_as_itself(
    what: str, opened: Callable[..., Engine]
) -> None:
    """Never as an error of SQLite's, which would say that the store refused, and hide a Ctrl-C."""
    engine = opened()
    for step in itertools.count():
        write, key = _WRITES[what], f"key {step}"
        if what == "an acknowledgement":
            engine.table("t").put(key, b"v", pending=True)
        try:
            with At(step) as steps:
                write(engine, key)
        except Interrupt:
            write(engine, key)  # nothing of the first try is in the way
        if steps.left >= 0:
            break
    assert step > 5


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
