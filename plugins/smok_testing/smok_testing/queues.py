"""The six upload queues of the roles in one shape, so that one clause serves them all."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from smok_core.databases import Databases
from smok_core.model import Event, SensorWriteEvent, StorageLevel
from smok_testing.opening import kept


class Queue(NamedTuple):
    """How to use one role's queue with items that are just numbers."""

    role: str
    name: str  #: ending of the names of its clauses
    add: Callable[[Databases, int], Any]  #: make item number n
    change: Callable[[Databases, int], Any] | None  #: change item n, so that it must go again
    take: Callable[[Databases, int], Any]  #: the batch, or something falsy
    seen: Callable[[Any], list[int]]  #: numbers of the items of a batch
    acknowledge: Callable[[Any], Any]
    refuse: Callable[[Any], Any]

    @property
    def counted(self) -> bool:
        """Tell whether the role's statistics are about this queue."""
        return self.name != "definitions"

    def offered(self, roles: Databases, limit: int = 1000) -> list[int]:
        """Return the numbers of the items that are offered now; [] if none are."""
        batch = self.take(roles, limit)
        return self.seen(batch) if batch else []


def numbers(first: int, last: int) -> list[int]:
    """Return ``first`` to ``last``, both included."""
    return list(range(first, last + 1))


def sensor_write(number: int, **fields: Any) -> SensorWriteEvent:
    """Return a record of the audit log."""
    given = {"timestamp": number, "who": "me", "hr_sensor": "s", "hr_value": str(number)}
    given |= {"fqts": "a b", "value": str(number), "reason": ""}
    return SensorWriteEvent(**{**given, **fields})


def _add_value(roles: Databases, n: int) -> None:
    roles.pathpoints.on_new_data("p", n, n)


def _change_value(roles: Databases, n: int) -> None:
    roles.pathpoints.on_new_data("p", n, n + 0.5)


def _values(batch: Any) -> list[int]:
    return [int(item["value"]) for path in batch.to_json() for item in path["values"]]


def _redefine(roles: Databases, n: int) -> None:
    roles.pathpoints.define_pathpoint(f"p{n}", StorageLevel.PERMANENT)


def _event(n: int) -> Event:
    return Event(started_on=n, provisional_uuid=f"e{n}")


def _give_uuids(batch: Any) -> None:
    batch.acknowledge(*(f"u{event.provisional_uuid}" for event in batch.get_events()))


QUEUES: Final = (
    Queue(
        "pathpoints", "values", _add_value, _change_value,
        lambda roles, limit: roles.pathpoints.get_data_to_sync(limit), _values,
        lambda batch: batch.acknowledge(), lambda batch: batch.negative_acknowledge(),
    ),
    Queue(
        "pathpoints", "definitions",
        lambda roles, n: roles.pathpoints.define_pathpoint(f"p{n}"), _redefine,
        lambda roles, limit: roles.pathpoints.get_definitions_to_sync(limit),
        lambda batch: [int(found.path[1:]) for found in batch.definitions],
        lambda batch: batch.acknowledge(), lambda batch: batch.negative_acknowledge(),
    ),
    Queue(
        "events", "events",
        lambda roles, n: roles.events.add_event(_event(n)),
        lambda roles, n: roles.events.close_event(_event(n)),
        lambda roles, limit: roles.events.get_events_to_sync(limit),
        lambda batch: [event.started_on for event in batch.get_events()],
        _give_uuids, lambda batch: batch.negative_acknowledge(),
    ),
    Queue(
        "sensor_writes", "writes",
        lambda roles, n: roles.sensor_writes.add_sw(sensor_write(n)), None,
        lambda roles, limit: roles.sensor_writes.get_sw_sync(limit),
        lambda batch: [event.timestamp for event in batch.events],
        lambda batch: batch.ack(), lambda batch: batch.nack(),
    ),
    Queue(
        "macros", "executions",
        lambda roles, n: roles.macros.notify_macro_executed(f"m{n}", n), None,
        lambda roles, limit: roles.macros.get_macros_to_sync(limit),
        lambda batch: [int(execution.timestamp) for execution in batch.executions],
        lambda batch: batch.acknowledge(), lambda batch: batch.negative_acknowledge(),
    ),
    Queue(
        "metadata", "changes",
        lambda roles, n: roles.metadata.put_plain(f"k{n}", "1"),
        lambda roles, n: roles.metadata.put_plain(f"k{n}", "2"),
        lambda roles, limit: roles.metadata.get_plain_to_sync(limit),
        lambda batch: [int(change.key[1:]) for change in batch.changes],
        lambda batch: batch.acknowledge(), lambda batch: batch.negative_acknowledge(),
    ),
)  # fmt: skip


def queues_of(roles: Databases) -> list[Queue]:
    """Return the queues of the roles that the backend under test keeps."""
    return [queue for queue in QUEUES if queue.role in kept(roles)]
