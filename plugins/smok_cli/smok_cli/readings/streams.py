"""Bytes as they come, from a file or a slow pipe, packed or not, to lines of text."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import re
import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from smok_cli.readings.records import BadRow

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Characters of one line at most: what is longer (a tail of NULs) must not fill the memory.
LONGEST: Final = 1024 * 1024
_HEAD: Final = 64 * 1024
_GZIP: Final = b"\x1f\x8b"
_PACKED: Final = {
    b"PK\x03\x04": ("zip", "unzip -p"),
    b"BZh": ("bzip2", "bzip2 -dc"),
    b"\xfd7zXZ": ("xz", "xz -dc"),
    b"(\xb5/\xfd": ("zstd", "zstd -dc"),
    b"7z\xbc\xaf": ("7z", "7z e -so"),
}
_MARKS: Final = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class _Bytes(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class Undecoded:
    """Tells bytes that could not be decoded: they stand as marks in the text."""

    def __init__(self, encoding: str) -> None:
        wide = encoding.startswith(("utf-16", "utf-32"))
        # The error handler that keeps bytes (as lone surrogates) works for other encodings only.
        self.errors = "replace" if wide else "surrogateescape"
        self._mark = re.compile("\ufffd" if wide else "[\ud800-\udfff]")
        self.reason = (
            f"is not {'UTF-8' if encoding == 'utf-8-sig' else encoding}; if the file is in another "
            "encoding, name it: --encoding cp1252 (or latin-1, utf-16, ...)"
        )

    def within(self, text: str) -> bool:
        """Tell whether a part of the text could not be decoded."""
        return not text.isascii() and self._mark.search(text) is not None


class Lines:
    """The lines of a text with their ends, each at most `LONGEST` characters.

    After the last one ``broken`` tells why the file could not be read to its end, and ``is_open``
    that the last line has none: whoever writes it may not be done.
    """

    def __init__(self, text: io.TextIOWrapper, undecoded: Undecoded) -> None:
        self._text, self._undecoded = text, undecoded
        self.broken: str | None = None
        self.is_open = False

    def check(self, line: str) -> None:
        """Raise `BadRow` for a line that could not be decoded, or is too long."""
        if self._undecoded.within(line):
            raise BadRow(self._undecoded.reason)
        if len(line) >= LONGEST:
            raise BadRow(f"the line has {LONGEST} characters or more")

    def __iter__(self) -> Iterator[str]:
        try:
            while line := self._text.readline(LONGEST):
                self.is_open = line[-1] not in "\r\n"
                yield line
                while len(line) >= LONGEST and line[-1] not in "\r\n":
                    line = self._text.readline(LONGEST)  # its rest is left out
                    if not line:
                        return
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.broken = f"the compressed file is damaged or cut off here ({error})"
        except (UnicodeError, ValueError) as error:
            self.broken = f"the text cannot be decoded from here on ({error})"


@contextlib.contextmanager
def open_lines(binary: Any, encoding: str | None) -> Iterator[tuple[Lines, bytes]]:
    """Provide the lines of a stream, unpacked and decoded, and the first bytes of the text.

    Raises:
        click.UsageError: It is packed in another way than gzip, or the encoding is not known.
    """
    stream: _Bytes = binary
    head = _first(stream)
    stream = _Rejoined(head, stream)
    if head.startswith(_GZIP):
        stream = gzip.GzipFile(fileobj=io.BufferedReader(stream))
        with contextlib.suppress(EOFError, zlib.error, gzip.BadGzipFile):
            head = _first(stream)
        stream = _Rejoined(head, stream)
    _refuse_packed(head)
    name = _encoding(head, encoding)
    undecoded = Undecoded(name)
    buffer = io.BufferedReader(stream)
    text = io.TextIOWrapper(buffer, name, errors=undecoded.errors, newline="")
    # The stream itself is the caller's and stays open: `_Rejoined` does not close it.
    yield Lines(text, undecoded), head


class _Rejoined(io.RawIOBase):
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, rest: _Bytes) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer)
        data, self._head = self._head[:size], self._head[size:]
        data = data or self._rest.read1(size)
        buffer[: len(data)] = data
        return len(data)

    def read1(self, size: int) -> bytes:
        return self.read(size) or b""


def _first(stream: _Bytes) -> bytes:
    """Read until the first line is whole: a pipe may give it in several pieces."""
    head = b""
    while len(head) < _HEAD and b"\n" not in head and (more := stream.read1(_HEAD)):
        head += more
    return head


def _refuse_packed(head: bytes) -> None:
    for mark, (name, command) in _PACKED.items():
        if head.startswith(mark):
            raise click.UsageError(
                f"the file is packed with {name}; only gzip is read. Unpack it: "
                f"{command} FILE | smok ingest - --pathpoint NAME"
            )


def _encoding(head: bytes, given: str | None) -> str:
    if given is not None:
        return _checked(given)
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    for first, order in ((1, "le"), (0, "be")):
        zeros, others = head[first:64:2], head[1 - first : 64 : 2]
        if len(others) > 1 and all(others) and 4 * zeros.count(0) > 3 * len(zeros):
            raise click.UsageError(
                f"the text looks like UTF-16 without a byte-order mark: --encoding utf-16-{order}"
            )
    return "utf-8-sig"


def _checked(name: str) -> str:
    try:
        found = codecs.lookup(name).name
        b"a,b\r\n".decode(found, "replace")
    except (LookupError, UnicodeError, ValueError):
        raise click.UsageError(
            f"no text encoding is called {name!r}. Use one like utf-8, cp1252, latin-1 or utf-16."
        ) from None
    return "utf-8-sig" if found == "utf-8" else found
