"""What the synchronizer did so far, as plain values that logging and `smok status` show."""

from __future__ import annotations

import msgspec

__all__ = ["JobStatistics"]


class JobStatistics(msgspec.Struct, kw_only=True):
    """Counts of one job (a role in one direction) since the synchronizer was made.

    Times are seconds since the epoch.
    """

    sent: int = 0  #: records that left, repeats included
    acknowledged: int = 0  #: records the cloud has taken, or that were taken from it
    refused: int = 0  #: records the cloud refused one by one: they are dead letters now
    waiting: int = 0  #: records in the queue when last looked
    failures: int = 0  #: failures in a row; 0 while all is well
    last_success: float | None = None
    last_error: str | None = None
    last_error_at: float | None = None
