"""Table: the queue of rows that wait, and how their wait ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smok_core.engine.base import Settlement
from smok_testing.checks import rising, same
from smok_testing.clause import clauses_of
from smok_testing.clauses.table import row_of

if TYPE_CHECKING:
    from smok_core.engine.base import Table
    from smok_testing.lab import Lab

clause = clauses_of("table")


def waiting(table: Table, limit: int = 100, after: int = 0) -> list[str]:
    """Give the keys that wait."""
    return [row.key for row in table.pending(limit, after)]


def queued(lab: Lab, keys: str) -> tuple[Table, dict[str, int]]:
    """Give a table in which each of these keys waits, and their seqs."""
    table = lab.table()
    for key in keys:
        table.put(key, key.encode(), pending=True)
    return table, {row.key: row.seq for row in table.pending(100)}


@clause("TA7", "Q1", "G8")
def the_oldest_change_is_handed_over_first(lab: Lab) -> None:
    """Rows wait in the order of their last change, whatever their keys and stamps are."""
    table = lab.table()
    for key, stamp in (("a", 3.0), ("c", 1.0), ("b", -7.0), ("a", 2.0)):
        table.put(key, b"", stamp=stamp, pending=True)
    table.put("d", b"")
    same(waiting(table), ["c", "b", "a"], "keys that wait")
    rising([row.seq for row in table.pending(10)], "seqs of the rows that wait")
    same(table.pending(10)[0], row_of(table, "c"), "a row that waits beside get")


@clause("TA7", "Q1")
def pending_is_bounded(lab: Lab) -> None:
    """At most ``limit`` rows come, the lowest seqs of them, and 0 means none."""
    table, _ = queued(lab, "abcde")
    same(waiting(table, limit=2), ["a", "b"], "two of five")
    same(waiting(table, limit=5), ["a", "b", "c", "d", "e"], "five of five")
    same(waiting(table, limit=0), [], "none of five")


@clause("TA7")
def pending_pages_without_settling(lab: Lab) -> None:
    """With ``after`` the queue is read on from a seq, that seq not included."""
    table, seqs = queued(lab, "abcde")
    same(waiting(table, 2, seqs["b"]), ["c", "d"], "two after b")
    same(waiting(table, 10, seqs["d"]), ["e"], "all after d")
    same(waiting(table, 10, seqs["e"]), [], "all after the last")


@clause("TA7")
def a_put_that_does_not_wait_ends_the_wait(lab: Lab) -> None:
    """Writing a row with ``pending`` False takes it out of the queue."""
    table, _ = queued(lab, "ab")
    table.put("a", b"new")
    same(waiting(table), ["b"], "keys that wait")


@clause("TA8", "Q2")
def settle_ends_the_wait_of_what_was_handed_out(lab: Lab) -> None:
    """Exactly the settled rows stop waiting; they stay stored with value, stamp and seq."""
    table = lab.table()
    for key in "abc":
        table.put(key, b"v", stamp=4.5, pending=True)
    before = row_of(table, "b")
    same(table.settle([Settlement("b", before.seq)]), 1, "rows settled")
    same(waiting(table), ["a", "c"], "keys that wait")
    same(row_of(table, "b"), before._replace(pending=False), "the settled row")


@clause("TA8", "Q2")
def settle_leaves_what_changed_meanwhile(lab: Lab) -> None:
    """A row that was written after it was handed out goes on waiting."""
    table, seqs = queued(lab, "ab")
    table.put("a", b"newer", pending=True)
    same(table.settle([Settlement("a", seqs["a"]), Settlement("b", seqs["b"])]), 1, "settled")
    same(waiting(table), ["a"], "keys that wait")
    same(row_of(table, "a").value, b"newer", "the value written meanwhile")


@clause("TA8", "Q2")
def settle_of_a_later_seq_does_nothing(lab: Lab) -> None:
    """Only the very seq counts, not a range up to it."""
    table, seqs = queued(lab, "abc")
    same(table.settle([Settlement("a", seqs["c"])]), 0, "a settled with the seq of c")
    same(table.settle([Settlement("b", seqs["c"] + 1)]), 0, "b settled with a seq to come")
    same(waiting(table), ["a", "b", "c"], "keys that wait")


@clause("TA8", "Q4")
def settle_twice_is_harmless(lab: Lab) -> None:
    """The second time nothing changes and nothing is counted."""
    table, seqs = queued(lab, "ab")
    done = [Settlement("a", seqs["a"], tag="t")]
    same(table.settle(done), 1, "rows settled")
    before = list(table.rows())
    same(table.settle(done), 0, "rows settled the second time")
    same(list(table.rows()), before, "all rows")


@clause("TA8", "EV2")
def settle_sets_the_tag_in_any_case(lab: Lab) -> None:
    """The tag is stored even if the row changed meanwhile, and the row's seq stays."""
    table, seqs = queued(lab, "ab")
    table.put("a", b"newer", pending=True)
    before = row_of(table, "a")
    table.settle([Settlement("a", seqs["a"], tag="server-1"), Settlement("b", seqs["b"], "t")])
    same(row_of(table, "a"), before._replace(tag="server-1"), "the row that changed meanwhile")
    same(row_of(table, "b").tag, "t", "the tag of the settled row")


