"""The numbers a device offers to monitoring: their names, units and labels, and how they stand."""

import enum
from collections.abc import Iterator
from typing import Final, NamedTuple

from smok_cloud.statistics import read_statistics
from smok_core import __version__
from smok_core.databases import Databases, find_device
from smok_core.errors import StoreError
from smok_core.roles import Database


class Kind(enum.StrEnum):
    """What a number can do."""

    COUNTER = "counter"  #: only grows, and begins at 0 again when what counts begins again
    GAUGE = "gauge"  #: goes up and down
    INFO = "info"  #: always 1; its labels tell something


class Metric(NamedTuple):
    """A number; a counter's name gets ``_total``, an info's ``_info``, where it is printed."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


class Sample(NamedTuple):
    """How one number stands; ``labels`` in the order of the metric's."""

    name: str
    labels: tuple[str, ...]
    value: float


_ROLE, _STORE, _JOB = ("role", "store"), ("store",), ("job",)
_ALL: Final = (
    Metric("smok_device", Kind.INFO, ("device", "version"), "The device, and smok-core's version."),
    Metric(
        "smok_role_up", Kind.GAUGE, _ROLE, "1 if the role's store can be used, 0 if it is away."
    ),
    Metric("smok_role_in_memory", Kind.GAUGE, _ROLE, "1 if the role is lost with the process."),
    Metric("smok_records", Kind.GAUGE, _ROLE, "Records stored."),
    Metric("smok_pending_records", Kind.GAUGE, _ROLE, "Records that wait for upload."),
    Metric(
        "smok_oldest_pending_timestamp_seconds",
        Kind.GAUGE,
        _ROLE,
        "The own time of the record at the head of the queue, seconds since the epoch; absent if "
        "none waits.",
    ),
    Metric("smok_dead_letters", Kind.GAUGE, _ROLE, "Records set aside, until somebody looks."),
    Metric("smok_dropped_records", Kind.COUNTER, _ROLE, "Records dropped because of max_pending."),
    Metric("smok_refused_writes", Kind.COUNTER, _ROLE, "Writes refused without anybody to tell."),
    Metric("smok_store_up", Kind.GAUGE, _STORE, "1 if the store answers, 0 if it is away."),
    Metric("smok_store_warnings", Kind.GAUGE, _STORE, "Warnings that `smok check` shows."),
    Metric("smok_store_size_bytes", Kind.GAUGE, _STORE, "What the store takes."),
    Metric("smok_store_free_bytes", Kind.GAUGE, _STORE, "What is free where the store is."),
    Metric("smok_cloud_sent_records", Kind.COUNTER, _JOB, "Records sent, repeats included."),
    Metric("smok_cloud_acknowledged_records", Kind.COUNTER, _JOB, "Records the cloud has taken."),
    Metric("smok_cloud_refused_records", Kind.COUNTER, _JOB, "Records the cloud refused for good."),
    Metric("smok_cloud_failures", Kind.GAUGE, _JOB, "Failures in a row; 0 while all is well."),
    Metric(
        "smok_cloud_last_success_timestamp_seconds",
        Kind.GAUGE,
        _JOB,
        "When the cloud answered last, seconds since the epoch; absent before the first time.",
    ),
)
#: Every number, by its name.
METRICS: Final = {metric.name: metric for metric in _ALL}


def measure(databases: Databases) -> Iterator[Sample]:
    """Stream how every number stands now; a number that is not known is left out."""
    yield Sample("smok_device", (find_device(databases.config), __version__), 1)
    for role, database in databases:
        yield from _of_a_role((role, databases.config.roles[role].store), database)
    yield from _of_the_stores(databases)
    yield from _of_the_jobs(databases)


def _of_a_role(labels: tuple[str, str], database: Database) -> Iterator[Sample]:
    yield Sample("smok_role_in_memory", labels, labels[1] == "memory")
    try:
        stats = database.stats()
    except StoreError:
        yield Sample("smok_role_up", labels, 0)
        return
    yield Sample("smok_role_up", labels, 1)
    yield Sample("smok_records", labels, stats.rows)
    yield Sample("smok_pending_records", labels, stats.pending + stats.pending_definitions)
    if stats.oldest_pending is not None:
        yield Sample("smok_oldest_pending_timestamp_seconds", labels, stats.oldest_pending)
    yield Sample("smok_dead_letters", labels, stats.dead)
    yield Sample("smok_dropped_records", labels, stats.dropped)
    yield Sample("smok_refused_writes", labels, stats.refused)


def _of_the_stores(databases: Databases) -> Iterator[Sample]:
    for name, health in databases.health().items():
        yield Sample("smok_store_up", (name,), health.available)
        yield Sample("smok_store_warnings", (name,), len(health.warnings))
        sizes = {"size": health.size_bytes, "free": health.free_bytes}
        for what, size in sizes.items():
            if size is not None:
                yield Sample(f"smok_store_{what}_bytes", (name,), size)


def _of_the_jobs(databases: Databases) -> Iterator[Sample]:
    for job, counts in read_statistics(databases).items():
        yield Sample("smok_cloud_sent_records", (job,), counts.sent)
        yield Sample("smok_cloud_acknowledged_records", (job,), counts.acknowledged)
        yield Sample("smok_cloud_refused_records", (job,), counts.refused)
        yield Sample("smok_cloud_failures", (job,), counts.failures)
        if counts.last_success is not None:
            name = "smok_cloud_last_success_timestamp_seconds"
            yield Sample(name, (job,), counts.last_success)
