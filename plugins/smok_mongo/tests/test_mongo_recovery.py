"""Processes that die between two commands: what the next one finds, reads and repairs."""

import contextlib

import pytest
from smok_mongo.schema import VERSION

from smok_core.engine.base import Limits
from smok_core.errors import CorruptData, SchemaTooNew


class Died(Exception):
    """Stands for the end of the process."""


def die(*_, **__):
    raise Died


def points(series):
    return [(p.name, p.ts, p.value) for p in series.pending(99)]


STEPS = ["_archive.store", "_names.mark", "_queue.acknowledge"]


@pytest.mark.parametrize("step", STEPS)
def test_a_committed_batch_is_finished_by_the_next_process(server, raw, opened, monkeypatch, step):
    """Killed after the commit, at any step, the batch is whole for whoever opens next."""
    series = opened(server.url).series("s")
    series.append([("w", 1, b"old"), ("w", 2, b"2")])
    part, method = step.split(".")
    monkeypatch.setattr(getattr(series, part), method, die)
    with pytest.raises(Died):
        series.append([("w", 1, b"new"), ("v", 3, b"3")])
    again = opened(server.url).series("s")
    assert list(again.range("w", None, None)) == [(1, b"new"), (2, b"2")]
    assert list(again.range("v", None, None)) == [(3, b"3")]
    assert sorted(again.names()) == ["v", "w"]
    assert {("w", 1, b"new"), ("w", 2, b"2"), ("v", 3, b"3")} <= set(points(again))
    again.append([("w", 1, b"new"), ("v", 3, b"3")])
    assert again.stats().points == 3


def test_an_uncommitted_batch_leaves_nothing_to_see(server, raw, opened, monkeypatch):
    """Killed before the commit, no point and no name of the batch is there."""
    series = opened(server.url).series("s")
    series.append([("w", 1, b"1")])
    monkeypatch.setattr(series._queue, "insert", die)
    with pytest.raises(Died):
        series.append([("w", 2, b"2"), ("v", 3, b"3")])
    again = opened(server.url).series("s")
    assert points(again) == [("w", 1, b"1")]
    assert list(again.names()) == ["w"]
    again.append([("w", 2, b"2")])
    assert again.stats().pending == 2


def test_recovery_never_undoes_a_newer_value(server, raw, opened):
    """Replaying old batches again and again keeps the values that replaced theirs."""
    series = opened(server.url).series("s")
    for value in (b"1", b"2", b"3"):
        series.append([("w", 1, value), ("w", 2, value)])
    raw.smok_heads.update_many({}, {"$set": {"archived": 0}})
    again = opened(server.url).series("s")
    assert list(again.range("w", None, None)) == [(1, b"3"), (2, b"3")]
    assert points(again) == [("w", 1, b"3"), ("w", 2, b"3")]


@pytest.mark.parametrize("step", ["flip", "sweep"])
def test_a_table_killed_while_replaced_is_the_old_or_the_new(
    server, raw, opened, monkeypatch, step
):
    """Until the flip every process sees the old set, after it the new one; the rest is swept."""
    table = opened(server.url).table("t")
    table.replace({"a": b"1", "b": b"1"})
    other = opened(server.url).table("t")
    assert other.get("a").value == b"1"
    monkeypatch.setattr(table._versions, step, die)
    with pytest.raises(Died):
        table.replace({"b": b"2"})
    expected = {"b": b"2"} if step == "sweep" else {"a": b"1", "b": b"1"}
    for reader in (other, opened(server.url).table("t")):
        assert {row.key: row.value for row in reader.rows()} == expected
        assert (reader.get("a") is None) == (step == "sweep")
    other.replace({"c": b"3"})
    assert raw.smok_rows.count_documents({}) == 2 or step == "flip"
    assert [row.key for row in opened(server.url).table("t").rows()] == ["c"]


