"""Runs clauses without pytest and draws up the report."""

import multiprocessing
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from smok_core.hookspecs import Capability
from smok_core.registry import Backend
from smok_core.roles import ROLES
from smok_testing import KIT_VERSION, opening
from smok_testing.checks import ClauseFailed, NotProved
from smok_testing.clause import PRIMITIVES, Clause, Level, parse_version
from smok_testing.clauses import all_clauses
from smok_testing.harness import Harness
from smok_testing.report import Outcome, Report, Status
from smok_testing.subject import Subject


def conformance(backend: str, options: Mapping[str, Any] | None = None, **more: Any) -> Report:
    """Run the whole kit on a backend; texts in ``options`` may hold ``{place}`` and ``{name}``.

    Args:
        backend: The name used in a config.
        options: The options of a store, with ``{place}`` for a directory that is the kit's alone.
        more: Further fields of `Subject`.
    """
    return run_conformance(Subject(backend=backend, options=options or {}, **more))


def run_conformance(
    subject: Subject,
    clauses: Iterable[Clause] | None = None,
    progress: Callable[[Outcome], None] | None = None,
    *,
    fail_fast: bool = False,
    processes: int = 1,
) -> Report:
    """Run clauses (all, unless given) on a subject, from basic to hard.

    Args:
        subject: The backend under test.
        clauses: The clauses; all unless given.
        progress: Is told of each outcome as it comes.
        fail_fast: End at the first clause that fails.
        processes: How many processes run clauses side by side; outcomes keep their order.

    Raises:
        PluginError: There is no such backend.
    """
    backend = opening.find_backend(subject)
    chosen = tuple(sorted(all_clauses() if clauses is None else clauses, key=_difficulty))
    outcomes = []
    with _running(subject, chosen, backend, processes) as found:
        for outcome in found:
            outcomes.append(outcome)
            if progress:
                progress(outcome)
            if fail_fast and outcome.status is Status.FAILED:
                chosen = ()  # the rest is not known, so nothing is said about it
                break
    return _report(subject, backend, chosen, tuple(outcomes))


@contextmanager
def _running(
    subject: Subject, clauses: tuple[Clause, ...], backend: Backend, processes: int
) -> Iterator[Iterator[Outcome]]:
    """Provide the outcomes as they come; what has not begun when the context ends is not run."""
    if processes == 1:
        yield (run_clause(subject, clause, backend) for clause in clauses)
        return
    # A subject may hold functions, which no other process could be sent: children inherit it.
    fork = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(
        processes, mp_context=fork, initializer=_inherit, initargs=(subject, clauses, backend)
    )
    try:
        yield pool.map(_run_inherited, range(len(clauses)))
    finally:
        pool.shutdown(cancel_futures=True)


_inherited: list[tuple[Subject, tuple[Clause, ...], Backend]] = []


def _inherit(subject: Subject, clauses: tuple[Clause, ...], backend: Backend) -> None:
    _inherited[:] = [(subject, clauses, backend)]


def _run_inherited(index: int) -> Outcome:
    subject, clauses, backend = _inherited[0]
    return run_clause(subject, clauses[index], backend)


def _difficulty(clause: Clause) -> tuple[int, bool]:
    """Put levels in their order, and primitives before the roles that stand on them."""
    return list(Level).index(clause.level), clause.subject not in PRIMITIVES


def _report(
    subject: Subject,
    backend: Backend,
    chosen: tuple[Clause, ...],
    outcomes: tuple[Outcome, ...],
) -> Report:
    return Report(
        backend=subject.backend,
        kit=KIT_VERSION,
        outcomes=outcomes,
        distribution=backend.package,
        declared=tuple(sorted(backend.info.capabilities)),
        proved=_proved(outcomes),
        undeclared=undeclared(subject, backend, chosen),
        partial=len(chosen) < len(all_clauses()),
    )


