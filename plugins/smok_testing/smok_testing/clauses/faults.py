"""Faults that only the author of a backend can stage: lost answers, full disks, damaged stores."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from smok_core.engine.base import Ack, When
from smok_core.errors import BackendUnavailable, SchemaTooNew, StorageFull, StoreError
from smok_core.hookspecs import Capability
from smok_testing.checks import expect, raises, same
from smok_testing.clause import Level, clauses_of
from smok_testing.clauses.engine import uses_of
from smok_testing.clauses.series_queue import pending
from smok_testing.clauses.table import row_of
from smok_testing.harness import Harness
from smok_testing.keyed import expect_marks, mark
from smok_testing.proxy import Mode
from smok_testing.queues import numbers, queues_of
from smok_testing.threads import at_once

clause, in_engine = clauses_of("general"), clauses_of("engine")

#: Seconds after which a call must have given up on a store that does not answer.
GIVE_UP = 30.0


@in_engine("G4", level=Level.EXTENDED, ability="drop_reply")
def a_lost_answer_applies_a_write_once(harness: Harness) -> None:
    """If the answer to a write is lost, sending it again changes nothing more."""
    table, series, blobs = harness.table(), harness.series(), harness.blobs()
    _without_answer(harness, lambda: table.put("k", b"1", pending=True))
    _without_answer(harness, lambda: table.put("a", b"1", when=When.ABSENT))
    _without_answer(harness, lambda: table.put("s", b"1", stamp=5.0, when=When.NEWER))
    _without_answer(harness, lambda: series.append([("n", 1, b"a"), ("n", 2, b"b")]))
    _without_answer(harness, lambda: blobs.put("b", b"data", 7))
    same([row.key for row in table.pending(9)], ["k"], "rows that wait")
    same(pending(series), [("n", 1), ("n", 2)], "points that wait")
    same((blobs.get("b"), row_of(table, "s").stamp), ((b"data", 7), 5.0), "blob and stamp")
    _acknowledge_without_answer(harness)


def _acknowledge_without_answer(harness: Harness) -> None:
    table, series, blobs = harness.table(), harness.series(), harness.blobs()
    row, points = table.pending(1)[0], [point.seq for point in series.pending(1)]
    _without_answer(harness, lambda: table.acknowledge([Ack(row.key, row.seq, tag="t")]))
    same(table.pending(9), [], "rows that wait after the only one was acknowledged")
    _without_answer(harness, lambda: series.acknowledge(points))
    _without_answer(harness, lambda: series.requeue([("n", 1)]))
    _without_answer(harness, lambda: table.delete("a"))
    _without_answer(harness, lambda: blobs.delete("b"))
    _without_answer(harness, lambda: table.replace({"x": b"1"}))
    same(pending(series), [("n", 2), ("n", 1)], "points that wait")
    same(([row.key for row in table.rows()], blobs.versions()), (["x"], {}), "rows and blobs")


def _without_answer(harness: Harness, call: Callable[[], Any]) -> None:
    """Make a call whose first answer is lost; repeat it if it said that it may not have worked."""
    assert harness.subject.drop_reply
    try:
        with harness.subject.drop_reply(harness.place):
            call()
    except BackendUnavailable:
        call()


@clause("Q2", "G4", level=Level.EXTENDED, ability="drop_reply")
def a_lost_answer_neither_loses_nor_repeats_a_record(harness: Harness) -> None:
    """Records added and batches acknowledged without an answer are there once, or acknowledged."""
    for queue in queues_of(harness.roles):
        for number in numbers(1, 3):
            _without_answer(harness, partial(queue.add, harness.roles, number))
        batch = queue.take(harness.roles, 2)
        _without_answer(harness, partial(queue.acknowledge, batch))
        same(queue.offered(harness.roles), [3], f"what {queue.role} offers ({queue.name})")


@clause("G7", level=Level.EXTENDED, needs=Capability.NEEDS_NETWORK, ability="unreachable")
def an_unreachable_store_says_so(harness: Harness) -> None:
    """Calls and openings end within seconds with `BackendUnavailable`, and later all works."""
    assert harness.subject.unreachable
    roles = harness.roles
    mark(roles, 1)
    with harness.subject.unreachable(harness.place):
        for call in (lambda: expect_marks(roles, 1), lambda: harness.open_roles(device="d2")):
            began = time.monotonic()
            with raises(BackendUnavailable, what="a call to an unreachable store"):
                call()
            took = time.monotonic() - began
            expect(took < GIVE_UP, f"it took {took:.0f} s to say that the store is unreachable")
    expect_marks(roles, 1)
    mark(roles, 2)


#: What does not get through must be told; what only reads may know the answer.
WRITES = frozenset({
    "table.put", "table.delete", "table.replace", "table.acknowledge", "series.append",
    "series.acknowledge", "series.requeue", "series.trim", "blobs.put", "blobs.delete",
})  # fmt: skip
#: More rows than any engine should fetch at once.
MANY = 2_500
NETWORK: dict[str, Any] = {
    "level": Level.EXTENDED,
    "needs": Capability.NEEDS_NETWORK,
    "ability": "fault",
}


@in_engine("G7", **NETWORK)
def a_silent_server_is_given_up(harness: Harness) -> None:
    """Where connections are accepted and nothing is answered, calls and openings end in time."""
    _expect_told(harness, Mode.SILENT)


@in_engine("G7", **NETWORK)
def every_error_of_the_driver_is_translated(harness: Harness) -> None:
    """Refused, cut off in a listing, never answered or answered with nonsense: one error tells."""
    for mode in (Mode.REFUSE, Mode.LOSE_ALL, Mode.JUNK):
        _expect_told(harness, mode)


def _expect_told(harness: Harness, mode: Mode) -> None:
    """Make all calls at one moment of this fault; then see that the engine is whole again."""
    assert harness.subject.fault
    engine = harness.engine
    engine.table("kit.many").replace({f"k{place}": b"v" * 50 for place in range(MANY)})
    listing = engine.table("kit.many").rows()
    next(listing)
    calls = uses_of(engine)
    calls |= {"a listing that had begun": lambda: list(listing)}
    calls |= {"opening": lambda: harness.open_engine(device="d2").close()}
    with harness.subject.fault(harness.place, mode):
        told = at_once(*(partial(_complaint, name, call) for name, call in calls.items()))
    expect(not any(told), f"with a network in mode {mode.value!r}: {'; '.join(filter(None, told))}")
    _works_again(harness)


def _complaint(name: str, call: Callable[[], Any]) -> str:
    """Make a call that has to fail with `BackendUnavailable` in time; say what it did instead."""
    began = time.monotonic()
    try:
        call()
        found = "nothing was raised" if name in WRITES or name == "opening" else ""
    except BackendUnavailable:
        found = ""
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        found = f"expected BackendUnavailable, got {type(error).__name__}: {error}"
    took = time.monotonic() - began
    late = f"it took {took:.0f} s" if took > GIVE_UP else ""
    return f"{name}: {found or late}" if found or late else ""


def _works_again(harness: Harness) -> None:
    table = harness.table("kit.again")
    table.put("k", b"v")
    same(row_of(table, "k").value, b"v", "a row that was written after the fault")
    harness.open_engine(device="d2").close()


@clause("G13", "Q3", level=Level.EXTENDED, needs=Capability.FULL_DISK_DRAINS, ability="full")
def a_full_store_drains(harness: Harness) -> None:
    """New data is refused with `StorageFull`; what waits can be handed over and acknowledged."""
    assert harness.subject.full
    for queue in queues_of(harness.roles):
        for number in numbers(1, 4):
            queue.add(harness.roles, number)
    with harness.subject.full(harness.place):
        _refuses_new_data(harness)
        for queue in queues_of(harness.roles):
            same(
                queue.offered(harness.roles, 2), [1, 2], f"what {queue.role} offers ({queue.name})"
            )
            queue.acknowledge(queue.take(harness.roles, 2))
    for queue in queues_of(harness.roles):
        same(queue.offered(harness.roles), [3, 4], f"what is left of {queue.name}")
        queue.add(harness.roles, 5)


def _refuses_new_data(harness: Harness) -> None:
    """Fill the store with what waits in no queue; what it still accepts must be there."""
    events, accepted = harness.roles.events, list[int]()
    with raises(StorageFull, what="writing 64 MB into a full store"):
        for number in range(1000):
            events.set_cache(f"full-{number}", f"{number:065000}")
            accepted.append(number)
    for number in accepted:
        found = events.get_cache(f"full-{number}")
        same(found, f"{number:065000}", "what was accepted before the store was full")


@clause("G14", level=Level.DURABLE, needs=Capability.PERSISTENT, ability="damage")
def a_damaged_store_does_not_keep_a_device_from_starting(harness: Harness) -> None:
    """It is set aside and reported, everything works again, and stays so when opened anew."""
    assert harness.subject.damage
    mark(harness.roles, 1)
    harness.roles.close()
    harness.subject.damage(harness.place)
    for turn in range(2):
        roles = harness.reopen_roles()
        mark(roles, 2 + turn)
        expect_marks(roles, 2 + turn)
        warnings = [text for health in roles.health().values() for text in health.warnings]
        told = warnings or not roles.engines  # a backend of single roles has no health()
        expect(told, "health() has no warning about the damaged store")


@clause("G12", level=Level.DURABLE, needs=Capability.PERSISTENT, ability="make_newer")
def a_store_of_a_newer_release_is_refused(harness: Harness) -> None:
    """It is refused with `SchemaTooNew` each time, without being changed."""
    assert harness.subject.make_newer
    mark(harness.roles, 1)
    harness.roles.close()
    harness.subject.make_newer(harness.place)
    for _ in range(2):
        with raises(SchemaTooNew, what="opening a store of a newer release"):
            harness.open_roles()


@clause("G7", "G11", level=Level.EXTENDED, ability="secret")
def no_error_shows_a_secret(harness: Harness) -> None:
    """Neither health nor the error of a store that cannot be reached shows the secret."""
    assert harness.subject.secret
    assert harness.subject.unreachable
    secret, told = harness.subject.secret, [repr(harness.roles.health())]
    with harness.subject.unreachable(harness.place), raises(StoreError, what="opening") as caught:
        harness.open_roles(device="d2")
    told += [str(caught[0]), repr(caught[0])]
    expect(not any(secret in text for text in told), "a secret is shown in a message")
