"""What other programs, other descriptors, links and users do to the file of a store."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

import smok_core
from smok_core.errors import (
    AlreadyOpen,
    BackendUnavailable,
    ForeignData,
    StoreClosed,
    StoreVanished,
)
from tests.conftest import skip_or_fail

#: What a child process runs before its own script.
PRELUDE = """
import os, shutil, signal, sqlite3, subprocess, sys, time
import smok_core
def opened(path, **options):
    store = {"backend": "pickle", "path": path, **options}
    return smok_core.open_databases(
        {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}, require_all=True
    )
def look(path):
    other = sqlite3.connect(path)
    other.execute("SELECT count(*) FROM sqlite_master").fetchall()
    other.close()
def fill(databases, start, stop):
    for n in range(start, stop):
        databases.pathpoints.on_new_data("W1", n, n)
"""


def opened(path, *, looking=False, **options):
    store = {"backend": "pickle", "path": str(path), **options}
    config = {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}
    return smok_core.open_databases(config, require_all=True, looking=looking)


def fill(databases, start, stop):
    for n in range(start, stop):
        databases.pathpoints.on_new_data("W1", n, n)


def stored(path):
    with opened(path) as databases:
        return [ts for ts, _ in databases.pathpoints.get_archive_data("W1")]


def run(script, *args):
    """Run a script in a process of its own, which may kill itself."""
    command = [sys.executable, "-c", PRELUDE + textwrap.dedent(script), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


#: What a process does to its own file in all innocence; each closes a descriptor of it.
INNOCENT = {
    "a second open_databases": "opened(path).close()",
    "a backup of the file": "shutil.copy(path, path + '.copy')",
    "a look at its first bytes": "open(path, 'rb').close()",
    "another library's connection": "look(path)",
}
#: What another process does then; each is the last to close, as it believes.
OTHERS = {
    "ours": "opened(sys.argv[1]).close()",
    "sqlite3": "look(sys.argv[1])",
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("innocent", INNOCENT)
def test_no_descriptor_of_the_file_costs_the_log(innocent, other, tmp_path):
    """Closing any descriptor drops SQLite's locks; the log must not be deleted by the next one."""
    path = tmp_path / "smok.db"
    script = f"""
        path = sys.argv[1]
        databases = opened(path)
        fill(databases, 0, 1)
        {INNOCENT[innocent]}
        done = subprocess.run([sys.executable, "-c", sys.argv[2], path], capture_output=True)
        assert done.returncode == 0, done.stderr
        fill(databases, 1, 101)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = run(script, path, PRELUDE + OTHERS[other])
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert stored(path) == list(range(101))


def test_one_file_is_opened_once_however_often(tmp_path):
    """Two configurations and a hard link share one connection; each closes for itself."""
    path, link = tmp_path / "smok.db", tmp_path / "other.db"
    first = opened(path)
    os.link(path, link)
    second, third = opened(path, durability="power-loss"), opened(link)
    for number, databases in enumerate((first, second, third)):
        databases.pathpoints.on_new_data("W1", number, number)
    second.close()
    with pytest.raises(StoreClosed):
        second.pathpoints.on_new_data("W1", 9, 9)
    first.pathpoints.on_new_data("W1", 3, 3)
    first.close()
    third.close()
    link.unlink()
    assert stored(path) == [0, 1, 2, 3]


def test_two_processes_do_not_write_one_file_under_two_names(tmp_path):
    """SQLite would keep two logs; the second process is told which file is meant."""
    path, link = tmp_path / "smok.db", tmp_path / "other.db"
    with opened(path) as databases:
        databases.pathpoints.on_new_data("W1", 0, 0)
        os.link(path, link)
        done = run("opened(sys.argv[1])", link)
        assert AlreadyOpen.__name__ in done.stderr
        assert "hard link" in done.stderr
    link.unlink()
    assert stored(path) == [0]


def test_a_link_to_the_store_is_followed_once(tmp_path, monkeypatch):
    """The log lies beside the file that the link leads to, and that one is synced."""
    synced, real = [], os.fdatasync
    monkeypatch.setattr(
        os,
        "fdatasync",
        lambda fd: (synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())), real(fd)),
    )
    (tmp_path / "disk").mkdir()
    (tmp_path / "smok.db").symlink_to("disk/real.db")
    with opened(tmp_path / "smok.db") as databases:
        databases.pathpoints.on_new_data("W1", 0, 0)
        databases.flush()
    assert str(tmp_path / "disk" / "real.db-wal") in synced


@pytest.mark.parametrize("name", ["smok.db", "smok.db.lock"])
def test_a_link_planted_in_a_shared_directory_is_not_followed(name, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / name).symlink_to(tmp_path / "victim")
    with pytest.raises(ForeignData, match="link"):
        opened(shared / "smok.db")
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("looking", [False, True])
@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_what_is_no_file_in_the_place_of_the_log_is_told(suffix, kind, looking, tmp_path):
    """No waiting helps, as the error of SQLite had it, and a pipe was read for ever."""
    path, place = tmp_path / "smok.db", tmp_path / f"smok.db{suffix}"
    opened(path).close()
    plant = {"link": lambda: place.symlink_to(tmp_path / "victim"), "directory": place.mkdir}
    plant.get(kind, lambda: os.mkfifo(place))()
    with pytest.raises(ForeignData, match=f"smok.db{suffix}: a link, or something else"):
        opened(path, looking=looking)
    assert not (tmp_path / "victim").exists()


FOREIGN = {
    "a key": b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
    "a config": b'device = "pump-17"\n',
    "another program's database": None,
    "a binary": bytes(range(256)) * 64,
    "zeros": bytes(8192),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_not_ours_is_never_touched(what, tmp_path):
    path = tmp_path / "device.key"
    if FOREIGN[what] is None:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE theirs(a)")
        other.close()
    else:
        path.write_bytes(FOREIGN[what])
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(ForeignData):
            opened(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["device.key"]


def test_an_empty_file_is_free_to_become_a_store(tmp_path):
    path = tmp_path / "smok.db"
    path.touch()
    with opened(path) as databases:
        databases.pathpoints.on_new_data("W1", 0, 0)
        assert databases.health()["s"].warnings == ()
    assert stored(path) == [0]


@pytest.mark.parametrize("damage", [b"", b"torn", bytes(4096)])
def test_a_torn_file_of_ours_is_known_by_its_lock(damage, tmp_path):
    path = tmp_path / "smok.db"
    opened(path).close()
    path.write_bytes(damage)
    with opened(path) as databases:
        assert "put aside" in databases.health()["s"].warnings[0]


def test_looking_makes_and_heals_nothing(tmp_path):
    path = tmp_path / "var" / "smok.db"
    config = {
        "device": "d",
        "stores": {"s": {"backend": "pickle", "path": str(path)}},
        "roles": {"default": "s"},
    }
    with smok_core.open_databases(config, looking=True) as databases:
        assert databases.pathpoints.stats().rows == 0
        assert "nothing was stored yet" in " ".join(databases.health()["s"].notes)
    assert list(tmp_path.iterdir()) == []
    opened(path).close()
    path.write_bytes(b"torn")
    with smok_core.open_databases(config, looking=True) as databases:
        assert not databases.health()["s"].available
    assert path.read_bytes() == b"torn"


def open_to_all():
    """Give a directory for temporary files that any user can get into."""
    for base in map(Path, (tempfile.gettempdir(), "/var/tmp", "/dev/shm")):
        if base.is_dir() and all(p.stat().st_mode & 0o001 for p in (base, *base.parents)):
            return base
    return skip_or_fail("pickle", "no directory for temporary files is open to all users")


@pytest.fixture
def service_folder(tmp_path):
    """A directory of the user `nobody`, who can get there, as cannot be said of `tmp_path`."""
    if os.getuid():
        pytest.skip("only root makes files for others")
    with opened(tmp_path / "imported.db") as databases:  # this Python may be closed to the user
        fill(databases, 0, 1)
        databases.checkpoint()
    with tempfile.TemporaryDirectory(dir=open_to_all()) as above:
        Path(above).chmod(0o755)
        folder = Path(above, "var")
        folder.mkdir(mode=0o700)
        os.chown(folder, 65534, 65534)
        yield folder


def test_what_root_makes_belongs_to_the_owner_of_the_directory(service_folder):
    opened(service_folder / "smok.db").close()
    assert {file.stat().st_uid for file in service_folder.iterdir()} == {65534}
    assert {file.stat().st_mode & 0o777 for file in service_folder.iterdir()} == {0o600}


def as_service(path, start, stop):
    """Record as the user `nobody`, to whom the store belongs; give how that ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            with opened(path) as databases:
                fill(databases, start, stop)
                databases.checkpoint()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def root_is_killed(path):
    run("fill(opened(sys.argv[1]), 100, 101); os.kill(os.getpid(), signal.SIGKILL)", path)


