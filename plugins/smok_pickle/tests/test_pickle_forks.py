"""Forks of every kind: both sides go on, and nothing is shared, hung or lost (contract G15)."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import smok_core

# Python 3.12 and later warn about what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def opened(path):
    store = {"backend": "pickle", "path": str(path)}
    config = {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}
    return smok_core.open_databases(config, require_all=True)


def stored(path):
    with opened(path) as databases:
        points = databases.pathpoints
        return {n: len(list(points.get_archive_data(n))) for n in points.get_pathpoints()}


def fork(work):
    """Run ``work`` in a child that is killed by an alarm if it hangs; give its process id."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def exit_code(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def fill(databases, name, count=100):
    for n in range(count):
        databases.pathpoints.on_new_data(name, n, n)


def test_children_forked_under_the_load_of_four_threads(tmp_path):
    databases, stop, counts = opened(tmp_path / "smok.db"), threading.Event(), [0] * 4

    def work(number):
        while not stop.is_set():
            databases.pathpoints.on_new_data(f"thread {number}", counts[number], 1)
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    codes = [exit_code(fork(lambda n=n: fill(databases, f"child {n}"))) for n in range(6)]
    stop.set()
    for thread in threads:
        thread.join()
    databases.close()
    assert codes == [0] * 6
    expected = {f"thread {n}": counts[n] for n in range(4)} | {f"child {n}": 100 for n in range(6)}
    assert stored(tmp_path / "smok.db") == expected


def test_a_daemon_holds_locks_of_its_own(tmp_path):
    """The launcher ends, another process closes the store, and the daemon is killed."""
    path, said = tmp_path / "smok.db", tmp_path / "said"
    databases = opened(path)
    fill(databases, "W1", 1)

    def daemon():
        os.setsid()
        fill(databases, "W1", 1)
        said.touch()
        time.sleep(0.5)
        for n in range(1, 100):
            databases.pathpoints.on_new_data("W1", n, n)
        os.kill(os.getpid(), signal.SIGKILL)

    pid = fork(daemon)
    while not said.exists():
        time.sleep(0.01)
    look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA user_version')"
    subprocess.run([sys.executable, "-c", f"{look}; c.close()", str(path)], check=True)
    assert exit_code(pid) == -signal.SIGKILL
    databases.close()
    assert stored(path) == {"W1": 100}


def test_a_child_that_closes_leaves_the_parent_alone(tmp_path):
    path = tmp_path / "smok.db"
    databases = opened(path)
    fill(databases, "W1", 1)
    assert exit_code(fork(databases.close)) == 0
    for n in range(1, 50):
        databases.pathpoints.on_new_data("W1", n, n)
    assert stored(path) == {"W1": 50}
    databases.close()


def test_a_child_that_forks_again(tmp_path):
    databases = opened(tmp_path / "smok.db")

    def child():
        fill(databases, "child")
        assert exit_code(fork(lambda: fill(databases, "grandchild"))) == 0

    assert exit_code(fork(child)) == 0
    fill(databases, "parent")
    databases.close()
    assert stored(tmp_path / "smok.db") == {"child": 100, "grandchild": 100, "parent": 100}


def test_an_iterator_that_is_open_at_a_fork_goes_on_on_both_sides(tmp_path):
    databases = opened(tmp_path / "smok.db")
    databases.pathpoints.on_new_data_many([("W1", n, n) for n in range(3000)])
    points = databases.pathpoints.get_archive_data("W1")
    assert next(points) == (0, 0)

    def rest():
        assert [ts for ts, _ in points] == list(range(1, 3000))

    assert exit_code(fork(rest)) == 0
    rest()
    databases.close()


def test_a_fork_in_the_middle_of_a_call_is_refused_in_the_child(tmp_path):
    """The child cannot let go of what the parent is using; the parent's call ends as usual."""
    databases = opened(tmp_path / "smok.db")
    fill(databases, "W1", 1)
    connection = databases.engines["s"]._connection

    def work(raw):
        return exit_code(fork(lambda: fill(databases, "child", 1)))

    assert connection.write(work) == 1
    fill(databases, "W1", 5)
    databases.close()
    assert stored(tmp_path / "smok.db") == {"W1": 5}


def in_process(path):
    with opened(path) as databases:
        fill(databases, multiprocessing.current_process().name)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(method, tmp_path, monkeypatch):
    """Processes started in each way open the same store beside the parent, which has it open."""
    path = tmp_path / "smok.db"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    databases = opened(path)
    fill(databases, "parent")
    context = multiprocessing.get_context(method)
    children = [context.Process(target=in_process, args=(path,), name=f"c{n}") for n in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 3
    databases.close()
    assert stored(path) == {"parent": 100, "c0": 100, "c1": 100, "c2": 100}


def test_starting_a_program_lets_go_of_nothing(tmp_path):
    """`subprocess` does not run the handlers of a fork; the connection stays as it is."""
    databases = opened(tmp_path / "smok.db")
    fill(databases, "W1", 1)
    connection = databases.engines["s"]._connection
    before = connection.raw()
    subprocess.run([sys.executable, "-c", ""], check=True)
    assert connection.raw() is before
    databases.close()
