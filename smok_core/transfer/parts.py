"""Which tables, series and blobs of an engine belong to which role: the one list of them."""

from __future__ import annotations

from typing import Final

import msgspec

from smok_core.roles import ROLES

__all__ = ["COUNTERS", "JOURNAL", "PARTS", "Parts", "dead_table", "is_dead"]

#: How much was dropped before the data came into this store, one row a role, ``<role>.dropped``.
COUNTERS: Final = "counters"
#: Where a copy notes in its target how far it is; empty when no copy is under way.
JOURNAL: Final = "transfer"


class Parts(msgspec.Struct, frozen=True):
    """The names of a role's primitives, beside its row in the table of counters."""

    tables: tuple[str, ...]
    series: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()


def dead_table(role: str) -> str:
    """Name the table of a role's dead letters."""
    return f"{role}.dead"


def is_dead(table: str) -> bool:
    """Tell whether a table holds dead letters, whose records are encoded inside of them."""
    return table.endswith(".dead")


def _tables(role: str, *own: str) -> tuple[str, ...]:
    # The last one remembers the legacy files that were imported.
    return (*own, dead_table(role), f"{role}.imports")


#: Role -> its parts; a test holds it against what the roles open.
PARTS: Final[dict[str, Parts]] = {role: Parts(_tables(role, role)) for role in ROLES} | {
    "baobs": Parts(_tables("baobs"), blobs=("baobs",)),
    "events": Parts(_tables("events", "events", "events.cache")),
    "macros": Parts(_tables("macros", "macros", "macros.done")),
    "pathpoints": Parts(
        _tables("pathpoints", "pathpoints.definitions", "pathpoints.clocks"),
        series=("pathpoints",),
    ),
}
