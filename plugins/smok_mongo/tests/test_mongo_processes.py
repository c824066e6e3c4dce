"""Several processes on one store: races end in one winner, forks do not share connections."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("worker.py")


class Children:
    """Processes that begin their work together and tell of it line by line."""

    def __init__(self, url, database):
        self.url, self.database, self.processes = url, database, []

    def start(self, job, count):
        """Start; return when all have opened the store and have been told to begin."""
        command = [sys.executable, str(WORKER), self.url, self.database, job]
        for _ in range(count):
            self.processes.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
        for process in self.processes:
            assert process.stdout.readline() == "ready\n"
        for process in self.processes:
            process.stdin.write("go\n")
            process.stdin.flush()

    def results(self):
        """Give what each has told at its end."""
        return [json.loads(process.communicate(timeout=60)[0]) for process in self.processes]

    def end(self):
        """Kill all."""
        for process in self.processes:
            process.kill()
            process.communicate()


@pytest.fixture
def children(server, raw, database):
    """Processes that are killed at the end."""
    started = Children(server.url, database)
    yield started
    started.end()


def test_a_race_of_inserts_has_one_winner_per_key(children, opened, server):
    """Of two processes that put the same absent keys, exactly one writes each."""
    children.start("insert_absent", 2)
    one, two = children.results()
    assert all(a != b for a, b in zip(one, two, strict=True))
    assert opened(server.url).table("t").stats().rows == 40


def test_appends_of_two_processes_all_arrive(children, opened, server):
    """Batches interleave: every point is pending at least once and archived, with unique seqs."""
    children.start("append_batches", 2)
    pids = children.results()
    series = opened(server.url).series("s")
    pending = series.pending(999)
    assert len({p.seq for p in pending}) == len(pending)
    for pid in pids:
        assert [p.ts for p in pending if p.name == f"own {pid}"] == list(range(20))
    assert {p.ts for p in pending if p.name == "shared"} == set(range(20))
    assert [ts for ts, _ in series.range("shared", None, None)] == list(range(20))


def test_a_process_killed_while_appending_loses_nothing_it_was_told_is_stored(
    children, opened, server
):
    """After kill -9 every batch whose append returned is pending and archived, the last whole."""
    children.start("append_for_ever", 1)
    (process,) = children.processes
    returned = [process.stdout.readline() for _ in range(15)]
    process.kill()
    returned += process.communicate()[0].split()
    series = opened(server.url).series("s")
    pending = [p.ts for p in series.pending(10**6)]
    assert len(pending) >= len(returned) * 10
    assert len(pending) % 10 == 0
    assert pending == list(range(len(pending)))
    assert [ts for ts, _ in series.range("w", None, None)] == pending


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_that_closes_leaves_the_client_of_its_parent(engine):
    """Used and closed in a child, the store goes on in the parent, with the client it had."""
    table, client = engine.table("t"), engine._server._connected()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            table.put("k", b"child")
            status = 0 if engine._server._connected() is not client else 2
            engine.close()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert table.get("k").value == b"child"
    assert engine._server._connected() is client
    client.admin.command("ping")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_uses_connections_of_its_own(engine):
    """Parent and child go on with the same engine after a fork, and both write."""
    series = engine.series("s")
    series.append([("w", 0, b"parent")])
    child = os.fork()
    if child == 0:
        status = 1
        try:
            series.append([("w", 1, b"child")])
            status = 0 if series.latest("w") == (1, b"child") else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    series.append([("w", 2, b"parent")])
    assert [p.ts for p in series.pending(9)] == [0, 1, 2]
    series.append([("w", 1, b"child")])
    assert series.stats().pending == 3


def test_devices_on_one_server_do_not_see_each_other(server, raw, opened):
    """Whatever their ids are, devices share a database without sharing a byte."""
    devices = ["a", "a|t", "a|", "A", "a%7C", "{$ne: null}", "$where", "é", "e\u0301", "a.b", "*"]
    engines = [opened(server.url, device) for device in devices]
    for number, engine in enumerate(engines):
        engine.table("t").put("k", b"%d" % number, pending=True)
        engine.table("t|0").put("k", b"no", pending=True)
        engine.series("s").append([("w", 1, b"%d" % number)])
        engine.blobs("b").put("k", b"%d" % number, number)
    for number, engine in enumerate(engines):
        value = b"%d" % number
        assert [row.value for row in engine.table("t").rows()] == [value]
        assert [row.value for row in engine.table("t").pending(9)] == [value]
        assert [p.value for p in engine.series("s").pending(9)] == [value]
        assert list(engine.series("s").range("w", None, None)) == [(1, value)]
        assert engine.series("s").stats().points == engine.table("t").stats().rows == 1
        assert engine.blobs("b").versions() == {"k": number}
