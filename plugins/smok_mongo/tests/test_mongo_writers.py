"""Several writers of one series: no seq names two points, nothing is overtaken, all counts once."""

import threading

import pytest
from smok_mongo.commands import find_all

from plugins.smok_mongo.tests.mishaps import Killed, before, killed
from smok_core.engine.base import Limits, OnFull


@pytest.fixture
def writers(server, raw, opened):
    """Two writers and an uploader, with clocks that stand still in one millisecond."""
    return [opened(server.url, clock=lambda: 1_800_000_000.0) for _ in range(3)]


def test_a_seq_that_was_uploaded_and_removed_is_never_given_again(writers):
    """While one writer is slow, the other's point with the next seq comes and goes; it stays so."""
    slow, quick, uploader = (engine.series("s") for engine in writers)
    slow.append([("w", -1, b"")])
    quick.append([("w", -2, b"")])
    uploader.acknowledge([p.seq for p in uploader.pending(9)])
    handed = []

    def come_and_go():
        quick.append([("w", 1, b"quick")])
        handed.extend(uploader.pending(9))
        assert uploader.acknowledge([p.seq for p in handed]) == 1

    slow._queue._chunks.store = before(slow._queue._chunks.store, come_and_go)
    slow.append([("w", 2, b"slow")])
    assert uploader.acknowledge([p.seq for p in handed]) == 0
    assert [(p.ts, p.value) for p in uploader.pending(9)] == [(2, b"slow")]
    assert handed[0].seq not in {p.seq for p in uploader.pending(9)}


def test_a_slow_commit_is_archived_whatever_was_noted_meanwhile(server, raw, opened):
    """A batch inserted late, by a process killed before its archive, is found by the next one."""
    slow, quick = opened(server.url), opened(server.url)
    series = slow.series("s")
    series.append([("w", 1, b"1")])

    def overtake():
        quick.series("s").append([("w", 2, b"2")])
        quick.close()

    series._queue.insert = before(series._queue.insert, overtake)
    series._archive.store = killed
    with pytest.raises(Killed):
        series.append([("w", 3, b"3")])
    again = opened(server.url).series("s")
    assert [p.ts for p in again.pending(9)] == [1, 2, 3]
    assert [ts for ts, _ in again.range("w", None, None)] == [1, 2, 3]


def test_what_is_uploaded_before_anybody_recovers_is_archived_all_the_same(server, raw, opened):
    """An uploader that was there before the kill archives what it removes from the queue."""
    uploader, series = opened(server.url).series("s"), opened(server.url).series("s")
    assert uploader.pending(9) == []
    series._archive.store = killed
    with pytest.raises(Killed):
        series.append([("w", 1, b"1"), ("w", 2, b"2")])
    assert uploader.acknowledge([p.seq for p in uploader.pending(9)]) == 2
    assert [ts for ts, _ in uploader.range("w", None, None)] == [1, 2]
    assert raw.smok_batches.find_one()["left"] == 0


def test_a_checkpoint_archives_what_a_killed_process_left(server, raw, opened):
    """A process that was there before the kill has the points in its archive a checkpoint later."""
    reader, series = opened(server.url), opened(server.url).series("s")
    assert reader.series("s").latest("w") is None
    series._archive.store = killed
    with pytest.raises(Killed):
        series.append([("w", 1, b"1")])
    reader.checkpoint()
    assert reader.series("s").latest("w") == (1, b"1")


def test_taking_turns_costs_few_commands(proxy, raw, opened):
    """A take-over does none of the other's work again, however much the other has not told."""
    one, two = (opened(proxy.url).series("s") for _ in range(2))
    for ts in range(20):
        one.append([("w", ts, b"")])
    two.append([("w", 99, b"")])
    begun = len(proxy.commands)
    one.append([("w", 100, b"")])
    assert len(proxy.commands) - begun <= 9


@pytest.mark.parametrize("whole", [True, False])
def test_two_that_acknowledge_at_once_count_each_point_once(writers, whole):
    """What both have read as pending is taken out by one of them, and counted by it alone."""
    one, two, writer = (engine.series("s") for engine in writers)
    writer.append([("w", ts, b"") for ts in range(10)])
    seqs = [p.seq for p in writer.pending(9 + whole)]
    counts = []
    method = "_end" if whole else "_mark"
    call = getattr(one._queue, method)
    setattr(one._queue, method, before(call, lambda: counts.append(two.acknowledge(seqs[:6]))))
    counts.append(one.acknowledge(seqs))
    assert counts == [6, len(seqs) - 6]
    assert len(writer.pending(99)) == 10 - len(seqs)


def test_a_large_batch_that_others_acknowledge_keeps_its_chunks(writers):
    """A batch whose removal came to nothing still has all its points."""
    one, two, writer = (engine.series("s") for engine in writers)
    writer.append([("w", ts, b"x" * 200_000) for ts in range(9)])
    seqs = [p.seq for p in writer.pending(9)]
    one._queue._end = before(one._queue._end, lambda: two.acknowledge(seqs[:2]))
    one._queue._mark = killed
    assert one.acknowledge(seqs) == 7
    assert writer.pending(9) == []
    assert len(list(writer.range("w", None, None))) == 9


def test_what_two_processes_drop_is_counted_by_both(writers):
    """Points dropped by several processes add up, and each is counted once."""
    one, two, _ = (engine.series("s", Limits(5, OnFull.DROP_OLDEST)) for engine in writers)
    for n in range(10):
        one.append([("w", 2 * n, b"")])
        two.append([("w", 2 * n + 1, b"")])
    assert (one.stats().pending, one.stats().dropped, two.stats().dropped) == (5, 15, 15)


