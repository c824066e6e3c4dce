"""What somebody else writes into our keys: CorruptData or set aside, and in nobody's way."""

import time
from contextlib import suppress

import pytest

from smok_core.errors import CorruptData, SmokError

BASE = "smok:{pump}"
JUNK = [b"", b"x", b"\xff\xfe", b"1", b"1 x v", b"-1 0", b"9" * 400, b"nan inf v", b"\x00" * 9]


@pytest.fixture
def place(server, opened):
    """A store, and a way to write into its keys behind its back."""
    server.command("FLUSHALL")
    engine = opened(server.url, "pump")
    client = engine._client._link.primary()
    return engine, client.execute_command


def set_aside(engine):
    """Give how many records the store says it has set aside."""
    told = [text for text in engine.health().warnings if "cannot be read" in text]
    return int(told[0].split()[0]) if told else 0


def test_what_waits_and_is_not_there_is_set_aside(place):
    """Rows that are gone from under the queue do not stop the others from being handed over."""
    engine, write = place
    table = engine.table("t")
    for key in "abc":
        table.put(key, b"v", pending=True)
    write("HDEL", f"{BASE}:t:t:rows", "a")
    write("ZADD", f"{BASE}:t:t:queue", 5, b"\xff\xfe", 6, "nobody")
    assert [row.key for row in table.pending(9)] == ["b", "c"]
    assert set_aside(engine) == 3
    assert table.stats().pending == 2


@pytest.mark.parametrize("junk", JUNK)
def test_a_row_that_cannot_be_read(place, junk):
    """Asked for, it is CorruptData; among others it is kept aside; writing it again mends it."""
    engine, write = place
    table = engine.table("t")
    table.put("good", b"v", pending=True)
    table.put("bad", b"v", pending=True)
    write("HSET", f"{BASE}:t:t:rows", "bad", junk)
    with pytest.raises(CorruptData, match="bad"):
        table.get("bad")
    assert [row.key for row in table.pending(9)] == ["good"]
    assert [row.key for row in table.rows()] == ["good"]
    assert set_aside(engine) == 1
    assert write("HGET", f"{BASE}:damaged", "t:t:bad") == junk
    write("HSET", f"{BASE}:t:t:rows", "bad", junk)
    table.put("bad", b"new", pending=True)
    assert table.get("bad").value == b"new"


def test_a_key_that_is_no_text(place):
    """Non-UTF-8 keys and names are kept aside by whatever walks over them."""
    engine, write = place
    engine.table("t").put("k", b"v")
    engine.series("s").append([("n", 1, b"v")])
    engine.blobs("b").put("k", b"v", 1)
    write("HSET", f"{BASE}:t:t:rows", b"\xff", b"1 0 v")
    write("HSET", f"{BASE}:t:t:tags", b"k", b"\xff")
    write("ZADD", f"{BASE}:s:s:names", 0, b"\xff")
    write("HSET", f"{BASE}:b:b:heads", b"\xff", b"1 1 1")
    write("SET", f"{BASE}:".encode() + b"\xff", b"v")
    assert list(engine.table("t").rows()) == []
    assert list(engine.series("s").names()) == ["n"]
    assert engine.series("s").trim(99) == 0
    assert engine.blobs("b").versions() == {"k": 1}
    assert set_aside(engine) == 4
    assert sum(engine.key_counts().values()) > 4


@pytest.mark.parametrize(
    "fields", [("a", "b"), ("n", b"\xff", "t", "1", "v", "x"), ("n", "n", "t", "x", "v", "x")]
)
def test_a_queued_point_that_cannot_be_read(place, fields):
    """It is kept aside; the points before and after it are handed over."""
    engine, write = place
    series = engine.series("s")
    series.append([("n", 1, b"v")])
    write("XADD", f"{BASE}:s:s:queue", "*", *fields)
    assert series.stats().pending == 2
    assert [point.ts for point in series.pending(9)] == [1]
    assert (series.stats().pending, set_aside(engine)) == (1, 1)


