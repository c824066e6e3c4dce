"""Pathpoints: retention, bounded queues, group commit, restarts."""

from typing import Any

from smok_core.engine.base import Durability
from smok_core.errors import QueueFull
from smok_core.hookspecs import Capability
from smok_core.model import OperationFailedError, OperationFailedReason
from smok_core.roles import BasePathpointDatabase
from smok_testing.checks import expect, raises, same
from smok_testing.clause import Level, clauses_of
from smok_testing.clauses.pathpoints import archive, offered
from smok_testing.harness import Harness

clause = clauses_of("pathpoints")
PERSISTENT: dict[str, Any] = {"level": Level.DURABLE, "needs": Capability.PERSISTENT}

NOW = 1_700_000_000_000
HOUR = 3_600_000


def acknowledge_all(pathpoints: BasePathpointDatabase) -> None:
    """Let the cloud have everything."""
    while batch := pathpoints.get_data_to_sync():
        batch.acknowledge()


@clause("PP6")
def retention_forgets_what_is_old_and_uploaded(harness: Harness) -> None:
    """A checkpoint forgets uploaded values older than ``retention`` and nothing else."""
    pathpoints = harness.fresh_roles(retention="2h").pathpoints
    harness.clock.now = NOW / 1000
    for hours in (5, 3, 1):
        pathpoints.on_new_data("p", NOW - hours * HOUR, hours)
    acknowledge_all(pathpoints)
    pathpoints.on_new_data("p", NOW - 4 * HOUR, "waits")
    pathpoints.checkpoint()
    left = [value for _, (_, value) in archive(pathpoints)]
    same(left, ["waits", 1], "values left")


@clause("PP6", "PP2")
def retention_keeps_the_current_value(harness: Harness) -> None:
    """However old it is, the current value stays."""
    pathpoints = harness.fresh_roles(retention="1s").pathpoints
    harness.clock.now = NOW / 1000
    for ts in (1, 2):
        pathpoints.on_new_data("p", ts, ts)
    acknowledge_all(pathpoints)
    pathpoints.checkpoint()
    same(pathpoints.get_current_value("p"), (2, 2), "the current value")
    same(len(archive(pathpoints)), 1, "values left")


@clause("PP6")
def without_retention_everything_stays(harness: Harness) -> None:
    """Nothing is forgotten unless the configuration says so."""
    pathpoints = harness.roles.pathpoints
    for ts in (1, 2, 3):
        pathpoints.on_new_data("p", ts, ts)
    acknowledge_all(pathpoints)
    pathpoints.checkpoint()
    same(len(archive(pathpoints)), 3, "values left")


@clause("PP6")
def checkpoints_throttle_themselves(harness: Harness) -> None:
    """A second checkpoint at once does nothing."""
    pathpoints = harness.fresh_roles(retention="1s").pathpoints
    harness.clock.now = NOW / 1000
    pathpoints.checkpoint()
    for ts in (1, 2):
        pathpoints.on_new_data("p", ts, ts)
    acknowledge_all(pathpoints)
    pathpoints.checkpoint()
    same(len(archive(pathpoints)), 2, "values left after a second checkpoint")


@clause("Q5")
def a_full_backlog_refuses(harness: Harness) -> None:
    """At ``max_pending`` new values are refused, and what waits can still be uploaded."""
    pathpoints = harness.fresh_roles(max_pending=2).pathpoints
    pathpoints.on_new_data("p", 1, 1)
    pathpoints.on_new_data("p", 2, 2)
    with raises(QueueFull, what="a third value where two may wait"):
        pathpoints.on_new_data("p", 3, 3)
    same(len(archive(pathpoints)), 2, "values stored")
    pathpoints.on_new_data("p", 2, 2)
    acknowledge_all(pathpoints)
    pathpoints.on_new_data("p", 3, 3)
    same(pathpoints.stats().dropped, 0, "values dropped")


@clause("Q5")
def a_full_backlog_may_drop_its_oldest(harness: Harness) -> None:
    """With ``drop-oldest`` the oldest values are not uploaded, are counted, and stay archived."""
    pathpoints = harness.fresh_roles(max_pending=2, on_full="drop-oldest").pathpoints
    for ts in (1, 2, 3):
        pathpoints.on_new_data("p", ts, ts)
    times = [item["timestamp"] for item in offered(pathpoints)[0]["values"]]
    same((times, pathpoints.stats().dropped), ([2, 3], 1), "upload and drops")
    same(len(archive(pathpoints)), 3, "values in the archive")


@clause("G3", level=Level.EXTENDED)
def buffered_values_can_be_read_at_once(harness: Harness) -> None:
    """With group commit a reader still sees what was written before, and no answer is lost."""
    if Durability.BUFFERED not in harness.info.durabilities:
        return
    pathpoints = harness.fresh_roles(durability="buffered", flush_ms=60_000).pathpoints
    for ts in range(50):
        pathpoints.on_new_data("p", ts, ts)
        if ts % 10 == 0:
            same(pathpoints.get_current_value("p"), (ts, ts), "the current value")
    same([ts for ts, _ in archive(pathpoints)], list(range(50)), "times of the archive")
    batch = pathpoints.get_data_to_sync()
    expect(batch and len(batch) == 50, "the upload lacks what was written")


@clause("G3", "PP2", **PERSISTENT)
def flush_and_close_force_buffered_values(harness: Harness) -> None:
    """With group commit, what was written before `close` is there after a restart."""
    if Durability.BUFFERED not in harness.info.durabilities:
        return
    roles = harness.fresh_roles(durability="buffered", flush_ms=60_000)
    roles.pathpoints.on_new_data("p", 1, "flushed")
    roles.flush()
    roles.pathpoints.on_new_data("p", 2, "closed")
    found = archive(harness.reopen_roles(durability="buffered").pathpoints)
    same([ts for ts, _ in found], [1, 2], "times of the archive")


@clause("PP2", "PP3", **PERSISTENT)
def values_survive_a_restart(harness: Harness) -> None:
    """Archive, current value and failures are the same after a restart."""
    pathpoints = harness.roles.pathpoints
    pathpoints.on_new_data("p", 1.5, "x" * 65_536)
    pathpoints.on_new_data("p", 2, True)
    pathpoints.on_new_data("q", 3, OperationFailedError(OperationFailedReason.INVALID, 2.5))
    acknowledge_all(pathpoints)
    before = (archive(pathpoints), archive(pathpoints, "q"))
    pathpoints = harness.reopen_roles().pathpoints
    same((archive(pathpoints), archive(pathpoints, "q")), before, "archives")
    same(pathpoints.get_current_value("p"), (2, True), "the current value")
    with raises(OperationFailedError, what="the current failure") as caught:
        pathpoints.get_current_value("q")
    same(caught[0] == OperationFailedError(OperationFailedReason.INVALID, 2.5), True, "failure")
    same(sorted(pathpoints.get_pathpoints()), ["p", "q"], "pathpoints")


@clause("PP4", "Q2", **PERSISTENT)
def repeats_after_a_restart_stay_repeats(harness: Harness) -> None:
    """A value that the cloud has is not made pending again when it is repeated after a restart."""
    harness.roles.pathpoints.on_new_data("p", 1, "a")
    acknowledge_all(harness.roles.pathpoints)
    pathpoints = harness.reopen_roles().pathpoints
    pathpoints.on_new_data("p", 1, "a")
    same(offered(pathpoints), [], "the upload of a repeat")
    pathpoints.on_new_data("p", 1, "b")
    pathpoints.on_new_data("p", 0, "late")
    same(len(offered(pathpoints)[0]["values"]), 2, "values of the upload")
