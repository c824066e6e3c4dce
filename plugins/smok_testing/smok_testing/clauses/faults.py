"""Faults that only the author of a backend can stage: lost answers, full disks, damaged stores."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from smok_core.engine.base import Settlement, When
from smok_core.errors import BackendUnavailable, SchemaTooNew, StorageFull, StoreError
from smok_core.hookspecs import Capability
from smok_testing.checks import expect, raises, same
from smok_testing.clause import Level, clauses_of
from smok_testing.clauses.series_queue import waiting
from smok_testing.clauses.table import row_of
from smok_testing.keyed import expect_marks, mark
from smok_testing.queues import numbers, queues_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_testing.lab import Lab

clause, in_engine = clauses_of("general"), clauses_of("engine")

#: Seconds after which a call must have given up on a store that does not answer.
GIVE_UP = 30.0


@in_engine("G4", level=Level.EXTENDED, ability="drop_reply")
def a_lost_answer_applies_a_write_once(lab: Lab) -> None:
    """If the answer to a write is lost, sending it again changes nothing more."""
    table, series, blobs = lab.table(), lab.series(), lab.blobs()
    _without_answer(lab, lambda: table.put("k", b"1", pending=True))
    _without_answer(lab, lambda: table.put("a", b"1", when=When.ABSENT))
    _without_answer(lab, lambda: table.put("s", b"1", stamp=5.0, when=When.NEWER))
    _without_answer(lab, lambda: series.append([("n", 1, b"a"), ("n", 2, b"b")]))
    _without_answer(lab, lambda: blobs.put("b", b"data", 7))
    same([row.key for row in table.pending(9)], ["k"], "rows that wait")
    same(waiting(series), [("n", 1), ("n", 2)], "points that wait")
    same((blobs.get("b"), row_of(table, "s").stamp), ((b"data", 7), 5.0), "blob and stamp")
    _settle_without_answer(lab)


def _settle_without_answer(lab: Lab) -> None:
    table, series, blobs = lab.table(), lab.series(), lab.blobs()
    row, points = table.pending(1)[0], [point.seq for point in series.pending(1)]
    _without_answer(lab, lambda: table.settle([Settlement(row.key, row.seq, tag="t")]))
    same(table.pending(9), [], "rows that wait after the only one was settled")
    _without_answer(lab, lambda: series.settle(points))
    _without_answer(lab, lambda: series.requeue([("n", 1)]))
    _without_answer(lab, lambda: table.delete("a"))
    _without_answer(lab, lambda: blobs.delete("b"))
    _without_answer(lab, lambda: table.replace({"x": b"1"}))
    same(waiting(series), [("n", 2), ("n", 1)], "points that wait")
    same(([row.key for row in table.rows()], blobs.versions()), (["x"], {}), "rows and blobs")


def _without_answer(lab: Lab, call: Callable[[], Any]) -> None:
    """Make a call whose first answer is lost; repeat it if it said that it may not have worked."""
    assert lab.subject.drop_reply
    try:
        with lab.subject.drop_reply(lab.place):
            call()
    except BackendUnavailable:
        call()


@clause("Q2", "G4", level=Level.EXTENDED, ability="drop_reply")
def a_lost_answer_neither_loses_nor_repeats_a_record(lab: Lab) -> None:
    """Records added and batches acknowledged without an answer are there once, or settled."""
    for queue in queues_of(lab.roles):
        for number in numbers(1, 3):
            _without_answer(lab, partial(queue.add, lab.roles, number))
        handover = queue.take(lab.roles, 2)
        _without_answer(lab, partial(queue.acknowledge, handover))
        same(queue.offered(lab.roles), [3], f"what {queue.role} offers ({queue.name})")


@clause("G7", level=Level.EXTENDED, needs=Capability.NEEDS_NETWORK, ability="unreachable")
def an_unreachable_store_says_so(lab: Lab) -> None:
    """Calls and openings end within seconds with `BackendUnavailable`, and later all works."""
    assert lab.subject.unreachable
    roles = lab.roles
    mark(roles, 1)
    with lab.subject.unreachable(lab.place):
        for call in (lambda: expect_marks(roles, 1), lambda: lab.open_roles(device="d2")):
            began = time.monotonic()
            with raises(BackendUnavailable, what="a call to an unreachable store"):
                call()
            took = time.monotonic() - began
            expect(took < GIVE_UP, f"it took {took:.0f} s to say that the store is unreachable")
    expect_marks(roles, 1)
    mark(roles, 2)


@clause("G13", "Q3", level=Level.EXTENDED, needs=Capability.FULL_DISK_DRAINS, ability="full")
def a_full_store_drains(lab: Lab) -> None:
    """New data is refused with `StorageFull`; what waits can be handed over and acknowledged."""
    assert lab.subject.full
    for queue in queues_of(lab.roles):
        for number in numbers(1, 4):
            queue.add(lab.roles, number)
    with lab.subject.full(lab.place):
        _refuses_new_data(lab)
        for queue in queues_of(lab.roles):
            same(queue.offered(lab.roles, 2), [1, 2], f"what {queue.role} offers ({queue.name})")
            queue.acknowledge(queue.take(lab.roles, 2))
    for queue in queues_of(lab.roles):
        same(queue.offered(lab.roles), [3, 4], f"what is left of {queue.name}")
        queue.add(lab.roles, 5)


def _refuses_new_data(lab: Lab) -> None:
    """Fill the store with what waits in no queue; what it still accepts must be there."""
    events, accepted = lab.roles.events, list[int]()
    with raises(StorageFull, what="writing 64 MB into a full store"):
        for number in range(1000):
            events.set_cache(f"full-{number}", f"{number:065000}")
            accepted.append(number)
    for number in accepted:
        found = events.get_cache(f"full-{number}")
        same(found, f"{number:065000}", "what was accepted before the store was full")


@clause("G14", level=Level.DURABLE, needs=Capability.PERSISTENT, ability="damage")
def a_damaged_store_does_not_keep_a_device_from_starting(lab: Lab) -> None:
    """It is set aside and reported, everything works again, and stays so when opened anew."""
    assert lab.subject.damage
    mark(lab.roles, 1)
    lab.roles.close()
    lab.subject.damage(lab.place)
    for turn in range(2):
        roles = lab.reopen_roles()
        mark(roles, 2 + turn)
        expect_marks(roles, 2 + turn)
        warnings = [text for health in roles.health().values() for text in health.warnings]
        told = warnings or not roles.engines  # a backend of single roles has no health()
        expect(told, "health() has no warning about the damaged store")


@clause("G12", level=Level.DURABLE, needs=Capability.PERSISTENT, ability="make_newer")
def a_store_of_a_newer_release_is_refused(lab: Lab) -> None:
    """It is refused with `SchemaTooNew` each time, without being changed."""
    assert lab.subject.make_newer
    mark(lab.roles, 1)
    lab.roles.close()
    lab.subject.make_newer(lab.place)
    for _ in range(2):
        with raises(SchemaTooNew, what="opening a store of a newer release"):
            lab.open_roles()


@clause("G7", "G11", level=Level.EXTENDED, ability="secret")
def no_error_shows_a_secret(lab: Lab) -> None:
    """Neither health nor the error of a store that cannot be reached shows the secret."""
    assert lab.subject.secret
    assert lab.subject.unreachable
    secret, told = lab.subject.secret, [repr(lab.roles.health())]
    with lab.subject.unreachable(lab.place), raises(StoreError, what="opening") as caught:
        lab.open_roles(device="d2")
    told += [str(caught[0]), repr(caught[0])]
    expect(not any(secret in text for text in told), "a secret is shown in a message")
