"""Four processes and kills, held against a plain model.

All three primitives on the second witness, which compares and sets in one step, as MongoDB does. It
keeps its data in memory, so clients are killed there; the queue, whose order rests on inserts
alone, also on servers that are killed with their data on a disk.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pymongo
import pytest
from smok_mongo.options import MongoOptions
from smok_mongo.plugin import smok_open_engine
from smok_testing import Status, Subject, all_clauses, run_clause

from plugins.smok_mongo.tests.test_conformance import LOST_BY_FERRETDB
from smok_core.errors import BackendUnavailable
from smok_core.hookspecs import StoreContext
from smok_core.settings import Secret
from tests.conftest import skip_or_fail
from tests.servers.mongo_server import NoServer, start_java, start_postgresql, start_server

WORKERS = 4
SERVER_KILLS = 10 if os.environ.get("SMOK_LONG") else 2
KILLS = 50 if os.environ.get("SMOK_LONG") else 4
WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture(scope="module")
def witness():
    """A server that compares and sets in one step."""
    try:
        running = start_java()
    except NoServer as error:
        skip_or_fail("mongo", str(error))
    yield running
    running.stop()


@pytest.mark.parametrize("name", sorted(LOST_BY_FERRETDB))
def test_a_race_that_ferretdb_loses_is_won_here(witness, name):
    """What the kit leaves out on FerretDB is no fault of ours: each of these clauses holds."""
    clauses = [clause for clause in all_clauses() if clause.name == name]
    assert clauses
    options = {"url": witness.url, "database": "smok_test_{name}", "retry_ms": 2000}
    subject = Subject(backend="mongo", plugin="smok_mongo.plugin", options=options)
    for clause in clauses:
        outcome = run_clause(subject, clause)
        assert outcome.status is Status.PASSED, str(outcome)


class Workers:
    """Processes that work, are killed, and tell what returned; each has a name of its own."""

    def __init__(self, url, database, job="mix_for_ever"):
        self._command = [sys.executable, str(WORKER), url, database, job]
        self.told, self._running = [], []
        for _ in range(WORKERS):
            self.start()

    def start(self):
        """Start one more."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        process = subprocess.Popen(self._command, **pipes)
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        self._running.append(process)

    def kill(self):
        """Kill the oldest as kill -9 does, and keep what it has told."""
        process = self._running.pop(0)
        process.kill()
        lines = process.communicate()[0].splitlines()
        # The last line may be cut: then what it tells of may or may not have returned.
        self.told += [json.loads(line) for line in lines if line.endswith("]")]

    def kill_all(self):
        """Kill all."""
        while self._running:
            self.kill()


def uploaded(series, handed):
    """Hand over and acknowledge what is pending; no seq may name another point than before."""
    points = series.pending(50)
    for point in points:
        assert handed.setdefault(point.seq, point) == point
    series.acknowledge([point.seq for point in points])
    series.acknowledge([point.seq for point in points])
    return len(points)


def test_many_writers_that_are_killed_lose_and_repeat_nothing(witness):
    """What returned is there, each seq names one point, each increment counts, sets are whole."""
    database = f"smok_test_stress_{os.getpid()}"
    options = MongoOptions(url=Secret(witness.url), database=database)
    context = StoreContext(store="plant", device="pump-17", options=options)
    handed = {}
    with smok_open_engine(context) as engine:
        series, table = engine.series("s"), engine.table("sets")
        workers = Workers(witness.url, database)
        for _ in range(KILLS):
            end = time.monotonic() + 0.8
            while time.monotonic() < end:
                uploaded(series, handed)
                assert len({row.value for row in table.rows()}) <= 1
            workers.kill()
            workers.start()
        workers.kill_all()
        while uploaded(series, handed):
            pass
        engine.checkpoint()
        there = {(p.name, p.ts) for p in handed.values()}
        appended = [(told[1], told[2]) for told in workers.told if told[0] == "append"]
        assert appended
        assert set(appended) <= there
        for name in {name for name, _ in appended}:
            archived = {ts for ts, _ in series.range(name, None, None)}
            assert {ts for n, ts in appended if n == name} <= archived
        won = [told[1] for told in workers.told if told[0] == "won"]
        assert len(set(won)) == len(won)
        counted = int(engine.table("t").get("counter").value)
        assert len(won) <= counted <= len(won) + KILLS + WORKERS
        assert engine.blobs("b").get("k")[0] == b"%d" % engine.blobs("b").version("k")
    with pymongo.MongoClient(witness.url) as client:
        client.drop_database(database)


@pytest.fixture(params=["default", "postgresql"])
def mortal(request):
    """A server that may be killed."""
    if request.param == "postgresql" and not os.environ.get("SMOK_LONG"):
        pytest.skip("with SMOK_LONG=1: FerretDB on PostgreSQL")
    try:
        running = start_server() if request.param == "default" else start_postgresql()
    except NoServer as error:
        skip_or_fail("mongo", str(error))
    if running.kind in {"given", "mongo-java"}:
        pytest.skip("a given server, or one that forgets, is not killed")
    yield running
    running.stop()


def read_on(series, seen):
    """Read the queue on by the last seq; what a killed server does not answer is asked later."""
    try:
        page = series.pending(100, seen[-1].seq if seen else 0)
    except BackendUnavailable:
        return True
    seen += page
    return bool(page)


def test_appends_through_killed_servers_and_clients_stay_whole_and_in_order(mortal):
    """A reader that goes on by seqs sees each point once, in order, and counts agree with it."""
    options = MongoOptions(url=Secret(mortal.url), database="smok_test_kills", retry_ms=1000)
    context = StoreContext(store="plant", device="pump-17", options=options)
    seen = []
    with smok_open_engine(context) as engine:
        series = engine.series("s")
        workers = Workers(mortal.url, "smok_test_kills", "append_through_outages")
        for _ in range(SERVER_KILLS):
            end = time.monotonic() + 1.0
            while time.monotonic() < end:
                read_on(series, seen)
            mortal.kill()
            mortal.start()
            workers.kill()
            workers.start()
        workers.kill_all()
        while read_on(series, seen):
            pass
        assert_whole(workers.told, seen)
        engine.checkpoint()
        assert (series.stats().points, series.stats().pending) == (len(seen), len(seen))
        assert sum(len(list(series.range(n, None, None))) for n in series.names()) == len(seen)
        assert series.acknowledge([point.seq for point in seen]) == len(seen)
        assert (series.stats().points, series.stats().pending) == (len(seen), 0)


def assert_whole(told, seen):
    """Fail if a point that was appended is missing, is there twice, or is out of order."""
    times = {}
    for point in seen:
        times.setdefault(point.name, []).append(point.ts)
    assert all(found == list(range(len(found))) for found in times.values())
    assert all(set(batch) <= set(times[name]) for _, name, batch in told)
    assert len({point.seq for point in seen}) == len(seen) > 100
