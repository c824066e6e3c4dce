"""What goes up: for each role, the batch that waits and the request that carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smok_cloud.delivery import deliver, deliver_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_cloud.api import ApiClient
    from smok_cloud.statistics import JobStatistics
    from smok_core.roles import (
        BaseEventDatabase,
        BaseMacroDatabase,
        BaseMetadataDatabase,
        BasePathpointDatabase,
        BaseSensorWriteDatabase,
        HandOver,
    )

__all__ = [
    "upload_definitions",
    "upload_events",
    "upload_macros",
    "upload_metadata",
    "upload_sensor_writes",
    "upload_values",
]


def upload_values(
    pathpoints: BasePathpointDatabase, api: ApiClient, limit: int, statistics: JobStatistics
) -> bool:
    """Send one batch of pathpoint values; tell whether there was one."""

    def send(batch: Any) -> None:
        api.post_values(batch.to_json())
        batch.acknowledge()

    return _one_batch(pathpoints.get_data_to_sync(limit), deliver, send, statistics)


def upload_definitions(
    pathpoints: BasePathpointDatabase, api: ApiClient, limit: int, statistics: JobStatistics
) -> bool:
    """Send one batch of pathpoint definitions; tell whether there was one."""

    def send(batch: Any) -> None:
        api.put_pathpoints(batch.definitions)
        batch.acknowledge()

    return _one_batch(pathpoints.get_definitions_to_sync(limit), deliver, send, statistics)


def upload_sensor_writes(
    sensor_writes: BaseSensorWriteDatabase, api: ApiClient, limit: int, statistics: JobStatistics
) -> bool:
    """Send one batch of audit records; tell whether there was one."""

    def send(batch: Any) -> None:
        api.put_sensor_writes(batch.to_json())
        batch.ack()

    return _one_batch(sensor_writes.get_sw_sync(limit), deliver, send, statistics)


def upload_events(
    events: BaseEventDatabase, api: ApiClient, limit: int, statistics: JobStatistics
) -> bool:
    """Send one batch of events and give them their uuids; tell whether there was one."""

    def send(batch: Any) -> None:
        batch.acknowledge(*api.post_events(batch.to_json()))

    return _one_batch(events.get_events_to_sync(limit), deliver, send, statistics)


def upload_macros(
    macros: BaseMacroDatabase, api: ApiClient, limit: int, statistics: JobStatistics
) -> bool:
    """Report executed macros one by one; tell whether there were any."""

    def send(batch: Any) -> None:
        (execution,) = batch.executions
        api.post_macro_done(execution.macro_id, execution.timestamp)
        batch.acknowledge()

    return _one_batch(macros.get_macros_to_sync(limit), deliver_each, send, statistics)


def upload_metadata(
    metadata: BaseMetadataDatabase, api: ApiClient, limit: int, statistics: JobStatistics
) -> bool:
    """Send local changes of metadata one by one; tell whether there were any."""

    def send(batch: Any) -> None:
        (change,) = batch.changes
        if change.value is None:
            api.delete_metadata(change.key)
        else:
            api.put_metadata(change.key, change.value, change.timestamp)
        batch.acknowledge()

    return _one_batch(metadata.get_plain_to_sync(limit), deliver_each, send, statistics)


def _one_batch(
    batch: HandOver | None,
    how: Callable[[HandOver, Any, JobStatistics], None],
    send: Any,
    statistics: JobStatistics,
) -> bool:
    if not batch:
        return False
    how(batch, send, statistics)
    return True
