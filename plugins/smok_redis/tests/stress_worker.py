"""A process that mixes writes on one store and tells each: ``stress_worker.py KIND PLACE NAME``."""

import itertools
import random
import sys
from pathlib import Path

from smok_core.engine.base import Durability, When
from smok_core.errors import BackendUnavailable
from smok_core.hookspecs import StoreContext
from smok_core.settings import Secret, StoreSettings


def open_engine(kind, place):
    """Open the store: ``redis`` at a URL, or ``pickle`` in a file."""
    if kind == "redis":
        from smok_redis.options import RedisOptions as Options
        from smok_redis.plugin import smok_open_engine

        options = Options(url=Secret(place), timeout=10.0)
    else:
        from smok_pickle.options import PickleOptions as Options
        from smok_pickle.plugin import smok_open_engine

        options = Options(path=place)
    return smok_open_engine(
        StoreContext(
            store="plant",
            device="pump",
            options=options,
            settings=StoreSettings(durability=Durability.CRASH),
            base_dir=Path(),
        )
    )


def tell(what, number):
    """Say that something was acknowledged."""
    sys.stdout.write(f"{what} {number}\n")
    sys.stdout.flush()


def again(call):
    """Call until the store is there; calling again is harmless."""
    while True:
        try:
            return call()
        except BackendUnavailable:
            continue


def raise_counter(table):
    """Add one to the shared counter; give the value this process made it, or None."""
    row = table.get("counter")
    value = int(row.value) + 1
    done = table.put("counter", b"%d" % value, expected_seq=row.seq)
    return value if done else None


def work(engine, name):
    """Append, count, claim and replace for ever; tell what was acknowledged."""
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    whole = engine.table("whole")
    for n in itertools.count():
        again(lambda n=n: series.append([(name, 2 * n, b"a"), (name, 2 * n + 1, b"b")]))
        tell("point", n)
        value = again(lambda: raise_counter(table))
        if value is not None:
            tell("count", value)
        if again(lambda n=n: table.put(f"claim {n}", name.encode(), when=When.ABSENT)):
            tell("claim", n)
        again(lambda n=n: whole.replace({f"{name} {n} {i}": b"v" for i in range(5)}))
        rows = {row.key.rsplit(" ", 1)[0] for row in again(lambda: list(whole.rows()))}
        assert len(rows) == 1, rows
        again(lambda n=n: blobs.put("b", b"%d" % n * 9, random.randrange(1 << 40)))
        data, _ = again(lambda: blobs.get("b"))
        assert data[: len(data) // 9] * 9 == data


if __name__ == "__main__":
    # A killed server may load for longer than opening waits.
    with again(lambda: open_engine(*sys.argv[1:3])) as store:
        work(store, sys.argv[3])
