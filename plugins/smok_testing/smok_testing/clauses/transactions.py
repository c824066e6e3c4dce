"""What a call leaves behind: no half of it where it raised, no transaction where it was refused."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from smok_core.engine.base import Ack, Engine, Limits, Table, When
from smok_core.errors import QueueFull
from smok_core.hookspecs import Capability
from smok_testing.checks import expect, raises, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.worker_process import Worker

in_table, in_series, in_engine = map(clauses_of, ("table", "series", "engine"))

#: No driver can write these as a tag, a seq or a key; an engine may also leave them out of account.
LONE_SURROGATE, NOTHING_KNOWN = "\ud800", object()


# --- an acknowledgement is one transaction -------------------------------------------------------


@in_table("G4", "TA8")
def an_acknowledgement_that_raises_changes_nothing(harness: Harness) -> None:
    """Where one item cannot be taken, either all the others are acknowledged or none is."""
    for place, what in enumerate(("tag", "seq", "key")):
        for remove in (False, True):
            table = harness.table(f"kit.{what}.{remove}")
            _acknowledge_a_wrong(table, place, remove=remove)


def _acknowledge_a_wrong(table: Table, place: int, *, remove: bool) -> None:
    for key in ("a", "b", "c"):
        table.put(key, b"v", pending=True)
    before = {row.key: row for row in table.rows()}
    wrong: list[Any] = ["b", before["b"].seq, None, remove]
    field, value = ((2, LONE_SURROGATE), (1, NOTHING_KNOWN), (0, NOTHING_KNOWN))[place]
    wrong[field] = value
    acks = [Ack("a", before["a"].seq, "t"), Ack(*wrong), Ack("c", before["c"].seq, remove=remove)]
    raised = True
    with suppress(Exception):
        table.acknowledge(acks)
        raised = False
    found = table.get_many(["a", "c"])
    if raised:
        same(found, {key: before[key] for key in ("a", "c")}, "rows after a call that raised")
    else:
        ended = [key for key, row in found.items() if not row.pending]
        same(ended, ["a"] if remove else ["a", "c"], "rows that wait no more")


@in_series("G4", "SR4")
def half_a_list_of_seqs_acknowledges_nothing(harness: Harness) -> None:
    """Where the seqs that are handed in end in an error, none of them was acknowledged."""
    series = harness.series()
    series.append([("n", ts, b"v") for ts in range(3)])
    seqs = [point.seq for point in series.pending(3)]

    def torn() -> Iterator[int]:
        yield from seqs[:2]
        raise ZeroDivisionError

    with raises(Exception, what="acknowledging seqs whose iterator raises"):
        series.acknowledge(torn())
    same([point.seq for point in series.pending(3)], seqs, "seqs that wait after that")
    same(series.acknowledge(seqs), 3, "points acknowledged afterwards")


# --- a refusal ends its transaction --------------------------------------------------------------


@in_engine(
    "G10", "G7", level=Level.CONCURRENT, needs=Capability.MULTI_PROCESS, ability="processes"
)  # fmt: skip
def a_refused_call_holds_nothing(harness: Harness) -> None:
    """After each call that was refused or found nothing to do another process goes on at once."""
    _fill(harness.engine)
    with Worker(harness) as neighbour:
        for number, (what, call) in enumerate(_refused(harness.engine).items()):
            expect(not call(), f"{what}: expected a refusal, it was carried out")
            neighbour.start(harness.place, "neighbouring", 0, me=str(number))
            neighbour.follow("exit")
            expect(not neighbour.error, f"a process after {what}: {neighbour.error}")


def _fill(engine: Engine) -> None:
    engine.table("race.rows").put("k", b"v", stamp=1e9)
    engine.table("race.full").put("k", b"v", pending=True)
    engine.series("race.points").append([("n", -1, b"v")])
    engine.series("race.full").append([("n", -1, b"v")])
    engine.blobs("race.blobs").put("k", b"v", 1)


def _refused(engine: Engine) -> dict[str, Callable[[], Any]]:
    """Return calls that change nothing and, as their answers say so, give nothing that is true."""
    rows, blobs, points = (
        engine.table("race.rows"), engine.blobs("race.blobs"), engine.series("race.points"),
    )  # fmt: skip
    return {
        "an expected seq that is another": lambda: rows.put("k", b"w", expected_seq=10**9),
        "an expected seq of no row": lambda: rows.put("none", b"w", expected_seq=1),
        "a key that is there": lambda: rows.put("k", b"w", when=When.ABSENT),
        "an older stamp": lambda: rows.put("k", b"w", stamp=1.0, when=When.NEWER),
        "a full queue of rows": lambda: _full(
            lambda: engine.table("race.full").put("l", b"v", pending=True, max_pending=1)
        ),
        "a deletion with another seq": lambda: rows.delete("k", expected_seq=10**9),
        "a deletion of no row": lambda: rows.delete("none"),
        "an acknowledgement of another seq": lambda: rows.acknowledge([Ack("k", 10**9)]),
        "a version that is there": lambda: blobs.put("k", b"w", 1) is None,
        "a deletion of no blob": lambda: blobs.delete("none"),
        "a full queue of points": lambda: _full(
            lambda: engine.series("race.full", Limits(max_pending=1)).append([("n", 1, b"v")])
        ),
        "a point that is there": lambda: points.append([("n", -1, b"v")]),
        "an acknowledgement of no point": lambda: points.acknowledge([10**9]),
        "queueing no point again": lambda: points.requeue([("none", 1)]),
        "a trim of no point": lambda: points.trim(-10),
    }


def _full(call: Callable[[], Any]) -> None:
    with raises(QueueFull, what="adding to a full queue"):
        call()
