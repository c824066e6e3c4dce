"""Forks: parent and child both go on, each with what is its own."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from smok_core.databases import Databases
from smok_core.engine.base import Durability
from smok_core.errors import AlreadyOpen
from smok_core.hookspecs import Capability
from smok_testing.checks import expect, same
from smok_testing.children import Child
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.opening import kept
from smok_testing.queues import numbers
from smok_testing.scripts import SCRIPTS

clause = clauses_of("general")
of_engine = clauses_of("engine")  # what only a backend with primitives can be asked
FORKS: dict[str, Any] = {"level": Level.CONCURRENT}
STEPS = 10
THREADS, CHILDREN = 4, 5
#: Blobs that two children write at the same moment: larger than what a socket takes at once.
TOGETHER, SIZE = 25, 300_000


def times(roles: Databases, name: str) -> list[float]:
    """Return the times of a pathpoint's archive."""
    return [ts for ts, _ in roles.pathpoints.get_archive_data(name)]


def forked(harness: Harness, work: Callable[[], object]) -> Child:
    """Do work in a child; where one process may have the store, it may be refused like any second.

    Contract G10 allows a backend that: what it must not do is write its parent's store.
    """

    def work_or_be_refused() -> None:
        try:
            work()
        except AlreadyOpen:
            alone = harness.has(Capability.PERSISTENT) and not harness.has(Capability.MULTI_PROCESS)
            expect(alone, "AlreadyOpen in a child, although several processes may have the store")

    return Child(work_or_be_refused)


def use(roles: Databases, name: str) -> None:
    """Write under a name and read it back; roles that the backend does not keep are in memory."""
    for step in range(STEPS):
        roles.pathpoints.on_new_data(name, step, step)
    roles.metadata.put_plain(name, name)
    roles.events.set_cache(name, name)
    same(times(roles, name), numbers(0, STEPS - 1), f"values of {name}")
    same(roles.metadata.get_plain(name), name, f"metadata of {name}")


def expect_from_child(harness: Harness, roles: Databases, name: str) -> None:
    """Look for what a child has written, where processes share a store."""
    if not harness.has(Capability.MULTI_PROCESS):
        return
    if "pathpoints" in kept(roles):
        same(times(roles, name), numbers(0, STEPS - 1), f"values of {name}")
    if "metadata" in kept(roles):
        same(roles.metadata.get_plain(name), name, f"metadata of {name}")


@clause("G15", **FORKS)
def parent_and_child_both_go_on(harness: Harness) -> None:
    """After a fork both use all roles that were open, at the same time, and nothing is lost."""
    roles = harness.roles
    for step in range(STEPS):
        SCRIPTS["everything"](roles, step, "")
    child = forked(harness, lambda: use(roles, "child"))
    use(roles, "parent")
    child.join()
    expect_from_child(harness, roles, "child")
    same(times(roles, "parent"), numbers(0, STEPS - 1), "values of the parent")


@clause("G15", **FORKS)
def a_child_may_fork_again(harness: Harness) -> None:
    """The child of a child goes on as well, and so do both its ancestors."""
    roles = harness.roles
    use(roles, "parent")

    def fork_again() -> None:
        grandchild = forked(harness, lambda: use(roles, "grandchild"))
        use(roles, "child")
        grandchild.join()
        expect_from_child(harness, roles, "grandchild")

    forked(harness, fork_again).join()
    use(roles, "afterwards")
    for name in ("child", "grandchild"):
        expect_from_child(harness, roles, name)


@clause("G15", **FORKS)
def closing_in_the_child_is_for_the_child(harness: Harness) -> None:
    """A child that closes everything, used or not, takes nothing from its parent."""
    roles = harness.roles
    use(roles, "parent")
    forked(harness, roles.close).join()
    use(roles, "then")

    def use_and_close() -> None:
        use(roles, "child")
        roles.close()

    forked(harness, use_and_close).join()
    use(roles, "afterwards")
    expect_from_child(harness, roles, "child")