def test_a_put_after_anothers_replacement_goes_into_the_new_set(server, raw, opened):
    """A process that read the table before another replaced it writes where it will be seen."""
    one, two = opened(server.url).table("t"), opened(server.url).table("t")
    one.put("k", b"1")
    assert two.get("k").value == b"1"
    one.replace({"a": b"1"})
    assert two.put("k", b"2") is True
    assert {row.key for row in one.rows()} == {"a", "k"}
    one.replace({})
    assert two.delete("k") is False
    assert two.get_many(["a", "k"]) == {}


def test_a_blob_killed_while_written_keeps_its_old_pair(server, raw, opened, monkeypatch):
    """Chunks without their document change nothing; an hour later they are swept away."""
    engine = opened(server.url)
    blobs = engine.blobs("b")
    blobs.put("k", b"a" * (2 << 20), 1)
    monkeypatch.setattr(blobs, "_write", die)
    with pytest.raises(Died):
        blobs.put("k", b"b" * (2 << 20), 2)
    again = opened(server.url)
    assert again.blobs("b").get("k") == (b"a" * (2 << 20), 1)
    assert raw.smok_chunks.count_documents({}) == 2
    now = [0.0]
    again._chunks._monotonic = lambda: now[0]
    assert again._chunks.sweep() == 0
    now[0] = 4000.0
    assert again._chunks.sweep() == 1
    assert again.blobs("b").get("k") == (b"a" * (2 << 20), 1)
    assert raw.smok_chunks.count_documents({}) == 1


def test_chunks_of_other_stores_and_batches_are_nobodys_orphans(server, raw, opened):
    """Sweeping by an engine that opened nothing removes nothing that is owned."""
    engine = opened(server.url)
    engine.blobs("b").put("k", b"a" * (2 << 20), 1)
    engine.series("s").append([("w", n, b"x" * 60_000) for n in range(40)])
    sweeper, now = opened(server.url), [0.0]
    sweeper._chunks._monotonic = lambda: now[0]
    sweeper._chunks.sweep()
    now[0] = 9999.0
    assert sweeper._chunks.sweep() == 0
    assert len(engine.series("s").pending(99)) == 40


def test_a_clock_that_jumps_back_reorders_nothing(server, raw, opened):
    """With the clock in 1970, also over a restart and an empty queue, order and seqs go on."""
    now = [1_800_000_000.0]
    engine = opened(server.url, clock=lambda: now[0])
    engine.table("t").put("a", b"1", pending=True)
    engine.series("s").append([("w", 1, b"1")])
    first = engine.series("s").pending(1)[0].seq
    engine.series("s").acknowledge([first])
    engine.close()
    now[0] = 5.0
    engine = opened(server.url, clock=lambda: now[0])
    engine.table("t").put("b", b"1", pending=True)
    engine.series("s").append([("w", 2, b"1")])
    assert [row.key for row in engine.table("t").pending(9)] == ["a", "b"]
    assert engine.series("s").pending(1)[0].seq > first


def test_a_newer_schema_is_refused_without_writing(server, raw, opened):
    """A store of a newer release is left exactly as it is."""
    opened(server.url).close()
    raw.smok_meta.update_one({}, {"$set": {"schema": VERSION + 1}})
    before = [list(raw[name].find()) for name in sorted(raw.list_collection_names())]
    with pytest.raises(SchemaTooNew):
        opened(server.url)
    assert [list(raw[name].find()) for name in sorted(raw.list_collection_names())] == before


def test_a_schema_document_that_is_none_is_corrupt(server, raw, opened):
    """A schema document without a version is not taken for ours, nor overwritten."""
    raw.smok_meta.insert_one({"_id": "pump-17|meta", "schema": "x"})
    with pytest.raises(CorruptData):
        opened(server.url)


def test_missing_chunks_are_reported(server, raw, opened):
    """A blob whose chunks somebody removed is an error, never a shorter blob."""
    blobs = opened(server.url).blobs("b")
    blobs.put("k", b"a" * (5 << 20), 1)
    raw.smok_chunks.delete_one({})
    with pytest.raises(CorruptData):
        blobs.get("k")


