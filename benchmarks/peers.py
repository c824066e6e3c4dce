"""Pathpoints against bare sqlite3, a raw file with fsync, and queues from PyPI: in and out.

Every store keeps the same readings with the same durability or a weaker one; runs are taken in
turn. A peer that is not installed is skipped with its name (`make bench` installs them).
Run: python benchmarks/peers.py
"""

import importlib
import itertools
import json
import os
import pickle
import sqlite3
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from figures import interleaved, report

import smok_core

Points = list[tuple[str, int, float]]
READINGS = [(f"plant/pump{i % 100}", 1_700_000_000_000 + i, i / 7) for i in range(240_000)]


class Store(NamedTuple):
    """Append in one transaction; take the oldest out, decoded, and acknowledge them."""

    append: Callable[[Points], object]
    take: Callable[[int], int]
    close: Callable[[], object] = lambda: None


def ours(folder: Path, durability: str) -> Store:
    store = {"backend": "pickle", "path": str(folder / "ours.db"), "durability": durability}
    if durability == "buffered":
        store["flush_ms"] = 100  # type: ignore[assignment]
    config = {"device": "bench", "stores": {"s": store}, "roles": {"default": "s"}}
    databases = smok_core.open_databases(config)
    role: Any = databases.pathpoints

    def append(points: Points) -> None:
        role.on_new_data_many(points) if len(points) > 1 else role.on_new_data(*points[0])

    def take(count: int) -> int:
        batch = role.get_data_to_sync(count)
        taken = len(batch.values)
        batch.acknowledge()
        return taken

    return Store(append, take, databases.close)


def bare(folder: Path, durability: str) -> Store:
    """One table that nothing can be looked up in by name: the least a program could do."""
    base = sqlite3.connect(folder / "bare.db", isolation_level=None, check_same_thread=False)
    base.execute("pragma journal_mode=wal")
    base.execute(f"pragma synchronous={'full' if durability == 'power-loss' else 'normal'}")
    base.execute("create table points (id integer primary key, path text, ts integer, value real)")
    insert = "insert into points (path, ts, value) values (?, ?, ?)"
    last = [time.monotonic()]

    def append(points: Points) -> None:
        if durability != "buffered" and len(points) == 1:
            base.execute(insert, points[0])
            return
        if not base.in_transaction:
            base.execute("begin")
        base.executemany(insert, points)
        if durability != "buffered" or time.monotonic() - last[0] > 0.1:
            last[0] = time.monotonic()
            base.execute("commit")

    def take(count: int) -> int:
        found = base.execute("select * from points order by id limit ?", (count,)).fetchall()
        base.execute("delete from points where id <= ?", (found[-1][0],))
        return len(found)

    return Store(append, take)


def raw_file(folder: Path, durability: str) -> Store:
    """Records of one size, and a file that says how far they have been read."""
    record = struct.Struct("<24sqd")
    log, place = (os.open(folder / name, os.O_RDWR | os.O_CREAT) for name in ("log", "place"))
    sync: Callable[[int], object] = os.fsync if durability == "power-loss" else lambda _: None
    read = [0]

    def append(points: Points) -> None:
        os.write(log, b"".join(record.pack(path.encode(), ts, v) for path, ts, v in points))
        sync(log)

    def take(count: int) -> int:
        found = list(record.iter_unpack(os.pread(log, count * record.size, read[0])))
        read[0] += len(found) * record.size
        os.pwrite(place, read[0].to_bytes(8, "big"), 0)
        sync(place)
        return len(found)

    return Store(append, take)


def lmdb(folder: Path, durability: str) -> Store:
    sync = durability == "power-loss"
    env = importlib.import_module("lmdb").open(
        str(folder / "lmdb"), map_size=1 << 30, sync=sync, metasync=sync
    )
    numbers = itertools.count()

    def append(points: Points) -> None:
        with env.begin(write=True) as transaction:
            for point in points:
                transaction.put(next(numbers).to_bytes(8, "big"), pickle.dumps(point), append=True)

    def take(count: int) -> int:
        with env.begin(write=True) as transaction, transaction.cursor() as cursor:
            cursor.first()
            taken = [(pickle.loads(cursor.value()), cursor.delete()) for _ in range(count)]
        return len(taken)

    return Store(append, take)


