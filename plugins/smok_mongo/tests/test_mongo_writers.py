"""Several writers of one series: no seq names two points, nothing is overtaken, all counts once."""

from __future__ import annotations

import threading

import pytest

from smok_core.engine.base import Limits, OnFull


class Killed(BaseException):
    """Stands for the end of the process."""


def killed(*_, **__):
    raise Killed


def after(call, step):
    """Do a step just before a call is carried out, once."""
    steps = [step]

    def slow(*args):
        if steps:
            steps.pop()()
        return call(*args)

    return slow


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

    slow._queue._chunks.store = after(slow._queue._chunks.store, come_and_go)
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

    series._queue.insert = after(series._queue.insert, overtake)
    series._archive.store = killed
    with pytest.raises(Killed):
        series.append([("w", 3, b"3")])
    again = opened(server.url).series("s")
    assert [p.ts for p in again.pending(9)] == [1, 3, 2]
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
    assert raw.smok_batches.count_documents({}) == 0


@pytest.mark.parametrize("whole", [True, False])
def test_two_that_acknowledge_at_once_count_each_point_once(writers, whole):
    """What both have read as pending is taken out by one of them, and counted by it alone."""
    one, two, writer = (engine.series("s") for engine in writers)
    writer.append([("w", ts, b"") for ts in range(10)])
    seqs = [p.seq for p in writer.pending(9 + whole)]
    counts = []
    method = "_remove_alike" if whole else "_mark"
    call = getattr(one._queue, method)
    setattr(one._queue, method, after(call, lambda: counts.append(two.acknowledge(seqs[:6]))))
    counts.append(one.acknowledge(seqs))
    assert counts == [6, len(seqs) - 6]
    assert len(writer.pending(99)) == 10 - len(seqs)


def test_a_large_batch_that_others_acknowledge_keeps_its_chunks(writers):
    """A batch whose removal came to nothing still has all its points."""
    one, two, writer = (engine.series("s") for engine in writers)
    writer.append([("w", ts, b"x" * 200_000) for ts in range(9)])
    seqs = [p.seq for p in writer.pending(9)]
    one._queue._remove_alike = after(one._queue._remove_alike, lambda: two.acknowledge(seqs[:2]))
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


def test_data_of_schema_1_is_taken_over_whole(server, raw, opened):
    """What an older release left: a batch to archive, a count, and seqs of the device's clock."""
    series = opened(server.url).series("s")
    series.append([("w", 1, b"1")])
    series._archive.store = killed
    with pytest.raises(Killed):
        series.append([("w", 2, b"2")])
    first, last = (p.seq for p in series._queue.read(9, 0))
    raw.smok_batches.update_many({}, {"$unset": {"u": ""}})
    old = {"archived": first >> 20, "dropped": 3, "writer": "x"}
    raw.smok_heads.delete_many({})
    raw.smok_heads.insert_one({"_id": "pump-17|s", **old})
    raw.smok_meta.update_one({}, {"$set": {"schema": 1, "seq": (last >> 20) + 10_000_000}})
    again = opened(server.url).series("s")
    assert [ts for ts, _ in again.range("w", None, None)] == [1, 2]
    again.append([("w", 3, b"3")])
    assert again.pending(9)[-1].seq >> 20 > (last >> 20) + 10_000_000
    assert again.stats().dropped == 3
    assert raw.smok_meta.find_one({})["schema"] == 2
    assert "archived" not in raw.smok_heads.find_one({"_id": "pump-17|s"})


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
