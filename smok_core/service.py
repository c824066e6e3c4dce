"""The synchronizer of a configuration, in a thread of its own, which ends when it is told to."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Self

import msgspec

from smok_core.cloud.connect import connect
from smok_core.cloud.leases import Leases
from smok_core.cloud.statistics import JobStatistics
from smok_core.cloud.synchronizer import STATISTICS_TABLE, Synchronizer
from smok_core.config.model import CloudSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.cloud.api import ApiClient
    from smok_core.databases import Databases
    from smok_core.engine.base import Engine, Table

__all__ = ["Service", "read_statistics"]

logger = logging.getLogger(__name__)

#: A request that is still under way so long after the stop is abandoned (contract U4: 5 s).
STOP_SECONDS: Final = 4.0


class Service:
    """Keeps opened databases in step with the cloud; use it as a context manager.

    Args:
        databases: What `smok_core.open_databases` gave; its configuration says which cloud.
        api: The cloud; default: as the configuration says.
        clock: Seconds since the epoch.

    Raises:
        InvalidCredentials, InvalidCloudSetting: See `smok_core.cloud.connect.connect`.
    """

    def __init__(
        self,
        databases: Databases,
        api: ApiClient | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.api = api or connect(databases.config, clock=clock)
        settings = databases.config.cloud or CloudSettings()
        self.leases = _leases(databases, clock)
        self.synchronizer = Synchronizer(
            dict(databases),
            self.api,
            batch=settings.batch,
            clock=clock,
            table=_statistics_table(databases),
            leases=self.leases,
        )
        self._stop = threading.Event()
        # A daemon: a request that hangs must not keep the process alive after the stop.
        self._thread = threading.Thread(target=self._run, name="smok-sync", daemon=True)

    def start(self) -> None:
        """Take the leases, and start the thread.

        Raises:
            LeaseHeld: Another synchronizer works on one of the stores; nothing was started.
        """
        self.leases.acquire(self._stop)
        self._thread.start()

    def stop(self, timeout: float = STOP_SECONDS) -> bool:
        """Tell the thread to end, and wait for it at most ``timeout`` seconds.

        What was in flight then is not settled, and will be handed over again.

        Returns:
            Whether it has ended.
        """
        self._stop.set()
        self._thread.join(timeout / 2)
        # Ends a request that is still under way; it raises NoLink there, so nothing is settled.
        self.api.close()
        self._thread.join(timeout / 2)
        self.leases.release()
        if self._thread.is_alive():
            logger.warning("a request was abandoned; what it carried stays queued")
        return not self._thread.is_alive()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        self.synchronizer.run(self._stop)


def _leases(databases: Databases, clock: Callable[[], float]) -> Leases:
    stores = {role: databases.config.roles[role].store for role, _ in databases}
    return Leases(stores, partial(_engine, databases), clock=clock)


def _engine(databases: Databases, store: str) -> Engine | None:
    """Find a store's engine, which may have come up since the service was made."""
    return databases.engines.get(store)


def read_statistics(databases: Databases) -> dict[str, JobStatistics]:
    """Give what the last synchronizer on these databases left; {} if there was none."""
    table = _statistics_table(databases)
    rows = table.rows() if table is not None else ()
    return {row.key: msgspec.json.decode(row.value, type=JobStatistics) for row in rows}


def _statistics_table(databases: Databases) -> Table | None:
    """Keep the statistics where the metadata are: they are about as small and as important."""
    engine = databases.engines.get(databases.config.roles["metadata"].store)
    return None if engine is None else engine.table(STATISTICS_TABLE)
