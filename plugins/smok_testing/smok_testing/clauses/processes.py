"""Two processes and one store: they share it, or the second is told who has it."""

from typing import Any

from smok_core.errors import AlreadyOpen
from smok_core.hookspecs import Capability
from smok_testing.checks import expect, same, show
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.keyed import expect_marks, mark
from smok_testing.opening import kept
from smok_testing.queues import numbers, queues_of
from smok_testing.scripts import share
from smok_testing.worker_process import Worker, begin_together

clause = clauses_of("general")
SHARED: dict[str, Any] = {
    "level": Level.CONCURRENT,
    "needs": Capability.MULTI_PROCESS,
    "ability": "processes",
}
STEPS = 30


@clause("G10", **SHARED | {"needs": Capability.PERSISTENT})
def a_second_process_shares_or_is_refused(harness: Harness) -> None:
    """It can work beside the first, or gets `AlreadyOpen`; the first one never notices."""
    mark(harness.roles, 1)
    with Worker(harness) as worker:
        worker.start(harness.place, "looking", 0)
        worker.follow("exit")
    if harness.has(Capability.MULTI_PROCESS):
        same(worker.error, "", "error of the second process")
    else:
        expect(worker.error.startswith(AlreadyOpen.code), f"it got {worker.error or 'the store'}")
    mark(harness.roles, 2)
    expect_marks(harness.reopen_roles(), 1, 2)


@clause("G10", **SHARED)
def processes_do_not_harm_each_other(harness: Harness) -> None:
    """What two processes write at the same time is all there, each write once."""
    with Worker(harness) as one, Worker(harness) as two:
        begin_together(harness, {"1": one, "2": two}, "sharing", STEPS)
        one.finish()
        two.finish()
    for queue in queues_of(harness.roles):
        found = sorted(queue.offered(harness.roles))
        wanted = sorted(share(me, step) for me in (1, 2) for step in range(STEPS + 1))
        same(found, wanted, f"what {queue.role} offers ({queue.name})")
    if "baobs" in kept(harness.roles):
        same(harness.roles.baobs.get_baob_version("shared"), STEPS, "version that both fought for")
        data = f"{STEPS}".encode() * 1000
        same(harness.roles.baobs.get_baob_value("shared") == data, True, "its data belongs to it")


@clause("G10", "G1", **SHARED)
def processes_see_each_others_writes(harness: Harness) -> None:
    """What one process has written, another reads at once, without opening anew."""
    for queue in queues_of(harness.roles):
        same(queue.offered(harness.roles), [], f"what {queue.role} offers at first ({queue.name})")
    with Worker(harness) as worker:
        worker.start(harness.place, "sharing", 3, me="1", hold=True)
        worker.follow("done 3")
        for queue in queues_of(harness.roles):
            wanted = [share(1, step) for step in range(4)]
            same(queue.offered(harness.roles), wanted, f"what {queue.role} offers ({queue.name})")


@clause("G10", "G3", **SHARED)
def a_killed_neighbour_does_no_harm(harness: Harness) -> None:
    """A process that is killed while it writes leaves the store whole for the others."""
    with Worker(harness) as worker:
        for turn in range(5):
            worker.start(harness.place, "sharing", 1000, me=str(turn))
            worker.follow(f"done {turn * 2}")
            _expect_steps(harness, turn, worker.kill())
            mark(harness.roles, turn)
            expect_marks(harness.roles, turn)


def _expect_steps(harness: Harness, turn: int, done: int) -> None:
    """Fail unless all steps that returned are there, and of the next one all or a beginning."""
    for queue in queues_of(harness.roles):
        batch, first = queue.take(harness.roles, 10_000), share(turn, 0)
        found = queue.seen(batch) if batch else []
        times = sorted(n - first for n in found if first <= n < share(turn + 1, 0))
        wanted = (numbers(0, done), numbers(0, done + 1))
        expect(
            times in wanted,
            f"{queue.role} ({queue.name}): after a kill behind step {done} of process {turn}, "
            f"expected the steps 0 to {done} or {done + 1}, got {show(times)}",
        )
        queue.acknowledge(batch)
