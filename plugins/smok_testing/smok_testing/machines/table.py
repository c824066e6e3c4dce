"""A table against a dict: few keys, few stamps, every kind of write and reopening."""

from typing import Any

import msgspec

from smok_core.engine.base import Ack, Row, Table, When
from smok_testing.checks import expect, same
from smok_testing.harness import Harness
from smok_testing.machines.running import Machine, precondition, rule, strategies

KEYS = strategies.sampled_from(["a", "b", "c:a"])
VALUES = strategies.sampled_from([b"", b"1", b"2"])
STAMPS = strategies.sampled_from([-1.0, 0.0, 0.5, 2.0])
SEQS = strategies.sampled_from(["any", "any", "current", "stale"])
WHENS = strategies.sampled_from([When.ALWAYS, *When])


class Model(msgspec.Struct):
    """What a row should be."""

    value: bytes
    stamp: float
    pending: bool
    seq: int
    tag: str | None = None


class TableMachine(Machine):
    """Every rule does one call on the table and the same to a dict."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        self.table: Table = harness.fresh_engine().table("kit.rows")
        self.model: dict[str, Model] = {}
        self.handed: list[Row] = []
        self.newest = 0

    @rule(
        key=KEYS, value=VALUES, stamp=STAMPS, pending=strategies.booleans(),
        when=WHENS, seq=SEQS,
    )  # fmt: skip
    def put(
        self, key: str, value: bytes, *, stamp: float, pending: bool, when: When, seq: str
    ) -> None:
        """Write under every condition, with the right or an old seq."""
        old, expected = self.model.get(key), self._expected(key, seq)
        wanted = self._may_write(old, stamp, when, expected)
        written = self.table.put(
            key, value, stamp=stamp, pending=pending, when=when, expected_seq=expected
        )
        same(written, wanted, f"put of {key!r}")
        if written:
            tag = old.tag if old else None
            self.model[key] = Model(value, stamp, pending, self._new_seq(key), tag)

    def _expected(self, key: str, kind: str) -> int | None:
        current = self.model[key].seq if key in self.model else 1
        return {"any": None, "current": current, "stale": max(current - 1, 1)}[kind]

    def _may_write(self, old: Model | None, stamp: float, when: When, expected: Any) -> bool:
        fits = expected is None or (old is not None and old.seq == expected)
        free = {When.ALWAYS: True, When.ABSENT: False, When.NEWER: old and stamp > old.stamp}
        return fits and (old is None or bool(free[when]))

    def _new_seq(self, key: str) -> int:
        row = self.table.get(key)
        assert row is not None
        expect(row.seq > self.newest, f"seq {row.seq} of {key!r} does not exceed {self.newest}")
        self.newest = row.seq
        return row.seq

    @rule(key=KEYS, seq=SEQS)
    def delete(self, key: str, seq: str) -> None:
        """Remove a row, if it is the expected one."""
        expected, row = self._expected(key, seq), self.model.get(key)
        fits = row is not None and expected in (None, row.seq)
        same(self.table.delete(key, expected_seq=expected), fits, f"delete of {key!r}")
        if fits:
            del self.model[key]

    @rule(rows=strategies.dictionaries(KEYS, VALUES, max_size=3))
    def replace(self, rows: dict[str, bytes]) -> None:
        """Make the table these rows."""
        self.table.replace(rows)
        self.model = {}
        found = sorted(self.table.rows(), key=lambda row: row.seq)
        same(sorted(row.key for row in found), sorted(rows), "keys after replace")
        for row in found:
            self.model[row.key] = Model(rows[row.key], 0.0, False, self._new_seq(row.key))

    @rule(limit=strategies.integers(0, 9))
    def hand_out(self, limit: int) -> None:
        """Take the head of the queue, as an uploader would."""
        self.handed = self.table.pending(limit)
        same([row.key for row in self.handed], self._pending()[:limit], f"pending({limit})")

    @rule(
        part=strategies.integers(0, 4), remove=strategies.booleans(),
        tag=strategies.sampled_from([None, "", "t1", "t2"]), late=strategies.none() | KEYS,
    )  # fmt: skip
    def acknowledge(self, part: int, remove: bool, tag: str | None, late: str | None) -> None:
        """Acknowledge what was handed out, or its first part; again, or after a row has changed."""
        if late:
            self.put(late, b"3", stamp=0.0, pending=True, when=When.ALWAYS, seq="any")
        done = [Ack(row.key, row.seq, tag, remove) for row in self.handed[:part]]
        wanted = sum(self._acknowledge(item) for item in done)
        same(self.table.acknowledge(done), wanted, f"acknowledge of {done}")

    def _acknowledge(self, done: Ack) -> bool:
        row = self.model.get(done.key)
        if row is None:
            return False
        row.tag = row.tag if done.tag is None else done.tag
        if row.seq != done.seq:
            return False
        counts, row.pending = row.pending or done.remove, False
        if done.remove:
            del self.model[done.key]
        return counts

    @precondition(lambda self: self.persistent)
    @rule()
    def reopen(self) -> None:
        """Close the store and open it again."""
        self.table = self.harness.reopen_engine().table("kit.rows")

    def check(self) -> None:
        """All that can be read is what the dict says."""
        rows = [
            Row(key, row.value, row.stamp, row.seq, row.pending, row.tag)
            for key, row in sorted(self.model.items(), key=lambda item: item[1].seq)
        ]
        same(list(self.table.rows()), rows, "rows")
        same([row.key for row in self.table.pending(9)], self._pending(), "keys that wait")
        stats = self.table.stats()
        same((stats.rows, stats.pending), (len(rows), len(self._pending())), "stats")
        same(self.table.get_many("abx"), {row.key: row for row in rows if row.key in "ab"}, "many")

    def _pending(self) -> list[str]:
        pending = [(row.seq, key) for key, row in self.model.items() if row.pending]
        return [key for _, key in sorted(pending)]