@clause("TA8")
def settle_without_tag_keeps_the_tag(lab: Lab) -> None:
    """None leaves the tag alone; another tag replaces it."""
    table, seqs = queued(lab, "a")
    table.settle([Settlement("a", seqs["a"], tag="first")])
    table.settle([Settlement("a", seqs["a"])])
    same(row_of(table, "a").tag, "first", "the tag after a settlement without one")
    table.settle([Settlement("a", seqs["a"], tag="")])
    same(row_of(table, "a").tag, "", "the tag after an empty one")


@clause("TA8")
def settle_ignores_unknown_keys(lab: Lab) -> None:
    """A row that is gone, or never was, is neither counted nor made."""
    table, seqs = queued(lab, "ab")
    table.delete("a")
    gone = Settlement("a", seqs["a"], tag="t")
    same(table.settle([gone, Settlement("x", 1, remove=True)]), 0, "rows settled")
    same(table.settle([]), 0, "nothing settled")
    same([row.key for row in table.rows()], ["b"], "all rows")


@clause("TA8", "Q2")
def settle_removes_if_nothing_changed(lab: Lab) -> None:
    """With ``remove`` a row goes, unless it was written after it was handed out."""
    table, seqs = queued(lab, "abc")
    table.put("b", b"newer", pending=True)
    done = [Settlement(key, seqs[key], remove=True) for key in "ab"]
    same(table.settle(done), 1, "rows removed")
    same([row.key for row in table.rows()], ["c", "b"], "rows that are left")
    same(waiting(table), ["c", "b"], "keys that wait")


@clause("TA8")
def settle_removes_rows_that_do_not_wait(lab: Lab) -> None:
    """A row that does not wait is removed by its seq and counted; settling it counts nothing."""
    table = lab.table()
    table.put("a", b"")
    seq = row_of(table, "a").seq
    same(table.settle([Settlement("a", seq)]), 0, "a row that did not wait")
    same(table.settle([Settlement("a", seq, remove=True)]), 1, "rows removed")
    same(table.get("a"), None, "the removed row")


@clause("TA8", "G4")
def settle_takes_a_whole_batch(lab: Lab) -> None:
    """A thousand settlements are one step: settled, stale and unknown ones mixed."""
    table = lab.table()
    for place in range(300):
        table.put(f"k{place}", b"", pending=True)
    handed = table.pending(1000)
    for place in range(0, 300, 3):
        table.put(f"k{place}", b"newer", pending=True)
    done = [Settlement(row.key, row.seq, tag=f"t-{row.key}") for row in handed]
    same(table.settle([*done, *(Settlement(f"x{n}", 1) for n in range(700))]), 200, "settled")
    same(sorted(waiting(table, 1000)), sorted(f"k{n}" for n in range(0, 300, 3)), "waiting")
    same({row.key: row.tag for row in table.rows()}, {r.key: f"t-{r.key}" for r in handed}, "tags")
