"""The rows of a CSV text, strictly read: a row is exactly what was written, or it is told."""

from __future__ import annotations

import csv
import re
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from smok_cli.readings.records import BadRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


#: Characters of a row of several lines: a text has up to 64 KiB, and its quotes may be doubled.
_MOST: Final = 160 * 1024
_QUOTED: Final = r'"[^"]*+(?:""[^"]*+)*+"'
_OPEN: Final = r'"[^"]*+(?:""[^"]*+)*+'
_STILL_OPEN: Final = re.compile(r'[^"]*+(?:""[^"]*+)*+')
_END: Final = r"(?:\r\n|\n|\r)?"


class _LinesOfText(Protocol):
    def __iter__(self) -> Iterator[str]: ...

    def check(self, line: str) -> None: ...


class BadLine(BadRow):
    """A line that is no row of CSV; reading goes on behind it."""


class Row(NamedTuple):
    """A row, and the text it was read from, without its end."""

    cells: list[str]
    raw: str


class Rows:
    """Reads rows one by one.

    The csv module takes a quote inside a cell and whatever follows an open one, also with
    ``strict``; so a row's form is checked here first, and the module only takes it apart. A quote
    that is opened and not closed as CSV wants it costs only the line in which it stands.

    Args:
        lines: Of the text.
        delimiter: One character.
        is_row: Tells whether a line that a quote took in would be a row of its own. Two stray
            quotes close each other, and would make one text of all the rows between them. A row
            whose cells are all quoted is taken as it is.
    """

    def __init__(
        self,
        lines: _LinesOfText,
        delimiter: str,
        is_row: Callable[[list[str]], bool] = lambda _: False,
    ) -> None:
        self._lines, self._source, self._delimiter = lines, iter(lines), delimiter
        self._again: deque[str] = deque()  # lines that an open quote had taken in
        self.is_row = is_row
        self.width = 0  #: cells of a row that may span lines; 0: any
        self.line_num = 0
        mark = re.escape(delimiter)
        cell = rf'(?:{_QUOTED}|[^"{mark}\r\n\0]*+)'
        self._whole = re.compile(rf"{cell}(?:{mark}{cell})*+{_END}")
        self._open = re.compile(rf"(?:{cell}{mark})*+{_OPEN}")
        self._all_quoted = re.compile(rf"{_QUOTED}(?:{mark}{_QUOTED})*+{_END}")

    def __iter__(self) -> Iterator[Row | BadLine]:
        """Yield the rows, and what is wrong with each line that is none."""
        while (line := self._line()) is not None:
            self.line_num += 1
            if line.strip("\r\n"):
                yield self._row(line)

    def _row(self, line: str) -> Row | BadLine:
        try:
            self._lines.check(line)
            if '"' not in line and "\0" not in line:
                raw = line.rstrip("\r\n")
                return Row(raw.split(self._delimiter), raw)
            return self._quoted(line)
        except BadRow as error:
            return BadLine(str(error), line.rstrip("\r\n"))

    def _quoted(self, line: str) -> Row:
        if self._whole.fullmatch(line):
            return self._parsed(line)
        if self._open.fullmatch(line):
            return self._continued(line)
        if "\0" in line:
            raise BadLine("holds NUL bytes, as a file that was cut by a power failure does")
        raise BadLine('a quote stands inside a cell; CSV wants "a ""b"" c"')

    def _continued(self, first: str) -> Row:
        taken, size = [first], len(first)
        while size <= _MOST and (line := self._line()) is not None:
            taken.append(line)
            size += len(line)
            if _STILL_OPEN.fullmatch(line):
                continue
            text = "".join(taken)
            if self._whole.fullmatch(text) and (row := self._spanning(text, taken)):
                self.line_num += len(taken) - 1
                return row
            if not self._open.fullmatch(text):
                break
        self._again.extendleft(reversed(taken[1:]))
        raise BadLine("a quote that is opened in this line is not closed as CSV wants it")

    def _spanning(self, text: str, taken: list[str]) -> Row | None:
        row = self._parsed(text)
        swallowed = map(self.is_row, (cells_of(line, self._delimiter) for line in taken[1:]))
        if self.width and len(row.cells) != self.width:
            return None
        return row if self._all_quoted.fullmatch(text) or not any(swallowed) else None

    def _parsed(self, text: str) -> Row:
        try:
            return Row(next(csv.reader([text], delimiter=self._delimiter)), text.rstrip("\r\n"))
        except csv.Error as error:
            raise BadLine(f"not CSV: {error}") from None

    def _line(self) -> str | None:
        return self._again.popleft() if self._again else next(self._source, None)


def cells_of(line: str, delimiter: str) -> list[str]:
    """Take a line apart as if it had no quotes."""
    return line.replace('"', "").strip("\r\n").split(delimiter)
