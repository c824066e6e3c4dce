"""Runs a state machine for a clause: small, quick, and the same every time by default."""

from __future__ import annotations

import os
from collections.abc import Callable

import hypothesis
from hypothesis import assume as assume, stateful as stateful, strategies as strategies

from smok_core.hookspecs import Capability
from smok_testing.harness import Harness

#: Shortening a history that failed is worth its time to whoever has to understand it.
PHASES = [hypothesis.Phase.generate, hypothesis.Phase.shrink]

#: How many histories, instead of each clause's own number: ``SMOK_KIT_EXAMPLES=2000`` for a night,
#: 5 for a slow server. More than by default differ every time, fewer are the same ones.
EXAMPLES = "SMOK_KIT_EXAMPLES"


class Machine(stateful.RuleBasedStateMachine):
    """A history on a fresh store; `harness` opens it."""

    def __init__(self, harness: Harness) -> None:
        super().__init__()
        self.harness = harness
        self.persistent = Capability.PERSISTENT in harness.info.capabilities


def run_machine(
    harness: Harness, machine: Callable[[Harness], Machine], examples: int, steps: int
) -> None:
    """Run histories of ``steps`` steps; raise what the shortest failing one raises."""
    chosen = int(os.environ.get(EXAMPLES) or examples)
    settings = hypothesis.settings(
        max_examples=chosen,
        derandomize=chosen <= examples,
        stateful_step_count=steps,
        database=None,
        phases=PHASES,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    stateful.run_state_machine_as_test(lambda: machine(harness), settings=settings)  # type: ignore[arg-type]
