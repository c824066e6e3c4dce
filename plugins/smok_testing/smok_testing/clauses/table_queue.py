"""Table: the queue of rows that wait, and how their wait ends."""

from smok_core.engine.base import Ack, Table
from smok_testing.checks import rising, same
from smok_testing.clause import clauses_of
from smok_testing.clauses.table import row_of
from smok_testing.harness import Harness

clause = clauses_of("table")


def pending(table: Table, limit: int = 100, after: int = 0) -> list[str]:
    """Return the keys that wait."""
    return [row.key for row in table.pending(limit, after)]


def with_pending(harness: Harness, keys: str) -> tuple[Table, dict[str, int]]:
    """Return a table in which each of these keys waits, and their seqs."""
    table = harness.table()
    for key in keys:
        table.put(key, key.encode(), pending=True)
    return table, {row.key: row.seq for row in table.pending(100)}


@clause("TA7", "Q1", "G8")
def the_oldest_change_is_handed_over_first(harness: Harness) -> None:
    """Rows wait in the order of their last change, whatever their keys and stamps are."""
    table = harness.table()
    for key, stamp in (("a", 3.0), ("c", 1.0), ("b", -7.0), ("a", 2.0)):
        table.put(key, b"", stamp=stamp, pending=True)
    table.put("d", b"")
    same(pending(table), ["c", "b", "a"], "keys that wait")
    rising([row.seq for row in table.pending(10)], "seqs of the rows that wait")
    same(table.pending(10)[0], row_of(table, "c"), "a row that waits beside get")


@clause("TA7", "Q1")
def pending_is_bounded(harness: Harness) -> None:
    """At most ``limit`` rows come, the lowest seqs of them, and 0 means none."""
    table, _ = with_pending(harness, "abcde")
    same(pending(table, limit=2), ["a", "b"], "two of five")
    same(pending(table, limit=5), ["a", "b", "c", "d", "e"], "five of five")
    same(pending(table, limit=0), [], "none of five")


@clause("TA7")
def pending_pages_without_acknowledging(harness: Harness) -> None:
    """With ``after`` the queue is read on from a seq, that seq not included."""
    table, seqs = with_pending(harness, "abcde")
    same(pending(table, 2, seqs["b"]), ["c", "d"], "two after b")
    same(pending(table, 10, seqs["d"]), ["e"], "all after d")
    same(pending(table, 10, seqs["e"]), [], "all after the last")


@clause("TA7")
def a_put_that_does_not_wait_ends_the_wait(harness: Harness) -> None:
    """Writing a row with ``pending`` False takes it out of the queue."""
    table, _ = with_pending(harness, "ab")
    table.put("a", b"new")
    same(pending(table), ["b"], "keys that wait")


@clause("TA8", "Q2")
def acknowledge_ends_the_wait_of_what_was_handed_out(harness: Harness) -> None:
    """Exactly these rows are no longer pending; they stay stored with value, stamp and seq."""
    table = harness.table()
    for key in "abc":
        table.put(key, b"v", stamp=4.5, pending=True)
    before = row_of(table, "b")
    same(table.acknowledge([Ack("b", before.seq)]), 1, "rows acknowledged")
    same(pending(table), ["a", "c"], "keys that wait")
    same(row_of(table, "b"), before._replace(pending=False), "the acknowledged row")


@clause("TA8", "Q2")
def acknowledge_leaves_what_changed_meanwhile(harness: Harness) -> None:
    """A row that was written after it was handed out stays pending."""
    table, seqs = with_pending(harness, "ab")
    table.put("a", b"newer", pending=True)
    same(table.acknowledge([Ack("a", seqs["a"]), Ack("b", seqs["b"])]), 1, "acknowledged")
    same(pending(table), ["a"], "keys that wait")
    same(row_of(table, "a").value, b"newer", "the value written meanwhile")


@clause("TA8", "Q2")
def acknowledge_of_a_later_seq_does_nothing(harness: Harness) -> None:
    """Only the very seq counts, not a range up to it."""
    table, seqs = with_pending(harness, "abc")
    same(table.acknowledge([Ack("a", seqs["c"])]), 0, "an acknowledged with the seq of c")
    same(table.acknowledge([Ack("b", seqs["c"] + 1)]), 0, "b acknowledged with a seq to come")
    same(pending(table), ["a", "b", "c"], "keys that wait")


