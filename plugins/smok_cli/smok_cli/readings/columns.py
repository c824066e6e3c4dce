"""Which column, or key of a JSON object, is what: by name, by number, or as it was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Sequence


TIME_NAMES: Final = ("timestamp", "time", "ts", "datetime", "date", "_time")
VALUE_NAMES: Final = ("value", "_value")
PATHPOINT_NAMES: Final = ("pathpoint", "path")
ERROR_NAME: Final = "error_code"
TYPE_NAME: Final = "value_type"


class Layout(NamedTuple):
    """What the command line says about the columns; None is found by name."""

    time: str | None = None
    value: str | None = None
    pathpoint_column: str | None = None
    pathpoint: str | None = None  #: the name all readings get
    fallback: str | None = None  #: the name they get if the file names none
    wide: bool = False
    delimiter: str | None = None
    columns: str | None = None  #: the names, where the file has no header


def position(header: Sequence[str], name: str) -> int:
    """Return the place of a column, or -1; two of that name are refused."""
    exact = [at for at, column in enumerate(header) if column == name]
    near = [at for at, column in enumerate(header) if column.strip().lower() == name.lower()]
    found = exact or near
    if len(found) > 1:
        raise click.UsageError(
            f"columns {found[0] + 1} and {found[1] + 1} are both called {header[found[0]]!r}. "
            "Name the one you mean by its number, or rename the other."
        )
    return found[0] if found else -1


def find(header: Sequence[str], given: str | None, names: Sequence[str], option: str) -> int:
    """Find a column by its name, or by its number counted from 1."""
    for name in (given,) if given else names:
        if not (given and given.isdecimal() and given not in header):
            at = position(header, name)
            if at >= 0:
                return at
    if given and given.isdecimal() and 1 <= int(given[:9]) <= len(header):
        return int(given[:9]) - 1
    wanted = repr(given) if given else " or ".join(names)
    have = ", ".join(header) or "none, the file is empty"
    more = " With --wide every other column is a pathpoint." if option == "--value" else ""
    raise click.UsageError(
        f"no column is called {wanted}. Columns: {have}. Use {option}, or --columns NAME,NAME,... "
        f"if the file has no header.{more}"
    )


def find_times(header: Sequence[str], layout: Layout) -> list[int]:
    """Return the columns whose cells make the time: one, or those of ``--time Date+Time``."""
    if layout.time is None:
        both = [position(header, name) for name in ("date", "time")]
        one = position(header, TIME_NAMES[0])
        return both if one < 0 <= min(both) else [find(header, None, TIME_NAMES, "--time")]
    if "+" not in layout.time or position(header, layout.time) >= 0:
        return [find(header, layout.time, (), "--time")]
    return [find(header, part, (), "--time") for part in layout.time.split("+")]


def find_pathpoint(header: Sequence[str], layout: Layout) -> tuple[int, str]:
    """Return the column of names (or -1), and the name that all readings get without one."""
    if layout.pathpoint or layout.wide:
        return -1, layout.pathpoint or ""
    if layout.pathpoint_column:
        return find(header, layout.pathpoint_column, (), "--pathpoint-column"), ""
    at = max(position(header, name) for name in PATHPOINT_NAMES)
    if at < 0 and not layout.fallback:
        raise click.UsageError("the readings have no name. Give one with --pathpoint NAME.")
    return at, layout.fallback or ""


def wide_columns(header: Sequence[str], times: Sequence[int]) -> dict[int, str]:
    """Return every other column; two that would go into one pathpoint are refused."""
    columns = {at: name for at, name in enumerate(header) if at not in times and name}
    first: dict[str, int] = {}
    for at, name in columns.items():
        if first.setdefault(name, at) != at:
            raise click.UsageError(
                f"columns {first[name] + 1} and {at + 1} are both called {name!r}; with --wide "
                "each is a pathpoint. Rename one of them in the header."
            )
    return columns