def as_of_schema_2(raw):
    """Make the batches of the one series as a release of schema 2 left them, none archived."""
    raw.smok_heads.delete_many({})
    for batch in raw.smok_batches.find({"left": {"$gt": 0}}):
        change = {"$unset": {"totals": "", "d": ""}, "$set": {"u": batch["_id"]}}
        raw.smok_batches.update_one({"_id": batch["_id"]}, change)
    raw.smok_batches.delete_many({"left": 0})
    raw.smok_meta.update_one({}, {"$set": {"schema": 2}})


def test_data_of_schema_2_is_taken_over_whole(server, raw, opened):
    """Batches that wait whole or partly, one to archive, drops of two processes, a lease."""
    series = opened(server.url).series("s")
    series.append([("w", n, b"1") for n in range(5)])
    series.append([("w", 9, b"9")])
    series._archive.store = killed
    with pytest.raises(Killed):
        series.append([("v", 2, b"2")])
    pending = series._queue.read(9, 0)
    series._queue.acknowledge([pending[0].seq, pending[-2].seq])
    as_of_schema_2(raw)
    lease = (pending[-1].seq >> 20 >> 8) + 1_000_000
    raw.smok_heads.insert_one({"_id": f"pump-17|s|lease|{lease:016x}", "writer": "x"})
    for owner, dropped in ("a", 3), ("b", 4):
        raw.smok_heads.insert_one({"_id": f"pump-17|s|dropped.points|{owner}", "dropped": dropped})
    reader, writer = opened(server.url).series("s"), opened(server.url).series("s")
    stats = reader.stats()
    assert (stats.points, stats.names, stats.pending, stats.dropped) == (7, 2, 5, 7)
    writer.append([("w", 10, b"10"), ("w", 9, b"9")])
    for ours in (writer, reader):
        stats = ours.stats()
        assert (stats.points, stats.names, stats.pending, stats.dropped) == (8, 2, 6, 7)
    assert [p.ts for p in reader.pending(99)] == [1, 2, 3, 4, 2, 10]
    assert reader.pending(99)[-1].seq >> 28 > lease
    assert reader.acknowledge([p.seq for p in reader.pending(99)]) == 6
    assert writer.stats().pending == 0
    assert raw.smok_meta.find_one({})["schema"] == 3


def test_data_of_schema_1_is_taken_over_whole(server, raw, opened):
    """What an older release left: a batch to archive, a count, and seqs of the device's clock."""
    series = opened(server.url).series("s")
    series.append([("w", 1, b"1")])
    series._archive.store = killed
    with pytest.raises(Killed):
        series.append([("w", 2, b"2")])
    first, last = (p.seq for p in series._queue.read(9, 0))
    as_of_schema_2(raw)
    raw.smok_batches.update_many({}, {"$unset": {"u": ""}})
    old = {"archived": first >> 20, "dropped": 3, "writer": "x"}
    raw.smok_heads.insert_one({"_id": "pump-17|s", **old})
    raw.smok_meta.update_one({}, {"$set": {"schema": 1, "seq": (last >> 20) + 10_000_000}})
    again = opened(server.url).series("s")
    assert [ts for ts, _ in again.range("w", None, None)] == [1, 2]
    again.append([("w", 3, b"3")])
    assert again.pending(9)[-1].seq >> 20 > (last >> 20) + 10_000_000
    assert again.stats().dropped == 3
    assert raw.smok_meta.find_one({})["schema"] == 3
    assert "archived" not in raw.smok_heads.find_one({"_id": "pump-17|s"})


def test_many_rows_are_of_one_set_though_they_come_in_several_answers(writers, monkeypatch):
    """A replacement between two answers of one reading leaves no hole: the new set is read."""
    reader, writer, _ = (engine.table("t") for engine in writers)
    writer.replace({f"k{n}": b"old" for n in range(250)})
    assert len(reader.get_many([f"k{n}" for n in range(250)])) == 250
    begun = []

    def in_two_answers(*args):
        found = find_all(*args)
        if not begun:  # the first answer came before the replacement, the second after its sweep
            begun.append(writer.replace({f"k{n}": b"new" for n in range(250)}))
            found = [d for d in found if "table_version" in d] + found[:101]
        return found

    monkeypatch.setattr("smok_mongo.table_versions.find_all", in_two_answers)
    rows = reader.get_many([f"k{n}" for n in range(250)])
    assert {row.value for row in rows.values()} == {b"new"}
    assert len(rows) == 250


def test_many_writers_and_uploaders_at_once_lose_and_repeat_no_seq(server, raw, opened):
    """Four writers, two uploaders: every point is handed over, each seq for one point only."""
    engines = [opened(server.url) for _ in range(6)]
    handed, lock, stop = {}, threading.Lock(), threading.Event()
    faults = []

    def write(number):
        series = engines[number].series("s")
        for n in range(25):
            series.append([(f"w{number}", n, b"x"), ("shared", n, b"%d" % number)])

    def upload(number):
        series = engines[number].series("s")
        while not stop.is_set() or series.pending(1):
            points = series.pending(7)
            with lock:
                faults.extend(p for p in points if handed.setdefault(p.seq, p) != p)
            series.acknowledge([p.seq for p in points])
            series.acknowledge([p.seq for p in points])

    uploaders = [threading.Thread(target=upload, args=(n,)) for n in (4, 5)]
    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in uploaders + threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    for thread in uploaders:
        thread.join()
    assert not faults
    for number in range(4):
        assert {p.ts for p in handed.values() if p.name == f"w{number}"} == set(range(25))
        assert len(list(engines[0].series("s").range(f"w{number}", None, None))) == 25
