"""What goes up: for each outbox of a role, how a batch is taken and which request carries it."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, Final, NamedTuple

from smok_cloud.api import ApiClient
from smok_cloud.delivery import Delivery
from smok_cloud.statistics import JobStatistics
from smok_core.roles import Batch, Database


class Upload(NamedTuple):
    """How the batches of one outbox reach the cloud."""

    role: str
    take: str  #: method of the role's database that gives a batch
    send: Callable[[ApiClient, Any], None]  #: sends a batch and acknowledges it by the answer
    what: str = ""  #: which of the role's outboxes, if it has several
    one_by_one: bool = False  #: each record is a request of its own

    def one_batch(
        self,
        roles: Mapping[str, Database],
        api: ApiClient,
        limit: int,
        statistics: JobStatistics,
        permit: Callable[[], None] = lambda: None,
    ) -> bool:
        """Send one batch, at most ``limit`` records a request; tell whether there was one.

        Args:
            roles: The databases by role.
            api: The cloud.
            limit: Most records of a request. A batch may have more, when that is needed to see
                whether others than the first get through.
            statistics: Where what was sent is counted.
            permit: Called before each request; what it raises ends the upload.

        Raises:
            CloudError: What was answered until then is acknowledged; the rest is pending.
        """

        def send(batch: Any) -> None:
            permit()
            self.send(api, batch)

        delivery = Delivery(send, statistics)
        batch = _taken(getattr(roles[self.role], self.take), max(limit, delivery.patience))
        if not batch:
            return False
        try:
            if self.one_by_one:
                delivery.deliver_each(batch)
            else:
                delivery.deliver(batch, limit)
        except BaseException:
            # What was not answered is pending again, with what has come since: a record that
            # the cloud does not take now must not keep newer ones out of the next batch.
            batch.release()
            raise
        return True


def _taken(take: Callable[..., Batch | None], limit: int) -> Batch | None:
    """Take a batch; a database written to the published client's interface knows no limit."""
    return take(limit) if signature(take).parameters else take()


def _send_events(api: ApiClient, batch: Any) -> None:
    batch.acknowledge(*api.post_events(batch.to_json()))


def _send_definitions(api: ApiClient, batch: Any) -> None:
    api.put_pathpoints(batch.definitions)
    batch.acknowledge()


def _send_values(api: ApiClient, batch: Any) -> None:
    api.post_values(batch.to_json())
    batch.acknowledge()


def _send_sensor_writes(api: ApiClient, batch: Any) -> None:
    api.put_sensor_writes(batch.to_json())
    batch.acknowledge()


def _send_execution(api: ApiClient, batch: Any) -> None:
    (execution,) = batch.executions
    api.post_macro_done(execution.macro_id, execution.timestamp)
    batch.acknowledge()


def _send_change(api: ApiClient, batch: Any) -> None:
    (change,) = batch.changes
    if change.value is None:
        api.delete_metadata(change.key)
    else:
        api.put_metadata(change.key, change.value, change.timestamp)
    batch.acknowledge()


#: In the order of a round: alarms and the audit log go first, definitions before their values.
UPLOADS: Final = (
    Upload("events", "get_events_to_sync", _send_events),
    Upload("sensor_writes", "get_sw_sync", _send_sensor_writes),
    Upload("pathpoints", "get_definitions_to_sync", _send_definitions, what="definitions"),
    Upload("pathpoints", "get_data_to_sync", _send_values),
    Upload("macros", "get_macros_to_sync", _send_execution, one_by_one=True),
    Upload("metadata", "get_plain_to_sync", _send_change, one_by_one=True),
)
