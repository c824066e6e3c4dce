"""The file of an open store is overwritten where it lies: told, and never mixed with its log."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest

import smok_core
from smok_core.errors import StoreVanished


def opened(path, device="d", *, looking=False):
    store = {"backend": "pickle", "path": str(path)}
    config = {"device": device, "stores": {"s": store}, "roles": {"default": "s"}}
    return smok_core.open_databases(config, require_all=True, looking=looking)


def points_in(path, device="d", *, looking=False):
    with opened(path, device, looking=looking) as databases:
        return [ts for ts, _ in databases.pathpoints.get_archive_data("W1")]


def fill(databases, *span, name="W1"):
    for n in range(*span):
        databases.pathpoints.on_new_data(name, n, n)


def checkpoint(databases):
    databases.engines["s"].checkpoint()


def copy_over(source, path):
    """What ``cp`` does: truncate, then write."""
    path.write_bytes(source.read_bytes())


def copy_within(source, path):
    """What ``rsync --inplace`` does, with the times of the source."""
    with path.open("r+b") as file:
        file.write(source.read_bytes())
        file.truncate()
    shutil.copystat(source, path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "var" / "smok.db"


@pytest.fixture
def backup(tmp_path):
    return tmp_path / "backup.db"


@pytest.fixture
def databases(path, backup):
    """A store with a backup of its first hundred readings; the last fifty are in the log only."""
    with opened(path) as found:
        fill(found, 100)
        checkpoint(found)
        shutil.copy(path, backup)
        fill(found, 100, 200)
        checkpoint(found)
        fill(found, 200, 250)
        yield found


@pytest.mark.parametrize("restore", [copy_over, copy_within])
@pytest.mark.parametrize("act", ["flush", "checkpoint", "close"])
def test_a_backup_copied_over_an_open_store(restore, act, databases, path, backup):
    restore(backup, path)
    with pytest.raises(StoreVanished, match="overwritten"):
        getattr(databases, act)()
    if act != "close":
        with pytest.raises(StoreVanished):
            databases.pathpoints.on_new_data("W1", 250, 250)
        assert "overwritten" in " ".join(databases.health()["s"].warnings)
        databases.close()
    assert points_in(path, looking=True) == list(range(100))
    for _ in range(2):
        assert points_in(path) == list(range(100))
    (rescued,) = path.parent.glob("*.rescued-*Z")
    assert points_in(rescued) == [*range(100), *range(200, 250)]
    with opened(path) as again:
        assert str(rescued) in " ".join(again.health()["s"].warnings)


def test_it_is_noticed_within_a_second(databases, path, backup, monkeypatch):
    clock = [1e6]
    monkeypatch.setattr("smok_pickle.presence.time.monotonic", lambda: clock[0])
    databases.flush()
    copy_over(backup, path)
    clock[0] += 1.0
    with pytest.raises(StoreVanished, match="overwritten"):
        databases.metadata.get_all_plain()


def test_another_store_gets_nothing_of_the_log(databases, path, tmp_path):
    """The numbers of names mean something else in it: readings would change their name."""
    other = tmp_path / "other.db"
    with opened(other) as stranger:
        fill(stranger, 10, name="of another")
    copy_over(other, path)
    with pytest.raises(StoreVanished, match="overwritten"):
        databases.flush()
    databases.close()
    with opened(path) as again:
        assert list(again.pathpoints.get_pathpoints()) == ["of another"]
    (rescued,) = path.parent.glob("*.rescued-*Z")
    with opened(rescued) as saved:
        assert "of another" not in saved.pathpoints.get_pathpoints()
    assert rescued.with_name(rescued.name + ".log").stat().st_size


@pytest.mark.parametrize("act", ["flush", "close"])
def test_what_was_zeroed_is_recovered_from_the_log(act, databases, path):
    """It is no other file, but damage: the store goes on."""
    with path.open("r+b") as file:
        file.write(bytes(8192))
    getattr(databases, act)()
    if act == "flush":
        assert "somebody wrote into the file" in " ".join(databases.health()["s"].warnings)
        fill(databases, 250, 300)
        databases.close()
    for _ in range(2):
        assert points_in(path) == list(range(300 if act == "flush" else 250))


def test_an_earlier_state_with_the_same_header(path, backup):
    """So little came since that no page was added."""
    databases = opened(path)
    fill(databases, 100)
    checkpoint(databases)
    shutil.copy(path, backup)
    fill(databases, 100, 102)
    checkpoint(databases)
    copy_over(backup, path)
    with pytest.raises(StoreVanished, match="overwritten"):
        databases.flush()
    databases.close()
    assert points_in(path) == list(range(100))


@pytest.mark.parametrize("end", ["flush", "kill"])
def test_an_earlier_state_of_a_large_file(end, path, backup):
    """The pages that differ are two of five thousand: not all can be compared."""
    if (child := os.fork()) == 0:
        databases = opened(path)
        databases.baobs.set_baob_value("large", bytes(20 * 2**20), 1)
        databases.metadata.put_plain("key", "old")
        checkpoint(databases)
        shutil.copy(path, backup)
        databases.metadata.put_plain("key", "new")
        checkpoint(databases)
        databases.metadata.put_plain("other", "new")
        copy_within(backup, path)
        with contextlib.suppress(StoreVanished):
            databases.flush() if end == "flush" else os.kill(os.getpid(), signal.SIGKILL)
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == (0 if end == "flush" else -signal.SIGKILL)
    with opened(path) as again:
        assert [key for key, *_ in again.metadata.get_all_plain()] == ["key"]
        assert again.metadata.get_plain("key") == "old"
    assert len(list(path.parent.glob("*.rescued-*Z"))) == 1


def test_damage_that_was_copied_over_is_not_healed_into_its_place(databases, path, backup):
    """Met before the next look, it is no damage of ours: the file belongs to who wrote it."""
    content = backup.read_bytes()
    copy_over(backup, path)
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xa5" * (len(content) - 8192))
    databases.engines["s"]._connection.raw().execute("PRAGMA shrink_memory")
    with pytest.raises(StoreVanished, match="overwritten"):
        list(databases.pathpoints.get_archive_data("W1"))
    assert not list(path.parent.glob("*.corrupt-*"))


RESTORE = """
import sqlite3, sys, time
with sqlite3.connect(sys.argv[2]) as source, sqlite3.connect(sys.argv[1]) as target:
    source.backup(target, pages=8, progress=lambda *_: (print(flush=True), time.sleep(0.02)))
    if "checkpoint" in sys.argv:
        target.execute("PRAGMA wal_checkpoint").fetchall()
