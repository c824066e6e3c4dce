"""Two who have one file open, when its name, its log or its lock is taken away from one of them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading

import pytest
from smok_pickle.locks import in_use

import smok_core
from smok_core.errors import BackendUnavailable, SmokError, StoreVanished

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

#: Another program that has the store open: it does what it is told, a line at a time.
NEIGHBOUR = """
import sys
import smok_core
from smok_core.errors import SmokError
path, looking = sys.argv[1], sys.argv[2] == "looking"
store = {"backend": "pickle", "path": path, "busy_timeout_ms": 300}
databases = smok_core.open_databases(
    {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}},
    require_all=True, looking=looking,
)
print("open", flush=True)
for line in sys.stdin:
    try:
        if line.startswith(("add", "write")):
            for n in range(*map(int, line.split()[1:])):
                databases.pathpoints.on_new_data("theirs", n, n)
            n += 1  # all are stored, also if the flush finds that the file is gone
        if line.startswith("write"):
            databases.flush()
        else:
            databases.close()
        print("done", flush=True)
    except SmokError:
        print(n, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "var" / "smok.db"


def config_of(path, **options):
    store = {"backend": "pickle", "path": str(path), "busy_timeout_ms": 300, **options}
    return {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}


def opened(path, **options):
    return smok_core.open_databases(config_of(path, **options), require_all=True)


def fill(databases, *span, name="W1"):
    for n in range(*span):
        databases.pathpoints.on_new_data(name, n, n)


def stored(path, name="W1"):
    with opened(path) as databases:
        return [ts for ts, _ in databases.pathpoints.get_archive_data(name)]


def log_of(path):
    return path.with_name(path.name + "-wal")


@contextlib.contextmanager
def neighbour(path, *, looking=False):
    """Run another program on the store; give a function that tells it what to do."""
    command = [sys.executable, "-c", NEIGHBOUR, str(path), "looking" if looking else "writing"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdout.readline() == "open\n"

        def tell(line):
            process.stdin.write(line + "\n")
            return process.stdout.readline().strip()

        yield tell
        process.kill()


def test_the_log_of_a_store_that_took_the_place_is_left_alone(path):
    """SQLite deletes its log by name; by then the name may belong to somebody else's store."""
    old = opened(path)
    fill(old, 10)
    shutil.copytree(path.parent, path.parent.with_name("copy"))
    path.parent.rename(path.parent.with_name("old"))
    path.parent.with_name("copy").rename(path.parent)
    with neighbour(path) as tell:
        assert tell("write 0 100") == "done"
        with pytest.raises(StoreVanished):
            old.flush()
        old.close()
        assert tell("add 100 110") == "done"
    assert stored(path, "theirs") == list(range(110))


def test_a_fork_leaves_the_log_of_a_store_that_took_the_place_alone(path):
    old = opened(path)
    fill(old, 10)
    old.checkpoint()
    shutil.copytree(path.parent, path.parent.with_name("copy"))
    path.parent.rename(path.parent.with_name("old"))
    path.parent.with_name("copy").rename(path.parent)
    with neighbour(path) as tell:
        assert tell("write 0 100") == "done"
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert tell("add 100 110") == "done"
    with contextlib.suppress(StoreVanished):
        old.flush()
    old.close()
    assert stored(path, "theirs") == list(range(110))


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_a_log_removed_under_two_programs_costs_nothing(first, path):
    """Each still has the nameless log; a new one beside the common index would mix the two."""
    ours = opened(path)
    fill(ours, 100)
    with neighbour(path) as tell:
        assert tell("write 0 100") == "done"
        log_of(path).unlink()
        kept, theirs = list(range(100)), list(range(100))
        for _ in range(2) if first == "ours" else ():
            with contextlib.suppress(StoreVanished):
                ours.flush()
        answer = tell("write 100 200")
        theirs += range(100, 200 if answer == "done" else int(answer))
        with contextlib.suppress(SmokError):
            ours.flush()
        with contextlib.suppress(SmokError):
            for n in range(100, 200):
                ours.pathpoints.on_new_data("W1", n, n)
                kept.append(n)
        tell("close")
    ours.close()
    assert stored(path) == kept
    assert stored(path, "theirs") == theirs


def test_the_lock_file_is_made_again_when_it_was_cleaned_away(path):
    """Somebody runs `rm *.lock`: the next who opens must not believe to be alone."""
    ours, lock = opened(path), path.with_name(path.name + ".lock")
    fill(ours, 10)
    lock.unlink()
    ours.flush()
    assert lock.exists()
    fill(ours, 10, 20)
    with neighbour(path) as tell:
        assert tell("write 0 10") == "done"
    ours.close()
    assert stored(path) == list(range(20))


def test_a_file_that_another_program_has_open_is_not_put_aside(path):
    """Without a lock file nobody seems to be there; the locks on the file itself say otherwise."""
    opened(path).close()
    with neighbour(path) as tell:
        assert tell("write 0 10") == "done"
        path.with_name(path.name + ".lock").unlink()
        damaged = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (len(damaged) - 4096))
        with contextlib.suppress(BackendUnavailable):
            opened(path).close()
        assert not list(path.parent.glob("*.corrupt-*"))
        assert in_use(path)
    assert not in_use(path)


def test_who_only_looks_leaves_the_log_of_a_crash_as_it_is(path):
    """The last to close copies the log into the file and deletes it: a look must do neither."""
    with neighbour(path) as tell:
        assert tell("write 0 100") == "done"
    before = path.read_bytes(), log_of(path).read_bytes()
    with smok_core.open_databases(config_of(path), looking=True) as databases:
        assert databases.pathpoints.stats().rows == 100
    assert (path.read_bytes(), log_of(path).read_bytes()) == before
    assert stored(path, "theirs") == list(range(100))


def test_a_log_deleted_after_a_crash_is_told(path):
    """`rm *-wal`: what the last writes were, nobody knows any more; but not that none were lost."""
    with neighbour(path) as tell:
        assert tell("write 0 100") == "done"
    log_of(path).unlink()
    with opened(path) as databases:
        assert "log (-wal) was gone" in " ".join(databases.health()["s"].warnings)
    with opened(path) as databases:  # it was closed: all is well from here on
        assert not databases.health()["s"].warnings
        fill(databases, 10)
        if (child := os.fork()) == 0:
            os._exit(0)
        os.waitpid(child, 0)
    with opened(path) as databases:
        assert not databases.health()["s"].warnings


def test_a_look_at_a_store_at_rest_leaves_nothing_behind(path):
    opened(path).close()
    before = sorted(path.parent.iterdir())
    with smok_core.open_databases(config_of(path), looking=True):
        pass
    assert sorted(path.parent.iterdir()) == before


def test_who_writes_after_a_look_of_the_same_process_holds_all_locks(path):
    """A connection that was made for looking holds no instance lock and refuses to heal."""
    opened(path).close()
    with smok_core.open_databases(config_of(path), looking=True) as look:
        databases = opened(path)
        fill(databases, 10)
        assert look.pathpoints.stats().rows == 10
        connection = databases.engines["s"]._connection
        assert not connection.looking
        assert connection._handle.instance is not None
        databases.close()
    assert stored(path) == list(range(10))


def test_a_copy_in_a_directory_above_is_told_at_the_next_start(path):
    databases = opened(path)
    fill(databases, 10)
    shutil.rmtree(path.parent)
    with pytest.raises(StoreVanished):
        databases.flush()
    databases.close()
    (copy,) = path.parent.parent.glob("*.rescued-*")
    with opened(path) as again:
        assert str(copy) in " ".join(again.health()["s"].warnings)
    with opened(path.parent.with_name("other") / path.name) as stranger:
        assert str(copy) not in " ".join(stranger.health()["s"].warnings)
    assert stored(copy) == list(range(10))


def test_a_file_truncated_under_an_open_store_is_told(path):
    databases = opened(path)
    fill(databases, 100)
    databases.checkpoint()
    os.truncate(path, 0)
    with pytest.raises(StoreVanished, match="truncated"):
        databases.flush()
    assert "truncated" in " ".join(databases.health()["s"].warnings)
    databases.close()


@pytest.mark.parametrize("step", ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"])
def test_a_transaction_that_an_interrupt_left_open_is_rolled_back(step, path):
    """Interrupts may come twice, and the second while the first is cleaned up after."""
    databases = opened(path)
    fill(databases, 10)
    connection = databases.engines["s"]._connection
    with connection.lock:
        connection.raw().execute("BEGIN IMMEDIATE")
    if step != "BEGIN IMMEDIATE":
        connection.raw().execute("DELETE FROM sections")
    fill(databases, 10, 20)
    databases.metadata.put_plain("k", "v")
    databases.close()
    assert stored(path) == list(range(20))


STORM = """
import ctypes, os, signal, sys, threading, time
import smok_core
path = sys.argv[1]
store = {"backend": "pickle", "path": path}
databases = smok_core.open_databases(
    {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}, require_all=True
)
ended, thread, hits, n = threading.Event(), ctypes.c_ulong(threading.get_ident()), 0, 0
class Cut(BaseException):
    pass
def shoot():
    time.sleep(0.5)  # the thread has started, and so has its parent's next step
    while not ended.wait(0.0007):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(Cut))
shooter = threading.Thread(target=shoot, daemon=True)
kept, deadline = [], time.monotonic() + 4.0
shooter.start()
def write():
    global n
    while time.monotonic() < deadline:
        n += 1
        if n % 100 == 0:
            databases.engines["s"]._connection.before_fork()  # it opens anew under fire
            databases.engines["s"]._connection.after_fork_in_parent()
        if n % 2:
            databases.pathpoints.on_new_data("W1", n, n)
        else:
            databases.pathpoints.on_new_data_many([("W1", n, n), ("W2", n, n)])
        kept.append(n)
def persist(work, times):
    global hits
    while time.monotonic() < deadline + times:
        try:
            work()
            return
        except Cut:
            hits += 1
def end():
    ended.set()
    shooter.join()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, None)
persist(lambda: persist(lambda: persist(write, 0), 1), 2)
persist(lambda: persist(lambda: persist(end, 10), 11), 12)
for n in range(10**6, 10**6 + 5):
    databases.pathpoints.on_new_data("W1", n, n)
    kept.append(n)
assert not databases.health()["s"].warnings, databases.health()["s"].warnings
print(hits, *kept, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_storm_of_interrupts_leaves_the_store_usable(path):
    """It is killed at the end: what returned is there, and nothing was taken for damage."""
    done = subprocess.run(
        [sys.executable, "-c", STORM, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    hits, *kept = map(int, done.stdout.split())
    assert hits > 10
    assert set(kept) <= set(stored(path))


def test_a_signal_handler_that_forks_in_the_middle_of_a_call(path):
    """The call goes on; the child is refused there, and has its own connection otherwise."""
    databases, children, kept, forking = opened(path), [], [], []

    def handler(*_):
        if forking:
            return
        forking.append(True)
        child = os.fork()
        if child:
            children.append(child)
            forking.clear()
            return
        code = 2
        signal.alarm(20)
        try:
            databases.pathpoints.on_new_data("child", os.getpid(), 1)
            code = 0
        except BackendUnavailable:
            code = 1
        finally:
            os._exit(code)

    before = signal.signal(signal.SIGUSR1, handler)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    ended = threading.Event()

    def shoot():
        while not ended.wait(0.03):
            os.kill(os.getpid(), signal.SIGUSR1)

    shooter = threading.Thread(target=shoot)
    shooter.start()
    try:
        n = 0
        while len(children) < 40:
            n += 1
            if n % 2:
                databases.pathpoints.on_new_data("W1", n, n)
            else:
                databases.pathpoints.on_new_data_many([("W1", n, n), ("W2", n, n)])
            kept.append(n)
    finally:
        ended.set()
        shooter.join()
        signal.signal(signal.SIGUSR1, before)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    databases.close()
    assert set(codes) <= {0, 1}, codes
    assert stored(path) == kept
    assert len(stored(path, "child")) == codes.count(0)
