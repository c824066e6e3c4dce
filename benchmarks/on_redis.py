"""What smok-redis costs against bare redis-py, as ratios within one run.

Run: ``python benchmarks/on_redis.py [valkey|redis]``. It starts a server of its own (append-only
file, everysec) on loopback. Both sides take turns in short blocks; each figure is a
ratio of medians.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from figures import judge

# The folder of this file holds modules called like drivers.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import redis  # noqa: E402, I001

from smok_core.hookspecs import StoreContext  # noqa: E402
from smok_core.settings import Secret  # noqa: E402
from smok_redis.options import RedisOptions  # noqa: E402
from smok_redis.plugin import smok_open_engine  # noqa: E402
from tests.servers.redis_servers import Server  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.engine.base import Engine

START = 1_700_000_000_000_000
VALUE = b"\xcb@5\x80\x00\x00\x00\x00\x00"
BLOCK = 20

#: Writes what one appended point writes: queue, archive, counters, the writer's last answer.
SAME_KEYS = """
redis.call('XADD', KEYS[1], ARGV[1] .. '-0', 'n', ARGV[2], 't', ARGV[3], 'v', ARGV[4])
redis.call('XADD', KEYS[2], ARGV[3] .. '-' .. ARGV[1], 'v', ARGV[4])
redis.call('HSET', KEYS[3], 'seq', ARGV[1])
redis.call('HINCRBY', KEYS[3], 'points', 1)
redis.call('HSET', KEYS[4], 'writer', ARGV[1])
return '1'
"""


def open_engine(url: str, device: str) -> Engine:
    context = StoreContext(store="bench", device=device, options=RedisOptions(url=Secret(url)))
    return smok_open_engine(context)


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(
    ours: Callable[[], None], bare: Callable[[], None], rounds: int
) -> tuple[float, float, float]:
    """Take turns in short blocks; give both medians in seconds, and bare / ours."""
    ours(), bare()
    pairs = [(seconds(ours), seconds(bare)) for _ in range(rounds)]
    ours_median, bare_median = (statistics.median(side) for side in zip(*pairs, strict=True))
    return ours_median, bare_median, bare_median / ours_median


def one_point(url: str) -> str:
    """One call of append with one point, against one bare call of a script."""
    series, client = (
        open_engine(url, "one").series("pathpoints"),
        redis.Redis.from_url(url, protocol=2),
    )
    digest = client.script_load(SAME_KEYS)
    keys = ("{bare}:queue", "{bare}:p:W1", "{bare}:meta", "{bare}:writers")
    clock = itertools.count(START, 1_000_000)

    def ours() -> None:
        for _ in range(BLOCK):
            series.append([("W1", next(clock), VALUE)])

    def bare() -> None:
        for _ in range(BLOCK):
            ts = next(clock)
            client.evalsha(digest, 4, *keys, ts, "W1", ts, VALUE)

    a, b, ratio = compare(ours, bare, 300)
    return _line("append, 1 point a call", a / BLOCK, b / BLOCK, ratio, ">= 0.85")


def thousands(url: str) -> str:
    """Append 2000 points at once, against a bare pipeline of the same commands."""
    series, client = (
        open_engine(url, "many").series("pathpoints"),
        redis.Redis.from_url(url, protocol=2),
    )
    clock, count = itertools.count(START, 1_000_000), 2000

    def ours() -> None:
        series.append([(f"W{n % 20}", next(clock), VALUE) for n in range(count)])

    def bare() -> None:
        pipe = client.pipeline(transaction=False)
        for n in range(count):
            ts, name = next(clock), f"W{n % 20}"
            pipe.xadd("{bare2}:queue", {"n": name, "t": ts, "v": VALUE}, f"{ts}-0")
            pipe.xadd(f"{{bare2}}:p:{name}", {"v": VALUE}, f"{ts}-{ts}")
        pipe.execute()

    a, b, ratio = compare(ours, bare, 25)
    return _line("append, 2000 points a call", a / count, b / count, ratio, ">= 2")


def devices(url: str) -> str:
    """A thousand devices, one point each in turn, against one device."""
    many = [open_engine(url, f"device {n}").series("pathpoints") for n in range(1000)]
    single = open_engine(url, "single").series("pathpoints")
    clock = itertools.count(START, 1_000_000)

    turn = itertools.cycle(many)

    def crowd() -> None:
        for _ in range(BLOCK):
            next(turn).append([("W1", next(clock), VALUE)])

    def alone() -> None:
        for _ in range(BLOCK):
            single.append([("W1", next(clock), VALUE)])

    for _ in range(len(many)):  # connections are made, first points are there
        next(turn).append([("W1", next(clock), VALUE)])
    a, b, ratio = compare(crowd, alone, 500)
    return _line("1000 devices, against 1", a / BLOCK, b / BLOCK, 1 / ratio, "<= 1.15")


def opening(url: str) -> str:
    """Open a store and read once, in milliseconds."""

    def work() -> None:
        engine = open_engine(url, "opening")
        engine.table("metadata").get("k")
        engine.close()

    median = statistics.median(seconds(work) for _ in range(15))
    return f"open -> first read: {median * 1e3:.1f} ms (2 round trips, see test_redis_footprint.py)"


def _line(what: str, ours: float, bare: float, ratio: float, goal: str) -> str:
    judge(f"9. Redis: {what}", ratio, goal)
    return f"   ours {ours * 1e6:.1f} us, bare {bare * 1e6:.1f} us a point"


def main() -> None:
    flavour = sys.argv[1] if len(sys.argv) > 1 else "valkey"
    with tempfile.TemporaryDirectory() as folder, Server(flavour, Path(folder)) as server:
        for figure in (one_point, thousands, devices, opening):
            print(figure(server.url), flush=True)


if __name__ == "__main__":
    main()
