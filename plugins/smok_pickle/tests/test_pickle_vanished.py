"""The file of an open store goes away: noticed, told, and nothing is accepted into nothing."""

import shutil
import sqlite3

import pytest

import smok_core
from smok_core.errors import StoreVanished


def opened(path):
    store = {"backend": "pickle", "path": str(path)}
    config = {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}
    return smok_core.open_databases(config, require_all=True)


def fill(databases, *span):
    for n in range(*span):
        databases.pathpoints.on_new_data("W1", n, n)


def points_in(path):
    """Read a file with nothing but SQLite: it was rescued or moved, log and all."""
    with opened(path) as databases:
        return [ts for ts, _ in databases.pathpoints.get_archive_data("W1")]


def unlink(path):
    path.unlink()


def unlink_all(path):
    for file in list(path.parent.iterdir()):
        file.unlink()


def remove_directory(path):
    shutil.rmtree(path.parent)


def replace_by_backup(path):
    shutil.copy(path, path.with_suffix(".bak"))
    path.with_suffix(".bak").replace(path)


def replace_directory(path):
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    path.touch()


GONE = [unlink, unlink_all, remove_directory, replace_by_backup, replace_directory]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "var" / "smok.db"


@pytest.mark.parametrize("act", GONE)
def test_what_was_written_is_rescued_and_no_more_is_accepted(act, path, tmp_path):
    databases = opened(path)
    fill(databases, 100)
    act(path)
    accepted = list(range(100))
    with pytest.raises(StoreVanished, match="while it was open"):
        databases.flush()
    for n in range(100, 200):
        with pytest.raises(StoreVanished):
            databases.pathpoints.on_new_data("W1", n, n)
    assert "while it was open" in " ".join(databases.health()["s"].warnings)
    databases.close()
    rescued = list(tmp_path.rglob("*smok.db.rescued-*"))
    assert len(rescued) == 1
    assert points_in(rescued[0]) == accepted


def test_it_is_noticed_within_a_second_without_a_flush(path, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("smok_pickle.presence.time.monotonic", lambda: clock[0])
    databases = opened(path)
    databases.pathpoints.on_new_data("W1", 0, 0)
    path.unlink()
    clock[0] += 1.0
    with pytest.raises(StoreVanished, match="its file was removed"):
        databases.pathpoints.on_new_data("W1", 1, 1)
    databases.close()


def test_a_directory_that_is_gone_is_no_full_disk(path, monkeypatch):
    """Its free space cannot be told; within the second, too, what happened is said."""
    monkeypatch.setattr("smok_pickle.presence.time.monotonic", lambda: 1000.0)
    databases = opened(path)
    databases.pathpoints.on_new_data("W1", 0, 0)
    remove_directory(path)
    with pytest.raises(StoreVanished, match="its directory was removed"):
        fill(databases, 1, 1000)
    databases.close()


@pytest.mark.parametrize("what", ["file", "directory"])
def test_what_was_only_renamed_is_named_and_whole(what, path, tmp_path):
    databases = opened(path)
    fill(databases, 100)
    moved = tmp_path / "moved" / "smok.db" if what == "directory" else path.with_name("old.db")
    (path.parent if what == "directory" else path).rename(
        moved.parent if what == "directory" else moved
    )
    with pytest.raises(StoreVanished, match=f"it lies at {moved} now"):
        databases.flush()
    databases.close()
    assert not list(tmp_path.rglob("*.rescued-*"))
    assert points_in(moved) == list(range(100))


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_log_that_is_removed_is_written_into_the_file_first(suffix, path):
    databases = opened(path)
    fill(databases, 100)
    path.with_name(path.name + suffix).unlink()
    databases.flush()
    fill(databases, 100, 200)
    assert f"its {suffix} file was removed" in " ".join(databases.health()["s"].notes)
    databases.close()
    assert points_in(path) == list(range(200))


def test_a_log_that_is_replaced_is_not_believed(path, tmp_path):
    databases = opened(path)
    fill(databases, 100)
    log = path.with_name(path.name + "-wal")
    log.unlink()
    log.write_bytes(b"")
    with pytest.raises(StoreVanished, match="-wal file was replaced"):
        databases.flush()
    databases.close()
    assert points_in(next(path.parent.glob("*.rescued-*"))) == list(range(100))


def test_a_new_opening_takes_up_the_backup_that_was_put_in_place(path):
    databases = opened(path)
    fill(databases, 10)
    databases.checkpoint()
    with sqlite3.connect(path) as live, sqlite3.connect(path.with_suffix(".bak")) as backup:
        live.backup(backup)
    live.close()
    backup.close()
    databases.pathpoints.on_new_data("W1", 10, 10)
    path.with_suffix(".bak").replace(path)
    with pytest.raises(StoreVanished):
        databases.flush()
    assert points_in(path) == list(range(10))
    databases.close()
    assert points_in(path) == list(range(10))
