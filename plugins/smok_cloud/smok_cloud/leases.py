"""The synchronizer's leases: one synchronizer at a time per device and store (contract Q6)."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, Self

from smok_cloud.errors import LeaseHeld, LeaseLost
from smok_cloud.lease import EXPIRY_SECONDS, LEASES, Lease
from smok_core.engine.base import Engine
from smok_core.errors import SmokError, StoreError

logger = logging.getLogger(__name__)

#: What is leased.
WORK: Final = "synchronizer"
#: A release that takes longer is left to the lease's end with the process, or to its expiry.
_RELEASE_SECONDS: Final = 1.0


class Leases:
    """A lease on each store whose roles are synchronized, renewed by a thread of its own.

    A store that is away or cannot be written to stops only its own roles: its lease is taken
    when it can be. A store without an engine cannot be leased.

    Args:
        stores: Role -> the name of its store.
        find: Gives the open engine of a store, or None.
        clock: Seconds since the epoch.
        expiry: Seconds after which the lease of a process that cannot be looked up is taken over.
    """

    def __init__(
        self,
        stores: Mapping[str, str],
        find: Callable[[str], Engine | None],
        *,
        clock: Callable[[], float] = time.time,
        expiry: float = EXPIRY_SECONDS,
    ) -> None:
        self._stores, self._find = stores, find
        self._clock, self._expiry = clock, expiry
        self._leases: dict[str, Lease] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self, stop: threading.Event | None = None) -> None:
        """Take the lease of every store that is there, and renew them until `release`.

        Args:
            stop: Ends the wait for a holder of another machine that may have crashed.

        Raises:
            LeaseHeld: Another synchronizer has one of them; the others were given back.
        """
        if self._thread is not None:
            return
        try:
            for store in dict.fromkeys(self._stores.values()):
                self._acquire(store, stop)
        except LeaseHeld:
            self._give_back()
            raise
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._renew, args=(self._ended,), name="smok-lease", daemon=True
        )
        self._thread.start()

    def permit(self, role: str) -> None:
        """Return if this process may send or take over records of a role now.

        Raises:
            LeaseHeld, LeaseLost: Another one does, or the leases were given back.
            StoreError: The store cannot be asked, or cannot be written to.
        """
        store = self._stores[role]
        if self._thread is None:
            raise LeaseLost(store, WORK, None, None, None)
        lease = self._of(store)
        if lease is not None:
            lease.hold()

    def release(self) -> None:
        """Give them back; a store that is away must not keep the process from its end."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ended.set()
            thread.join(_RELEASE_SECONDS)
            if thread.is_alive():
                logger.warning("a lease could not be given back in time; it ends by itself")

    def forget(self) -> None:
        """Hold nothing, in a forked child: what it has a copy of is the parent's."""
        self._thread = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _acquire(self, store: str, stop: threading.Event | None) -> None:
        try:
            lease = self._of(store)
            if lease is not None:
                lease.acquire(stop)
        except LeaseHeld:
            raise
        except StoreError as error:
            logger.warning("%s", error)

    def _of(self, store: str) -> Lease | None:
        if store not in self._leases:
            engine = self._find(store)
            if engine is None:
                return None
            table = engine.table(LEASES)
            self._leases[store] = Lease(store, table, WORK, expiry=self._expiry, clock=self._clock)
        return self._leases[store]

    def _renew(self, ended: threading.Event) -> None:
        while not ended.wait(self._expiry / 4):
            for lease in list(self._leases.values()):
                try:
                    lease.renew()
                except SmokError as error:
                    logger.debug("a lease was not renewed: %s", error)
        self._give_back()

    def _give_back(self) -> None:
        for lease in self._leases.values():
            try:
                lease.release()
            except SmokError as error:
                logger.debug("a lease was not given back, it ends by itself: %s", error)
