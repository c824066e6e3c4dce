"""Table: rows, the conditions of a write, deletion, snapshots, replacement."""

from smok_core.engine.base import Row, Table, When
from smok_testing.checks import expect, rising, same
from smok_testing.clause import clauses_of
from smok_testing.harness import Harness
from smok_testing.samples import BYTES, DIFFICULT_KEYS, NEIGHBOURS

clause = clauses_of("table")


def row_of(table: Table, key: str) -> Row:
    """Return the row under ``key``; fail if there is none."""
    row = table.get(key)
    expect(row is not None, f"get({key!r}) gave None for a row that was put")
    assert row is not None
    return row


@clause("TA1")
def get_gives_what_put_wrote(harness: Harness) -> None:
    """A row comes back with its key, value, stamp and wait, and without a tag."""
    table = harness.table()
    same(table.put("k", b"value", stamp=2.5, pending=True), True, "put of a new row")
    row = row_of(table, "k")
    same((row.key, row.value, row.stamp), ("k", b"value", 2.5), "the row")
    same((row.pending, row.tag), (True, None), "pending and tag of the row")
    expect(row.seq > 0, f"seqs are positive, got {row.seq}")


@clause("TA1")
def a_row_waits_only_if_told_to(harness: Harness) -> None:
    """Without further arguments a row has stamp 0 and does not wait."""
    table = harness.table()
    table.put("k", b"")
    row = row_of(table, "k")
    same((row.stamp, row.pending), (0.0, False), "stamp and pending by default")
    same(table.pending(10), [], "pending")


@clause("TA1")
def get_of_an_unknown_key_is_none(harness: Harness) -> None:
    """Asking for what is not there gives None and makes nothing."""
    table = harness.table()
    same(table.get("k"), None, "get of an unknown key")
    same(list(table.rows()), [], "rows after get")


@clause("TA1")
def get_many_gives_those_that_exist(harness: Harness) -> None:
    """Several keys are read at once; the unknown ones are left out."""
    table = harness.table()
    for key in "abc":
        table.put(key, key.encode())
    found = table.get_many(key for key in ("a", "c", "x"))
    same({key: row.value for key, row in found.items()}, {"a": b"a", "c": b"c"}, "get_many")
    same(found["a"], row_of(table, "a"), "a row of get_many beside get")
    same(table.get_many([]), {}, "get_many of nothing")


@clause("TA1", "G5")
def every_text_is_an_ordinary_key(harness: Harness) -> None:
    """Keys are data: each difficult one has a row of its own and comes back byte for byte."""
    table = harness.table()
    keys = dict.fromkeys((*DIFFICULT_KEYS, *NEIGHBOURS, "k" * 1024, "🔧" * 256))
    for place, key in enumerate(keys):
        table.put(key, str(place).encode())
    for place, key in enumerate(keys):
        same(row_of(table, key).value, str(place).encode(), f"the row of {key!r}")
    same([row.key for row in table.rows()], list(keys), "the keys of all rows")
    same(len(table.get_many(keys)), len(keys), "rows found by get_many")


@clause("TA1", "G6")
def every_value_is_opaque(harness: Harness) -> None:
    """Any bytes come back as they went in, empty and large ones too."""
    table = harness.table()
    for place, value in enumerate(BYTES):
        table.put(f"k{place}", value)
    for place, value in enumerate(BYTES):
        same(row_of(table, f"k{place}").value, value, f"value number {place}")


@clause("TA1")
def stamps_are_kept_exactly(harness: Harness) -> None:
    """A stamp is a double and comes back with every bit of it."""
    table = harness.table()
    stamps = (0.1, -1.5, 1e-300, 1e300, 2.0**53, 1_700_000_000.123457, -0.25)
    for stamp in stamps:
        table.put("k", b"", stamp=stamp)
        same(row_of(table, "k").stamp, stamp, "the stamp")


@clause("TA2")
def put_always_overwrites(harness: Harness) -> None:
    """A plain put replaces value, stamp and wait, whatever was there."""
    table = harness.table()
    table.put("k", b"old", stamp=9.0, pending=True)
    same(table.put("k", b"new", stamp=1.0), True, "put over a row")
    row = row_of(table, "k")
    same((row.value, row.stamp, row.pending), (b"new", 1.0, False), "the row")


@clause("TA2")
def put_if_absent_writes_once(harness: Harness) -> None:
    """With `When.ABSENT` the first write stays and a later one changes nothing."""
    table = harness.table()
    same(table.put("k", b"1", when=When.ABSENT), True, "put of a new row")
    before = row_of(table, "k")
    again = table.put("k", b"2", stamp=9.0, pending=True, when=When.ABSENT)
    same(again, False, "put if absent over a row")
    same(row_of(table, "k"), before, "the row after a refused put")


