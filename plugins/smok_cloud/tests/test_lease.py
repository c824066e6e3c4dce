"""A lease has one holder, whatever machines, forks, suspended processes and full stores do."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from smok_cloud.errors import LeaseHeld, LeaseLost
from smok_cloud.lease import LEASES, Lease, Process
from smok_cloud.leases import Leases

from smok_core.engine.memory import MemoryEngine
from smok_core.errors import BackendUnavailable, ReadOnlyStore, StorageFull

HERE = Process.current()
ELSEWHERE = msgspec.structs.replace(HERE, host="gw-2", machine="another")


@pytest.fixture
def table():
    return MemoryEngine("s").table(LEASES)


class Clock:
    """A monotonic clock that is set."""

    now = 1000.0

    def __call__(self):
        return self.now


def lease(table, process=HERE, **more):
    return Lease("s", table, "work", process=process, **more)


def test_a_second_one_is_told_who_has_it(table):
    """The message names owner, host, process and since when, and the way out."""
    lease(table, clock=lambda: 1_700_000_000.0).acquire()
    with pytest.raises(LeaseHeld) as caught:
        lease(table).acquire()
    assert caught.value.exit_status == 7
    assert (caught.value.host, caught.value.pid) == (HERE.host, os.getpid())
    told = f"its work is running already: process {os.getpid()} on {HERE.host} since 2023-11-14T22"
    assert told in str(caught.value)
    assert "stop it" in str(caught.value)


def test_threads_that_want_it_together(table):
    """Of sixteen leases taken at once one is held."""
    certificate_check, held = threading.Barrier(16), []

    def want():
        mine = lease(table)
        certificate_check.wait()
        try:
            mine.acquire()
        except LeaseHeld:
            return
        held.append(mine)

    threads = [threading.Thread(target=want) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 1


def test_it_is_free_after_release(table):
    first, second = lease(table), lease(table)
    first.acquire()
    first.release()
    first.release()
    second.acquire()
    first.release()
    with pytest.raises(LeaseHeld):
        first.acquire()


def ended_process():
    """Give the name of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = _stat(child.pid)[19]
    child.communicate(b"\n")
    return msgspec.structs.replace(HERE, pid=child.pid, started=started)


def _stat(pid):
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param(ended_process, id="its process has ended"),
        pytest.param(lambda: msgspec.structs.replace(HERE, started="1"), id="another has its pid"),
        pytest.param(
            lambda: msgspec.structs.replace(HERE, machine="m", boot="before"), id="restarted"
        ),
    ],
)
def test_a_dead_one_of_this_machine_is_followed_at_once(table, gone):
    named = gone()
    lease(table, named).acquire()
    lease(table, msgspec.structs.replace(HERE, machine=named.machine)).hold()


def test_a_zombie_has_ended(table):
    """A process that nobody waited for works no more."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    named = msgspec.structs.replace(HERE, pid=child.pid, started=_stat(child.pid)[19])
    assert named.is_running(HERE) is True
    child.stdin.close()
    while _stat(child.pid)[0] != "Z":
        pass
    assert named.is_running(HERE) is False
    child.wait()


@pytest.mark.parametrize(
    "stranger",
    [
        pytest.param(ELSEWHERE, id="another machine"),
        pytest.param(msgspec.structs.replace(HERE, space="pid:[1]"), id="another container"),
        pytest.param(msgspec.structs.replace(HERE, machine="", boot="?"), id="a name twice"),
    ],
)
def test_one_that_cannot_be_looked_up_is_watched(table, stranger):
    """It is followed when its row has not changed for its expiry, by the watcher's own clock."""
    seen_from = HERE if stranger.machine else msgspec.structs.replace(HERE, machine="")
    other, clock = lease(table, stranger), Clock()
    other.acquire()
    mine = lease(table, seen_from, monotonic=clock, clock=lambda: -1e9)
    for _ in range(3):
        with pytest.raises(LeaseHeld):
            mine.hold()
        clock.now += 59
        other.renew()
        with pytest.raises(LeaseHeld):
            mine.hold()
        clock.now += 59
    with pytest.raises(LeaseHeld):
        mine.hold()
    clock.now += 2
    mine.hold()
    with pytest.raises(LeaseLost, match=f"taken over by process {os.getpid()}"):
        other.hold()
    other.renew()
    other.release()
    mine.hold()


def test_a_living_one_of_another_machine_refuses_as_soon_as_it_is_heard(table):
    """`acquire` watches, and is told off by the first sign of life; or follows in silence."""
    other = lease(table, ELSEWHERE, expiry=1.0)
    other.acquire()
    ended = threading.Event()

    def live():
        while not ended.wait(0.2):
            other.renew()

    thread = threading.Thread(target=live)
    thread.start()
    try:
        with pytest.raises(LeaseHeld):
            lease(table, expiry=1.0).acquire()
    finally:
        ended.set()
        thread.join()
    lease(table, expiry=1.0).acquire()


def test_a_stop_ends_the_watch(table):
    lease(table, ELSEWHERE).acquire()
    stop = threading.Event()
    stop.set()
    with pytest.raises(LeaseHeld):
        lease(table).acquire(stop)


