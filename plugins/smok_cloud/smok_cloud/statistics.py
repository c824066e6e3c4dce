"""What the synchronizer did so far, as plain values that logging and `smok status` show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from smok_core.databases import Databases
    from smok_core.engine.base import Table

__all__ = ["STATISTICS_TABLE", "JobStatistics", "read_statistics", "statistics_table"]

#: Table in which the statistics are left for `smok status`, a row a job.
STATISTICS_TABLE: Final = "cloud.statistics"


class JobStatistics(msgspec.Struct, kw_only=True):
    """Counts of one job (a role in one direction) since the synchronizer was made.

    Times are seconds since the epoch.
    """

    sent: int = 0  #: records that left, repeats included
    acknowledged: int = 0  #: records the cloud has taken, or that were taken from it
    refused: int = 0  #: records the cloud refused one by one: they are dead letters now
    refused_all: int = 0  #: attempts in a row in which the cloud refused everything
    pending: int = 0  #: records in the queue when last looked
    failures: int = 0  #: failures in a row; 0 while all is well
    last_success: float | None = None
    last_error: str | None = None
    last_error_at: float | None = None


def read_statistics(databases: Databases) -> dict[str, JobStatistics]:
    """Give what the last synchronizer on these databases left; {} if there was none."""
    table = statistics_table(databases)
    rows = table.rows() if table is not None else ()
    return {row.key: msgspec.json.decode(row.value, type=JobStatistics) for row in rows}


def statistics_table(databases: Databases) -> Table | None:
    """Give their table, on the store of the metadata: about as small and as important."""
    engine = databases.engines.get(databases.config.roles["metadata"].store)
    return None if engine is None else engine.table(STATISTICS_TABLE)