@clause("TA8", "Q4")
def acknowledge_twice_is_harmless(harness: Harness) -> None:
    """The second time nothing changes and nothing is counted."""
    table, seqs = with_pending(harness, "ab")
    done = [Ack("a", seqs["a"], tag="t")]
    same(table.acknowledge(done), 1, "rows acknowledged")
    before = list(table.rows())
    same(table.acknowledge(done), 0, "rows acknowledged the second time")
    same(list(table.rows()), before, "all rows")


@clause("TA8", "EV2")
def acknowledge_sets_the_tag_in_any_case(harness: Harness) -> None:
    """The tag is stored even if the row changed meanwhile, and the row's seq stays."""
    table, seqs = with_pending(harness, "ab")
    table.put("a", b"newer", pending=True)
    before = row_of(table, "a")
    table.acknowledge([Ack("a", seqs["a"], tag="server-1"), Ack("b", seqs["b"], "t")])
    same(row_of(table, "a"), before._replace(tag="server-1"), "the row that changed meanwhile")
    same(row_of(table, "b").tag, "t", "the tag of the acknowledged row")


@clause("TA8")
def acknowledge_without_tag_keeps_the_tag(harness: Harness) -> None:
    """None leaves the tag alone; another tag replaces it."""
    table, seqs = with_pending(harness, "a")
    table.acknowledge([Ack("a", seqs["a"], tag="first")])
    table.acknowledge([Ack("a", seqs["a"])])
    same(row_of(table, "a").tag, "first", "the tag after an acknowledgement without one")
    table.acknowledge([Ack("a", seqs["a"], tag="")])
    same(row_of(table, "a").tag, "", "the tag after an empty one")


@clause("TA8")
def acknowledge_ignores_unknown_keys(harness: Harness) -> None:
    """A row that is gone, or never was, is neither counted nor made."""
    table, seqs = with_pending(harness, "ab")
    table.delete("a")
    gone = Ack("a", seqs["a"], tag="t")
    same(table.acknowledge([gone, Ack("x", 1, remove=True)]), 0, "rows acknowledged")
    same(table.acknowledge([]), 0, "nothing acknowledged")
    same([row.key for row in table.rows()], ["b"], "all rows")


@clause("TA8", "Q2")
def acknowledge_removes_if_nothing_changed(harness: Harness) -> None:
    """With ``remove`` a row goes, unless it was written after it was handed out."""
    table, seqs = with_pending(harness, "abc")
    table.put("b", b"newer", pending=True)
    done = [Ack(key, seqs[key], remove=True) for key in "ab"]
    same(table.acknowledge(done), 1, "rows removed")
    same([row.key for row in table.rows()], ["c", "b"], "rows that are left")
    same(pending(table), ["c", "b"], "keys that wait")


@clause("TA8")
def acknowledge_removes_rows_that_do_not_wait(harness: Harness) -> None:
    """A row that does not wait is removed by its seq and counted; else nothing is counted."""
    table = harness.table()
    table.put("a", b"")
    seq = row_of(table, "a").seq
    same(table.acknowledge([Ack("a", seq)]), 0, "a row that did not wait")
    same(table.acknowledge([Ack("a", seq, remove=True)]), 1, "rows removed")
    same(table.get("a"), None, "the removed row")


@clause("TA8", "G4")
def acknowledge_takes_a_whole_batch(harness: Harness) -> None:
    """A thousand acks are one step: acknowledged, stale and unknown ones mixed."""
    table = harness.table()
    for place in range(300):
        table.put(f"k{place}", b"", pending=True)
    handed = table.pending(1000)
    for place in range(0, 300, 3):
        table.put(f"k{place}", b"newer", pending=True)
    done = [Ack(row.key, row.seq, tag=f"t-{row.key}") for row in handed]
    same(table.acknowledge([*done, *(Ack(f"x{n}", 1) for n in range(700))]), 200, "acknowledged")
    same(sorted(pending(table, 1000)), sorted(f"k{n}" for n in range(0, 300, 3)), "pending")
    same({row.key: row.tag for row in table.rows()}, {r.key: f"t-{r.key}" for r in handed}, "tags")
