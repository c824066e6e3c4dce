"""Table: snapshots of all rows, replacement as a whole, counts."""

from smok_core.engine.base import Ack, TableStats
from smok_testing.checks import rising, same
from smok_testing.clause import clauses_of
from smok_testing.clauses.table import row_of
from smok_testing.harness import Harness

clause = clauses_of("table")

#: More rows than any engine should fetch at once.
MANY = 2_500


@clause("TA5", "G8")
def rows_come_in_the_order_of_their_seq(harness: Harness) -> None:
    """All rows are listed in the order of their last change, not of their keys."""
    table = harness.table()
    for key in ("a", "c", "b", "a"):
        table.put(key, b"")
    rows = list(table.rows())
    same([row.key for row in rows], ["c", "b", "a"], "keys of the rows")
    rising([row.seq for row in rows], "seqs of the rows")


@clause("TA5", "G1")
def rows_is_a_snapshot(harness: Harness) -> None:
    """A listing that has begun is not disturbed by what is written, replaced or deleted."""
    table = harness.table()
    wanted = [f"k{place:05}" for place in range(MANY)]
    table.replace(dict.fromkeys(wanted, b"old"))
    listing = table.rows()
    seen = [next(listing)]
    table.put("k00001", b"new", pending=True)
    table.delete(f"k{MANY - 1:05}")
    table.put("x", b"new")
    table.replace({"y": b"new"})
    seen += listing
    same(sorted(row.key for row in seen), wanted, "keys of the snapshot")
    same({row.value for row in seen}, {b"old"}, "values of the snapshot")


@clause("TA5")
def a_listing_may_be_left_unfinished(harness: Harness) -> None:
    """A listing that nobody reads to its end does not keep anyone from writing."""
    table = harness.table()
    table.replace({f"k{place}": b"" for place in range(MANY)})
    unfinished = table.rows()
    next(unfinished)
    for place in range(3):
        same(table.put(f"k{place}", b"new"), True, "put beside an unfinished listing")
    table.replace({"k": b""})
    same([row.key for row in table.rows()], ["k"], "another listing")


@clause("TA6", "G4")
def replace_makes_exactly_these_rows(harness: Harness) -> None:
    """After a replacement the given rows are there and no other."""
    table = harness.table()
    table.put("a", b"old")
    table.put("b", b"old")
    table.replace({"b": b"new", "c": b""})
    same({row.key: row.value for row in table.rows()}, {"b": b"new", "c": b""}, "the rows")
    same(table.get("a"), None, "a row that is not in the new set")
    table.replace({})
    same(list(table.rows()), [], "the rows after replacing by nothing")


@clause("TA6")
def replaced_rows_start_afresh(harness: Harness) -> None:
    """Rows of a replacement have stamp 0, no tag, do not wait, and take higher seqs."""
    table = harness.table()
    table.put("k", b"old", stamp=9.0, pending=True)
    old = row_of(table, "k").seq
    table.acknowledge([Ack("k", 0, tag="server-7")])
    table.replace({"k": b"new", "l": b""})
    row = row_of(table, "k")
    same((row.stamp, row.pending, row.tag), (0.0, False, None), "stamp, pending and tag")
    rising([old, min(row.seq for row in table.rows())], "the seqs before and after")
    same(len({row.seq for row in table.rows()}), 2, "different seqs of two replaced rows")
    same(table.pending(10), [], "pending after a replacement")


@clause("TA6")
def replace_takes_many_rows(harness: Harness) -> None:
    """A replacement of thousands of rows is one step like any other."""
    table = harness.table()
    rows = {f"k{place}": str(place).encode() for place in range(MANY)}
    table.replace(rows)
    same({row.key: row.value for row in table.rows()}, rows, "the rows")
    same(len(table.get_many(rows)), MANY, "rows found by get_many")


@clause("TA9")
def stats_count_rows_and_waits(harness: Harness) -> None:
    """The counts follow every kind of change."""
    table = harness.table()
    same(table.stats(), TableStats(rows=0, pending=0), "stats of an empty table")
    table.put("a", b"", pending=True)
    table.put("b", b"", pending=True)
    table.put("c", b"")
    same(table.stats(), TableStats(rows=3, pending=2), "stats after three puts")
    table.put("a", b"")
    table.delete("b")
    same(table.stats(), TableStats(rows=2, pending=0), "stats after a put and a delete")


@clause("G2", "TA5")
def what_a_table_gives_is_the_callers_own(harness: Harness) -> None:
    """Changing a list or dict that was handed out, or handed in, changes nothing stored."""
    table = harness.table()
    rows = {"k": b"1"}
    table.replace(rows)
    rows["x"] = b"no"
    table.put("k", b"2", pending=True)
    table.get_many(["k"]).clear()
    table.pending(10).clear()
    same([row.key for row in table.rows()], ["k"], "rows")
    same(len(table.pending(10)), 1, "rows that wait")
