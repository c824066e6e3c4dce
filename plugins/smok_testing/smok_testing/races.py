"""What processes do to the primitives of one store at the same moment, step by step.

A step that is won notes it in a table of the process's own, so that the clauses can count the
winners afterwards. Each step is short: the more often two processes meet in it, the better.
"""

from collections.abc import Callable
from typing import Final

from smok_core.engine.base import Ack, Engine, When

#: Points, or rows, that one call writes and nobody may see a part of.
GROUP: Final = 16
#: Blobs of which each step of a race stores a version: the look at one is over in a moment.
BLOBS: Final = tuple(f"k{number}" for number in range(8))
#: Attempts at a compare-and-set before somebody else must have been faster far too often.
_ATTEMPTS: Final = 1000


def wins(engine: Engine, me: int) -> list[str]:
    """Return the steps that a process has won, in their order; for blobs with the key."""
    rows = engine.table(f"race.wins.{me}").rows()
    parts = ((row.key, row.value.decode().split()) for row in rows)
    return [f"{step} {key}".strip() for step, keys in parts for key in keys or [""]]


def _note(engine: Engine, step: int, me: str, *, won: bool) -> None:
    if won:
        engine.table(f"race.wins.{me}").put(str(step), b"")


def absent(engine: Engine, step: int, me: str) -> None:
    """Be the first to write a key."""
    won = engine.table("race.rows").put(f"k{step}", me.encode(), when=When.ABSENT)
    _note(engine, step, me, won=won)


def newer(engine: Engine, step: int, me: str) -> None:
    """Be the first to write a stamp."""
    table = engine.table("race.rows")
    won = table.put("k", me.encode(), stamp=step + 1.0, when=When.NEWER)
    _note(engine, step, me, won=won)


def counting(engine: Engine, _: int, __: str) -> None:
    """Add one to a number by compare-and-set."""
    table = engine.table("race.rows")
    for _attempt in range(_ATTEMPTS):
        row = table.get("n")
        if row is None:
            table.put("n", b"0", when=When.ABSENT)
        elif table.put("n", b"%d" % (int(row.value) + 1), expected_seq=row.seq):
            return
    raise TimeoutError(f"{_ATTEMPTS} attempts at one compare-and-set")


def versions(engine: Engine, step: int, me: str) -> None:
    """Be the first to store a version of several blobs, one right after the other."""
    blobs, data = engine.blobs("race.blobs"), me.encode() * (step + 1)
    won = [key for key in BLOBS if blobs.put(key, data, step + 1) is None]
    if won:
        engine.table(f"race.wins.{me}").put(str(step), " ".join(won).encode())


def adding(engine: Engine, step: int, me: str) -> None:
    """Append points of one's own."""
    points = [(f"w{me}", ts, me.encode()) for ts in times_added(step, int(me))]
    engine.series("race.points").append(points)


def times_added(step: int, me: int) -> range:
    """Return the times of what a process adds in a step: one, or a group beside the other's one.

    Of two appends of one size who comes first is done first; a small one overtakes a large one.
    """
    return range(step * GROUP, step * GROUP + (GROUP if (step + me) % 4 == 3 else 1))


def grouping(engine: Engine, step: int, me: str) -> None:
    """Append and acknowledge a group of points, replace a table by a group of rows."""
    points = [(f"w{me}", step * GROUP + n, b"v") for n in range(GROUP)]
    series = engine.series("race.points")
    series.append(points)
    if step % 2:
        series.acknowledge([point.seq for point in series.pending(GROUP)])
    engine.table("race.rows").replace({f"k{n}": f"{me} {step}".encode() for n in range(GROUP)})


def changing(engine: Engine, step: int, me: str) -> None:
    """Give few points and rows ever new values, in the order of one's own."""
    names = [f"n{n}" for n in range(4)]
    ours = names if int(me) % 2 else names[::-1]
    value = f"{me} {step}".encode()
    engine.series("race.points").append([(name, step % 3, value) for name in ours])
    engine.table("race.rows").put(f"k{step % 3}", value, pending=True)


def crossing(engine: Engine, step: int, me: str) -> None:
    """Write and acknowledge the same rows and points as the other, in the opposite order."""
    table, series = engine.table("race.rows"), engine.series("race.points")
    way = 1 if int(me) % 2 else -1
    keys = [f"k{n}" for n in range(4)][::way]
    for key in keys:
        table.put(key, f"{me} {step}".encode(), pending=True)
    rows = table.get_many(keys)
    table.acknowledge([Ack(key, rows[key].seq) for key in keys])
    series.append([(key, step, b"v") for key in keys])
    series.acknowledge([point.seq for point in series.pending(8)][::way])


def beginning(engine: Engine, step: int, me: str) -> None:
    """Use tables, series and blobs that nobody has used yet."""
    engine.table(f"first.{step}").put(me, b"v", pending=True)
    engine.series(f"first.{step}").append([(me, step, b"v")])
    engine.blobs(f"first.{step}").put(me, b"v", 1)


def neighbouring(engine: Engine, _: int, me: str) -> None:
    """Write over the row and the blob of another process, and into its series."""
    number = int(me) + 1
    engine.table("race.rows").put("k", me.encode(), stamp=1e9)
    engine.table("race.full").put("k", me.encode(), pending=True)
    engine.series("race.points").append([(f"w{me}", number, b"v")])
    engine.series("race.full").append([("n", -1, me.encode())])
    engine.blobs("race.blobs").put("k", me.encode(), 1 + number)


RACES: Final[dict[str, Callable[[Engine, int, str], None]]] = {
    race.__name__: race
    for race in (
        absent, newer, counting, versions, adding, grouping, changing, crossing, beginning,
        neighbouring,
    )
}  # fmt: skip
