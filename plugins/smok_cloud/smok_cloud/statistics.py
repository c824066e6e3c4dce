"""What the synchronizer did so far, as plain values that logging and `smok status` show."""

from typing import Final

import msgspec

from smok_core.databases import Databases
from smok_core.engine.base import Table
from smok_core.model import prepared

#: Table in which the statistics are left for `smok status`, a row a job.
STATISTICS_TABLE: Final = "cloud.statistics"


#: Batches after which more records a request are tried again: the proxy may be gone.
_LOOK_AGAIN: Final = 8


@prepared
class JobStatistics(msgspec.Struct, kw_only=True):
    """Counts of one job (a role in one direction) since the synchronizer was made.

    Times are seconds since the epoch.
    """

    sent: int = 0  #: records that left, repeats included
    acknowledged: int = 0  #: records the cloud has taken, or that were taken from it
    refused: int = 0  #: records the cloud refused one by one: they are dead letters now
    refused_all: int = 0  #: attempts in a row in which the cloud refused everything
    most: int | None = None  #: records a request, where something on the way takes no more (413)
    fitted: int = 0  #: batches in a row that were taken in requests of so many
    pending: int = 0  #: records in the queue when last looked
    pending_since: float | None = None  #: when the queue was first seen not empty
    failures: int = 0  #: failures in a row; 0 while all is well
    failing_since: float | None = None  #: when the first of these was
    no_link: bool = False  #: whether the last failure was that the cloud was not reached
    last_success: float | None = None  #: when the cloud last answered
    last_error: str | None = None  #: the whole message
    last_detail: str | None = None  #: what happened, without the request and the way out
    last_error_at: float | None = None  #: when that was

    def too_large(self, taken: int) -> None:
        """Note that a request was too large, and the records of the largest that was not."""
        self.most, self.fitted = taken, 0

    def fits(self) -> None:
        """Note that every request of a batch was small enough; now and then a larger is tried."""
        self.fitted += 1
        if self.most is not None and self.fitted >= _LOOK_AGAIN:
            self.most, self.fitted = 2 * self.most, 0

    def look(self, pending: int, now: float) -> None:
        """Note how many records wait now, and since when any does."""
        self.pending = pending
        self.pending_since = (self.pending_since or now) if pending else None

    def succeed(self) -> None:
        """Note that the job did its work."""
        self.failures, self.failing_since, self.no_link = 0, None, False

    def fail(self, error: Exception, now: float, *, no_link: bool) -> None:
        """Note what went wrong."""
        self.failures += 1
        self.failing_since = self.failing_since or now
        self.no_link, self.last_error_at = no_link, now
        self.last_error, self.last_detail = str(error), getattr(error, "detail", None)


def read_statistics(databases: Databases) -> dict[str, JobStatistics]:
    """Return what the last synchronizer on these databases left; {} if there was none."""
    table = statistics_table(databases)
    rows = table.rows() if table is not None else ()
    return {row.key: msgspec.json.decode(row.value, type=JobStatistics) for row in rows}


def statistics_table(databases: Databases) -> Table | None:
    """Return their table, on the store of the metadata: about as small and as important."""
    engine = databases.engines.get(databases.config.roles["metadata"].store)
    return None if engine is None else engine.table(STATISTICS_TABLE)
