"""What is LMDB's own: room, damaged files, sharing, long keys, the delayed sync."""

import subprocess
import sys
import time

import lmdb
import pytest
from smok_lmdb.failures import translated
from smok_lmdb.plugin import LmdbOptions, smok_open_engine

from smok_core.engine.base import Ack, Durability
from smok_core.errors import CorruptData, ForeignData, ReadOnlyStore, StorageFull, StoreError
from smok_core.hookspecs import StoreContext
from smok_core.settings import StoreSettings


@pytest.fixture
def opened(tmp_path):
    """Give a function that opens a store, closed when the test ends."""
    engines = []

    def make(device="pump", durability="crash", **options):
        context = StoreContext(
            store="local",
            device=device,
            options=LmdbOptions(path=str(tmp_path / "smok.lmdb"), **options),
            settings=StoreSettings(durability=Durability(durability)),
        )
        engines.append(smok_open_engine(context))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def fill(table, size=30_000):
    """Put rows until the store refuses; give their number."""
    for number in range(100_000):
        try:
            table.put(f"k{number}", b"." * size, pending=True)
        except StorageFull:
            return number
    raise AssertionError("the store never got full")


def flood(series, start):
    """Append points until the store refuses."""
    for at in range(start, start + 90_000, 10):
        series.append([("n", at + place, b"." * 3000) for place in range(10)])


def test_a_full_map_drains_and_takes_new_data_again(opened):
    """At max_mib new data is refused, what waits can be acknowledged, then there is room."""
    table = opened(max_mib=2, reserve_mib=4).table("t")
    count = fill(table)
    assert 40 < count < 100
    for _ in range(3):
        rows = table.pending(1000)
        tagged = [Ack(row.key, row.seq, tag="t" * 400) for row in rows]
        assert table.acknowledge(tagged) == count
        removed = [Ack(row.key, row.seq, remove=True) for row in rows]
        assert table.acknowledge(removed) == count
        assert fill(table) == count


def test_many_rounds_of_filling_and_draining_need_no_more_room(opened, tmp_path):
    """The reserve is not used up: after ten rounds the file is as large as after three."""
    series, sizes = opened(max_mib=2, reserve_mib=4).series("s"), []
    for turn in range(10):
        with pytest.raises(StorageFull):
            flood(series, turn * 100_000)
        series.acknowledge([point.seq for point in series.pending(10_000)])
        assert series.trim(turn * 100_000 + 90_000) > 100
        sizes.append((tmp_path / "smok.lmdb").stat().st_size)
    assert max(sizes) == max(sizes[:3])


def test_a_full_store_says_so_in_health(opened):
    """`smok check` warns of a full store; acknowledging what waits still works at that moment."""
    engine = opened(max_mib=2, reserve_mib=4)
    fill(engine.table("t"), size=1000)
    assert any("is full" in warning for warning in engine.health().warnings)


@pytest.mark.parametrize("kept", [1, 100, 4096, 5000, 8191, 12_288, 30_000])
def test_a_file_that_is_cut_off_is_put_aside(opened, tmp_path, kept):
    """However short it is, it neither kills the process nor keeps the store from opening."""
    engine = opened()
    engine.table("t").replace({f"k{n}": b"." * 1000 for n in range(100)})
    engine.close()
    with (tmp_path / "smok.lmdb").open("r+b") as file:
        file.truncate(kept)
    engine = opened()
    assert list(engine.table("t").rows()) == []
    assert "put aside" in engine.health().warnings[0]
    (aside,) = tmp_path.glob("smok.lmdb.corrupt-*")
    assert aside.stat().st_size == kept


def test_a_damaged_file_can_be_refused(opened, tmp_path):
    """With on_corrupt = "refuse" nothing is moved, and the error says what to do."""
    (tmp_path / "smok.lmdb").write_bytes(b"rubbish" * 1000)
    with pytest.raises(CorruptData, match="quarantine"):
        opened(on_corrupt="refuse")
    assert (tmp_path / "smok.lmdb").read_bytes() == b"rubbish" * 1000


def test_an_empty_file_is_a_new_store(opened, tmp_path):
    """A file of no bytes, as a crash right after its making leaves it, is just begun."""
    (tmp_path / "smok.lmdb").touch()
    assert opened().health().warnings == ()


def test_a_file_of_another_program_is_left_alone(opened, tmp_path):
    """An LMDB file without our mark is not written to."""
    with lmdb.open(str(tmp_path / "smok.lmdb"), subdir=False) as env, env.begin(write=True) as txn:
        txn.put(b"theirs", b"1")
        txn.put(b"theirs, too", b"2")
    before = (tmp_path / "smok.lmdb").read_bytes()
    with pytest.raises(ForeignData):
        opened()
    assert (tmp_path / "smok.lmdb").read_bytes() == before


def test_stores_of_one_process_share_a_file(opened):
    """LMDB forbids to open a file twice in a process; two devices use it at once all the same."""
    first, second = opened("pump-1"), opened("pump-2")
    first.table("t").put("k", b"1")
    second.table("t").put("k", b"2")
    first.close()
    assert second.table("t").get("k").value == b"2"


def test_long_keys_with_one_beginning_stay_apart(opened):
    """Keys longer than LMDB's 511 bytes end in a digest; each comes back whole."""
    table = opened().table("t")
    keys = ["k" * 1000 + end for end in ("a", "b", "")] + ["k" * 400, "k" * 401]
    table.replace({key: key.encode() for key in keys})
    assert {row.key: row.value.decode() for row in table.rows()} == {key: key for key in keys}


@pytest.mark.parametrize("durability", ["crash", "buffered"])
def test_a_change_is_synced_within_a_second(opened, durability):
    """Unless the durability is power-loss a thread syncs half a second after a change, once."""
    engine, synced = opened(durability=Durability(durability)), []
    engine._connection._environment.sync = lambda: synced.append(time.monotonic())
    engine.table("t").put("k", b"")
    deadline = time.monotonic() + 10
    while not synced and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(synced) == 1


def test_power_loss_syncs_before_it_returns(opened):
    """With durability = "power-loss" every change is on the disk when the call returns."""
    engine, synced = opened(durability="power-loss"), []
    engine._connection._environment.sync = lambda: synced.append("now")
    engine.table("t").put("k", b"")
    engine.series("s").append([("n", 1, b"")])
    engine.blobs("b").put("k", b"", 1)
    assert synced == ["now"] * 3


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (lmdb.MapFullError("x"), StorageFull),
        (lmdb.DiskError("x"), StorageFull),
        (lmdb.CorruptedError("x"), CorruptData),
        (lmdb.ReadonlyError("x"), ReadOnlyStore),
        (PermissionError(13, "x"), ReadOnlyStore),
        (lmdb.Error("x"), StoreError),
    ],
)
def test_no_error_of_lmdbs_own_gets_out(tmp_path, raised, told):
    """Each becomes the error of the core that stands for it, with the cause chained."""
    with pytest.raises(told) as caught, translated(tmp_path):
        raise raised
    assert caught.value.__cause__ is raised


def test_the_driver_is_imported_only_when_a_store_is_opened():
    """An installed backend that nobody configured costs nothing."""
    script = "import sys, smok_lmdb.plugin as p; p.smok_backend(); print('lmdb' in sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
