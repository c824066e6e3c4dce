"""Runs a state machine for a clause: small, quick, and the same every time by default.

Every step of a history may be any rule. hypothesis' own machines leave rules out of most histories
on purpose, which pays after thousands of them; of a few dozen hardly one took, changed and
acknowledged something, and a backend that loses such a change was not caught.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import hypothesis
from hypothesis import strategies as strategies

from smok_core.hookspecs import Capability
from smok_testing.harness import Harness

#: Shortening a history that failed is worth its time to whoever has to understand it.
PHASES = [hypothesis.Phase.generate, hypothesis.Phase.shrink]

#: How many histories, instead of each clause's own number: ``SMOK_KIT_EXAMPLES=2000`` for a night,
#: 5 for a slow server. More than by default differ every time, fewer are the same ones.
EXAMPLES = "SMOK_KIT_EXAMPLES"

_Method = TypeVar("_Method", bound="Callable[..., None]")


def rule(**arguments: Any) -> Callable[[_Method], _Method]:
    """Make a method a step of histories, called with what the strategies give."""

    def mark(method: _Method) -> _Method:
        method.arguments = strategies.fixed_dictionaries(arguments)  # type: ignore[attr-defined]
        return method

    return mark


def precondition(holds: Callable[[Any], Any]) -> Callable[[_Method], _Method]:
    """Let a rule be taken only where ``holds`` is true of the machine."""

    def mark(method: _Method) -> _Method:
        method.holds = holds  # type: ignore[attr-defined]
        return method

    return mark


class Machine:
    """A history on a fresh store; `harness` opens it."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.persistent = Capability.PERSISTENT in harness.info.capabilities

    def begin(self, draw: Callable[[Any], Any]) -> None:
        """Choose what holds for the whole history."""

    def check(self) -> None:
        """Compare all that can be read with the model; called after each step."""

    def end(self) -> None:
        """Compare what can only be read once."""

    def live(self, draw: Callable[[Any], Any], steps: int, told: list[str]) -> None:
        """Take so many steps, and tell them; some are none, so that a history can be shortened."""
        self.begin(draw)
        for _ in range(steps):
            name = draw(strategies.sampled_from([None, *self._rules()]))
            if name:
                method = getattr(self, name)
                given = draw(method.arguments)
                told.append(f"{name}({', '.join(f'{k}={v!r:.80}' for k, v in given.items())})")
                method(**given)
                self.check()
        self.end()

    def _rules(self) -> list[str]:
        found = [(name, method) for name, method in vars(type(self)).items() if _is_rule(method)]
        return [name for name, method in found if getattr(method, "holds", bool)(self)]


def _is_rule(method: object) -> bool:
    return hasattr(method, "arguments")


def run_machine(
    harness: Harness, machine: Callable[[Harness], Machine], examples: int, steps: int
) -> None:
    """Run histories of ``steps`` steps; raise what the shortest failing one raises."""
    chosen = int(os.environ.get(EXAMPLES) or examples)
    told: list[str] = []

    @hypothesis.settings(
        max_examples=chosen,
        derandomize=chosen <= examples,
        database=None,
        phases=PHASES,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategies.data())
    def histories(data: Any) -> None:
        told.clear()
        machine(harness).live(data.draw, steps, told)

    try:
        histories()
    except Exception as error:
        error.__notes__ = ["After these steps:", *told]
        raise
