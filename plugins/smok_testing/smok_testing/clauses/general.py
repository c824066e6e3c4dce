"""General: promises that all roles keep together."""

from collections.abc import Callable
from typing import Any

from smok_core.databases import Databases
from smok_core.errors import StoreClosed
from smok_core.hookspecs import Capability
from smok_core.model import Event
from smok_testing.checks import expect, raises, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.keyed import expect_marks, keyed_of, mark
from smok_testing.opening import kept
from smok_testing.queues import numbers, queues_of, sensor_write

clause, of_engine = clauses_of("general"), clauses_of("engine")
of_events, of_pathpoints = clauses_of("events"), clauses_of("pathpoints")
PERSISTENT: dict[str, Any] = {"level": Level.DURABLE, "needs": Capability.PERSISTENT}

#: Ids of which one is the pattern, the beginning or the folded form of another.
DEVICES = (
    "a", "a:b", "a:b:kit", "}", "{a}", "a.b", "../a", "A", "*", "é", "e\u0301", "$x", "a b",
    "a_b", "a%b", "%", "_",
)  # fmt: skip


def uses(roles: Databases) -> dict[str, Callable[[], Any]]:
    """Return one reading and one writing call of every role."""
    return {
        "predicates.get_all_predicates": roles.predicates.get_all_predicates,
        "predicates.set_new_predicates": lambda: roles.predicates.set_new_predicates([]),
        "sensor_writes.add_sw": lambda: roles.sensor_writes.add_sw(sensor_write(1)),
        "sensor_writes.on_synced_sw": lambda: roles.sensor_writes.on_synced_sw(sensor_write(1)),
        "archives.get_archiving_instructions": roles.archives.get_archiving_instructions,
        "archives.on_archiving_data_sync": lambda: roles.archives.on_archiving_data_sync({}),
        "baobs.get_all_versions": roles.baobs.get_all_versions,
        "baobs.set_baob_value": lambda: roles.baobs.set_baob_value("k", b"", 1),
        "sensors.get_all_sensors": lambda: list(roles.sensors.get_all_sensors()),
        "sensors.on_sensors_sync": lambda: roles.sensors.on_sensors_sync([]),
        "pathpoints.get_archive_data": lambda: list(roles.pathpoints.get_archive_data("p")),
        "pathpoints.on_new_data": lambda: roles.pathpoints.on_new_data("p", 1, 1),
        "events.get_all_events": lambda: list(roles.events.get_all_events()),
        "events.add_event": lambda: roles.events.add_event(Event(started_on=1)),
        "events.set_cache": lambda: roles.events.set_cache("k", 1),
        "macros.get_macros": roles.macros.get_macros,
        "macros.notify_macro_executed": lambda: roles.macros.notify_macro_executed("m", 1),
        "metadata.get_all_plain": lambda: list(roles.metadata.get_all_plain()),
        "metadata.put_plain": lambda: roles.metadata.put_plain("k", "v"),
    }


@clause("G7")
def closed_databases_say_so(harness: Harness) -> None:
    """After closing, every role raises `StoreClosed`; closing twice is harmless."""
    roles = harness.roles
    here = kept(roles)
    calls = {name: use for name, use in uses(roles).items() if name.partition(".")[0] in here}
    roles.close()
    roles.close()
    for name, use in calls.items():
        with raises(StoreClosed, what=f"{name} after close"):
            use()


@clause("G3")
def housekeeping_is_always_allowed(harness: Harness) -> None:
    """`flush`, `checkpoint` and the statistics work at any time and lose nothing."""
    for _ in range(2):
        harness.roles.flush()
        harness.roles.checkpoint()
        for queue in queues_of(harness.roles):
            queue.add(harness.roles, 1)
    for queue in queues_of(harness.roles):
        same(queue.offered(harness.roles), [1], f"what {queue.role} offers ({queue.name})")
    expect(harness.roles.health() or not harness.roles.engines, "no store tells its health")


@clause("G8")
def a_clock_that_jumps_loses_and_reorders_nothing(harness: Harness) -> None:
    """An hour back, to 1970 and into 2100: every queue keeps everything in its order."""
    times = (1.7e9, 1.7e9 - 3600, 0.0, 4.1e9, -5.0, 1.7e9)
    for number, harness.clock.now in enumerate(times, start=1):
        for queue in queues_of(harness.roles):
            queue.add(harness.roles, number)
        harness.roles.checkpoint()
    for queue in queues_of(harness.roles):
        same(queue.offered(harness.roles), numbers(1, 6), f"{queue.role} ({queue.name})")


@clause("G8", "G3", **PERSISTENT)
def a_clock_that_jumps_over_a_restart_changes_nothing(harness: Harness) -> None:
    """A device that starts in 1970 goes on where it was, in the same order."""
    for number, now in ((1, 1.7e9), (2, 0.0), (3, 60.0)):
        harness.clock.now = now
        for queue in queues_of(harness.roles):
            queue.add(harness.roles, number)
        harness.reopen_roles().checkpoint()
    for queue in queues_of(harness.roles):
        same(queue.offered(harness.roles), [1, 2, 3], f"{queue.role} ({queue.name})")


