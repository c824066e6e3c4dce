"""Threads that start at one moment and report what went wrong in them."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from smok_testing.checks import expect

#: Seconds after which something that should end is taken for hung.
PATIENCE = 60.0
#: Seconds that a thread runs while others want to.
TURN = 0.0001


def at_once(*tasks: Callable[[], Any]) -> list[Any]:
    """Run each task in a thread of its own, all together; give their results in order.

    Raises:
        ClauseFailed: A task did not end.
        Exception: What the first failing task raised.
    """
    start = threading.Barrier(len(tasks))
    results: list[Any] = [None] * len(tasks)
    errors: list[Exception] = []

    def run(place: int) -> None:
        try:
            start.wait()
            results[place] = tasks[place]()
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            errors.append(error)

    workers = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(len(tasks))]
    with _taking_turns():
        for thread in workers:
            thread.start()
        for thread in workers:
            thread.join(PATIENCE)
    expect(not any(t.is_alive() for t in workers), f"a thread hung for {PATIENCE:.0f} s")
    if errors:
        raise errors[0]
    return results


def turn_by_turn(turns: int, *tasks: Callable[[int], Any]) -> None:
    """Run each task in a thread of its own, once a turn; none begins one before all are there.

    Raises what `at_once` raises.
    """
    meeting = threading.Barrier(len(tasks))

    def run(task: Callable[[int], Any]) -> None:
        try:
            for turn in range(turns):
                meeting.wait()
                task(turn)
        except threading.BrokenBarrierError:
            return  # another task failed, and its thread tells
        except BaseException:
            meeting.abort()
            raise

    at_once(*(partial(run, task) for task in tasks))


@contextmanager
def _taking_turns() -> Iterator[None]:
    """Let threads change often: one that needs milliseconds would else be done before the next."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
