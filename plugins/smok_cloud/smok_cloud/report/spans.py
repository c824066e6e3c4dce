"""Spans of time and names of pathpoints, as people give them to the commands."""

import difflib
from typing import Final

import click

from smok_core.databases import Databases
from smok_core.settings import Duration

_CENTURY: Final = 3.2e9


def seconds_of(text: str) -> float:
    """Read ``2h``, ``30m``, ``7d``.

    Raises:
        UsageError: It is none, or more than a century.
    """
    try:
        seconds = Duration(text).seconds
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    if not 0 < seconds < _CENTURY:
        raise click.UsageError(f"{text!r} is no span of time that can be drawn. Give 2h or 7d.")
    return seconds


def check_names(databases: Databases, wanted: tuple[str, ...]) -> list[str]:
    """Return the names if a pathpoint of each has a value.

    Raises:
        UsageError: One has not; it names the nearest that has.
        StoreError: Nobody can tell; the store is not asked when no name is given.
    """
    if not wanted:
        return []
    present = set(databases.pathpoints.get_pathpoints())
    for name in wanted:
        if name not in present:
            known = {there.casefold(): there for there in present}
            near = difflib.get_close_matches(name.casefold(), known, n=1)
            hint = f" Did you mean {known[near[0]]!r}?" if near else ""
            raise click.UsageError(f"no pathpoint is called {name!r}.{hint}")
    return list(wanted)
