"""CSV, long (a column of values) or wide (a column for each pathpoint)."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

import click

from smok_cli.readings.columns import (
    ERROR_NAME,
    TIME_NAMES,
    TYPE_NAME,
    VALUE_NAMES,
    find,
    find_pathpoint,
    find_times,
    position,
    wide_columns,
)
from smok_cli.readings.records import (
    BadRow,
    Comment,
    NoReading,
    Record,
    Rejected,
    ValueReader,
    failure,
)
from smok_cli.readings.rows import BadLine, Row, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smok_cli.readings.columns import Layout
    from smok_cli.readings.streams import Lines
    from smok_cli.readings.times import TimeReader
    from smok_core.model import ValueOrExcept


_DELIMITERS: Final = ",;\t|"
#: What spreadsheets put before the header: which delimiter follows.
_COMMENT: Final = re.compile(r"#(?:[#\s]|group\b|datatype\b|default\b|$)")
#: What a spreadsheet writes where a time should be: a lost reading, and no comment.
_BROKEN: Final = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!)", re.IGNORECASE)
_SEP: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


class CsvSource:
    """The records of a CSV text; ``guesses`` says what was concluded from its header.

    Raises:
        click.UsageError: There is no header, or no column for the time or the value.
    """

    def __init__(
        self, lines: Lines, layout: Layout, values: ValueReader, times: TimeReader
    ) -> None:
        self._lines, self._layout, self._values, self._times = lines, layout, values, times
        self.guesses: list[str] = []
        first, self._before, comment, sep = _preamble(lines)
        self._delimiter = layout.delimiter or sep or self._guessed(layout.columns or first)
        self._has_comments = bool(comment)
        self._header, body = self._split(first, comment)
        self._rows = Rows(_Joined(body, lines), self._delimiter)
        self._rows.line_num = self._before
        self._find_columns()

    def _guessed(self, header: str) -> str:
        delimiter = max(_DELIMITERS, key=header.count)
        if delimiter != ",":
            self.guesses.append(f"columns separated by {delimiter!r} (--delimiter)")
        return delimiter

    def _split(self, first: str, comment: str) -> tuple[list[str], list[str]]:
        """Return the header, and what was read of the rows below it."""
        if self._layout.columns:
            return self._layout.columns.split(","), [first] if first else []
        if comment and not _has_time(first, self._delimiter):
            delimiter = self._layout.delimiter or max(_DELIMITERS, key=comment.count)
            if _has_time(comment, delimiter):
                self._delimiter = delimiter
                return self._cells(comment), [first]
        self._before += bool(first)
        return self._cells(first) if first else [], []

    def _cells(self, line: str) -> list[str]:
        row = next(iter(Rows(_Joined([line], self._lines, more=False), self._delimiter)), None)
        if isinstance(row, BadLine):
            raise click.UsageError(f"the header: {row.args[0]}. Correct line {self._before}.")
        return row.cells if row else []

    def _find_columns(self) -> None:
        header, layout = self._header, self._layout
        if not header:
            raise click.UsageError("the file is empty: it has no header and no rows.")
        if not layout.columns and not layout.time and self._times.resembles(header[0]):
            raise click.UsageError(
                f"the first line looks like a row ({', '.join(header)}), not like a header. "
                "Name the columns: --columns time,value"
            )
        self._time = find_times(header, layout)
        if len(self._time) > 1 and not layout.time:
            names = "+".join(header[at] for at in self._time)
            self.guesses.append(f"the time from the columns {names} (--time)")
        self._name_at, self._name = find_pathpoint(header, layout)
        self._columns = wide_columns(header, self._time) if layout.wide else {}
        self._value = -1 if layout.wide else find(header, layout.value, VALUE_NAMES, "--value")
        self._error = -1 if layout.wide else position(header, ERROR_NAME)
        self._type = -1 if layout.wide else position(header, TYPE_NAME)
        self._rows.width, self._rows.is_row = len(header), self._is_row

    def _is_row(self, cells: list[str]) -> bool:
        if len(cells) < 2 or len(cells) <= max(self._time):
            return False
        return any(self._times.resembles(cells[at]) for at in self._time)

    def _is_comment(self, row: Row) -> bool:
        """Tell whether a row is a comment: written as one, or in a file that begins with one."""
        if row.raw[:1] != "#" or self._is_row(row.cells) or _BROKEN.match(row.raw):
            return False
        return self._has_comments or _COMMENT.match(row.raw) is not None

    def records(self) -> Iterator[Record | Rejected | Comment]:
        """Stream the records, the comments, and what is wrong with each row that is none."""
        rows, width = self._rows, len(self._header)
        for row in rows:
            line = rows.line_num
            if isinstance(row, BadLine):
                yield Rejected(line, *row.args)
            elif self._is_comment(row):
                yield Comment(line, row.raw)
            elif len(row.cells) != width:
                # An unquoted delimiter shifts what follows: no cell is surely what its name says.
                yield Rejected(line, f"{len(row.cells)} columns instead of {width}", row.raw)
            elif self._columns:
                yield from self._wide(line, row)
            else:
                yield self._long(line, row)
        if self._lines.broken:
            yield Rejected(rows.line_num + 1, self._lines.broken, "")
        elif self._lines.is_open:
            self.guesses.append("the last line as whole (if the file still grows, run it again)")

    def _moment(self, cells: list[str]) -> str:
        if len(self._time) == 1:
            return cells[self._time[0]]
        return " ".join(cells[at].strip(" \t") for at in self._time)

    def _long(self, line: int, row: Row) -> Record | Rejected:
        cells = row.cells
        name = self._name if self._name_at < 0 else cells[self._name_at]
        try:
            return Record(line, self._moment(cells), [(name, self._cell(cells))], row.raw)
        except NoReading:
            return Record(line, self._moment(cells), [], row.raw)
        except BadRow as error:
            return Rejected(line, str(error), row.raw)

    def _cell(self, cells: list[str]) -> ValueOrExcept:
        text = cells[self._value]
        if self._type >= 0 and cells[self._type]:
            return self._values.typed(text, cells[self._type])
        if text:
            return self._values.read(text)
        if self._error >= 0 and cells[self._error]:
            return failure(cells[self._error])
        self._values.refuse_missing(text)
        raise BadRow("there is no value")

    def _wide(self, line: int, row: Row) -> Iterator[Record | Rejected]:
        """Yield what can be read of a wide row; an empty cell is no reading, a bad one is told."""
        cells: list[tuple[str, ValueOrExcept]] = []
        for at, name in self._columns.items():
            try:
                if row.cells[at]:
                    cells.append((name, self._values.read(row.cells[at])))
            except NoReading:
                continue
            except BadRow as error:
                yield Rejected(line, f"column {name}: {error}", row.raw)
        yield Record(line, self._moment(row.cells), cells, row.raw)


class _Joined:
    """Lines of which some were read already, as `Rows` takes them."""

    def __init__(self, taken: Iterable[str], lines: Lines, *, more: bool = True) -> None:
        self._taken, self._lines, self._more = taken, lines, more
        self.check = lines.check

    def __iter__(self) -> Iterator[str]:
        return itertools.chain(self._taken, iter(self._lines) if self._more else ())


def _preamble(lines: Lines) -> tuple[str, int, str, str | None]:
    """Return the first line that counts, the lines before it, the last comment, and a ``sep=``."""
    before, comment, sep = 0, "", None
    for line in iter(lines):
        if line[0] == "#":
            comment = line.lstrip("#").lstrip()
        elif found := _SEP.fullmatch(line):
            sep = found[1]
        elif line.strip():
            return line, before, comment, sep
        before += 1
    return "", before, comment, sep


def _has_time(line: str, delimiter: str) -> bool:
    names = {cell.strip(' "\r\n').lower() for cell in line.split(delimiter)}
    return not names.isdisjoint(TIME_NAMES)
