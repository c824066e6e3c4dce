"""The synchronizer's list of work: each role in each direction, how often, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from smok_cloud import downloads, uploads
from smok_cloud.backoff import Backoff
from smok_cloud.statistics import JobStatistics

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from smok_cloud.api import ApiClient
    from smok_core.roles import (
        BaseArchivesDatabase,
        BaseBAOBDatabase,
        BaseEventDatabase,
        BaseMacroDatabase,
        BaseMetadataDatabase,
        BasePathpointDatabase,
        BasePredicateDatabase,
        BaseSensorDatabase,
        BaseSensorWriteDatabase,
        Database,
    )

__all__ = ["Job", "make_jobs"]

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


class Job:
    """One role in one direction, with its own schedule, back-off and statistics.

    Args:
        name: ``events up``, ``sensors down``.
        role: The role's name.
        interval: Seconds until the next run after a success with nothing left to do.
        work: Does one batch; tells whether there may be more at once.
        generator: Source of the jitter.
    """

    def __init__(
        self,
        name: str,
        role: str,
        interval: float,
        work: Callable[[JobStatistics], bool],
        generator: random.Random,
    ) -> None:
        self.name, self.role, self.interval = name, role, interval
        self._work = work
        self.backoff, self.statistics = Backoff(generator), JobStatistics()
        self.due = 0.0  #: by the monotonic clock

    def run(self) -> bool:
        """Do one batch; tell whether there may be more at once."""
        return self._work(self.statistics)


class _Roles(NamedTuple):
    predicates: BasePredicateDatabase
    sensor_writes: BaseSensorWriteDatabase
    archives: BaseArchivesDatabase
    baobs: BaseBAOBDatabase
    sensors: BaseSensorDatabase
    pathpoints: BasePathpointDatabase
    events: BaseEventDatabase
    macros: BaseMacroDatabase
    metadata: BaseMetadataDatabase


def make_jobs(
    roles: Mapping[str, Database],
    api: ApiClient,
    batch: int,
    clock: Callable[[], float],
    generator: random.Random,
) -> list[Job]:
    """Give all jobs in the order of a round: what the device knows goes up before anything else."""
    r = _Roles(*(cast("Any", roles[name]) for name in _Roles._fields))

    def down(work: Callable[[JobStatistics], None]) -> Callable[[JobStatistics], bool]:
        def once(statistics: JobStatistics) -> bool:
            work(statistics)
            return False

        return once

    refresh = downloads.MetadataDownload()
    up_work: dict[str, Callable[[JobStatistics], bool]] = {
        "events": lambda s: uploads.upload_events(r.events, api, batch, s),
        "pathpoints definitions": lambda s: uploads.upload_definitions(r.pathpoints, api, batch, s),
        "pathpoints": lambda s: uploads.upload_values(r.pathpoints, api, batch, s),
        "sensor_writes": lambda s: uploads.upload_sensor_writes(r.sensor_writes, api, batch, s),
        "macros": lambda s: uploads.upload_macros(r.macros, api, batch, s),
        "metadata": lambda s: uploads.upload_metadata(r.metadata, api, batch, s),
    }
    down_work: dict[str, Callable[[JobStatistics], bool]] = {
        "sensors": down(lambda s: downloads.download_sensors(r.sensors, api, s)),
        "predicates": down(lambda s: downloads.download_predicates(r.predicates, r.events, api, s)),
        "archives": down(lambda s: downloads.download_archives(r.archives, api, s)),
        "macros": down(lambda s: downloads.download_macros(r.macros, api, clock(), s)),
        "metadata": down(lambda s: refresh(r.metadata, api, s)),
        "baobs": down(lambda s: downloads.synchronize_baobs(r.baobs, api, s)),
    }
    ups = [
        Job(f"{name} up", name.partition(" ")[0], UP_SECONDS, work, generator)
        for name, work in up_work.items()
    ]
    downs = [
        Job(f"{name} down", name, DOWN_SECONDS[name], work, generator)
        for name, work in down_work.items()
    ]
    return ups + downs