def _proved(outcomes: tuple[Outcome, ...]) -> tuple[str, ...]:
    """Return the capabilities of which something was checked and nothing failed."""
    seen: dict[str, set[Status]] = {}
    for outcome in outcomes:
        if outcome.needs:
            seen.setdefault(outcome.needs, set()).add(outcome.status)
    held = (name for name, statuses in seen.items() if Status.PASSED in statuses)
    return tuple(sorted(name for name in held if Status.FAILED not in seen[name]))


def undeclared(
    subject: Subject, backend: Backend, clauses: Iterable[Clause] | None = None
) -> tuple[str, ...]:
    """Return the capabilities that a backend does not declare and all the same has.

    A capability holds if every clause that needs it does; the first that does not ends the trial.
    """
    chosen = all_clauses() if clauses is None else tuple(clauses)
    found = []
    for capability in sorted(set(Capability) - backend.info.capabilities):
        trial = [c for c in chosen if c.needs is capability and _possible(subject, c, backend)]
        if trial and all(_check(subject, clause)[0] is Status.PASSED for clause in trial):
            found.append(capability.value)
    return tuple(found)


def _possible(subject: Subject, clause: Clause, backend: Backend) -> bool:
    """Tell whether only a declaration is missing to run a clause."""
    absence = _absence(subject, clause, backend)
    able = clause.ability is None or subject.has(clause.ability)
    return able and absence is not None and absence[0] is Status.SKIPPED


def run_clause(subject: Subject, clause: Clause, backend: Backend | None = None) -> Outcome:
    """Run one clause on a subject."""
    backend = backend or opening.find_backend(subject)
    began = time.perf_counter()
    status, detail = _absence(subject, clause, backend) or _check(subject, clause)
    return Outcome(
        ref=clause.ref,
        subject=clause.subject,
        promise=clause.promise,
        level=clause.level,
        needs=clause.needs,
        status=status,
        detail=detail,
        seconds=round(time.perf_counter() - began, 4),
    )


def _absence(subject: Subject, clause: Clause, backend: Backend) -> tuple[Status, str] | None:
    """Tell why a clause cannot be run, if it cannot."""
    if clause.subject in PRIMITIVES and not backend.has_engine:
        return Status.NOT_APPLICABLE, "the backend supplies no engine"
    if clause.subject in ROLES and clause.subject not in backend.roles:
        return Status.NOT_APPLICABLE, f"the backend does not keep {clause.subject}"
    if clause.needs and clause.needs not in backend.info.capabilities:
        return Status.SKIPPED, f"the backend does not declare {clause.needs.value!r}"
    if clause.ability and not subject.has(clause.ability):
        return Status.SKIPPED, f"the subject has no ability {clause.ability!r}"
    return None


def _check(subject: Subject, clause: Clause) -> tuple[Status, str]:
    try:
        with Harness(subject) as harness:
            clause.check(harness)
    except NotProved as reason:
        return Status.SKIPPED, str(reason)
    except ClauseFailed as error:
        return _broken(subject, clause, _text(error))
    except Exception as error:  # noqa: BLE001 - whatever a backend raises is its failure
        return _broken(subject, clause, f"raised {_text(error)}\n{_where(error)}")
    if clause.ref in subject.exclusions:
        return Status.FAILED, "it is excluded and holds: remove the exclusion"
    return Status.PASSED, ""


def _broken(subject: Subject, clause: Clause, detail: str) -> tuple[Status, str]:
    if clause.ref in subject.exclusions:
        return Status.EXCLUDED, f"{subject.exclusions[clause.ref]} ({detail})"
    pinned = subject.clauses_version
    if pinned and parse_version(clause.since) > parse_version(pinned):
        return Status.WARNED, f"since {clause.since}, the backend pins {pinned}: {detail}"
    return Status.FAILED, detail


def _text(error: BaseException) -> str:
    first = str(error) if isinstance(error, ClauseFailed) else f"{type(error).__name__}: {error}"
    return "\n".join([first, *getattr(error, "__notes__", ())])


def _where(error: BaseException) -> str:
    return "".join(traceback.format_tb(error.__traceback__)[-3:]).rstrip()
