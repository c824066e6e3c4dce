"""The synchronizer of a configuration, in a thread of its own, which ends when it is told to."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from smok_cloud.connect import connect
from smok_cloud.errors import ExtraMissing
from smok_cloud.history import History
from smok_cloud.leases import Leases
from smok_cloud.options import CloudSettings, cloud_settings
from smok_cloud.progress import Heartbeat
from smok_cloud.statistics import statistics_table
from smok_cloud.synchronizer import Synchronizer
from smok_core.engine.forks import Layer, join

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import MeterProvider

    from smok_cloud.api import ApiClient
    from smok_core.databases import Databases
    from smok_core.engine.base import Engine


logger = logging.getLogger(__name__)

#: A request that is still under way so long after the stop is abandoned (contract U4: 5 s).
STOP_SECONDS: Final = 4.0


class Service:
    """Keeps opened databases in step with the cloud; use it as a context manager.

    It logs at INFO, to the loggers below ``smok_cloud``: when the link goes and comes back, what
    fails for the first time, and once a minute how the upload goes.

    Args:
        databases: What `smok_core.open_databases` gave; its configuration says which cloud.
        api: The cloud; default: as the configuration says.
        clock: Seconds since the epoch.

    Raises:
        InvalidCredentials, InvalidCloudSetting: See `smok_cloud.connect.connect`.
    """

    def __init__(
        self,
        databases: Databases,
        api: ApiClient | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.api = api or connect(databases.config, clock=clock)
        settings = cloud_settings(databases.config) or CloudSettings()
        self._databases = databases
        self.leases = _leases(databases, clock)
        self.synchronizer = Synchronizer(
            dict(databases),
            self.api,
            batch=settings.batch,
            order=settings.order,
            clock=clock,
            table=statistics_table(databases),
            leases=self.leases,
            watch=self._watch,
        )
        self._history = History(databases, clock=clock)
        self._heartbeat = Heartbeat(self.synchronizer)
        self._make_thread()
        join(self, Layer.CALLER)

    def _make_thread(self) -> None:
        self._stop = threading.Event()
        # A daemon: a request that hangs must not keep the process alive after the stop.
        self._thread = threading.Thread(target=self._run, name="smok-sync", daemon=True)

    def before_fork(self) -> None:
        """Nothing has to rest: what the thread is doing, the databases wait for."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Be a service that was not started: thread, connection and leases are the parent's."""
        self._make_thread()
        self.leases.forget()

    def start(self) -> None:
        """Take the leases, and start the thread.

        Raises:
            LeaseHeld: Another synchronizer works on one of the stores; nothing was started.
        """
        self.leases.acquire(self._stop)
        self._thread.start()

    def stop(self, timeout: float = STOP_SECONDS) -> bool:
        """Tell the thread to end, and wait for it at most ``timeout`` seconds.

        What was in flight then is not acknowledged, and will be handed over again.

        In a forked child nothing runs, and the parent's thread goes on.

        Returns:
            Whether it has ended.
        """
        if self._thread.ident is None:  # not started, or started by the parent of this process
            return True
        self._stop.set()
        self._thread.join(timeout / 2)
        # Ends a request that is still under way; it raises NoLink there: nothing is acknowledged.
        self.api.close()
        self._thread.join(timeout / 2)
        self.leases.release()
        if self._thread.is_alive():
            logger.warning("a request was abandoned; what it carried stays pending")
        return not self._thread.is_alive()

    def observe(self, provider: MeterProvider | None = None) -> None:
        """Offer the numbers of `smok_cloud.metrics` through OpenTelemetry.

        Args:
            provider: Default: the global one.

        Raises:
            ExtraMissing: ``smok-cloud[otel]`` is not installed.
        """
        try:
            from smok_cloud.telemetry import observe  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            raise ExtraMissing("Service.observe", "smok-cloud[otel]") from error
        observe(self._databases, provider)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _watch(self) -> None:
        self._history.record()
        self._heartbeat.beat()

    def _run(self) -> None:
        self.synchronizer.run(self._stop)


def _leases(databases: Databases, clock: Callable[[], float]) -> Leases:
    stores = {role: databases.config.roles[role].store for role, _ in databases}
    return Leases(stores, partial(_engine, databases), clock=clock)


def _engine(databases: Databases, store: str) -> Engine | None:
    """Find a store's engine, which may have come up since the service was made."""
    return databases.engines.get(store)
