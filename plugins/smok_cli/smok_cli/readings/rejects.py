"""The file of rejected rows: what an earlier one holds is never lost to a later one."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import itertools
import os
from typing import IO, TYPE_CHECKING, Final

from smok_cli.whole_files import named
from smok_core.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from smok_cli.readings.records import Rejected


#: Rejected rows are the owner's only, whatever the umask is, and are never written through a link.
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE: Final = 1024 * 1024


class Rejects:
    """Rejected rows in a file, which is made when the first one comes.

    A file that is there is somebody's who has not looked at it yet: the rows go beside it, into
    ``NAME-2.csv``. When they begin with all that an earlier file holds, as after the same file was
    read again, they take its place, so repeating makes no more files.

    Args:
        path: Where to; a device or a pipe is written to as it is.

    Raises:
        InvalidValue: It is a link.
    """

    def __init__(self, path: Path) -> None:
        if path.is_symlink():
            raise InvalidValue(
                "ingest", str(path), "is a link; rejected rows are not written through it",
                "Remove it, or name another file: --rejects FILE.",
            )  # fmt: skip
        self.path, self.count = path, 0
        self._earlier: list[Path] = []
        self._file: IO[str] | None = None

    def add(self, rejected: Rejected) -> None:
        """Write a row down: its line, why it was rejected, the row itself."""
        if self._file is None:
            self._file = self._opened()
            csv.writer(self._file).writerow(("line", "reason", "row"))
        self.count += 1
        with named(self.path):
            csv.writer(self._file).writerow((rejected.line, rejected.reason, rejected.raw))

    def close(self) -> None:
        """Finish the file; ``path`` is where the rows are."""
        if self._file is None:
            return
        with named(self.path):
            self._file.close()
        # In a folder of somebody else's all may stay as it is.
        with contextlib.suppress(OSError):
            self._take_places()

    def _take_places(self) -> None:
        told_again = [each for each in self._earlier if _is_part_of(each, self.path)]
        for each in told_again[1:]:
            each.unlink()
        if told_again:
            self.path = self.path.replace(told_again[0])

    def _opened(self) -> IO[str]:
        try:
            return self._open()
        except OSError as error:
            raise InvalidValue(
                "ingest", str(self.path), f"cannot take rejected rows ({error.strerror})",
                "Name another file: --rejects FILE.",
            ) from error  # fmt: skip

    def _open(self) -> IO[str]:
        if self.path.exists() and not self.path.is_file():
            return self._writer(os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
        for path in _numbered(self.path):
            try:
                handle = os.open(path, _FLAGS, 0o600)
            except FileExistsError:
                self._earlier.append(path)
            else:
                with contextlib.suppress(OSError):  # not every file system has locks
                    fcntl.flock(handle, fcntl.LOCK_EX)  # as long as it is written to
                self.path = path
                return self._writer(handle)
        raise AssertionError  # the numbers do not end

    def _writer(self, handle: int) -> IO[str]:
        # A row that is no UTF-8 is written back byte for byte.
        return os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="")


def _numbered(path: Path) -> Iterator[Path]:
    yield path
    for number in itertools.count(2):
        yield path.with_stem(f"{path.stem}-{number}")


def _is_part_of(earlier: Path, path: Path) -> bool:
    """Tell whether a file begins with all that an earlier one holds, which nobody writes to."""
    if earlier.is_symlink() or not os.access(earlier, os.R_OK) or not earlier.is_file():
        return False
    with path.open("rb") as new, earlier.open("rb") as old:
        try:
            fcntl.flock(old, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:  # it is written to, or nobody can tell
            return False
        return all(new.read(len(piece)) == piece for piece in iter(lambda: old.read(_PIECE), b""))
