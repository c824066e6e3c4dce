"""Stores to copy between, filled with something of everything."""

from pathlib import Path
from typing import Any

from smok_core.databases import Databases, open_databases
from smok_core.model import (
    Event,
    Macro,
    OperationFailedError,
    OperationFailedReason,
    Sensor,
    SensorWriteEvent,
    StorageLevel,
)


def config(path: Path, backend: str = "pickle") -> dict[str, Any]:
    """Give a configuration that keeps everything in one store."""
    store = {"backend": backend} | ({"path": str(path)} if backend == "pickle" else {})
    return {"device": "pump-17", "stores": {"one": store}, "roles": {"default": "one"}}


def open_store(path: Path, backend: str = "pickle") -> Databases:
    """Open the nine roles on one store."""
    return open_databases(config(path, backend))


def write(number: int) -> SensorWriteEvent:
    """Make an audit record."""
    return SensorWriteEvent(
        timestamp=number,
        who="Ann",
        hr_sensor="s",
        hr_value="1",
        fqts="a b",
        value="1",
        reason="test",
    )


def event(number: int, **fields: Any) -> Event:
    """Make an event whose uuid tells its number."""
    return Event(started_on=number, provisional_uuid=f"event-{number}", **fields)


def fill(databases: Databases) -> None:
    """Store something of every role: acknowledged, pending, changed, dead, tagged, deleted."""
    _fill_definitions(databases)
    _fill_values(databases)
    _fill_events(databases)
    databases.sensor_writes.add_sw(write(1))
    databases.sensor_writes.add_sw(write(2))
    macro = Macro(macro_id="m", commands={"W1": True}, occurrences_not_done=[1, 2.5, 3])
    databases.macros.set_macros([macro])
    databases.macros.notify_macro_executed("m", 1)
    databases.macros.notify_macro_executed("m", 2.5)
    databases.macros.notify_macro_synced("m", 1)
    databases.metadata.update_plain("from the cloud", "x", 1.5)
    databases.metadata.put_plain("here", "y", 2.5)
    databases.metadata.put_plain("gone", "z", 3.5)
    databases.metadata.delete_plain("gone")


def _fill_definitions(databases: Databases) -> None:
    databases.predicates.set_new_predicates(
        [{"predicate_id": name, "state": {("a", 1): {1, 2}, "b": b"\0"}} for name in "pqr"]
    )
    databases.archives.on_archiving_data_sync({60: ["W1"], 600: ["W1", "f2"]})
    databases.sensors.on_sensors_sync([Sensor(fqts="a b", path="W1", type_name="u")])
    databases.baobs.set_baob_value("empty", b"", 0)
    databases.baobs.set_baob_value("large", bytes(range(256)) * 1000, 7)


def _fill_values(databases: Databases) -> None:
    values = databases.pathpoints
    failure = OperationFailedError(OperationFailedReason.TYPE, 5)
    values.on_new_data_many([("W1", t, t * 1.5) for t in range(100)] + [("f2", 5.25, failure)])
    batch = values.get_data_to_sync(60)
    assert batch
    batch.acknowledge()
    # Late, so the order of the queue is not that of time; and one that was acknowledged changes.
    values.on_new_data_many([("W1", -3, "late"), ("W1", 10, True), ("u", 1, 2**62)])
    values.define_pathpoint("W1", StorageLevel.PERMANENT)
    definitions = values.get_definitions_to_sync()
    assert definitions
    definitions.acknowledge()
    values.define_pathpoint("f2")
    batch = values.get_data_to_sync()
    assert batch
    batch.part(0, 2).reject("the cloud says no")


def _fill_events(databases: Databases) -> None:
    events = databases.events
    for number in range(1, 6):
        events.add_event(event(number, message=f"number {number}"))
    batch = events.get_events_to_sync(3)
    assert batch
    batch.acknowledge("u1", "u2", "u3")
    events.close_event(event(2, ended_on=9))
    events.add_event(event(9, uuid="known", is_point=True))
    events.set_cache("p", {"state": (1, None, {"x"})})
