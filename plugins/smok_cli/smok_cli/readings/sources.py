"""Files of readings as streams of records: CSV (long or wide) and JSON lines."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections import deque
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, cast

import click

from smok_cli.readings.records import BadRow, Record, Rejected, ValueReader, failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smok_core.model import ValueOrExcept

__all__ = ["Layout", "open_source"]

TIME_NAMES: Final = ("timestamp", "time", "ts", "datetime", "date")
VALUE_NAMES: Final = ("value",)
PATHPOINT_NAMES: Final = ("pathpoint", "path")
ERROR_NAME: Final = "error_code"
_DELIMITERS: Final = ",;\t|"
_PEEK: Final = 64 * 1024
#: Characters of a row at most: a text value has up to 64 KiB, and its quotes may be doubled.
_MOST: Final = 128 * 1024


class Layout(NamedTuple):
    """What the command line says about the columns; None is found by name."""

    time: str | None = None
    value: str | None = None
    pathpoint_column: str | None = None
    pathpoint: str | None = None  #: the name all readings get
    fallback: str | None = None  #: the name they get if the file names none
    wide: bool = False
    delimiter: str | None = None


@contextlib.contextmanager
def open_source(
    binary: BinaryIO, kind: str | None, layout: Layout, values: ValueReader
) -> Iterator[Iterator[Record | Rejected]]:
    """Give the records of a stream; ``kind`` is csv or jsonl, None looks at the first bytes."""
    head = cast("io.BufferedReader", binary).peek(_PEEK)[:_PEEK].removeprefix(b"\xef\xbb\xbf")
    first = head.lstrip()[:1]
    # Bytes that are no UTF-8 become lone surrogates, which the store refuses row by row.
    text = io.TextIOWrapper(binary, "utf-8-sig", errors="surrogateescape", newline="")
    try:
        if kind == "jsonl" or (kind is None and first == b"{"):
            yield _JsonLines(text, layout, values).records()
        else:
            yield _Csv(text, layout, values, head.partition(b"\n")[0]).records()
    finally:
        # The stream is the caller's: stdin must not be closed with this wrapper.
        text.detach()


class _Csv:
    def __init__(
        self, text: io.TextIOWrapper, layout: Layout, values: ValueReader, head: bytes
    ) -> None:
        delimiter = layout.delimiter or max(_DELIMITERS, key=lambda c: head.count(c.encode()))
        self._rows = _Rows(text, delimiter)
        self._values, self._layout = values, layout
        self._header = self._first_row()
        self._time = _find(self._header, layout.time, TIME_NAMES, "--time")
        self._name_at, self._name = _find_pathpoint(self._header, layout)
        self._columns = self._wide() if layout.wide else {}
        self._value = (
            -1 if layout.wide else _find(self._header, layout.value, VALUE_NAMES, "--value")
        )
        self._error = -1 if layout.wide else _position(self._header, ERROR_NAME)

    def _first_row(self) -> list[str]:
        try:
            return next(self._rows)
        except StopIteration:
            return []
        except csv.Error as error:
            raise click.UsageError(f"the header is not CSV: {error}. Correct line 1.") from None

    def _wide(self) -> dict[int, str]:
        columns = {at: name for at, name in enumerate(self._header) if at != self._time and name}
        _refuse_twins(columns)
        return columns

    def records(self) -> Iterator[Record | Rejected]:
        rows = self._rows
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Rejected(rows.line_num, f"not CSV: {error}", "")
                continue
            if not row:
                continue
            if self._layout.wide:
                yield from self._wide_record(rows.line_num, row)
            else:
                yield self._long_record(rows.line_num, row)

    def _long_record(self, line: int, row: list[str]) -> Record | Rejected:
        if len(row) > len(self._header):
            # An unquoted delimiter shifts what follows it: no cell is surely what its name says.
            return Rejected(line, f"{len(row)} columns instead of {len(self._header)}", row)
        try:
            name = self._name if self._name_at < 0 else row[self._name_at]
            return Record(line, row[self._time], [(name, self._cell(row))], row)
        except IndexError:
            return Rejected(line, f"{len(row)} columns instead of {len(self._header)}", row)
        except BadRow as error:
            return Rejected(line, str(error), row)

    def _cell(self, row: list[str]) -> ValueOrExcept:
        text = row[self._value]
        if text:
            return self._values.read(text)
        if self._error >= 0 and row[self._error]:
            return failure(row[self._error])
        raise BadRow("there is no value")

    def _wide_record(self, line: int, row: list[str]) -> Iterator[Record | Rejected]:
        """Give what can be read of a wide row; an empty cell is no reading, a bad one is told."""
        cells: list[tuple[str, ValueOrExcept]] = []
        if len(row) != len(self._header):
            yield Rejected(line, f"{len(row)} columns instead of {len(self._header)}", row)
            return
        for at, name in self._columns.items():
            try:
                if row[at]:
                    cells.append((name, self._values.read(row[at])))
            except BadRow as error:
                yield Rejected(line, f"column {name}: {error}", row)
        yield Record(line, row[self._time], cells, row)


class _Rows:
    """The rows of a CSV text, strictly read.

    A quote that is opened and never closed properly costs only the line in which it stands:
    reading goes on behind that line, not behind the end of the file.
    """

    def __init__(self, text: Iterable[str], delimiter: str) -> None:
        self._text, self._delimiter = iter(text), delimiter
        self._again: deque[str] = deque()  # lines that an open quote had taken in
        self.line_num = 0

    def __next__(self) -> list[str]:
        """Give the next row; raises csv.Error for a line that is none, and goes on behind it."""
        first = self._line()
        if first is None:
            raise StopIteration
        self.line_num += 1
        row = self._parsed([first])
        return self._continued(first) if row is None else row

    def _continued(self, first: str) -> list[str]:
        taken, size = [first], len(first)
        while size <= _MOST and (line := self._line()) is not None:
            taken.append(line)
            size += len(line)
            if '"' in line and (row := self._closed(taken)) is not None:
                self.line_num += len(taken) - 1
                return row
        self._again.extendleft(reversed(taken[1:]))
        raise csv.Error("a quote that is opened in this line is not closed")

    def _closed(self, lines: list[str]) -> list[str] | None:
        """Give the row if the quote is closed as CSV wants it; another quote does not close it."""
        with contextlib.suppress(csv.Error):
            return self._parsed(lines)
        return None

    def _parsed(self, lines: list[str]) -> list[str] | None:
        """Give the row that the lines are, or None if a quote is still open at their end."""
        try:
            return next(csv.reader(lines, delimiter=self._delimiter, strict=True), [])
        except csv.Error as error:
            if str(error) == "unexpected end of data":
                return None
            raise

    def _line(self) -> str | None:
        return self._again.popleft() if self._again else next(self._text, None)


class _JsonLines:
    def __init__(self, text: io.TextIOWrapper, layout: Layout, values: ValueReader) -> None:
        self._text, self._layout, self._values = text, layout, values
        self._times = (layout.time,) if layout.time else TIME_NAMES
        self._value_names = (layout.value,) if layout.value else VALUE_NAMES
        column = layout.pathpoint_column
        self._names = (column,) if column else PATHPOINT_NAMES
        self._name = layout.pathpoint or layout.fallback
        self._decoder = json.JSONDecoder(
            parse_float=values.read, parse_int=values.read, parse_constant=values.read
        )

    def records(self) -> Iterator[Record | Rejected]:
        for line, text in enumerate(self._text, 1):
            if not text.strip():
                continue
            try:
                yield self._record(line, self._decoder.decode(text.strip()), text.rstrip("\r\n"))
            except (ValueError, RecursionError) as error:
                yield Rejected(line, str(error) or "nested too deeply", text.rstrip("\r\n"))

    def _record(self, line: int, item: Any, raw: str) -> Record:
        if not isinstance(item, dict):
            raise BadRow("not a JSON object")
        at = next((name for name in self._times if name in item), None)
        if at is None:
            raise BadRow(f"no time; expected one of: {', '.join(self._times)}")
        return Record(line, item[at], self._cells(item, at), raw)

    def _cells(self, item: dict[str, Any], time: str) -> list[tuple[str, ValueOrExcept]]:
        if self._layout.wide:
            kept = [(name, value) for name, value in item.items() if name != time]
            return [(name, _plain(value)) for name, value in kept if value is not None]
        return [(self._pathpoint(item), self._one_value(item))]

    def _pathpoint(self, item: dict[str, Any]) -> str:
        if self._layout.pathpoint:
            return self._layout.pathpoint
        name = next((item[name] for name in self._names if name in item), self._name)
        if not isinstance(name, str):
            raise BadRow("no pathpoint; name it with --pathpoint or --pathpoint-column")
        return name

    def _one_value(self, item: dict[str, Any]) -> ValueOrExcept:
        at = next((name for name in self._value_names if item.get(name) is not None), None)
        if at is not None:
            return _plain(item[at])
        if isinstance(item.get(ERROR_NAME), str):
            return failure(item[ERROR_NAME])
        raise BadRow("there is no value")


def _plain(value: Any) -> ValueOrExcept:
    if not isinstance(value, int | float | str | bool):
        raise BadRow(f"a {type(value).__name__} is no value")
    return value


def _find(header: Sequence[str], given: str | None, names: Sequence[str], option: str) -> int:
    """Find a column by its name, or by its number counted from 1."""
    for name in (given,) if given else names:
        at = _position(header, name)
        if at >= 0:
            return at
    if given and given.isdecimal() and 1 <= int(given) <= len(header):
        return int(given) - 1
    wanted = repr(given) if given else " or ".join(names)
    have = ", ".join(header) or "none, the file is empty"
    more = " With --wide every other column is a pathpoint." if option == "--value" else ""
    raise click.UsageError(f"no column is called {wanted}. Columns: {have}. Use {option}.{more}")


def _refuse_twins(columns: dict[int, str]) -> None:
    """End the command when two columns would go into one pathpoint."""
    first: dict[str, int] = {}
    for at, name in columns.items():
        if first.setdefault(name, at) != at:
            raise click.UsageError(
                f"columns {first[name] + 1} and {at + 1} are both called {name!r}; with --wide "
                "each is a pathpoint. Rename one of them in the header."
            )


def _position(header: Sequence[str], name: str) -> int:
    lowered = [column.strip().lower() for column in header]
    if name in header:
        return list(header).index(name)
    return lowered.index(name.lower()) if name.lower() in lowered else -1


def _find_pathpoint(header: Sequence[str], layout: Layout) -> tuple[int, str]:
    """Give the column of names (or -1), and the name that all readings get without one."""
    if layout.pathpoint or layout.wide:
        return -1, layout.pathpoint or ""
    if layout.pathpoint_column:
        return _find(header, layout.pathpoint_column, (), "--pathpoint-column"), ""
    at = max(_position(header, name) for name in PATHPOINT_NAMES)
    if at < 0 and not layout.fallback:
        raise click.UsageError("the readings have no name. Give one with --pathpoint NAME.")
    return at, layout.fallback or ""