@pytest.mark.parametrize("junk", JUNK)
def test_a_late_point_that_cannot_be_read(place, junk):
    """A range that meets it is CorruptData; appending, reading elsewhere and trimming go on."""
    engine, write = place
    series = engine.series("s")
    series.append([("n", 10, b"v"), ("m", 10, b"v")])
    write("ZADD", f"{BASE}:s:s:l:n", 0, b"0922337203685477581x" + junk)
    with pytest.raises(CorruptData, match="'n'"):
        list(series.range("n", None, None))
    assert [ts for ts, _ in series.range("m", None, None)] == [10]
    series.append([("n", 11, b"v"), ("n", 2, b"v")])
    series.acknowledge([point.seq for point in series.pending(9)])
    assert series.trim(11) == 2
    assert series.latest("n") == (11, b"v")


@pytest.mark.parametrize("counter", ["seq", "s:s:points", "s:s:dropped", "t:t:dropped"])
def test_a_counter_that_is_no_number(place, counter):
    """It is CorruptData where it is needed, never another error; what is stored can be read."""
    engine, write = place
    table, series = engine.table("t"), engine.series("s")
    table.put("k", b"v", pending=True)
    series.append([("n", 1, b"v")])
    write("HSET", f"{BASE}:meta", counter, "junk")
    calls = [table.stats, series.stats, lambda: table.put("k", b"w")]
    calls += [lambda: series.append([("n", 2, b"v")])]
    seen = 0
    for call in calls:
        try:
            call()
        except CorruptData:
            seen += 1
    assert seen
    assert table.get("k") is not None
    assert series.latest("n") is not None
    if counter != "seq":
        series.append([("n", 3, b"v")])
        assert series.latest("n") == (3, b"v")
        assert write("HGET", f"{BASE}:meta", counter) == b"junk"


@pytest.mark.parametrize(
    "words",
    [("HSET", "schema", "x"), ("HSET", "schema", b"\xff"), ("HDEL", "schema"), ("HDEL", "id")],
)
def test_a_marker_that_cannot_be_read(server, place, opened, words):
    """Opening is CorruptData and changes nothing."""
    _, write = place
    write(words[0], f"{BASE}:meta", *words[1:])
    before = server.command("DUMP", f"{BASE}:meta")
    with pytest.raises(CorruptData, match="marker"):
        opened(server.url, "pump")
    assert server.command("DUMP", f"{BASE}:meta") == before


@pytest.mark.parametrize("junk", [*JUNK, b"5 1 100000000", b"5 1 0", b"5 1 -3", b"5 1 2"])
def test_a_blob_head_that_cannot_be_read(place, junk):
    """It ends in CorruptData at once, whatever number of chunks it claims; put mends it."""
    engine, write = place
    blobs = engine.blobs("b")
    blobs.put("good", b"v", 1)
    blobs.put("k", b"v", 1)
    write("HSET", f"{BASE}:b:b:heads", "k", junk)
    start = time.monotonic()
    with pytest.raises(CorruptData, match="'k'"):
        blobs.get("k")
    assert blobs.get("good") == (b"v", 1)
    assert "good" in blobs.versions()
    assert time.monotonic() - start < 2
    blobs.delete("k")
    assert blobs.put("k", b"new", 9) is None
    assert blobs.get("k") == (b"new", 9)


def test_every_call_over_junk_of_every_kind_is_ours(place):
    """Each field of each hash spoilt in turn: whatever is called raises a SmokError or nothing."""
    engine, write = place
    table, series, blobs = engine.table("t"), engine.series("s"), engine.blobs("b")
    calls = [
        lambda: table.put("k", b"v", pending=True, stamp=1.0),
        lambda: table.get("k"),
        lambda: list(table.rows()),
        lambda: table.pending(9),
        table.stats,
        lambda: series.append([("n", 5, b"v"), ("n", 1, b"v")]),
        lambda: list(series.range("n", None, None)),
        lambda: series.requeue([("n", 1)]),
        lambda: series.pending(9),
        lambda: series.trim(3),
        series.stats,
        lambda: blobs.put("k", b"v", 1),
        lambda: blobs.get("k"),
        blobs.versions,
        engine.health,
    ]
    for junk in JUNK:
        for key in ("t:t:rows", "t:t:tags", "b:b:heads", "b:b:d:k", "meta"):
            fields = write("HKEYS", f"{BASE}:{key}")
            for field in (f for f in fields if f != b"id"):
                write("HSET", f"{BASE}:{key}", field, junk)
                for call in calls:
                    with suppress(SmokError):
                        call()
                write("HDEL", f"{BASE}:{key}", field)
                write("HSETNX", f"{BASE}:meta", "schema", 1)
