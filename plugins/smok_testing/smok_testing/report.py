"""The result of a run: what held, what did not, and whether the backend conforms."""

import enum
from typing import Any

import msgspec

from smok_testing.clause import Level


class Status(enum.StrEnum):
    """What became of one clause."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"  #: failed, and newer than the version the backend pins
    EXCLUDED = "excluded"  #: failed, as its author says
    SKIPPED = "skipped"
    NOT_APPLICABLE = "not applicable"  #: about something this backend does not supply


_EXECUTED = frozenset({Status.PASSED, Status.FAILED, Status.WARNED, Status.EXCLUDED})


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one clause, and why."""

    ref: str
    subject: str
    promise: str
    level: Level
    needs: str | None = None  #: the capability it belongs to
    status: Status
    detail: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        text = f"{self.status} {self.subject} {self.ref}: {self.promise}"
        return f"{text}\n    {self.detail}" if self.detail else text


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run found; `to_dict` gives it as plain data."""

    backend: str
    kit: str
    outcomes: tuple[Outcome, ...]
    distribution: str | None = None  #: name and version of the package that was tested
    declared: tuple[str, ...] = ()
    proved: tuple[str, ...] = ()
    undeclared: tuple[str, ...] = ()  #: the backend behaves so and does not say so
    partial: bool = False  #: only a selection of clauses was run

    @property
    def unproved(self) -> tuple[str, ...]:
        """Return the capabilities that are declared and that no clause could confirm."""
        return tuple(name for name in self.declared if name not in self.proved)

    @property
    def executed(self) -> int:
        """Count the clauses that were run."""
        return sum(outcome.status in _EXECUTED for outcome in self.outcomes)

    @property
    def objections(self) -> tuple[str, ...]:
        """Return every reason why this is not a pass."""
        found = [f"{o.ref} failed: {o.promise}" for o in self.of(Status.FAILED)]
        found += [f"{o.ref} is core and did not hold: {o.detail}" for o in self._core_missing()]
        if not self.executed:
            found.append("no clause was run")
        if self.partial:
            found.append("only a selection of the clauses was run")
        return tuple(found)

    @property
    def verdict(self) -> str:
        """Say in one line what was found; it is never plainly "conforms" with anything unproved."""
        if self.partial and not self.of(Status.FAILED):
            return f"{self.backend}: what was chosen holds; only the whole kit gives a verdict"
        if not self.passed:
            return f"{self.backend} does not conform"
        if self.unproved:
            open_ = "; ".join(f"{name} ({self._why_unproved(name)})" for name in self.unproved)
            return f"{self.backend} conforms, but declares and did not prove: {open_}"
        return f"{self.backend} conforms"

    def _why_unproved(self, capability: str) -> str:
        reasons = [o.detail for o in self.outcomes if o.needs == capability and o.detail]
        return reasons[0] if reasons else "no clause checks it"

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return what the author should look at, without being wrong."""
        found = [f"{name} is declared and was not proved" for name in self.unproved]
        return tuple(found + [f"{name} holds and is not declared" for name in self.undeclared])

    @property
    def passed(self) -> bool:
        """Tell whether the backend conforms."""
        return not self.objections

    def of(self, status: Status) -> tuple[Outcome, ...]:
        """Return the outcomes of one kind."""
        return tuple(outcome for outcome in self.outcomes if outcome.status is status)

    def _core_missing(self) -> list[Outcome]:
        lacking = (Status.SKIPPED, Status.EXCLUDED)
        return [o for o in self.outcomes if o.level is Level.CORE and o.status in lacking]

    def to_dict(self) -> dict[str, Any]:
        """Return the whole report as plain data for JSON."""
        counts = {status.value: len(self.of(status)) for status in Status}
        verdict = {
            "passed": self.passed,
            "verdict": self.verdict,
            "executed": self.executed,
            "counts": counts,
            "unproved": list(self.unproved),
            "objections": list(self.objections),
            "remarks": list(self.remarks),
        }
        return verdict | dict(msgspec.to_builtins(self))

    def to_json(self) -> bytes:
        """Return the whole report as JSON."""
        return msgspec.json.format(msgspec.json.encode(self.to_dict()), indent=2)
