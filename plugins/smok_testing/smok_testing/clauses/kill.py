"""Kill -9 at every step of a long history: what had returned is there, nothing is there in part."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any

from smok_core.databases import open_databases
from smok_core.hookspecs import Capability
from smok_testing.checks import ClauseFailed, show
from smok_testing.clause import Level, clauses_of
from smok_testing.crew import Worker
from smok_testing.lab import DEVICE, FakeClock
from smok_testing.scripts import SCRIPTS, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from smok_testing.lab import Lab

clause = clauses_of("general")

#: Steps of the history; each is killed once.
STEPS = 60


@cache
def wanted(steps: int) -> dict[str, Any]:
    """Give what must be there after so many steps, from a store that nobody kills.

    Looking hands batches out, so each state is made afresh.
    """
    with open_databases({"device": DEVICE}, clock=FakeClock()) as roles:
        for step in range(steps):
            SCRIPTS["everything"](roles, step, "")
        return snapshot(roles)


@clause("G3", "G4", "Q3", level=Level.DURABLE, needs=Capability.SURVIVES_KILL, ability="processes")
def what_returned_survives_a_kill(lab: Lab) -> None:
    """Killed after any step, the store holds all that had returned, and no step in part."""
    with Worker(lab) as worker:
        for step in range(STEPS):
            place = lab.new_place()
            _check(lab, place, _kill_after(worker, place, step))


@clause(
    "G3", level=Level.DURABLE, needs=Capability.SURVIVES_POWER_LOSS, ability="power_cut"
)  # fmt: skip
def what_returned_survives_a_power_cut(lab: Lab) -> None:
    """With ``durability = "power-loss"`` the same holds for a power cut after any step."""
    assert lab.subject.power_cut
    with Worker(lab, durability="power-loss") as worker:
        for step in range(0, STEPS, 3):
            place = lab.new_place()
            done = _kill_after(worker, place, step)
            lab.subject.power_cut(place)
            _check(lab, place, done)


def _kill_after(worker: Worker, place: Path, step: int) -> int:
    worker.start(place, "everything", STEPS, hold=True)
    worker.follow(f"done {step}")
    time.sleep(step * 7 % 10 / 4000)  # so that kills fall into steps, too, not only between them
    return worker.kill() if worker.pid else worker.done


def _check(lab: Lab, place: Path, done: int) -> None:
    """Compare with the state after the last step that returned, and with the one after it."""
    for _ in range(2):  # what a first opening repairs must hold for the second
        with lab.open_roles(place) as roles:
            found = snapshot(roles)
        if found not in (wanted(done + 1), wanted(done + 2)):
            raise ClauseFailed(_difference(found, wanted(done + 1), done))


def _difference(found: dict[str, Any], right: dict[str, Any], done: int) -> str:
    parts = [
        f"{name}: expected {show(right[name], 300)}, got {show(found[name], 300)}"
        for name in right
        if found[name] != right[name]
    ]
    return f"killed after step {done}, then opened: " + "; ".join(parts)


@clause("G3", "G10", level=Level.DURABLE, needs=Capability.SURVIVES_KILL, ability="processes")
def a_killed_owner_leaves_no_lock(lab: Lab) -> None:
    """After the owner of a store was killed, it opens at once, again and again, and works."""
    with Worker(lab) as worker:
        for turn in range(3):
            worker.start(lab.place, "sharing", turn, me=str(turn), hold=True)
            worker.follow(f"done {turn}")
            worker.kill()
            with lab.open_roles() as roles:
                roles.metadata.put_plain("k", str(turn))
