"""Two processes and one store: they share it, or the second is told who has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smok_core.errors import AlreadyOpen
from smok_core.hookspecs import Capability
from smok_testing.checks import expect, same
from smok_testing.clause import Level, clauses_of
from smok_testing.crew import Worker
from smok_testing.queues import numbers

if TYPE_CHECKING:
    from smok_testing.lab import Lab

clause = clauses_of("general")
SHARED: dict[str, Any] = {
    "level": Level.CONCURRENT,
    "needs": Capability.MULTI_PROCESS,
    "ability": "processes",
}
STEPS = 30


@clause("G10", **SHARED | {"needs": Capability.PERSISTENT})
def a_second_process_shares_or_is_refused(lab: Lab) -> None:
    """It can work beside the first, or gets `AlreadyOpen`; the first one never notices."""
    lab.roles.metadata.put_plain("k", "1")
    with Worker(lab) as worker:
        worker.start(lab.place, "looking", 0)
        worker.follow("exit")
    if lab.has(Capability.MULTI_PROCESS):
        same(worker.error, "", "error of the second process")
    else:
        expect(worker.error.startswith(AlreadyOpen.code), f"it got {worker.error or 'the store'}")
    lab.roles.metadata.put_plain("k", "2")
    same(lab.reopen_roles().metadata.get_plain("k"), "2", "the value of the first process")


@clause("G10", **SHARED)
def processes_do_not_harm_each_other(lab: Lab) -> None:
    """What two processes write at the same time is all there, each write once."""
    with Worker(lab) as one, Worker(lab) as two:
        one.start(lab.place, "sharing", STEPS, me="1")
        two.start(lab.place, "sharing", STEPS, me="2")
        one.finish()
        two.finish()
    for me in "12":
        times = [ts for ts, _ in lab.roles.pathpoints.get_archive_data(f"p-{me}")]
        same(times, numbers(0, STEPS), f"values of process {me}")
        same(lab.roles.events.get_cache(f"c-{me}"), STEPS, f"cache of process {me}")
    same(lab.roles.pathpoints.stats().pending, 2 * (STEPS + 1), "values that wait")
    same(lab.roles.metadata.stats().pending, 2 * (STEPS + 1), "changes that wait")
    same(lab.roles.baobs.get_baob_version("shared"), STEPS, "version that both fought for")
    wanted = f"{STEPS}".encode() * 1000
    same(lab.roles.baobs.get_baob_value("shared") == wanted, True, "its data belongs to it")


@clause("G10", "G1", **SHARED)
def processes_see_each_others_writes(lab: Lab) -> None:
    """What one process has written, another reads at once, without opening anew."""
    roles = lab.roles
    same(list(roles.pathpoints.get_pathpoints()), [], "pathpoints at first")
    with Worker(lab) as worker:
        worker.start(lab.place, "sharing", 3, me="1", hold=True)
        worker.follow("done 3")
        same(roles.pathpoints.get_current_value("p-1"), (3, 3), "value of the other process")
        same(roles.metadata.get_plain("k-1-3"), "1", "metadata of the other process")
    batch = roles.pathpoints.get_data_to_sync()
    expect(batch and len(batch) == 4, "the upload lacks values of the other process")


@clause("G10", "G3", **SHARED)
def a_killed_neighbour_does_no_harm(lab: Lab) -> None:
    """A process that is killed while it writes leaves the store whole for the others."""
    roles = lab.roles
    with Worker(lab) as worker:
        for turn in range(5):
            worker.start(lab.place, "sharing", 1000, me=str(turn))
            worker.follow(f"done {turn * 2}")
            done = worker.kill()
            times = [ts for ts, _ in roles.pathpoints.get_archive_data(f"p-{turn}")]
            expect(times in (numbers(0, done), numbers(0, done + 1)), f"{done} gave {times}")
            roles.metadata.put_plain("k", str(turn))