"""


def restore(source, path, *options):
    """What ``sqlite3 live.db '.restore backup.db'`` does: it goes through SQLite's own log."""
    command = [sys.executable, "-c", RESTORE, str(path), str(source), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


USES = {
    "flush": lambda databases: databases.flush(),
    "checkpoint": lambda databases: databases.checkpoint(),
    "a reading": lambda databases: fill(databases, 250, 251),
    "a late reading": lambda databases: fill(databases, 120, 121),
    "the archive": lambda databases: list(databases.pathpoints.get_archive_data("W1")),
    "a row": lambda databases: databases.metadata.put_plain("key", "value"),
    "a row that is read": lambda databases: databases.metadata.get_all_plain(),
    "a batch": lambda databases: databases.pathpoints.get_data_to_sync(),
}


@pytest.mark.parametrize("use", USES)
def test_a_backup_restored_through_sqlite(use, databases, path, backup):
    """What is remembered of the store (ids of names, places in the queue) is not true any more."""
    restore(backup, path)
    for again in (use, "a reading"):
        with pytest.raises(StoreVanished, match="its contents were overwritten"):
            USES[again](databases)
    databases.close()
    for _ in range(2):
        assert points_in(path) == list(range(100))
    (rescued,) = path.parent.glob("*.rescued-*")
    assert points_in(rescued) == list(range(250))
    assert not list(path.parent.glob("*.corrupt-*"))


def test_an_acknowledgement_after_a_restore(databases, path, backup):
    batch = databases.pathpoints.get_data_to_sync()
    restore(backup, path)
    with pytest.raises(StoreVanished, match="its contents were overwritten"):
        batch.acknowledge()
    databases.close()
    with opened(path) as again:
        assert len(again.pathpoints.get_data_to_sync()) == 100


def test_a_reading_that_waits_for_a_restore_gets_nowhere(databases, path, backup):
    """SQLite itself would add it to what was restored."""
    command = [sys.executable, "-c", RESTORE, str(path), str(backup)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as restoring:
        restoring.stdout.readline()  # from here on it holds the lock
        with pytest.raises(StoreVanished, match="its contents were overwritten"):
            fill(databases, 250, 251)
    databases.close()
    assert points_in(path) == list(range(100))


def test_a_restore_that_was_copied_into_the_file(databases, path, backup):
    """The log still has what was not in the backup, or it is said that it is gone."""
    restore(backup, path, "checkpoint")
    with pytest.raises(StoreVanished, match="what it held before was copied"):
        databases.flush()
    databases.close()
    (rescued,) = path.parent.glob("*.rescued-*")
    assert points_in(rescued) == [*range(100), *range(200, 250)]


def test_another_store_restored_through_sqlite(databases, path, tmp_path):
    other = tmp_path / "other.db"
    with opened(other) as stranger:
        fill(stranger, 300, name="of another")
    restore(other, path)
    with pytest.raises(StoreVanished, match="its contents were overwritten"):
        fill(databases, 250, 251)
    databases.close()
    with opened(path) as again:
        assert list(again.pathpoints.get_pathpoints()) == ["of another"]
        assert len(list(again.pathpoints.get_archive_data("of another"))) == 300
    (rescued,) = path.parent.glob("*.rescued-*")
    assert points_in(rescued) == list(range(250))


def test_a_baob_restored_through_sqlite(path, backup):
    """In a store that keeps nothing else, versions alone would go back."""
    with opened(path) as databases:
        databases.baobs.set_baob_value("b", b"old", 1)
        checkpoint(databases)
        shutil.copy(path, backup)
        databases.baobs.set_baob_value("b", b"new", 2)
        databases.flush()
        restore(backup, path)
        with pytest.raises(StoreVanished, match="its contents were overwritten"):
            databases.baobs.get_baob_value("b")


def test_what_was_restored_is_what_was_there(databases, path, backup):
    checkpoint(databases)
    shutil.copy(path, backup)
    restore(backup, path)
    fill(databases, 250, 300)
    databases.close()
    assert points_in(path) == list(range(300))


@pytest.fixture
def killed(path, backup):
    """The same store, whose program was killed; its log is left beside the file."""
    if (child := os.fork()) == 0:
        with opened(path) as databases:
            fill(databases, 100)
            checkpoint(databases)
            shutil.copy(path, backup)
            fill(databases, 100, 200)
            checkpoint(databases)
            fill(databases, 200, 250, name="W2")
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    return path


@pytest.mark.parametrize("restore", [copy_over, copy_within])
def test_a_backup_copied_over_the_file_of_a_killed_program(restore, killed, backup):
    """The log it left would be replayed into the backup: readings of both would be gone."""
    restore(backup, killed)
    assert points_in(killed, looking=True) == list(range(100))
    for _ in range(2):
        assert points_in(killed) == list(range(100))
    (rescued,) = killed.parent.glob("*.rescued-*Z")
    with opened(rescued) as saved:
        archive = saved.pathpoints.get_archive_data("W2")
        assert [ts for ts, _ in archive] == list(range(200, 250))
    with opened(killed) as again:
        assert str(rescued) in " ".join(again.health()["s"].warnings)


def touch(path):
    os.utime(path)


def make_hard_link(path):
    path.with_name("link").hardlink_to(path)


def copy_onto_itself(path):
    copy_within(path, path)


def vacuum(path):
    command = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM')"
    subprocess.run([sys.executable, "-c", command, str(path)], check=True)


def write_elsewhere(path):
    command = """
import sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
raw.execute("CREATE TABLE extra AS SELECT * FROM tail")
raw.execute("PRAGMA wal_checkpoint").fetchall()
raw.execute("DROP TABLE extra")
raw.execute("PRAGMA wal_checkpoint").fetchall()
"""
    subprocess.run([sys.executable, "-c", command, str(path)], check=True)


@pytest.mark.parametrize("act", [touch, make_hard_link, copy_onto_itself, vacuum, write_elsewhere])
def test_what_changes_no_content_or_goes_through_sqlite_is_no_alarm(act, databases, path):
    act(path)
    databases.flush()
    fill(databases, 250, 300)
    checkpoint(databases)
    act(path) if act is not make_hard_link else None
    databases.flush()
    databases.close()
    assert points_in(path) == list(range(300))


def by_another_program(*statements):
    """Give what opens the file by bare SQLite, does that, and is killed as well."""

    def act(path):
        command = """
import os, sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    raw.execute(statement).fetchall()
os._exit(0)
"""
        subprocess.run([sys.executable, "-c", command, str(path), *statements], check=True)

    return act


copy_the_log = by_another_program("PRAGMA wal_checkpoint")
copy_and_go_on = by_another_program("PRAGMA wal_checkpoint", "CREATE TABLE extra(x)")


def copy_the_log_and_lose_its_index(path):
    """What a power cut may leave: the index on the disk is older than what was copied."""
    copy_the_log(path)
    path.with_name(path.name + "-shm").unlink()


def leave(path):
    """Do nothing to it."""


@pytest.mark.parametrize(
    "act",
    [
        leave, touch, copy_onto_itself, vacuum, copy_the_log, copy_and_go_on,
        copy_the_log_and_lose_its_index,
    ],
)  # fmt: skip
def test_a_killed_program_keeps_its_log_whatever_was_done_to_its_file(act, killed):
    """No alarm where the log belongs to the file, however much of it is there by now."""
    act(killed)
    with opened(killed) as again:
        for name, count in (("W1", 200), ("W2", 50)):
            assert len(list(again.pathpoints.get_archive_data(name))) == count
    assert not list(killed.parent.glob("*.rescued-*"))


def test_a_checkpoint_that_nobody_noted(path):
    """SQLite copies the log by itself; the program is killed before it looks again."""
    if os.fork() == 0:
        with opened(path) as databases:
            fill(databases, 100)
            databases.engines["s"]._connection.raw().execute("PRAGMA wal_checkpoint").fetchall()
            fill(databases, 100, 150)
            os.kill(os.getpid(), signal.SIGKILL)
    os.wait()
    assert points_in(path) == list(range(150))
    assert not list(path.parent.glob("*.rescued-*"))


def test_a_file_without_a_lineage_gets_one(path):
    """Stores that were made before have none."""
    opened(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("DELETE FROM recoveries")
    raw.close()
    found = set()
    for _ in range(2):
        opened(path).close()
        with sqlite3.connect(path) as raw:
            found.update(raw.execute("SELECT report FROM recoveries WHERE aside = ''"))
        raw.close()
    assert len(found) == 1