def root_heals(path):
    path.write_bytes(b"torn")
    opened(path).close()
    assert list(path.parent.glob("*.corrupt-*"))


def root_rescues(path):
    databases = opened(path)
    path.unlink()
    with pytest.raises(StoreVanished):
        databases.flush()
    assert list(path.parent.glob("*.rescued-*"))


def root_removes_what_lies_beside(path):
    for part in ("lock", "reserve"):
        path.with_name(f"{path.name}.{part}").unlink()
    opened(path).close()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    "act", [root_is_killed, root_heals, root_rescues, root_removes_what_lies_beside]
)
def test_a_service_goes_on_after_root_has_used_its_store(act, service_folder):
    """Whatever root's process makes beside the file, the service can use, and nobody else read."""
    path = service_folder / "smok.db"
    assert as_service(path, 0, 100) == 0
    act(path)
    files = {file.name: file.stat() for file in service_folder.iterdir()}
    assert {(file.st_uid, file.st_mode & 0o077) for file in files.values()} == {(65534, 0)}, files
    assert as_service(path, 200, 300) == 0
    kept = act is root_is_killed or act is root_removes_what_lies_beside
    assert (stored(path)[:100] == list(range(100))) is kept
    assert stored(path)[-100:] == list(range(200, 300))


def test_a_limit_on_the_size_of_files_is_no_full_disk(tmp_path):
    """Neither the reserve nor the log needs a large file; data is taken as long as it fits."""
    script = """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (800 * 1024, 800 * 1024))
        with opened(sys.argv[1]) as databases:
            fill(databases, 0, 2000)
            print(*databases.health()["s"].notes)
    """
    done = run(script, tmp_path / "smok.db")
    assert done.returncode == 0, done.stderr
    assert "the reserve of 1024 KiB was not made" in done.stdout
    assert len(stored(tmp_path / "smok.db")) == 2000