@clause("G2")
def hand_overs_are_the_callers_own(harness: Harness) -> None:
    """Changing what a batch gives changes neither the batch nor the store."""
    for queue in queues_of(harness.roles):
        queue.add(harness.roles, 1)
        batch = queue.take(harness.roles, 10)
        body = batch.to_json()
        for item in body:
            item.clear()
        body.clear()
        same(queue.seen(batch), [1], f"the batch of {queue.role} ({queue.name})")
        same(bool(batch.to_json()[0]), True, f"its JSON ({queue.name})")


@of_events("G2")
def model_objects_are_copied(harness: Harness) -> None:
    """Changing an event that was given or got, at any depth, changes nothing stored."""
    events = harness.roles.events
    given = Event(started_on=1, provisional_uuid="a", metadata={"k": "v"})
    events.add_event(given)
    given.metadata["k"] = given.message = "changed"
    for found in (next(events.get_all_events()), next(events.get_open_events())):
        found.metadata.clear()
        found.message = "changed"
    batch = events.get_events_to_sync()
    assert batch
    batch.get_events()[0].metadata.clear()
    wanted = Event(started_on=1, provisional_uuid="a", metadata={"k": "v"})
    same((batch.get_events(), list(events.get_all_events())), ([wanted], [wanted]), "events")


@clause("G9", level=Level.EXTENDED)
def a_new_device_starts_empty(harness: Harness) -> None:
    """Devices at one place, whatever their ids are, see nothing of each other."""
    for device in DEVICES:
        with harness.open_roles(device=device) as roles:
            for keyed in keyed_of(roles):
                found = keyed.keys(roles)
                same(found, [], f"what {device!r} finds in {keyed.role} ({keyed.name})")
            for queue in queues_of(roles):
                same(queue.offered(roles), [], f"what {device!r} finds in {queue.role}")
                queue.add(roles, 1)
            mark(roles, 1)


@clause("G9", **PERSISTENT)
def a_device_finds_its_own_data_again(harness: Harness) -> None:
    """After all have written and acknowledged, each device has exactly its own."""
    for at, device in enumerate(DEVICES, start=1):
        with harness.open_roles(device=device) as roles:
            for queue in queues_of(roles):
                queue.add(roles, 9999)
                if at % 2:
                    queue.acknowledge(queue.take(roles, 1000))
            mark(roles, at)
    for at, device in enumerate(DEVICES, start=1):
        with harness.open_roles(device=device) as roles:
            expect_marks(roles, at)
            for queue in queues_of(roles):
                waits = 9999 in queue.offered(roles)
                same(waits, not at % 2, f"{device!r} has a backlog in {queue.role}")


@of_pathpoints("G11", "U2")
def dead_letters_of_one_role_do_not_replace_each_other(harness: Harness) -> None:
    """A value and a definition that are both refused are two dead letters."""
    pathpoints = harness.roles.pathpoints
    pathpoints.on_new_data("value", 1, 1)
    pathpoints.define_pathpoint("definition")
    values, definitions = pathpoints.get_data_to_sync(), pathpoints.get_definitions_to_sync()
    assert values
    assert definitions
    values.reject("bad")
    definitions.reject("bad")
    keys = sorted(letter.key for letter in pathpoints.get_dead_letters())
    same(keys, ["definition", "value"], "keys of the dead letters")


@of_engine("G11", **PERSISTENT)
def what_cannot_be_decoded_is_set_aside(harness: Harness) -> None:
    """Undecodable rows and points become dead letters; what is around them is still served."""
    for queue in queues_of(harness.roles):
        queue.add(harness.roles, 1)
    harness.roles.close()
    _spoil(harness)
    harness.reopen_roles()
    for queue in queues_of(harness.roles):
        queue.add(harness.roles, 3)
        same(queue.offered(harness.roles)[-1:], [3], f"what {queue.role} offers ({queue.name})")
    for role in ("pathpoints", "events", "sensor_writes", "macros", "metadata"):
        letters = [letter.reason for letter in harness.roles[role].get_dead_letters()]
        expect(letters, f"{role} set nothing aside")
        same(harness.roles[role].stats().dead, len(letters), f"count of dead letters of {role}")


def _spoil(harness: Harness) -> None:
    """Write what no codec made beside the roles' own data."""
    junk = b"\xc1 nobody wrote this"
    with harness.open_engine() as engine:
        for name in ("events", "sensor_writes", "macros.done", "metadata"):
            engine.table(name).put("spoilt", junk, pending=True)
        engine.series("pathpoints").append([("spoilt", 1, junk)])
