"""What a person has seen of the losses and acknowledged, kept beside what it is about.

It lies in the store of the role itself: a store that begins anew begins with nothing acknowledged.
Dead letters are remembered by their ids, so one that comes later is news, whatever was discarded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from smok_core.model import prepared

if TYPE_CHECKING:
    from smok_core.databases import Databases
    from smok_core.engine.base import Table
    from smok_core.roles import Database, RoleStats


_TABLE: Final = "status.acknowledged"


@prepared
class Seen(msgspec.Struct, kw_only=True, frozen=True):
    """What was acknowledged of one role."""

    dropped: int = 0  #: of the counts as they were
    refused: int = 0
    letters: frozenset[str] = frozenset()  #: ids of dead letters

    def of(self, kind: str, count: int, database: Database) -> int:
        """Return how many of the ``count`` losses of this kind were acknowledged."""
        if kind != "dead-letters":
            return min(count, self.dropped if kind == "dropped" else self.refused)
        if not self.letters:
            return 0
        return sum(letter.id in self.letters for letter in database.get_dead_letters())


def read_seen(databases: Databases, role: str) -> Seen:
    """Return what was acknowledged of a role; nothing if nobody did.

    Raises:
        StoreError: Its store cannot be read.
    """
    table = _table(databases, role)
    row = None if table is None else table.get(role)
    return Seen() if row is None else msgspec.json.decode(row.value, type=Seen)


def acknowledge_losses(databases: Databases) -> int:
    """Remember all that is lost now as seen; give how many records that are.

    Dead letters stay, and can still be requeued or discarded.

    Raises:
        StoreError: A store cannot be read or written; those before it are done.
    """
    return sum(_acknowledge(databases, role, database) for role, database in databases)


def _acknowledge(databases: Databases, role: str, database: Database) -> int:
    stats, table = database.stats(), _table(databases, role)
    lost = stats.dead + stats.dropped + stats.refused
    if table is None or not lost:
        return 0
    table.put(role, msgspec.json.encode(_all_of(stats, database)))
    return lost


def _all_of(stats: RoleStats, database: Database) -> Seen:
    letters = frozenset(letter.id for letter in database.get_dead_letters())
    return Seen(dropped=stats.dropped, refused=stats.refused, letters=letters)


def _table(databases: Databases, role: str) -> Table | None:
    engine = databases.engines.get(databases.config.roles[role].store)
    return None if engine is None else engine.table(_TABLE)
