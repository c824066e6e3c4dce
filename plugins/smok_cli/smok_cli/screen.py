"""What commands print with: tables for people, JSON for programs, numbers as people read them."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from smok_cli.terminal import json_lines, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console


json_option = click.option("--json", "as_json", is_flag=True, help="JSON for programs.")


def console(*, stderr: bool = False) -> Console:
    """Return a rich console for stdout or stderr; it is as wide as the terminal or ``COLUMNS``."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def speaks_tsv() -> bool:
    """Tell whether stdout is read by a program: a pipe or a file, and nobody set ``COLUMNS``."""
    return not sys.stdout.isatty() and not os.environ.get("COLUMNS")


def print_tsv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a head and rows, the cells separated by tabs; no cell can hold one, or a line feed."""
    for row in (columns, *rows):
        click.echo("\t".join("" if cell is None else visible(cell) for cell in row))


def print_json(value: Any) -> None:
    """Print one JSON document; what a terminal would obey is escaped as JSON does."""
    click.echo(
        json_lines(json.dumps(value, indent=2, ensure_ascii=not _speaks_utf8(), default=str))
    )


def _speaks_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: str = ""
) -> None:
    """Print a table, or TSV into a pipe.

    Args:
        title: Stands above a table.
        columns: The heads.
        rows: The cells.
        right: Heads of the columns that hold numbers, separated by commas.
    """
    if speaks_tsv():
        print_tsv(columns, rows)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    numbers = right.split(",")
    for column in columns:
        justify: Any = "right" if column in numbers else "left"
        table.add_column(column, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    console().print(table)


def _cell(value: object) -> Any:
    from rich.text import Text

    # A Text, not a str: rich would take brackets in a name for markup.
    return value if isinstance(value, Text) else Text("" if value is None else visible(value))


def human_count(count: int) -> str:
    """Return ``1 014 006``."""
    return f"{count:,}".replace(",", " ")


def human_size(size: int | None) -> str:
    """Return ``12.3 MiB``; nothing for None."""
    if size is None:
        return ""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def human_age(seconds: float | None) -> str:
    """Return ``3 d 4 h``, ``12 min``, ``5 s``; nothing for None."""
    if seconds is None:
        return ""
    if seconds < 0:
        return "in the future"
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


def human_ago(moment: float | None) -> str:
    """Say how long ago an instant (seconds since the epoch) was; ``never`` for None.

    A clock that was set back makes one lie in the future, which is said.
    """
    if moment is None:
        return "never"
    age = time.time() - moment
    return f"{human_age(max(age, 0.0))} ago" if age > -1 else "in the future"


def iso_time(seconds: float | None) -> str | None:
    """Return an instant in UTC to the second, ending in Z as in every file and JSON of ours.

    What no calendar reaches is given as a number.
    """
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")[:-6] + "Z"
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.0f} s since the epoch"
