"""Pathpoints against a dict: late, repeated, corrected, uploaded, forgotten, at any clock."""

from typing import Any

from smok_core.model import NotReadedError, OperationFailedError, OperationFailedReason
from smok_core.roles import BasePathpointDatabase
from smok_testing.checks import same, typed
from smok_testing.harness import Harness
from smok_testing.machines.running import Machine, precondition, rule, strategies

NAMES = strategies.sampled_from(["p", "p:1"])
TIMES = strategies.sampled_from([-1, 0, 0.5, 1, 2])
FAILURE = OperationFailedError(OperationFailedReason.TIMEOUT, 1.5)
VALUES = strategies.sampled_from([0, 0.0, False, "", "x", FAILURE])


class PathpointsMachine(Machine):
    """Every rule does one call on the role and the same to a dict."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        harness.fresh_roles()
        self.model: dict[tuple[str, float], Any] = {}
        self.queue: list[tuple[str, float]] = []

    @property
    def pathpoints(self) -> BasePathpointDatabase:
        """Return the role."""
        return self.harness.roles.pathpoints

    @rule(name=NAMES, ts=TIMES, value=VALUES)
    def store(self, name: str, ts: float, value: Any) -> None:
        """Store one value."""
        self.pathpoints.on_new_data(name, ts, value)
        self._store(name, ts, value)

    @rule(values=strategies.lists(strategies.tuples(NAMES, TIMES, VALUES), max_size=4))
    def store_many(self, values: list[tuple[str, float, Any]]) -> None:
        """Store a batch, in which the last of repeats counts."""
        self.pathpoints.on_new_data_many(values)
        last = {(name, ts): value for name, ts, value in values}
        for at, (name, ts, _) in enumerate(values):
            if (name, ts) not in [pair[:2] for pair in values[at + 1 :]]:
                self._store(name, ts, last[name, ts])

    def _store(self, name: str, ts: float, value: Any) -> None:
        place = (name, ts)
        if place in self.model and typed(self.model[place]) == typed(value):
            return
        self.model[place] = value
        self.queue = [found for found in self.queue if found != place] + [place]

    @rule(limit=strategies.integers(1, 4), late=TIMES | strategies.none())
    def upload(self, limit: int, late: float | None) -> None:
        """The cloud gets a batch, during which a value may arrive."""
        batch = self.pathpoints.get_data_to_sync(limit)
        found = [(path["path"], item["timestamp"]) for path in (batch.to_json() if batch else [])
                 for item in path["values"]]  # fmt: skip
        out = self.queue[:limit]
        same(sorted(found), sorted(out), f"a batch of {limit}")
        self.queue = self.queue[limit:]
        if late is not None:
            self.store("p", late, "late")
        if batch:
            batch.acknowledge()

    @precondition(lambda self: self.persistent)
    @rule()
    def restart(self) -> None:
        """The process ends and starts again."""
        self.harness.reopen_roles()

    def check(self) -> None:
        """Archive and current value of each pathpoint are what the dict says."""
        for name in ("p", "p:1"):
            points = sorted((ts, n) for n, ts in self.model if n == name)
            wanted = [(ts, typed(self.model[n, ts])) for ts, n in points]
            found = [(ts, typed(v)) for ts, v in self.pathpoints.get_archive_data(name)]
            same(found, wanted, f"archive of {name!r}")
            same(self._current(name), wanted[-1][1] if wanted else None, f"value of {name!r}")

    def _current(self, name: str) -> Any:
        try:
            return typed(self.pathpoints.get_current_value(name)[1])
        except NotReadedError:
            return None
        except OperationFailedError as failure:
            return typed(failure)
