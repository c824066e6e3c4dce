"""A clause: one promise of the contract, the function that checks it, and who has to keep it."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from smok_core.hookspecs import Capability
from smok_testing.contract import CONTRACT, PRIMITIVE_RULES
from smok_testing.harness import Harness

#: Subjects of clauses that only an engine can keep.
PRIMITIVES: Final = ("engine", "table", "series", "blobs")

if TYPE_CHECKING:
    Check = Callable[[Harness], None]
else:
    Check = Any


class Level(enum.StrEnum):
    """How much of the contract a clause belongs to."""

    CORE = "core"  #: every backend, always; a core clause that did not run is a failed verdict
    DURABLE = "durable"  #: survives a reopening or a kill
    CONCURRENT = "concurrent"  #: several threads or processes
    EXTENDED = "extended"  #: faults, sizes and costs beyond the everyday


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One promise and how it is checked."""

    id: str  #: of the contract, such as ``PP4``
    name: str  #: of the function
    subject: str  #: a primitive, a role, or ``general`` (several roles)
    check: Check
    promise: str  #: one sentence
    level: Level
    since: str  #: version of the kit it first appeared in
    needs: Capability | None  #: checked only where this is declared
    ability: str | None  #: checked only where the `Subject` has this ability
    proves: tuple[str, ...]  #: further clauses of the contract that it proves

    @property
    def ref(self) -> str:
        """Return the name that is unique in the kit: ``PP4.late_points_are_pending``."""
        return f"{self.id}.{self.name}"

    @property
    def ids(self) -> tuple[str, ...]:
        """Return every clause of the contract that this one proves."""
        return (self.id, *self.proves)

    def __str__(self) -> str:
        return f"{self.subject}-{self.ref}"


_REGISTRY: dict[str, Clause] = {}
_WELL_FORMED: Final = re.compile(r"[A-Z`][^\n]*[^.\s]\.")


def clauses_of(subject: str) -> Callable[..., Callable[[Check], Check]]:
    """Return the decorator that registers the clauses of one subject."""

    def clause(
        id: str,  # noqa: A002 - the contract's own word
        *proves: str,
        level: Level = Level.CORE,
        since: str = "0.1",
        needs: Capability | None = None,
        ability: str | None = None,
    ) -> Callable[[Check], Check]:
        def register(check: Check) -> Check:
            _add(
                Clause(
                    id=id, proves=proves, name=check.__name__, subject=subject, check=check,
                    promise=_promise(check), level=level, since=since, needs=needs,
                    ability=ability,
                )
            )  # fmt: skip
            return check

        return register

    return clause


def _promise(check: Check) -> str:
    text = " ".join((inspect.getdoc(check) or "").split())
    if not _WELL_FORMED.fullmatch(text):
        raise ValueError(f"{check.__name__} needs one sentence as its docstring, has {text!r}")
    return text


def _add(clause: Clause) -> None:
    if clause.level is Level.CORE and (clause.needs or clause.ability):
        raise ValueError(f"{clause.ref} is a core clause and must not depend on anything declared")
    unknown = set(clause.ids) - {*CONTRACT, *PRIMITIVE_RULES}
    if unknown:
        raise ValueError(f"{clause.ref} proves {sorted(unknown)}, which the contract does not know")
    if str(clause) in _REGISTRY:
        raise ValueError(f"two clauses are called {clause}")
    _REGISTRY[str(clause)] = clause


def registered() -> tuple[Clause, ...]:
    """Return the clauses of the modules that were imported, in the order of their lines."""
    return tuple(_REGISTRY.values())


def parse_version(text: str) -> tuple[int, ...]:
    """Return a version as numbers that compare."""
    return tuple(int(part) for part in text.split("."))
