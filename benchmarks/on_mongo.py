"""What smok-mongo costs against bare pymongo, as ratios within one run.

Run: ``python benchmarks/on_mongo.py [--full]``. The server is the one of the tests (a given one, a
mongod on PATH, or FerretDB; ``SMOK_TEST_MONGO_URL=java`` is mongo-java-server); both sides wait for
w=majority, j=true and take turns. ``--full`` drains 100 000 points instead of 10 000: FerretDB
reads the whole collection for every batch.
"""

# ruff: noqa: E402
from __future__ import annotations

import itertools
import statistics
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures import judge

# The plugin as installed, the rest from the checkout.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import pymongo
from bson import Binary, Int64
from smok_mongo.options import MongoOptions
from smok_mongo.plugin import smok_open_engine

from smok_core.hookspecs import StoreContext
from smok_core.settings import Secret
from tests.servers.mongo_server import NoServer, start_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.engine.base import Engine

START = 1_700_000_000_000_000
VALUE = b"\xcb@5\x80\x00\x00\x00\x00\x00"
NAMES = [f"building/floor 3/W{n}" for n in range(20)]
ROUNDS = 7


class Bench:
    """A server, a database that is dropped afterwards, and both ways to it."""

    def __init__(self, url: str) -> None:
        self.url, self.name = url, f"smok_bench_{uuid.uuid4().hex[:12]}"
        self.client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            url, w="majority", journal=True
        )
        self.bare = self.client[self.name + "_bare"]

    def engine(self, device: str) -> Engine:
        options = MongoOptions(url=Secret(self.url), database=self.name, socket_ms=60_000)
        return smok_open_engine(StoreContext(store="bench", device=device, options=options))

    def close(self) -> None:
        for name in (self.name, self.bare.name):
            self.client.drop_database(name)
        self.client.close()


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def documents(clock: itertools.count[int], count: int) -> list[dict[str, Any]]:
    """Make the documents that the archive of ``count`` points consists of."""
    return [
        {
            "_id": f"bare|pathpoints|{NAMES[n % 20]}|{next(clock) + 2**63:016x}",
            "v": Binary(VALUE),
            "seq": Int64(START + n),
        }
        for n in range(count)
    ]


def thousands(bench: Bench, count: int) -> str:
    """Append 20 names at 1 Hz by the thousands, against insert_many of a document for each."""
    series = bench.engine(f"append {count}").series("pathpoints")
    clock = itertools.count(START, 50_000)

    def ours() -> None:
        series.append([(NAMES[n % 20], next(clock), VALUE) for n in range(count)])

    def bare() -> None:
        bench.bare[f"points_{count}"].insert_many(documents(clock, count), ordered=False)

    ours(), bare()
    pairs = [(seconds(ours), seconds(bare)) for _ in range(ROUNDS)]
    ratio = statistics.median(b / a for a, b in pairs)
    return line(f"append, {count} points a call", pairs, count, ratio, ">= 0.6")


def drain(bench: Bench, count: int, per_append: int, rounds: int = 1) -> str:
    """Hand over and acknowledge everything by 1000, against find and delete_many of documents."""
    series = bench.engine(f"drain {per_append}").series("pathpoints")
    queue = bench.bare[f"queue_{per_append}"]

    def fill(begin: int) -> None:
        for first in range(begin, begin + count, per_append):
            part = range(first, first + per_append)
            series.append([(NAMES[n % 20], START + n, VALUE) for n in part])
        for first in range(begin, begin + count, 1000):
            queue.insert_many([
                {"_id": f"bare|{n:016x}", "p": NAMES[n % 20], "t": START + n, "v": Binary(VALUE)}
                for n in range(first, first + 1000)
            ])  # fmt: skip

    def ours() -> None:
        while points := series.pending(1000):
            series.acknowledge([point.seq for point in points])

    def bare() -> None:
        below = {"_id": {"$gte": "bare|", "$lt": "bare}"}}
        while found := list(queue.find(below, batch_size=1000).sort("_id", 1).limit(1000)):
            queue.delete_many({"_id": {"$in": [document["_id"] for document in found]}})

    pairs = []
    for number in range(rounds):
        fill(number * count)
        pairs.append((seconds(ours), seconds(bare)))
    ratio = statistics.median(b / a for a, b in pairs)
    what = f"drain of {count} points, appended by {per_append}"
    return line(what, pairs, count, ratio, ">= 0.5")


def devices(bench: Bench, count: int) -> str:
    """Append, hand over and acknowledge for the first device, and again beside ``count`` others."""
    engines = [bench.engine(f"device {n}") for n in range(count)]
    clock = itertools.count(START, 1_000_000)

    def cycle(engine: Engine) -> None:
        series = engine.series("pathpoints")
        series.append([("W1", next(clock), VALUE)])
        series.acknowledge([point.seq for point in series.pending(10)])

    cycle(engines[0])
    alone = statistics.median(seconds(lambda: cycle(engines[0])) for _ in range(20))
    for engine in engines[1:]:
        engine.series("pathpoints").append([("W1", next(clock), VALUE)])
    crowd = statistics.median(seconds(lambda: cycle(engines[0])) for _ in range(20))
    for engine in engines:
        engine.close()
    return (
        f"append + pending + acknowledge: {alone * 1e3:.1f} ms alone, {crowd * 1e3:.1f} ms beside "
        f"{count - 1} devices: {crowd / alone:.2f} (1 where the index of _id is used)"
    )


def line(what: str, pairs: list[tuple[float, float]], count: int, ratio: float, goal: str) -> str:
    ours = statistics.median(a for a, _ in pairs) / count
    bare = statistics.median(b for _, b in pairs) / count
    judge(f"9. MongoDB: {what}", ratio, goal)
    return f"   ours {ours * 1e6:.1f} us, bare {bare * 1e6:.1f} us a point"


def main() -> int:
    count = 100_000 if "--full" in sys.argv else 10_000
    try:
        server = start_server()
    except NoServer as error:
        print(f"skipped: {error}")
        return 0
    print(f"server: {server.kind}")
    figures: list[Callable[[Bench], str]] = [
        lambda bench: thousands(bench, 1000),
        lambda bench: thousands(bench, 5000),
        lambda bench: drain(bench, count, 1000),
        lambda bench: drain(bench, 2000, 1, ROUNDS),
        lambda bench: devices(bench, 100),
    ]
    try:
        for figure in figures:
            bench = Bench(server.url)
            print(figure(bench), flush=True)
            bench.close()
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
