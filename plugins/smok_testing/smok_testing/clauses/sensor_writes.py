"""Sensor writes: the audit log loses and merges nothing."""

from typing import Any

from smok_core.errors import SmokError
from smok_core.hookspecs import Capability
from smok_core.model import SensorWriteEvent
from smok_core.roles import BaseSensorWriteDatabase
from smok_testing.checks import expect, raises, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.queues import sensor_write as write

clause = clauses_of("sensor_writes")


def offered(writes: BaseSensorWriteDatabase) -> list[SensorWriteEvent]:
    """Return the records that would be uploaded now."""
    return list(writes.get_sw_sync().events)


@clause("SW1")
def a_record_is_kept_as_it_was_given(harness: Harness) -> None:
    """Every field of a record is uploaded as it was, in the shape of the API."""
    writes = harness.roles.sensor_writes
    record = write(-5, who="é🔧", hr_value="", reason="$ne\n", value="1.0", fqts="b a")
    writes.add_sw(record)
    same(offered(writes), [record], "the records")
    wanted = [{
        "timestamp": -5, "who": "é🔧", "hr_sensor": "s", "hr_value": "", "fqts": "b a",
        "value": "1.0", "reason": "$ne\n",
    }]  # fmt: skip
    same(writes.get_sw_sync().to_json(), wanted, "to_json")


@clause("SW1")
def records_of_one_millisecond_are_all_kept(harness: Harness) -> None:
    """Records that differ in any one field are different entries."""
    writes = harness.roles.sensor_writes
    names = ("who", "hr_sensor", "hr_value", "fqts", "value", "reason")
    records = [write(7), *(write(7, **{name: "other"}) for name in names), write(8)]
    records += [write(7, who="a", hr_sensor="bc"), write(7, who="ab", hr_sensor="c")]
    for record in records:
        writes.add_sw(record)
    same(offered(writes), records, "the records")


@clause("SW1", "G4")
def an_equal_record_is_the_same_entry(harness: Harness) -> None:
    """A record that is equal in every field to one that waits is that one."""
    writes = harness.roles.sensor_writes
    for _ in range(3):
        writes.add_sw(write(7))
    same(offered(writes), [write(7)], "the records")


@clause("SW1")
def single_records_can_be_acknowledged(harness: Harness) -> None:
    """`on_synced_sw` forgets just this record, `on_sync_sw_failed` keeps it, unknown is ignored."""
    writes = harness.roles.sensor_writes
    for number in (1, 2, 3):
        writes.add_sw(write(number))
    writes.on_synced_sw(write(2))
    writes.on_synced_sw(write(2))
    writes.on_synced_sw(write(9))
    writes.on_sync_sw_failed(write(1))
    same(offered(writes), [write(1), write(3)], "the records")


@clause("SW1")
def an_empty_log_is_falsy(harness: Harness) -> None:
    """Without records there is a batch that is falsy and may be answered all the same."""
    batch = harness.roles.sensor_writes.get_sw_sync()
    same((bool(batch), batch.to_json()), (False, []), "the batch")
    batch.ack()
    batch.nack()


@clause("SW1", "G4", "G6")
def other_things_are_no_records(harness: Harness) -> None:
    """A wrong type or field is refused with an error of ours, and nothing is stored."""
    writes = harness.roles.sensor_writes
    wrong: tuple[Any, ...] = (
        None, {}, write(1, who=None), write(1, value=1), write("1"), write(1, reason="\ud800"),  # type: ignore[arg-type]
    )  # fmt: skip
    for thing in wrong:
        with raises(SmokError, what=f"add_sw with {thing!r}"):
            writes.add_sw(thing)
    same(offered(writes), [], "the records")


@clause("SW1", "G7")
def huge_timestamps_break_nothing(harness: Harness) -> None:
    """A timestamp beyond 64 bits is kept or refused, never answered by a foreign error."""
    try:
        harness.roles.sensor_writes.add_sw(write(2**70))
    except SmokError:
        same(offered(harness.roles.sensor_writes), [], "the records after a refusal")
    else:
        same(offered(harness.roles.sensor_writes), [write(2**70)], "the records")


@clause("Q5", "G4")
def a_repeated_record_drops_nothing(harness: Harness) -> None:
    """A record that waits already needs no room: repeating it neither fails nor drops another."""
    writes = harness.fresh_roles(max_pending=2, on_full="drop-oldest").sensor_writes
    for number in (1, 2, 2, 1):
        writes.add_sw(write(number))
    same((offered(writes), writes.stats().dropped), ([write(1), write(2)], 0), "records, drops")
    writes = harness.fresh_roles(max_pending=1).sensor_writes
    writes.add_sw(write(1))
    writes.add_sw(write(1))
    same(offered(writes), [write(1)], "the records of a log that refuses")


@clause("Q5", level=Level.DURABLE, needs=Capability.PERSISTENT)
def drops_stay_counted(harness: Harness) -> None:
    """The count of dropped records is for the lifetime of the store."""
    writes = harness.fresh_roles(max_pending=1, on_full="drop-oldest").sensor_writes
    for number in (1, 2, 3):
        writes.add_sw(write(number))
    again = harness.reopen_roles(max_pending=1, on_full="drop-oldest").sensor_writes
    same(again.stats().dropped, 2, "records dropped")
    expect(offered(again) == [write(3)], "the last record is not the one that waits")