@clause("G15", "G1", **FORKS)
def a_fork_beside_writers_hangs_nobody(harness: Harness) -> None:
    """Children forked while four threads write can write too, and no thread loses a value."""
    roles, stop = harness.roles, threading.Event()
    counts = [0] * THREADS

    def write(me: int) -> None:
        for ts in itertools.takewhile(lambda _: not stop.is_set(), itertools.count()):
            roles.pathpoints.on_new_data(f"t{me}", ts, ts)
            roles.sensor_writes.get_sw_sync()
            counts[me] = ts + 1
            time.sleep(0.003)

    threads = [threading.Thread(target=write, args=(me,), daemon=True) for me in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        for number in range(CHILDREN):
            time.sleep(0.01)
            _use_in_child(harness, f"c{number}")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for number in range(CHILDREN):
        expect_from_child(harness, roles, f"c{number}")
    for me, count in enumerate(counts):
        same(times(roles, f"t{me}"), numbers(0, count - 1), f"values of thread {me}")


def _use_in_child(harness: Harness, name: str) -> None:
    forked(harness, lambda: use(harness.roles, name)).join()


@of_engine("G15", "PP3", **FORKS)
def open_iterators_outlive_a_fork(harness: Harness) -> None:
    """A range and a listing that were begun before a fork end rightly on both sides."""
    series, table = harness.series(), harness.table()
    points = [("p", ts, b"%d" % ts) for ts in range(3000)]
    series.append(points)
    for number in range(50):
        table.put(f"k{number}", b"v")
    points_read, rows = series.range("p", None, None), table.rows()
    next(points_read), next(rows)

    def finish() -> None:
        same([ts for ts, _ in points_read], list(range(1, 3000)), "the rest of the range")
        same([row.key for row in rows], [f"k{n}" for n in range(1, 50)], "the rest of the rows")

    child = forked(harness, finish)
    finish()
    child.join()


@of_engine("G15", "G3", **FORKS)
def a_child_that_closes_ends_nothing_its_parent_began(harness: Harness) -> None:
    """A range and a listing of the parent go on after children that closed, and used, the store."""
    series, table = harness.series(), harness.table()
    series.append([("p", ts, b"%d" % ts) for ts in range(3000)])
    for number in range(50):
        table.put(f"k{number}", b"v")
    points, rows = series.range("p", None, None), table.rows()
    next(points), next(rows)

    def use_and_close() -> None:
        series.append([("child", 1, b"v")])
        harness.engine.close()

    for work in (harness.engine.close, use_and_close):
        forked(harness, work).join()
    same([ts for ts, _ in points], list(range(1, 3000)), "the rest of the range")
    same([row.key for row in rows], [f"k{n}" for n in range(1, 50)], "the rest of the rows")
    series.append([("p", 3000, b"v")])
    same(series.latest("p"), (3000, b"v"), "what the parent wrote afterwards")


@of_engine("G15", "G10", **FORKS)
def children_that_call_at_one_moment_get_their_own_answers(harness: Harness) -> None:
    """Two children write and read, each step at the same moment, and neither gets the other's."""
    harness.blobs().put("parent", b"v", 1)  # so that what children may share is there
    ends = socket.socketpair()
    children = [forked(harness, _meeting(harness, ends, me)) for me in range(2)]
    for end in ends:
        end.close()
    with contextlib.ExitStack() as stack:
        for child in children:
            stack.callback(child.join)
    same(harness.blobs().get("parent"), (b"v", 1), "what the parent has stored")


def _meeting(harness: Harness, ends: tuple[socket.socket, ...], me: int) -> Callable[[], None]:
    """Return the work of a child that begins each step together with the other one."""

    def work() -> None:
        ends[1 - me].close()  # so that the end of the other is seen
        for step in range(TOGETHER):
            with contextlib.suppress(OSError):
                ends[me].send(b".")
                ends[me].recv(1)
            _write_and_read(harness, f"{me}", b"%d %d " % (me, step), step + 1)

    return work


def _write_and_read(harness: Harness, key: str, value: bytes, version: int) -> None:
    data = value * (SIZE // len(value))
    same(harness.blobs().put(key, data, version), None, f"storing version {version} of {key!r}")
    found = harness.blobs().get(key)
    same(found and (found[0][:20], found[1]), (data[:20], version), f"the blob {key!r}")
    expect(found and found[0] == data, f"the blob {key!r}: its bytes are not those written")


@of_engine("G15", "G3", **FORKS)
def what_was_buffered_at_the_fork_is_the_parents(harness: Harness) -> None:
    """With group commit the parent writes it, once; the child begins with nothing that waits."""
    if Durability.BUFFERED not in harness.info.durabilities:
        return
    roles = harness.fresh_roles(durability="buffered", flush_ms=60_000)
    roles.pathpoints.on_new_data("waits", 1, 1)

    def look_and_write() -> None:
        same(times(roles, "waits"), [], "what the child finds of what its parent buffered")
        use(roles, "child")

    forked(harness, look_and_write).join()
    same(times(roles, "waits"), [1], "what the parent buffered")
    expect_from_child(harness, roles, "child")


@of_engine("G15", "G3", **FORKS)
def a_buffered_child_writes_by_itself(harness: Harness) -> None:
    """With group commit the values of a child are written in time, without a flush or a close."""
    if Durability.BUFFERED not in harness.info.durabilities:
        return
    roles = harness.fresh_roles(durability="buffered", flush_ms=20)
    roles.pathpoints.on_new_data("parent", 1, 1)
    roles.flush()  # so that the parent's thread is there

    def write_and_wait() -> None:
        for step in range(STEPS):
            roles.pathpoints.on_new_data("child", step, step)
        behind = roles.engines[next(iter(roles.engines))].series("pathpoints")
        deadline = time.monotonic() + 10
        while len(list(behind.range("child", None, None))) < STEPS:
            expect(time.monotonic() < deadline, "values wait for longer than 10 s")
            time.sleep(0.01)

    forked(harness, write_and_wait).join()
