"""A progress bar on stderr for a person who waits; nothing where stderr is no terminal."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def shown(binary: BinaryIO) -> Iterator[Callable[[int], None]]:
    """Provide a function to call with the number of readings stored so far.

    Args:
        binary: The file that is read: its size and position make the bar.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from smok_cli.screen import console

    columns = (BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=_size(binary), told="")

        def update(stored: int) -> None:
            passed = progress.tasks[0].elapsed or 0.001
            told = f"{stored} readings, {stored / passed:.0f} a second"
            progress.update(task, completed=_position(binary), told=told)

        yield update


@contextlib.contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """Provide a function to call with how many of ``what`` are done, and how many there are."""
    if not sys.stderr.isatty():
        yield lambda _, __: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from smok_cli.screen import console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task(what)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _size(binary: BinaryIO) -> int | None:
    """Return the size of a regular file; a pipe has none."""
    try:
        found = os.fstat(binary.fileno())
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _position(binary: BinaryIO) -> int:
    try:
        return binary.tell()
    except (OSError, ValueError):
        return 0