@clause("TA2", "ME2")
def put_if_newer_is_strict(harness: Harness) -> None:
    """With `When.NEWER` only a strictly greater stamp writes, and a refusal changes nothing."""
    table = harness.table()
    same(table.put("k", b"1", stamp=-5.0, when=When.NEWER), True, "put newer of a new row")
    same(table.put("k", b"2", stamp=2.5, when=When.NEWER), True, "a greater stamp")
    before = row_of(table, "k")
    for stamp in (2.5, 2.4999999, -10.0):
        written = table.put("k", b"no", stamp=stamp, pending=True, when=When.NEWER)
        same(written, False, f"put newer with {stamp} over 2.5")
    same(row_of(table, "k"), before, "the row after refused puts")


@clause("TA2")
def put_compares_and_sets(harness: Harness) -> None:
    """With ``expected_seq`` a write happens only on the very row that was read."""
    table = harness.table()
    same(table.put("k", b"0", expected_seq=1), False, "expected_seq without a row")
    table.put("k", b"1")
    seen = row_of(table, "k").seq
    same(table.put("k", b"no", expected_seq=seen + 1), False, "a seq that is not the row's")
    same(table.put("k", b"2", expected_seq=seen), True, "the row's own seq")
    same(table.put("k", b"no", expected_seq=seen), False, "the seq before the last write")
    same(row_of(table, "k").value, b"2", "the value")


@clause("TA2")
def expected_seq_adds_to_the_condition(harness: Harness) -> None:
    """Both the seq and the condition must hold for a write to happen."""
    table = harness.table()
    table.put("k", b"1", stamp=5.0)
    seq = row_of(table, "k").seq
    older = table.put("k", b"2", stamp=4.0, when=When.NEWER, expected_seq=seq)
    same(older, False, "the right seq with an older stamp")
    absent = table.put("k", b"2", when=When.ABSENT, expected_seq=seq)
    same(absent, False, "the right seq where no row is wanted")
    nothing = table.put("x", b"2", when=When.ABSENT, expected_seq=seq)
    same(nothing, False, "a seq expected of a row that is not there")
    same(row_of(table, "k").value, b"1", "the value")


@clause("TA3", "G8")
def every_write_takes_a_higher_seq(harness: Harness) -> None:
    """The seq grows with each write over all keys, also when the value is the same."""
    table, seqs = harness.table(), []
    for key in ("a", "b", "a", "a", "c", "b"):
        table.put(key, b"same")
        seqs.append(row_of(table, key).seq)
    rising(seqs, "the seqs of six writes")


@clause("TA3", "Q2")
def a_seq_is_never_used_again(harness: Harness) -> None:
    """After the newest row is deleted, or all of them, the next write takes a new seq."""
    table, seqs = harness.table(), []
    for _ in range(3):
        table.put("k", b"")
        seqs.append(row_of(table, "k").seq)
        table.delete("k")
    table.replace({})
    table.put("k", b"")
    rising([*seqs, row_of(table, "k").seq], "seqs with deletions in between")


@clause("TA3")
def put_keeps_the_tag(harness: Harness) -> None:
    """What the other side calls a row stays on it when the row is written again."""
    from smok_core.engine.base import Ack  # noqa: PLC0415

    table = harness.table()
    table.put("k", b"1", pending=True)
    table.acknowledge([Ack("k", row_of(table, "k").seq, tag="server-7")])
    table.put("k", b"2", pending=True)
    same(row_of(table, "k").tag, "server-7", "the tag after a second put")


@clause("TA4")
def delete_tells_whether_there_was_a_row(harness: Harness) -> None:
    """Deleting removes the row and its wait; a second time it only answers False."""
    table = harness.table()
    table.put("k", b"1", pending=True)
    table.put("l", b"2", pending=True)
    same(table.delete("k"), True, "delete")
    same(table.delete("k"), False, "delete again")
    same(table.get("k"), None, "get after delete")
    same([row.key for row in table.pending(10)], ["l"], "pending after delete")


@clause("TA4")
def delete_compares_the_seq(harness: Harness) -> None:
    """With ``expected_seq`` a row that was written meanwhile stays."""
    table = harness.table()
    table.put("k", b"1")
    old = row_of(table, "k").seq
    table.put("k", b"2")
    same(table.delete("k", expected_seq=old), False, "delete with an old seq")
    same(row_of(table, "k").value, b"2", "the row after a refused delete")
    same(table.delete("k", expected_seq=row_of(table, "k").seq), True, "delete with its seq")


@clause("TA4")
def a_deleted_row_leaves_nothing_behind(harness: Harness) -> None:
    """A row put after a deletion starts afresh, without the old tag and stamp."""
    from smok_core.engine.base import Ack  # noqa: PLC0415

    table = harness.table()
    table.put("k", b"1", stamp=9.0)
    table.acknowledge([Ack("k", row_of(table, "k").seq, tag="old")])
    table.delete("k")
    same(table.put("k", b"2", stamp=1.0, when=When.NEWER), True, "put newer after delete")
    row = row_of(table, "k")
    same((row.value, row.stamp, row.tag), (b"2", 1.0, None), "the row")
