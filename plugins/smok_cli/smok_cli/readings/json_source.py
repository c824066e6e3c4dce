"""JSON: an object for each reading, one a line or all in an array."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from smok_cli.readings.columns import ERROR_NAME, PATHPOINT_NAMES, TIME_NAMES, VALUE_NAMES
from smok_cli.readings.records import BadRow, NoReading, Record, Rejected, ValueReader, failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smok_cli.readings.columns import Layout
    from smok_cli.readings.streams import Lines
    from smok_core.model import ValueOrExcept


#: Characters of an array at most: it is read whole, unlike lines.
_LARGEST_ARRAY: Final = 32 * 1024 * 1024
_TO_LINES: Final = "jq -c '.[]' FILE | smok ingest - --format jsonl --pathpoint NAME"


class JsonSource:
    """The records of a JSON text."""

    def __init__(self, lines: Lines, layout: Layout, values: ValueReader) -> None:
        self._lines, self._layout, self._values = lines, layout, values
        self.guesses: list[str] = []
        if layout.time and "+" in layout.time:
            self._times: tuple[str, ...] = tuple(layout.time.split("+"))
            self._joined = True
        else:
            self._times, self._joined = (layout.time,) if layout.time else TIME_NAMES, False
        self._value_names = (layout.value,) if layout.value else VALUE_NAMES
        column = layout.pathpoint_column
        self._names = (column,) if column else PATHPOINT_NAMES
        self._name = layout.pathpoint or layout.fallback
        self._decoder = json.JSONDecoder(
            parse_float=values.number,
            parse_int=values.number,
            parse_constant=values.number,
            object_pairs_hook=_object,
        )

    def records(self) -> Iterator[Record | Rejected]:
        """Stream the records, and what is wrong with each line that is none."""
        line = 0
        for line, text in enumerate(iter(self._lines), 1):
            if line == 1 and text.lstrip("\ufeff \t")[:1] == "[":
                yield from self._array(text)
                break
            if text.strip(" \t\r\n"):
                yield self._of_line(line, text)
        if self._lines.broken:
            yield Rejected(line + 1, self._lines.broken, "")

    def _of_line(self, line: int, text: str) -> Record | Rejected:
        raw = text.rstrip("\r\n")
        try:
            self._lines.check(text)
            return self._record(line, self._decoder.decode(text.strip(" \t\r\n")), raw)
        except (ValueError, RecursionError) as error:
            return Rejected(line, str(error) or "nested too deeply", raw)

    def _array(self, first: str) -> Iterator[Record | Rejected]:
        parts, size = [first], len(first)
        for text in iter(self._lines):
            parts.append(text)
            size += len(text)
            if size > _LARGEST_ARRAY:
                raise click.UsageError(
                    f"the JSON array is too large. Make lines of it: {_TO_LINES}"
                )
        text = "".join(parts)
        try:
            items = self._array_items(text)
        except (ValueError, RecursionError) as error:
            yield Rejected(1, f"the JSON array cannot be read: {error}. {_TO_LINES}", "")
            return
        for number, item in enumerate(items, 1):
            yield self._of_line(number, item)

    def _array_items(self, text: str) -> list[str]:
        """Take an array apart into the texts of its items; each is read for itself."""
        decoder, at = json.JSONDecoder(), text.index("[") + 1
        items: list[str] = []
        while True:
            at = _past_space(text, at)
            if text[at] == "]" and not items and not text[at + 1 :].strip():
                return items
            _, end = decoder.raw_decode(text, at)
            items.append(text[at:end].replace("\n", " ").replace("\r", " "))
            at = _past_space(text, end)
            if text[at] == "]" and not text[at + 1 :].strip():
                return items
            if text[at] != ",":
                raise ValueError(f"no comma after item {len(items)}")
            at += 1

    def _record(self, line: int, item: Any, raw: str) -> Record:
        if not isinstance(item, dict):
            raise BadRow("not a JSON object")
        time, keys = self._time(item)
        try:
            return Record(line, time, self._cells(item, keys), raw)
        except NoReading:
            return Record(line, time, [], raw)

    def _time(self, item: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
        """Return the time, and the keys that it was read from."""
        present = tuple(name for name in self._times if name in item)
        if self._joined and len(present) == len(self._times):
            return " ".join(str(item[name]) for name in present), present
        if not present or self._joined:
            raise BadRow(f"no time; expected one of: {', '.join(self._times)}")
        return item[present[0]], present[:1]

    def _cells(
        self, item: dict[str, Any], keys: tuple[str, ...]
    ) -> list[tuple[str, ValueOrExcept]]:
        if not self._layout.wide:
            return [(self._pathpoint(item), self._one_value(item))]
        cells = []
        for name, value in item.items():
            if name not in keys and value is not None and not self._values.is_missing(value):
                cells.append((name, _plain(value)))
        return cells

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
            self._values.refuse_missing(item[at])
            return _plain(item[at])
        if ERROR_NAME in item and isinstance(item[ERROR_NAME] or "", str):
            return failure(item[ERROR_NAME] or "")
        raise BadRow("there is no value")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, _ in pairs if [key for key, _ in pairs].count(name) > 1)
        raise BadRow(f"the key {twice!r} is there twice")
    return found


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    if at >= len(text):
        raise ValueError("it does not end")
    return at


def _plain(value: Any) -> ValueOrExcept:
    if not isinstance(value, int | float | str | bool):
        raise BadRow(f"a {type(value).__name__} is no value")
    return value