def test_a_row_that_nobody_can_read_is_watched_too(table):
    table.put("work", b"\xff")
    clock = Clock()
    mine = lease(table, monotonic=clock)
    with pytest.raises(LeaseHeld, match="left no name"):
        mine.hold()
    clock.now += 61
    mine.hold()


def test_a_row_that_is_gone_was_lost(table):
    """A store that was emptied or replaced has no holder; the next call takes it again."""
    mine = lease(table)
    mine.hold()
    table.delete("work")
    with pytest.raises(LeaseLost, match="not held any more"):
        mine.hold()
    mine.hold()


def test_a_forked_child_does_not_hold_what_its_parent_holds(table):
    """In the child the lease is another one's; the parent goes on."""
    mine = lease(table)
    mine.hold()
    child = os.fork()
    if child == 0:
        try:
            mine.release()
            mine.hold()
        except LeaseHeld as error:
            os._exit(10 if error.pid == os.getppid() else 11)
        os._exit(12)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 10
    mine.hold()


def test_a_lost_answer_is_no_other_holder(table, monkeypatch):
    """The write took effect and its answer did not come: the next call finds its own row."""
    put = table.put

    def lose(*args, **kwargs):
        put(*args, **kwargs)
        raise BackendUnavailable("s", "no answer")

    mine = lease(table)
    with monkeypatch.context() as patch:
        patch.setattr(table, "put", lose)
        with pytest.raises(BackendUnavailable):
            mine.hold()
    mine.hold()


def test_a_full_store_is_drained_all_the_same(table, monkeypatch):
    """Nobody can write a lease there; it is held as long as no other one is written."""

    def full(*_, **__):
        raise StorageFull("s", "no space")

    mine = lease(table)
    with monkeypatch.context() as patch:
        patch.setattr(table, "put", full)
        mine.acquire()
        mine.hold()
        mine.renew()
    mine.hold()
    assert mine.holder().process == HERE


def test_a_full_store_with_a_holder_has_no_second_one(table, monkeypatch):
    lease(table).acquire()

    def full(*_, **__):
        raise StorageFull("s", "no space")

    monkeypatch.setattr(table, "put", full)
    with pytest.raises(LeaseHeld):
        lease(table).acquire()


def test_a_full_store_whose_holder_died_is_drained(table, monkeypatch):
    lease(table, ended_process()).acquire()

    def full(*_, **__):
        raise StorageFull("s", "no space")

    monkeypatch.setattr(table, "put", full)
    mine = lease(table)
    mine.acquire()
    mine.hold()


def test_a_store_that_is_away_stops_only_its_own_roles(monkeypatch):
    """The other stores' roles go on; the one that comes back is leased then."""
    engines = {"near": MemoryEngine("near"), "far": MemoryEngine("far")}
    far = engines["far"].table(LEASES)

    def away(*_, **__):
        raise BackendUnavailable("far", "no answer")

    leases = Leases({"events": "near", "metadata": "far"}, engines.get)
    with monkeypatch.context() as patch:
        patch.setattr(far, "get", away)
        leases.acquire()
        leases.permit("events")
        with pytest.raises(BackendUnavailable):
            leases.permit("metadata")
    leases.permit("metadata")
    leases.release()
    with pytest.raises(LeaseLost):
        leases.permit("events")


def test_a_read_only_store_says_so(monkeypatch):
    """Where nothing can be acknowledged nothing is sent: it would be sent for ever."""
    engine = MemoryEngine("s")

    def refuse(*_, **__):
        raise ReadOnlyStore("s", "mounted read-only")

    monkeypatch.setattr(engine.table(LEASES), "put", refuse)
    with Leases({"events": "s"}, {"s": engine}.get) as leases, pytest.raises(ReadOnlyStore):
        leases.permit("events")


def test_leases_are_all_or_none():
    """When one of two stores is another's, the first is given back."""
    engines = {"a": MemoryEngine("a"), "b": MemoryEngine("b")}
    lease_of_b = Lease("b", engines["b"].table(LEASES), "synchronizer")
    lease_of_b.acquire()
    with pytest.raises(LeaseHeld), Leases({"events": "a", "macros": "b"}, engines.get):
        pass
    assert Lease("a", engines["a"].table(LEASES), "synchronizer").holder() is None
    lease_of_b.release()
    with Leases({"events": "a", "macros": "b"}, engines.get) as leases:
        leases.permit("macros")


def test_leases_are_renewed_while_a_request_takes_long():
    """The thread that renews them is not the one that uploads."""
    engine = MemoryEngine("s")
    table = engine.table(LEASES)
    with Leases({"events": "s"}, {"s": engine}.get, expiry=0.4):
        first = table.get("synchronizer").seq
        for _ in range(200):
            if table.get("synchronizer").seq > first + 2:
                break
            threading.Event().wait(0.05)
        assert table.get("synchronizer").seq > first + 2
    assert table.get("synchronizer") is None


def test_the_leases_of_a_service_are_not_those_of_a_forked_child():
    """The child may not send, and leaves what the parent holds alone."""
    engine = MemoryEngine("s")
    with Leases({"events": "s"}, {"s": engine}.get) as leases:
        child = os.fork()
        if child == 0:
            leases.forget()
            try:
                leases.permit("events")
            except LeaseLost:
                os._exit(10)
            os._exit(11)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 10
        leases.permit("events")
