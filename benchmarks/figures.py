"""How the figures are taken: two things in turn in one run, and the ratio of their medians.

These machines are noisy, so a single time says nothing; a ratio of interleaved runs does.
"""

import json
import os
import statistics
import time
from collections.abc import Callable


def interleaved(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 7
) -> tuple[float, float]:
    """Run both in turn, first once without counting; give both medians in seconds.

    Who was second is the first in the next round: what else the machine does, a sync of a busy disk
    above all, may keep time with them.
    """
    times: tuple[list[float], list[float]] = ([], [])
    turn = list(zip((ours, theirs), times, strict=True))
    for number in range(rounds + 1):
        for action, kept in turn:
            start = time.perf_counter()
            action()
            if number:
                kept.append(time.perf_counter() - start)
        turn.reverse()
    return statistics.median(times[0]), statistics.median(times[1])


def report(name: str, value: float, goal: str, *, met: bool | None) -> None:
    """Print one figure, its goal, and whether it was met; ``met=None``: only to compare.

    With ``SMOK_BENCH_ROWS`` the row goes to that file too, for the page (see run.py).
    """
    verdict = "" if met is None else "met" if met else "MISSED"
    print(f"{name:<76} {value:6.2f}   {goal and 'goal ' + goal:<13} {verdict}", flush=True)
    if "SMOK_BENCH_ROWS" in os.environ:
        with open(os.environ["SMOK_BENCH_ROWS"], "a", encoding="utf-8") as stream:  # noqa: PTH123 - appended to
            stream.write(json.dumps([name, round(value, 3), goal, verdict]) + "\n")


def judge(name: str, value: float, goal: str) -> None:
    """Report a figure whose goal reads ``>= number`` or ``<= number``."""
    sign, number = goal.split()
    met = value >= float(number) if sign == ">=" else value <= float(number)
    report(name, value, goal, met=met)