def test_a_signal_handler_in_the_middle_of_a_call_loses_nothing(tmp_path):
    """It is refused inside a transaction, works between two, and all that returned is there."""
    kept, refused = [], 0
    with opened(tmp_path / "smok.db") as databases:

        def handler(*_):
            nonlocal refused
            try:
                number = -time.monotonic_ns() // 1000
                databases.pathpoints.on_new_data("W1", number, 0)
                kept.append(number)
            except BackendUnavailable as error:
                refused += "middle of another call" in str(error)

        before = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0013)
        try:
            deadline, n = time.monotonic() + 2.0, 0
            while time.monotonic() < deadline:
                databases.pathpoints.on_new_data("W1", n, n)
                kept.append(n)
                databases.metadata.put_plain("k", str(n))
                n += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    assert refused
    assert set(kept) <= set(stored(tmp_path / "smok.db"))


def test_flush_without_a_descriptor_left_is_a_typed_error(tmp_path):
    script = """
        import resource
        from smok_core.errors import BackendUnavailable
        databases = opened(sys.argv[1])
        fill(databases, 0, 10)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, 4096))
        try:
            databases.flush()
        except BackendUnavailable as error:
            print(error)
    """
    done = run(script, tmp_path / "smok.db")
    assert "Too many open files" in done.stdout, done.stderr


def test_a_daemon_that_closed_its_standard_streams_prints_into_no_file(tmp_path):
    """The lowest free descriptors were those of the lock and of the store itself."""
    path = tmp_path / "smok.db"
    done = run(
        """
        path = sys.argv[1]
        for stream in (0, 1, 2):
            os.close(stream)
        databases = opened(path)
        fill(databases, 0, 50)
        for stream in (0, 1, 2):
            os.write(stream, b"a line of a log" * 10)
        databases.close()
        """,
        path,
    )
    assert done.returncode == 0
    with opened(path) as databases:
        assert databases.health()["s"].warnings == ()
    assert stored(path) == list(range(50))


@pytest.mark.parametrize(("content", "ours"), [(b"pid 7\n", False), (bytes(64), True), (b"", True)])
def test_a_foreign_file_in_the_place_of_the_lock_is_not_touched(content, ours, tmp_path):
    """Zeros are what a power cut leaves of ours."""
    path, lock = tmp_path / "smok.db", tmp_path / "smok.db.lock"
    lock.write_bytes(content)
    if ours:
        opened(path).close()
        return
    with pytest.raises(ForeignData, match="was not touched"):
        opened(path)
    assert lock.read_bytes() == content
