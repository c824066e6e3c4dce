"""Kill -9 at every step of a long history: what had returned is there, nothing is there in part."""

import time
from functools import cache
from pathlib import Path
from typing import Any

from smok_core.databases import open_databases
from smok_core.engine.base import Durability
from smok_core.hookspecs import Capability
from smok_testing import opening
from smok_testing.checks import ClauseFailed, NotProved, show
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import DEVICE, FakeClock, Harness
from smok_testing.keyed import mark
from smok_testing.scripts import SCRIPTS, snapshot
from smok_testing.worker_process import Worker

clause = clauses_of("general")

#: Steps of the history; each is killed once.
STEPS = 60
#: Only every n-th is killed: a slow server's own tests may raise it.
EVERY = 1


@cache
def wanted(roles: tuple[str, ...], steps: int) -> dict[str, Any]:
    """Return what must be there after so many steps, from a store that nobody kills.

    Looking hands batches out, so each state is made afresh.
    """
    stores = {opening.STORE: {"backend": "memory"}}
    config = {"device": DEVICE, "stores": stores, "roles": dict.fromkeys(roles, opening.STORE)}
    with open_databases(config, clock=FakeClock()) as databases:
        for step in range(steps):
            SCRIPTS["everything"](databases, step, "")
        return snapshot(databases)


@clause("G3", "G4", "Q3", level=Level.DURABLE, needs=Capability.SURVIVES_KILL, ability="processes")
def what_returned_survives_a_kill(harness: Harness) -> None:
    """Killed after any step, the store holds all that had returned, and no step in part."""
    with Worker(harness) as worker:
        for step in range(0, STEPS, EVERY):
            place = harness.new_place()
            _check(harness, place, _kill_after(worker, place, step))


@clause(
    "G3", level=Level.DURABLE, needs=Capability.SURVIVES_POWER_LOSS, ability="power_cut"
)  # fmt: skip
def what_returned_survives_a_power_cut(harness: Harness) -> None:
    """With ``durability = "power-loss"`` the same holds for a power cut after any step."""
    seen = False
    with Worker(harness, durability=Durability.POWER_LOSS.value) as worker:
        for step in range(0, STEPS, 3 * EVERY):
            place = harness.new_place()
            done = _kill_after(worker, place, step)
            seen |= _cut_power(harness, place)
            _check(harness, place, done)
    if not seen and not _takes_back(harness):
        raise NotProved(
            "power_cut(place) changed no file at the place and took back nothing of what was "
            "written with weaker durability, so it shows nothing: let it leave only what the "
            "store has forced to its disk"
        )


def _cut_power(harness: Harness, place: Path) -> bool:
    """Cut the power; tell whether anything at the place has changed."""
    assert harness.subject.power_cut
    before = _contents(place)
    harness.subject.power_cut(place)
    return _contents(place) != before


def _contents(place: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


def _takes_back(harness: Harness) -> bool:
    """Tell whether a power cut costs something where the store does not promise to survive it."""
    if Durability.CRASH not in harness.info.durabilities:
        return False
    place = harness.new_place()
    with Worker(harness, durability=Durability.CRASH.value) as worker:
        done = _kill_after(worker, place, STEPS)
    _cut_power(harness, place)
    with harness.open_roles(place) as roles:
        return snapshot(roles) != wanted(tuple(opening.kept(roles)), done + 1)


def _kill_after(worker: Worker, place: Path, step: int) -> int:
    worker.start(place, "everything", STEPS, hold=True)
    worker.follow(f"done {step}")
    time.sleep(step * 7 % 10 / 4000)  # so that kills fall into steps, too, not only between them
    return worker.kill() if worker.pid else worker.done


def _check(harness: Harness, place: Path, done: int) -> None:
    """Compare with the state after the last step that returned, and with the one after it."""
    for _ in range(2):  # what a first opening repairs must hold for the second
        with harness.open_roles(place) as roles:
            found, here = snapshot(roles), tuple(opening.kept(roles))
        if found not in (wanted(here, done + 1), wanted(here, done + 2)):
            raise ClauseFailed(_difference(found, wanted(here, done + 1), done))


def _difference(found: dict[str, Any], right: dict[str, Any], done: int) -> str:
    parts = [
        f"{name}: expected {show(right[name], 300)}, got {show(found[name], 300)}"
        for name in right
        if found[name] != right[name]
    ]
    return f"killed after step {done}, then opened: " + "; ".join(parts)


@clause("G3", "G10", level=Level.DURABLE, needs=Capability.SURVIVES_KILL, ability="processes")
def a_killed_owner_leaves_no_lock(harness: Harness) -> None:
    """After the owner of a store was killed, it opens at once, again and again, and works."""
    with Worker(harness) as worker:
        for turn in range(3):
            worker.start(harness.place, "sharing", turn, me=str(turn), hold=True)
            worker.follow(f"done {turn}")
            worker.kill()
            with harness.open_roles() as roles:
                mark(roles, turn)
