"""Which tables, series and blobs of an engine belong to which role: the one list of them."""

from typing import Final

import msgspec

from smok_core.roles import ON_ENGINE
from smok_core.roles.base import COUNTERS as COUNTERS
from smok_core.roles.dead_letters import dead_table

#: Where a copy notes in its target how far it is; empty when no copy is under way.
JOURNAL: Final = "transfer"


class Parts(msgspec.Struct, frozen=True):
    """The names of a role's primitives, beside its row in the table of counters."""

    tables: tuple[str, ...]
    series: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()


def is_dead(table: str) -> bool:
    """Tell whether a table holds dead letters, whose records are encoded inside of them."""
    return table.endswith(dead_table(""))


def _parts(role: str) -> Parts:
    kept = ON_ENGINE[role]
    # The last table remembers the legacy files that were imported.
    tables = (*kept.tables, dead_table(role), f"{role}.imports")
    return Parts(tables, series=kept.series, blobs=kept.blobs)


#: Role -> its parts; a test holds it against what the roles open.
PARTS: Final[dict[str, Parts]] = {role: _parts(role) for role in ON_ENGINE}
