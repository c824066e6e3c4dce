"""One look at every role and store, for all that is told of a device.

To ask a role costs a few round trips to its server, so each is asked once, and what is told of it
in several places agrees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smok_core.errors import StoreError

if TYPE_CHECKING:
    from smok_core.databases import Databases
    from smok_core.engine.base import Health
    from smok_core.roles import Database, RoleStats


class Look(NamedTuple):
    """What was seen: ``stats`` by role, or why there are none; ``health`` by store."""

    stats: dict[str, RoleStats | StoreError]
    health: dict[str, Health]


def look(databases: Databases) -> Look:
    """Ask every role and every store that has an engine; nothing is changed."""
    return Look({role: _asked(database) for role, database in databases}, databases.health())


def _asked(database: Database) -> RoleStats | StoreError:
    try:
        return database.stats()
    except StoreError as error:
        return error
