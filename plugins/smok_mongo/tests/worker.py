"""A process of its own that works on a store: ``worker.py URL DATABASE JOB``."""

import json
import os
import sys

from smok_mongo.options import MongoOptions
from smok_mongo.plugin import smok_open_engine

from smok_core.engine.base import When
from smok_core.errors import BackendUnavailable
from smok_core.hookspecs import StoreContext
from smok_core.settings import Secret


def tell(what):
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def insert_absent(engine):
    """Put rows that are not there; tell which were not."""
    table, mine = engine.table("t"), str(os.getpid()).encode()
    tell(json.dumps([table.put(f"k{n}", mine, when=When.ABSENT) for n in range(40)]))


def append_batches(engine):
    """Append to a name of this process and to a shared one; tell which process it is."""
    series = engine.series("s")
    for n in range(20):
        series.append([(f"own {os.getpid()}", n, b"x"), ("shared", n, b"x")])
    tell(os.getpid())


def append_for_ever(engine):
    """Append batches of ten; tell the number of each that returned."""
    series, n = engine.series("s"), 0
    while True:
        series.append([("w", n * 10 + i, b"x") for i in range(10)])
        tell(n)
        n += 1


def mix_for_ever(engine):
    """Append, count by comparing and setting, replace a set and a blob; tell what returned."""
    series, table, sets, blobs = (
        engine.series("s"), engine.table("t"), engine.table("sets"), engine.blobs("b"),
    )  # fmt: skip
    me, n = f"w{os.getpid()}", 0
    while True:
        series.append([(me, n, b"x"), ("shared", n, me.encode())])
        tell(json.dumps(["append", me, n]))
        won = count_once(table)
        if won is not None:
            tell(json.dumps(["won", won]))
        if n % 5 == 0:
            sets.replace({f"k{i}": f"{me} {n}".encode() for i in range(5)})
            version = (blobs.version("k") or 0) + 1
            blobs.put("k", b"%d" % version, version)
        n += 1


def append_through_outages(engine):
    """Append batches of one to seven, each until it returns; tell the times of its points."""
    series, name, n = engine.series("s"), f"w{os.getpid()}", 0
    while True:
        times = range(n, n := n + 1 + n % 7)
        while True:
            try:
                series.append([(name, ts, b"x") for ts in times])
                break
            except BackendUnavailable:
                continue
        tell(json.dumps(["append", name, list(times)]))


def count_once(table):
    """Add one to a number; give what it became, None if another process was faster."""
    row = table.get("counter")
    if row is None:
        return 1 if table.put("counter", b"1", when=When.ABSENT) else None
    number = int(row.value) + 1
    return number if table.put("counter", b"%d" % number, expected_seq=row.seq) else None


def main():
    url, database, job = sys.argv[1:]
    options = MongoOptions(url=Secret(url), database=database)
    context = StoreContext(store="plant", device="pump-17", options=options)
    with smok_open_engine(context) as engine:
        tell("ready")
        sys.stdin.readline()
        globals()[job](engine)


main()
