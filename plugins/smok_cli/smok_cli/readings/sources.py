"""Files of readings as streams of records: CSV, JSON lines and JSON arrays."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, BinaryIO

from smok_cli.readings.csv_source import CsvSource
from smok_cli.readings.json_source import JsonSource
from smok_cli.readings.streams import open_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smok_cli.readings.columns import Layout
    from smok_cli.readings.records import ValueReader
    from smok_cli.readings.times import TimeReader


@contextlib.contextmanager
def open_source(
    binary: BinaryIO,
    kind: str | None,
    layout: Layout,
    values: ValueReader,
    times: TimeReader,
    encoding: str | None = None,
) -> Iterator[CsvSource | JsonSource]:
    """Open a stream: its ``records()``, and what was guessed of its form (``guesses``).

    Args:
        binary: The stream; it is not closed.
        kind: csv or jsonl; None looks at the first character.
        layout: What is known of the columns.
        values: Reads the cells.
        times: Tells whether a line looks like a row of its own.
        encoding: Of the text; None: UTF-8, or what a byte-order mark says.
    """
    with open_lines(binary, encoding) as (lines, head):
        first = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if kind == "jsonl" or (kind is None and first in (b"{", b"[")):
            yield JsonSource(lines, layout, values)
        else:
            yield CsvSource(lines, layout, values, times)
