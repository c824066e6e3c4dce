"""Notices when somebody writes into a store's file past SQLite: `cp backup.db live.db`.

In WAL mode nothing but a checkpoint writes the file, and the log's index says how far that has
come. So a file that has another time or size while the index stands still was written by somebody
else, unless the pages that are compared are the same: then it was only touched. Of a large file
some are compared, and always the first ones, of which one differs after each copy (`mark_state`).

What an open file held is noted in its lock file as well: after a crash the log that was left
belongs to that, and not to a backup which was copied over it since.
"""

import contextlib
import os
import zlib
from pathlib import Path
from typing import Final, NamedTuple

from smok_pickle.files import sibling
from smok_pickle.wal_reader import frames_of, salts_of

_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = 100
_PAGE: Final = 4096
_PAGES: Final = 256  # compared, spread over the file: 1 MiB takes less than a millisecond
_FIRST: Final = 64  # compared always: where the tables begin
#: Where the index says which log it belongs to, how much of that is in the file, and how much of it
#: a checkpoint began to copy (https://www.sqlite.org/walformat.html, section 2.1).
_SALTS: Final = slice(32, 40)
_SALT_BYTES: Final = 8
_COPIED, _BEGUN = slice(96, 100), slice(128, 132)
_HEAD: Final = 132


class _Moment(NamedTuple):
    stamp: tuple[int, int]  #: time of the last write to the file, and its size
    copied: bytes  #: which log, and how much of it, is in the file


class Contents:
    """Remembers what an open file held, and tells when that cannot have come from its log.

    Its descriptor of the index is closed after SQLite has closed its own, for closing any drops
    the locks that SQLite holds on it.

    Args:
        path: The file; SQLite has it open.
        file: An open descriptor of the file, which stays the caller's.
    """

    _index = -1
    _known: _Moment | None
    _sample, _header = 0, b""

    def __init__(self, path: Path, file: int) -> None:
        self._file = file
        with contextlib.suppress(OSError):  # without a log there is no index
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
            self._index = os.open(sibling(path, "-shm"), flags)
        self.note()

    @property
    def mark(self) -> str | None:
        """Return in one word what the file held, and with which log; None: it cannot be told."""
        return f"{self._sample}.{self._known.copied[:_SALT_BYTES].hex()}" if self._known else None

    def note(self) -> None:
        """Take what the file holds now for right: the log was copied into it, or it was opened."""
        self._known = None
        with contextlib.suppress(OSError):  # it cannot be read now: who reads it next is told
            before = self._moment()
            self._sample = self._sampled() if before else 0
            self._header = os.pread(self._file, _HEADER, 0)
            self._known = before if before == self._moment() else None

    def are_foreign(self) -> bool:
        """Tell whether somebody else has written into the file since the last look."""
        try:
            return self.are_gone() or self._differ()
        except OSError:  # as above
            return False

    def _differ(self) -> bool:
        known, now = self._known, self._moment()
        if known is None or now is None or now.copied != known.copied:
            self.note()
        elif now.stamp != known.stamp:
            if self._sampled() != self._sample:
                return True
            self._known = now
        return False

    def are_gone(self) -> bool:
        """Tell whether the file was truncated."""
        return not os.fstat(self._file).st_size

    def are_of_another_file(self) -> bool | None:
        """Tell whether foreign contents begin as another file of SQLite; None: as this one does."""
        header = os.pread(self._file, _HEADER, 0)
        return None if header == self._header else header.startswith(_MAGIC)

    def close(self) -> None:
        """Let go; called once SQLite has closed the file."""
        handle, self._index = self._index, -1  # an interrupt must not have it closed twice
        if handle >= 0:
            os.close(handle)

    def abandon(self) -> None:
        """Close nothing: the number was closed by somebody, and may lead to another file now."""
        self._index = -1

    def __del__(self) -> None:
        self.close()  # an interrupt may have lost it before it was closed

    def _moment(self) -> _Moment | None:
        """Look at file and index; None: a checkpoint is on its way, or stopped half way."""
        before = self._copied()
        found = os.fstat(self._file)
        if before is None or before != self._copied():
            return None
        return _Moment((found.st_mtime_ns, found.st_size), before)

    def _copied(self) -> bytes | None:
        head = os.pread(self._index, _HEAD, 0) if self._index >= 0 else b""
        if len(head) < _HEAD or head[_COPIED] != head[_BEGUN]:
            return None
        return head[_SALTS] + head[_COPIED]

    def _sampled(self) -> int:
        return _sampled(self._file)


def overwritten_since(path: Path, mark: str) -> bool:
    """Tell whether what lies in the file is of a time before its log began.

    With the log that was noted, the file has either what it had then, or pages that a checkpoint
    of this very log wrote: whatever state in between it has, the log brings it up. A file that
    has neither was written past SQLite. A log that was begun anew since cannot tell: False.

    Args:
        path: The file; this process has it open nowhere, for a descriptor of it is closed.
        mark: What `Contents.mark` gave while the file was open last.
    """
    sample, _, salts = mark.partition(".")
    try:
        with path.open("rb") as file, sibling(path, "-wal").open("rb") as log:
            if salts_of(log).hex() != salts or str(_sampled(file.fileno())) == sample:
                return False
            frames = list(frames_of(log))
            holds = (os.pread(file.fileno(), _PAGE, at * _PAGE) == page for at, page in frames)
            return bool(frames) and not any(holds) and salts_of(log).hex() == salts
    except OSError:
        return False


def _sampled(file: int) -> int:
    pages, total = os.fstat(file).st_size // _PAGE, 0
    spread = range(0, pages, max(pages // _PAGES, 1))
    for page in (*range(min(pages, _FIRST)), *spread):
        total = zlib.crc32(os.pread(file, _PAGE, page * _PAGE), total)
    return total