def test_the_limit_counts_what_other_processes_pending(server, raw, opened):
    """max_pending holds for the queue, not for the process."""
    from smok_core.errors import QueueFull

    one = opened(server.url).series("s", Limits(5))
    two = opened(server.url).series("s", Limits(5))
    one.append([("w", 1, b"")])
    two.append([("w", ts, b"") for ts in (2, 3, 4)])
    with pytest.raises(QueueFull):
        one.append([("w", 5, b""), ("w", 6, b"")])
    two.acknowledge([p.seq for p in two.pending(9)])
    one.append([("w", 5, b""), ("w", 6, b"")])
    assert one.stats().pending == 2


DAMAGE = {
    "not msgpack": {"$set": {"b": b"\xc1nonsense"}},
    "no payload": {"$unset": {"b": ""}},
    "another count": {"$set": {"count": 99}},
    "no text": {"$set": {"b": "text"}},
    "no mask": {"$unset": {"done": "", "count": ""}},
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_batch_that_cannot_be_read_is_set_aside(server, raw, opened, change):
    """A damaged batch blocks no other, is kept as it is, and is reported until somebody looks."""
    engine = opened(server.url)
    series = engine.series("s")
    for ts in (1, 2, 3):
        series.append([("w", ts, b"x")])
    damaged = raw.smok_batches.find().sort("_id", 1).skip(1).limit(1)[0]["_id"]
    raw.smok_batches.update_one({"_id": damaged}, change)
    assert [p.ts for p in series.pending(9)] == [1, 3]
    assert series.stats().pending == 2
    assert raw.smok_dead.find_one()["_id"] == damaged
    assert any("smok_dead" in line for line in engine.health().warnings)
    assert series.acknowledge([p.seq for p in series.pending(9)]) == 2


def test_a_row_that_cannot_be_read_is_reported(server, raw, opened):
    """A row that somebody else changed is CorruptData, naming the row, not a driver's error."""
    table = opened(server.url).table("t")
    table.put("k", b"1")
    raw.smok_rows.update_one({}, {"$unset": {"v": ""}})
    with pytest.raises(CorruptData, match=r"pump-17\|t"):
        table.get("k")


FOREIGN = [
    ("smok_batches", {"$set": {"totals": "x"}}),
    ("smok_batches", {"$unset": {"token": "", "size": ""}}),
    ("smok_batches", {"$set": {"left": "x"}}),
    ("smok_batches", {"$set": {"done": 5}}),
    ("smok_batches", {"$set": {"ends": b"zz"}}),
    ("smok_heads", {"$set": {"appended": "x"}}),
    ("smok_heads", {"$unset": {"kept": ""}}),
    ("smok_names", {"$set": {"until": "x", "last": "x"}}),
    ("smok_names", {"$unset": {"points": ""}}),
    ("smok_points", {"$set": {"seq": "x"}}),
    ("smok_points", {"$unset": {"v": ""}}),
]


@pytest.mark.parametrize(("collection", "change"), FOREIGN)
def test_what_somebody_else_changed_is_read_as_far_as_it_can_be(
    server, raw, opened, collection, change
):
    """Every call answers, or raises an error of ours that is no invitation to try again."""
    series = opened(server.url).series("s")
    for ts in range(3):
        series.append([("w", ts, b"x")])
    last = list(raw[collection].find().sort("_id", 1))[-1]["_id"]
    raw[collection].update_one({"_id": last}, change)
    again = opened(server.url).series("s")
    calls = [
        lambda: again.acknowledge([p.seq for p in again.pending(9)]), again.stats,
        lambda: again.append([("w", 2, b"new"), ("w", 9, b"x")]), lambda: again.latest("w"),
        lambda: list(again.range("w", None, None)), lambda: again.trim(5),
    ]  # fmt: skip
    named = {"smok_heads", "smok_points"}
    for call in calls:
        with contextlib.suppress(*([CorruptData] if collection in named else [])):
            call()
