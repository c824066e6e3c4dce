"""The synchronizer's list of work: each role in each direction, how often, and in which order."""

import enum
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, cast

from smok_cloud import downloads
from smok_cloud.api import ApiClient
from smok_cloud.backoff import Backoff
from smok_cloud.statistics import JobStatistics
from smok_cloud.uploads import UPLOADS, Upload
from smok_core.roles import (
    BaseArchivesDatabase,
    BaseBAOBDatabase,
    BaseEventDatabase,
    BaseMacroDatabase,
    BaseMetadataDatabase,
    BasePredicateDatabase,
    BaseSensorDatabase,
    Database,
)

#: Seconds between two looks at an empty queue.
UP_SECONDS: Final = 5.0
#: Seconds between two downloads, as the published client has them.
DOWN_SECONDS: Final = {
    "sensors": 300.0,
    "predicates": 300.0,
    "archives": 600.0,
    "macros": 1800.0,
    "metadata": 1800.0,
    "baobs": 3600.0,
}


class Direction(enum.StrEnum):
    """Which way a job's records go."""

    UP = "up"  #: from an outbox to the cloud
    DOWN = "down"  #: from the cloud into a role


class Run(NamedTuple):
    """What came of running a job once."""

    asked: bool  #: whether the cloud was asked for anything; it has answered then
    more: bool = False  #: whether there may be more to do at once


class Job:
    """One role in one direction, with its own schedule, back-off and statistics.

    Args:
        role: The role's name.
        direction: Which way.
        what: Which of the role's outboxes, if it has several.
        interval: Seconds until the next run after a success with nothing left to do.
        work: Does one batch.
        generator: Source of the jitter.
    """

    def __init__(
        self,
        role: str,
        direction: Direction,
        interval: float,
        work: Callable[[JobStatistics], Run],
        generator: random.Random,
        *,
        what: str = "",
    ) -> None:
        self.role, self.direction, self.what, self.interval = role, direction, what, interval
        self._work = work
        self.backoff, self.statistics = Backoff(generator), JobStatistics()
        self.due = 0.0  #: by the monotonic clock

    @property
    def name(self) -> str:
        """The job in words: ``events up``, ``pathpoints definitions up``, ``sensors down``."""
        return " ".join(filter(None, (self.role, self.what, self.direction)))

    @property
    def goes_up(self) -> bool:
        """Whether it uploads."""
        return self.direction is Direction.UP

    def run(self) -> Run:
        """Do one batch."""
        return self._work(self.statistics)


class _Roles(NamedTuple):
    predicates: BasePredicateDatabase
    archives: BaseArchivesDatabase
    baobs: BaseBAOBDatabase
    sensors: BaseSensorDatabase
    events: BaseEventDatabase
    macros: BaseMacroDatabase
    metadata: BaseMetadataDatabase


def make_jobs(
    roles: Mapping[str, Database],
    api: ApiClient,
    batch: int,
    clock: Callable[[], float],
    generator: random.Random,
    permit: Callable[[str], None],
    order: Sequence[str] = (),
) -> list[Job]:
    """Return all jobs in the order of a round: what the device knows goes up before anything else.

    Args:
        roles: The nine databases by name.
        api: The cloud.
        batch: Records in one request.
        clock: Seconds since the epoch.
        generator: Source of the jitter.
        permit: Called with the role before each request; what it raises ends the run.
        order: Roles to upload first.
    """

    def may(role: str) -> None:
        api.wait_for_turn()
        permit(role)

    return [
        *sorted(_uploads(roles, api, batch, generator, may), key=partial(_place, list(order))),
        *_downloads(roles, api, clock, generator, may),
    ]


def _place(order: list[str], job: Job) -> int:
    return order.index(job.role) if job.role in order else len(order)


def _uploads(
    roles: Mapping[str, Database],
    api: ApiClient,
    batch: int,
    generator: random.Random,
    permit: Callable[[str], None],
) -> list[Job]:
    def work(upload: Upload) -> Callable[[JobStatistics], Run]:
        may = partial(permit, upload.role)

        def run(statistics: JobStatistics) -> Run:
            found = upload.one_batch(roles, api, batch, statistics, may)
            return Run(asked=found, more=found)

        return run

    return [
        Job(upload.role, Direction.UP, UP_SECONDS, work(upload), generator, what=upload.what)
        for upload in UPLOADS
    ]


def _downloads(
    roles: Mapping[str, Database],
    api: ApiClient,
    clock: Callable[[], float],
    generator: random.Random,
    permit: Callable[[str], None],
) -> list[Job]:
    r = _Roles(*(cast("Any", roles[name]) for name in _Roles._fields))
    refresh = downloads.MetadataDownload()
    work: dict[str, Callable[[JobStatistics], bool | None]] = {
        "sensors": lambda s: downloads.download_sensors(r.sensors, api, s),
        "predicates": lambda s: downloads.download_predicates(r.predicates, r.events, api, s),
        "archives": lambda s: downloads.download_archives(r.archives, api, s),
        "macros": lambda s: downloads.download_macros(r.macros, api, clock(), s),
        "metadata": lambda s: refresh(r.metadata, api, s),
        "baobs": lambda s: downloads.synchronize_baobs(r.baobs, api, s),
    }

    def once(role: str) -> Callable[[JobStatistics], Run]:
        def run(statistics: JobStatistics) -> Run:
            permit(role)
            return Run(asked=work[role](statistics) is not False)

        return run

    return [Job(role, Direction.DOWN, DOWN_SECONDS[role], once(role), generator) for role in work]