def diskcache(folder: Path, durability: str) -> Store:
    module = importlib.import_module("diskcache")
    full = 2 if durability == "power-loss" else 1
    cache = module.Cache(str(folder / "dc"), eviction_policy="none", sqlite_synchronous=full)
    deque = module.Deque.fromcache(cache)

    def append(points: Points) -> None:
        with deque.transact():
            deque.extend(points)

    def take(count: int) -> int:
        with deque.transact():
            return len([deque.popleft() for _ in range(count)])

    return Store(append, take)


def litequeue(folder: Path, _: str) -> Store:
    """Safe against a crash only, as it comes; it commits each reading that it hands over."""
    queue = importlib.import_module("litequeue").LiteQueue(str(folder / "lq.db"))

    def append(points: Points) -> None:
        with queue.transaction():
            for point in points:
                queue.put(json.dumps(point))

    def take(count: int) -> int:
        taken = [queue.pop() for _ in range(count)]
        with queue.transaction():
            return len([(json.loads(m.data), queue.done(m.message_id)) for m in taken])

    return Store(append, take)


def persist_queue(folder: Path, _: str) -> Store:
    """Safe against power loss always."""
    module = importlib.import_module("persistqueue")
    queue = module.SQLiteQueue(str(folder / "pq"), auto_commit=False)

    def append(points: Points) -> None:
        for point in points:
            queue.put(point)
        queue.task_done()

    def take(count: int) -> int:
        taken = [queue.get() for _ in range(count)]
        queue.task_done()
        return len(taken)

    return Store(append, take)


def duel(
    peer: Callable[..., Store], durability: str, size: int, turns: tuple[int, int], goal: str
) -> None:
    """Append and take so many at a time; report the ratio of the speeds in both directions.

    A disk that others use changes its pace in the middle of a turn: many short ones are compared
    fairly. ``turns`` is the calls of one, and how many there are.
    """
    calls, rounds = turns
    against = peer.__name__.replace("_", " ")
    how = f"{'one by one' if size == 1 else 'in thousands'}, {durability} / {against}"
    with tempfile.TemporaryDirectory() as name:
        try:
            stores = [make(Path(name), durability) for make in (ours, peer)]
        except ImportError as error:
            print(f"skipped: {how}: {error}")
            return
        feeds = [chunks(size), chunks(size)]

        def put(at: int) -> None:
            for points in itertools.islice(feeds[at], calls):
                stores[at].append(points)

        def take(at: int) -> None:
            assert all(stores[at].take(size) == size for _ in range(calls))

        number = f"{goal[:1]}. " if goal else ""
        speak(f"{number}append {how}", put, goal[1:].strip(), rounds)
        if durability != "buffered":
            rule = ">= 0.67" if peer is bare else ""
            speak(f"{'5. ' * bool(rule)}hand over and acknowledge {how}", take, rule, rounds)
        stores[0].close()


def chunks(size: int) -> Iterator[Points]:
    return (READINGS[at : at + size] for at in range(0, len(READINGS), size))


def speak(title: str, work: Callable[[int], None], goal: str, rounds: int) -> None:
    seconds, theirs = interleaved(lambda: work(0), lambda: work(1), rounds)
    speed = theirs / seconds
    report(title, speed, goal, met=speed >= float(goal[3:]) if goal else None)


def threads() -> None:
    """Goal 4: eight threads share the commits that one thread pays for alone."""
    with tempfile.TemporaryDirectory() as name:
        store, points = ours(Path(name), "power-loss"), chunks(1)

        def write(count: int) -> None:
            for _ in range(count):
                store.append(next_point())

        lock = threading.Lock()

        def next_point() -> Points:
            with lock:
                return next(points)

        def eight() -> None:
            workers = [threading.Thread(target=write, args=(50,)) for _ in range(8)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()

        seconds, alone = interleaved(eight, lambda: write(400), 11)
        store.close()
    speed = alone / seconds
    report("4. eight threads / one, power-loss, speed", speed, ">= 3", met=speed >= 3)


def main() -> None:
    for peer in (bare, raw_file, lmdb, diskcache, litequeue, persist_queue):
        turns = 11 if peer in {litequeue, persist_queue} else 200  # they are that slow
        duel(peer, "power-loss", 1000, (1, turns), "1>= 0.8" * (peer is bare))
    for peer in (bare, raw_file, lmdb, diskcache, litequeue):
        duel(peer, "crash", 1, (300, 11), "3>= 0.8" * (peer is bare))
    duel(bare, "buffered", 1, (20_000, 11), "2>= 0.6")
    threads()


if __name__ == "__main__":
    main()
