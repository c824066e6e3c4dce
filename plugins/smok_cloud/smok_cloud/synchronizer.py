"""One loop that keeps nine roles in step with the cloud, over a link that is mostly not there.

Every job has its own back-off, so one that fails does not hold the others (rules U1, U2). When
several fail for want of a link and none succeeds, only one at a time is tried: a device without
Internet must not keep its radio and its processor busy.
"""

import logging
import random as random_module
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Final

import msgspec

from smok_cloud.api import ApiClient
from smok_cloud.backoff import Backoff
from smok_cloud.errors import CloudError, NoLink, NotTheApi, RefusesEverything, ServerFault
from smok_cloud.jobs import Direction, Job, Run, make_jobs
from smok_cloud.leases import Leases
from smok_cloud.statistics import JobStatistics
from smok_core.engine.base import Table
from smok_core.errors import SmokError
from smok_core.roles import Database

logger = logging.getLogger(__name__)

_SAVE_SECONDS: Final = 10.0
#: So many jobs without a link and none with: the link is down, not the resource.
_SILENT_JOBS: Final = 2
_LONGEST_NAP: Final = 5.0


class Synchronizer:
    """Uploads and downloads all roles; one thread at a time may drive it.

    Args:
        roles: The nine databases by name (``dict(databases)``).
        api: The cloud.
        batch: Records in one request.
        order: Roles to upload first.
        clock: Seconds since the epoch.
        monotonic: Seconds that never go back.
        random: Source of the jitter.
        table: Where to leave the statistics; None leaves them in memory only.
        leases: Held while it works, and asked before each request; None where nobody else can
            work on these roles.
        watch: Called after each round, for what wants to know how things are.
    """

    def __init__(
        self,
        roles: Mapping[str, Database],
        api: ApiClient,
        *,
        batch: int = 1000,
        order: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        random: random_module.Random | None = None,
        table: Table | None = None,
        leases: Leases | None = None,
        watch: Callable[[], None] | None = None,
    ) -> None:
        generator = random or random_module.Random()  # noqa: S311 - jitter, no secret
        self._roles, self._clock, self._monotonic = roles, clock, monotonic
        self._leases = leases or nullcontext()
        permit = leases.permit if leases else lambda _: None
        self.jobs = make_jobs(roles, api, batch, clock, generator, permit, order)
        self._link = Backoff(generator)
        self._silent: set[str] = set()
        self._probe_due = 0.0
        self._table, self._saved = table, 0.0
        self._watch = watch or (lambda: None)
        self._remember()

    @property
    def statistics(self) -> dict[str, JobStatistics]:
        """The counts of every job, by its name."""
        return {job.name: job.statistics for job in self.jobs}

    @property
    def undelivered(self) -> int:
        """How many records were refused so far, and how many were pending when last looked."""
        return sum(counts.refused + counts.pending for counts in self.statistics.values())

    @property
    def link_is_down(self) -> bool:
        """Tell whether several jobs in a row found no link and none found one."""
        return len(self._silent) >= _SILENT_JOBS

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; a request that is under way then is still finished.

        Raises:
            LeaseHeld: Another synchronizer works on one of the stores.
        """
        with self._leases:
            while not stop.is_set():
                self.step(stop)
                self._housekeep()
                stop.wait(max(0.0, min(self.due() - self._monotonic(), _LONGEST_NAP)))
            self._save()

    def run_once(self, stop: threading.Event | None = None) -> bool:
        """Do everything once, due or not: drain the queues, fetch what there is.

        Returns:
            Whether every job succeeded.

        Raises:
            LeaseHeld: Another synchronizer works on one of the stores; nothing was done.
        """
        with self._leases:
            return self._round(stop)

    def _round(self, stop: threading.Event | None) -> bool:
        well = True
        for job in self.jobs:
            while not (stop and stop.is_set()) and self._run(job):
                logger.debug("%s: more to do", job.name)
            well = well and job.statistics.failures == 0
        self._housekeep()
        self._save()
        return well

    def step(self, stop: threading.Event | None = None) -> None:
        """Run each job that is due for one batch."""
        for job in self.jobs:
            if stop and stop.is_set():
                return
            now = self._monotonic()
            if job.due <= now and self._may_try(now):
                self._run(job)

    def due(self) -> float:
        """Return the monotonic time of the next thing to do."""
        soonest = min(job.due for job in self.jobs)
        return max(soonest, self._probe_due) if self.link_is_down else soonest

    def _may_try(self, now: float) -> bool:
        return not self.link_is_down or now >= self._probe_due

    def _run(self, job: Job) -> bool:
        try:
            run = job.run()
        except Exception as error:  # noqa: BLE001 - a bug in one role must not end the others
            self._failed(job, error)
            return False
        else:
            self._succeeded(job, run)
            return run.more
        finally:
            job.statistics.look(self._pending(job), self._clock())

    def _succeeded(self, job: Job, run: Run) -> None:
        job.backoff.reset()
        job.due = self._monotonic() + (0.0 if run.more else job.interval)
        job.statistics.succeed()
        if run.asked:
            # An empty queue asks nobody: it says nothing about the link.
            job.statistics.last_success = self._clock()
            self._answered()

    def _failed(self, job: Job, error: Exception) -> None:
        asked = error.retry_after if isinstance(error, ServerFault | RefusesEverything) else None
        job.due = self._monotonic() + job.backoff.wait(asked)
        unmet = isinstance(error, NoLink | NotTheApi)
        job.statistics.fail(error, self._clock(), no_link=unmet)
        if isinstance(error, NoLink):
            self._no_link(job)
        elif isinstance(error, CloudError) and not unmet:
            # A login page or a stranger that answers in place of the cloud is no link to it.
            self._answered()
        self._log(job, error)

    def _no_link(self, job: Job) -> None:
        was_down = self.link_is_down
        self._silent.add(job.name)
        if self.link_is_down:
            if not was_down:
                logger.info("LINK DOWN: %s", job.statistics.last_detail)
            self._probe_due = self._monotonic() + self._link.wait()
        else:
            self._ask_another()

    def _ask_another(self) -> None:
        """Let a download that is well go next: its answer tells whether it is the link.

        The others may have nothing to do for minutes, and nobody would be told meanwhile.
        """
        well = (job for job in self.jobs if not job.goes_up and not job.statistics.failures)
        if (job := next(well, None)) is not None:
            job.due = self._monotonic()

    def _answered(self) -> None:
        if self.link_is_down:
            logger.info("the link is back")
            for job in self.jobs:
                if job.name in self._silent:
                    job.due = self._monotonic()
        self._silent.clear()
        self._link.reset()

    def _log(self, job: Job, error: Exception) -> None:
        # The first failure is news, its repetitions are not, nor that there is no link to others.
        told = self.link_is_down and isinstance(error, NoLink)
        news = job.statistics.failures == 1 and not told
        level = logging.WARNING if news else logging.DEBUG
        unforeseen = None if isinstance(error, SmokError) else error
        logger.log(level, "%s: %s", job.name, error, exc_info=unforeseen)

    def _housekeep(self) -> None:
        for role, database in self._roles.items():
            try:
                database.checkpoint()
            except SmokError as error:
                logger.warning("%s: housekeeping failed: %s", role, error)
        if self._monotonic() - self._saved >= _SAVE_SECONDS:
            self._save()
        self._watch()

    def _save(self) -> None:
        self._saved = self._monotonic()
        for job in self.jobs:
            job.statistics.look(self._pending(job), self._clock())
        if self._table is None:
            return
        try:
            for job in self.jobs:
                self._table.put(job.name, msgspec.json.encode(job.statistics))
        except SmokError as error:
            logger.warning("the statistics could not be stored: %s", error)

    def _remember(self) -> None:
        """Go on where the last process stood: one that only runs once would never look further."""
        if self._table is None:
            return
        try:
            rows = {row.key: row.value for row in self._table.rows()}
            for job in self.jobs:
                if job.name in rows:
                    last = msgspec.json.decode(rows[job.name], type=JobStatistics)
                    job.statistics.refused_all = last.refused_all
                    job.statistics.pending_since = last.pending_since
                    job.statistics.most, job.statistics.fitted = last.most, last.fitted
        except (SmokError, msgspec.DecodeError) as error:
            logger.warning("the last statistics could not be read: %s", error)

    def _pending(self, job: Job) -> int:
        if job.direction is Direction.DOWN:
            return 0
        try:
            stats = self._roles[job.role].stats()
        except SmokError:
            return job.statistics.pending
        return stats.pending_definitions if job.what == "definitions" else stats.pending
