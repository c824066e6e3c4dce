"""Forks: parts rest from the outside in, and no lock stays locked in a child (contract G15)."""

import os
import threading
import time

import pytest

from smok_core.engine.forks import Layer, fork_safe_lock, join

# Python 3.12 and later warn about what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def exit_code(work):
    """Fork, run ``work`` in the child, and give the child's exit code."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Part:
    def __init__(self, name, heard):
        self.name, self.heard = name, heard

    def before_fork(self):
        self.heard.append(f"{self.name} rests")

    def after_fork_in_parent(self):
        self.heard.append(f"{self.name} goes on")

    def after_fork_in_child(self):
        self.heard.append(f"{self.name} is new")


def test_parts_rest_from_the_outside_in_and_wake_in_the_opposite_order():
    heard = []
    parts = [Part("engine", heard), Part("role", heard), Part("buffer", heard)]
    for part, layer in zip(parts, (Layer.ENGINE, Layer.ROLE, Layer.BUFFER), strict=True):
        join(part, layer)
    resting = ["role rests", "buffer rests", "engine rests"]
    new = ["engine is new", "buffer is new", "role is new"]
    # What other tests left may die meanwhile: then all begin again, and the end counts.
    assert exit_code(lambda: 0 if heard[-6:] == resting + new else 1) == 0
    assert heard[-6:] == [*resting, "engine goes on", "buffer goes on", "role goes on"]


def test_a_part_that_died_takes_no_part():
    heard = []
    join(Part("gone", heard), Layer.ROLE)
    assert exit_code(lambda: 0) == 0
    assert heard == []


def test_a_part_that_fails_stops_no_other(caplog):
    heard = []
    broken, whole = Part("broken", heard), Part("whole", heard)
    broken.before_fork = lambda: 1 / 0
    join(broken, Layer.ROLE)
    join(whole, Layer.ENGINE)
    assert exit_code(lambda: 0) == 0
    assert heard[-3:] == ["whole rests", "whole goes on", "broken goes on"]
    assert "could not follow a fork" in caplog.text


def test_a_lock_that_another_thread_holds_is_free_in_the_child():
    lock, held, stop = fork_safe_lock(Layer.ENGINE), threading.Event(), threading.Event()

    def hold_often():
        while not stop.is_set():
            with lock:
                held.set()
                time.sleep(0.005)

    thread = threading.Thread(target=hold_often)
    thread.start()
    held.wait(5)
    try:
        codes = [exit_code(lambda: 0 if lock.acquire(timeout=2) else 1) for _ in range(20)]
    finally:
        stop.set()
        thread.join()
    assert codes == [0] * 20
