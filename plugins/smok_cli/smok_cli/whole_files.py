"""Files that a command writes: whole or not there, and named when they cannot be written."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def written_whole(path: Path, *, replace: bool = True) -> Iterator[IO[str]]:
    """Provide a text file (UTF-8) that takes its place under ``path`` when the block ends well.

    Until then it is written beside it: who looks meanwhile, or after a full disk or a kill, sees
    what was there before. A device, a pipe or a directory answers for itself.

    Raises:
        FileExistsError: There is a file, and it is not to be replaced.
        OSError: It cannot be written; ``filename`` is the path.
    """
    if path.exists() and not path.is_file():
        with named(path), path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    if path.exists() and not replace:
        raise FileExistsError
    with named(path), _draft(path.resolve()) as file:
        yield file


@contextlib.contextmanager
def _draft(path: Path) -> Iterator[IO[str]]:
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with open(number, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 - a descriptor
            yield file
        draft.chmod(0o666 & ~_umask())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Let errors of the operating system in the block name the file that is written."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
