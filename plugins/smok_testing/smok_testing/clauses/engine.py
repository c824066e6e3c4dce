"""Engine: names, isolation of what it hands out, closing, health, codec."""

import pickle
from typing import Any

from smok_core.engine.base import Ack, Durability, Engine, Health, Limits
from smok_core.errors import CorruptData, StoreClosed
from smok_testing.checks import expect, raises, same
from smok_testing.clause import clauses_of
from smok_testing.clauses.series import stored
from smok_testing.clauses.table import row_of
from smok_testing.harness import Harness
from smok_testing.samples import PLAIN, described

clause = clauses_of("engine")

#: Names that a careless engine mixes up.
NAMES = ("kit.a", "kit.b", "kit", "kit.a.b", "kit_a", "KIT.A", "kit.ab")


@clause("EN1")
def two_calls_with_one_name_give_the_same_data(harness: Harness) -> None:
    """What is written through one handle is there through another of the same name."""
    harness.table().put("k", b"v")
    harness.series().append([("n", 1, b"v")])
    harness.blobs().put("k", b"v", 1)
    same(row_of(harness.table(), "k").value, b"v", "a row through another handle")
    same(stored(harness.series()), [(1, b"v")], "points through another handle")
    same(harness.blobs().get("k"), (b"v", 1), "a blob through another handle")


@clause("EN1", "G5")
def different_names_share_nothing(harness: Harness) -> None:
    """Tables, series and blobs of different names, or of one name, do not see each other."""
    for place, name in enumerate(NAMES):
        harness.table(name).put("k", b"t%d" % place, pending=True)
        harness.series(name).append([("k", place, b"s%d" % place)])
        harness.blobs(name).put("k", b"b%d" % place, place)
    for place, name in enumerate(NAMES):
        same([row.value for row in harness.table(name).rows()], [b"t%d" % place], f"rows of {name}")
        same(stored(harness.series(name), "k"), [(place, b"s%d" % place)], f"points of {name}")
        same(harness.blobs(name).get("k"), (b"b%d" % place, place), f"the blob of {name}")
        same(len(harness.table(name).pending(9)), 1, f"rows that wait in {name}")
        same(len(harness.series(name).pending(9)), 1, f"points that wait in {name}")


@clause("EN1")
def replacing_and_deleting_stay_within_a_name(harness: Harness) -> None:
    """Emptying one table or one series leaves its neighbours alone."""
    for name in NAMES:
        harness.table(name).put("k", b"")
        harness.blobs(name).put("k", b"", 1)
    harness.table("kit").replace({})
    harness.blobs("kit").delete("k")
    left = [name for name in NAMES if harness.table(name).get("k") and harness.blobs(name).get("k")]
    same(left, [name for name in NAMES if name != "kit"], "names that still have their data")


def uses_of(engine: Engine) -> dict[str, Any]:
    """Return a call of every method of every primitive, by its name."""
    table, series = engine.table("kit.rows"), engine.series("kit.points", Limits())
    blobs = engine.blobs("kit.blobs")
    return {
        "table.get": lambda: table.get("k"),
        "table.get_many": lambda: table.get_many(["k"]),
        "table.put": lambda: table.put("k", b""),
        "table.delete": lambda: table.delete("k"),
        "table.rows": lambda: list(table.rows()),
        "table.replace": lambda: table.replace({}),
        "table.pending": lambda: table.pending(1),
        "table.acknowledge": lambda: table.acknowledge([Ack("k", 1)]),
        "table.stats": table.stats,
        "series.append": lambda: series.append([("n", 2, b"")]),
        "series.latest": lambda: series.latest("n"),
        "series.range": lambda: list(series.range("n", None, None)),
        "series.pending": lambda: series.pending(1),
        "series.acknowledge": lambda: series.acknowledge([1]),
        "series.requeue": lambda: series.requeue([("n", 1)]),
        "series.trim": lambda: series.trim(1),
        "series.names": lambda: list(series.names()),
        "series.stats": series.stats,
        "blobs.put": lambda: blobs.put("k", b"", 2),
        "blobs.get": lambda: blobs.get("k"),
        "blobs.version": lambda: blobs.version("k"),
        "blobs.versions": blobs.versions,
        "blobs.delete": lambda: blobs.delete("k"),
        "engine.health": engine.health,
    }


@clause("EN2", "G7")
def a_closed_engine_says_so(harness: Harness) -> None:
    """After closing, every method of every primitive raises `StoreClosed`."""
    engine = harness.engine
    uses = uses_of(engine)
    for use in uses.values():
        use()
    engine.table("kit.rows").put("k", b"")
    engine.close()
    for name, use in uses.items():
        with raises(StoreClosed, what=f"{name} after close"):
            use()


@clause("EN2")
def closing_twice_is_harmless(harness: Harness) -> None:
    """The second close does nothing, also at the end of a ``with``."""
    with harness.engine as engine:
        engine.table("kit.rows").put("k", b"")
        engine.close()
    engine.close()


@clause("EN3", "G3")
def flush_and_checkpoint_are_always_allowed(harness: Harness) -> None:
    """Housekeeping at any time changes no data."""
    harness.engine.checkpoint()
    harness.table().put("k", b"v", pending=True)
    harness.series().append([("n", 1, b"v")])
    before = (list(harness.table().rows()), harness.series().pending(9))
    for _ in range(2):
        harness.engine.flush()
        harness.engine.checkpoint()
    same((list(harness.table().rows()), harness.series().pending(9)), before, "rows and queue")


@clause("EN4")
def health_tells_where_and_how_safe(harness: Harness) -> None:
    """An engine names its location and a durability, from the first moment on."""
    health = harness.engine.health()
    expect(isinstance(health, Health), f"health() gave {type(health).__name__}, not Health")
    expect(health.location.strip(), "the location is empty")
    expect(health.durability in Durability, f"{health.durability!r} is no durability")


@clause("EV3", "EN5")
def plain_values_come_back_exactly(harness: Harness) -> None:
    """The codec gives back equal values of the very same types, at every depth."""
    codec = harness.engine.codec
    for value in (*PLAIN, list(PLAIN), tuple(PLAIN)):
        found = codec.loads(codec.dumps(value))
        same(described(found), described(value), f"{value!r} through the codec")
    many = [codec.loads(data) for data in codec.dumps_many(list(PLAIN))]
    same(described(many), described(list(PLAIN)), "dumps_many")


@clause("G11", "EN5")
def what_cannot_be_decoded_is_corrupt(harness: Harness) -> None:
    """Bytes that the codec did not make raise `CorruptData`, and run nobody's code."""
    codec = harness.engine.codec
    whole = codec.dumps({"key": ["value", 1, 2.5]})
    for junk in (b"", whole[:-1], whole[: len(whole) // 2], b"\xff" * 9, b"\xc1"):
        with raises(CorruptData, what=f"loads({junk!r})"):
            codec.loads(junk)
    Trap.sprung = False
    with raises(CorruptData, what="loads of a pickled instance"):
        codec.loads(pickle.dumps(Trap()))
    same(Trap.sprung, False, "code was run by the codec")


class Trap:
    """Says so when somebody unpickles it."""

    sprung = False

    def __reduce__(self) -> Any:
        return (spring, ())


def spring() -> None:
    """Run by a reader that builds whatever it is told to."""
    Trap.sprung = True
