"""Leases: on any backend's table only one holder works at a time, and a dead one is followed."""

import time

import msgspec
from smok_cloud.errors import LeaseHeld, LeaseLost
from smok_cloud.lease import Lease, Process

from smok_core.errors import BackendUnavailable
from smok_testing.checks import expect, raises, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.threads import at_once

in_table = clauses_of("table")
THREADS, TURNS, SECONDS = 4, 5, 60.0


@in_table("Q6", "G1", "TA2", level=Level.CONCURRENT)
def a_lease_has_one_holder_at_a_time(harness: Harness) -> None:
    """Of threads that want a lease one has it, and the next one only after it was given back."""
    table, inside, most = harness.table(), list[Lease](), list[int]()

    def work() -> None:
        mine = Lease("kit", table, "work")
        for _ in range(TURNS):
            _wait_for(mine)
            inside.append(mine)
            time.sleep(0.002)  # long enough for another one that took it at the same time
            most.append(len(inside))
            mine.hold()
            inside.remove(mine)
            mine.release()

    at_once(*[work] * THREADS)
    same((len(most), max(most)), (THREADS * TURNS, 1), "turns, and holders at a time")


def _wait_for(lease: Lease) -> None:
    deadline = time.monotonic() + SECONDS
    while not _taken(lease):
        expect(time.monotonic() < deadline, f"the lease was not had within {SECONDS} s")


def _taken(lease: Lease) -> bool:
    try:
        lease.acquire()
    except (LeaseHeld, BackendUnavailable):  # the latter is temporary: try again
        return False
    return True


@in_table("Q6", "TA2")
def a_dead_holder_is_followed_and_shut_out(harness: Harness) -> None:
    """A lease whose process has ended is taken over; what its holder does afterwards is in vain."""
    table = harness.table()
    ended = msgspec.structs.replace(Process.current(), started="0")
    first, second = Lease("kit", table, "work", process=ended), Lease("kit", table, "work")
    first.hold()
    second.hold()
    with raises(LeaseLost, what="the holder that was taken for dead"):
        first.hold()
    with raises(LeaseHeld, what="the same, when it tries to take it"):
        first.hold()
    first.renew()
    first.release()
    second.hold()
    second.release()
    same(table.get("work"), None, "the row of a lease that was given back")
