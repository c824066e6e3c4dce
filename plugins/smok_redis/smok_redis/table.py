"""Rows in a hash, those that wait in a sorted set, the other side's names in a hash."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from smok_core.engine.base import Ack, Row, Table, TableStats, When
from smok_core.errors import CorruptData, QueueFull, StorageFull, StoreError
from smok_redis.client import Client
from smok_redis.errors import JUNK
from smok_redis.keys import TableKeys
from smok_redis.packing import CHUNK, MOST, chunks, pack

#: A replacement of more bytes than this is staged first.
_ONE_CALL = 4 << 20


class RedisTable(Table):
    """A table; see `smok_redis.keys.TableKeys` for what lies where."""

    def __init__(self, client: Client, keys: TableKeys) -> None:
        self._client, self._keys = client, keys
        self._all = (keys.rows, keys.queue, keys.tags)

    def get(self, key: str) -> Row | None:
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Row]:
        found = dict[str, Row]()
        for some in chunks(list(dict.fromkeys(keys))):
            answer = self._client.read("table_get", self._all, *some)
            for key, stored, waits, tag in zip(some, *answer, strict=True):
                if stored is not None:
                    found[key] = self._row(key, stored, waits is not None, tag)
        return found

    def put(
        self,
        key: str,
        value: bytes,
        *,
        stamp: float = 0.0,
        pending: bool = False,
        when: When = When.ALWAYS,
        expected_seq: int | None = None,
        max_pending: int | None = None,
        drop: Sequence[Ack] = (),
    ) -> bool:
        answer = self._client.write(
            "table_put",
            self._all,
            key,
            value,
            repr(float(stamp)),
            "1" if pending else "",
            when.value,
            "" if expected_seq is None else expected_seq,
            "" if max_pending is None else max_pending,
            pack([(victim.key, victim.seq, victim.remove) for victim in drop]),
            counters=self._keys.counters,
        )
        if isinstance(answer, list):
            detail = f"{answer[0]} records wait, max_pending is {max_pending}"
            raise QueueFull(self._client.store, detail)
        return bool(int(answer))

    def delete(self, key: str, *, expected_seq: int | None = None) -> bool:
        expected = "" if expected_seq is None else expected_seq
        return bool(int(self._client.write("table_delete", self._all, key, expected)))

    def rows(self) -> Iterator[Row]:
        # One native command each and no paging: it is the only way to see one moment.
        stored, queue, tags = self._client.snapshot(
            ("HGETALL", self._keys.rows),
            ("ZRANGE", self._keys.queue, 0, -1),
            ("HGETALL", self._keys.tags),
        )
        pending = frozenset(queue)
        read = (self._take(key, row, key in pending, tags.get(key)) for key, row in stored.items())
        return iter(sorted(filter(None, read), key=lambda row: row.seq))

    def replace(self, rows: Mapping[str, bytes]) -> None:
        if len(rows) > CHUNK or sum(map(len, rows.values())) > _ONE_CALL:
            return self._replace_large(list(rows.items()))
        flat = [part for pair in rows.items() for part in pair]
        self._client.write("table_replace", self._all, *flat)
        return None

    def _replace_large(self, rows: list[tuple[str, bytes]]) -> None:
        """Write the rows staging in pieces; a rename makes all of them the table at once."""
        client = self._client
        seq = int(client.write("table_reserve", (), len(rows)))
        writer = client.writers.take()
        staging = client.keys.staging(writer.name, writer.number)
        try:
            for some in chunks(list(enumerate(rows, seq + 1)), CHUNK):
                flat = [part for n, (key, value) in some for part in (key, b"%d 0 %b" % (n, value))]
                client.staging(staging, *flat)
            client.write("table_commit", (*self._all, staging), len(rows))
        except StoreError:
            client.discard(staging)
            raise
        finally:
            client.writers.give_back(writer, failed=False)

    def pending(self, limit: int, after: int = 0) -> list[Row]:
        found, start = dict[str, Row](), f"({after}"
        while len(found) < limit:
            size = min(CHUNK, limit - len(found))
            answer = self._client.read("table_pending", self._all, start, size)
            for key, stored, tag, _ in zip(*answer, strict=True):
                row = self._take(key, stored, pending=True, tag=tag)
                if row:  # one that was changed meanwhile comes again, at its new place
                    found.pop(row.key, None)
                    found[row.key] = row
            if len(answer[0]) < size:
                break
            start = f"({answer[3][-1].decode()}"
        return list(found.values())

    def acknowledge(self, acks: Sequence[Ack]) -> int:
        acknowledged = 0
        for some in chunks(acks, MOST):
            packed = pack([(s.key, s.seq, s.tag is not None and s.tag, s.remove) for s in some])
            acknowledged += int(self._client.write("table_acknowledge", self._all, packed))
        return acknowledged

    def stats(self) -> TableStats:
        keys = (self._keys.rows, self._keys.queue)
        return TableStats(*self._client.read("table_stats", keys, counters=self._keys.counters))

    def _row(self, key: str, stored: bytes, pending: bool, tag: bytes | None) -> Row:
        try:
            return _decode(key.encode(), stored, pending, tag)
        except ValueError as error:  # somebody else has written there
            detail = f"the row {key!r} cannot be read"
            raise CorruptData(self._client.store, detail, JUNK) from error

    def _take(
        self, key: bytes, stored: bytes | None, pending: bool, tag: bytes | None
    ) -> Row | None:
        """Read a row among others; what cannot be read is set aside and not in their way."""
        try:
            return _decode(key, stored, pending, tag)
        except ValueError:
            self._set_aside(key, stored)
            return None

    def _set_aside(self, key: bytes, stored: bytes | None) -> None:
        name = self._keys.counters.encode() + key
        gone = "1" if stored is None else ""
        with suppress(StorageFull):  # then it is passed over, and set aside when there is room
            self._client.write(
                "table_set_aside",
                (*self._all, self._client.keys.damaged),
                key,
                name,
                stored or b"",
                gone,
            )


def _decode(key: bytes, stored: bytes | None, pending: bool, tag: bytes | None) -> Row:
    """Return a row; raises ValueError for what no row of ours is."""
    if stored is None:
        raise ValueError("it waits, and is not there")
    seq, stamp, value = stored.split(b" ", 2)
    name = None if tag is None else tag.decode()
    return Row(key.decode(), value, float(stamp), int(seq), pending, name)
