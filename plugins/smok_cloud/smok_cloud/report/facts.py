"""Everything the report page tells, gathered in one look; texts as people read them."""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from smok_cli.screen import human_age, human_ago, human_size
from smok_cli.state.look import look
from smok_cli.state.losses import Finding, find_losses
from smok_cli.state.verdict import Verdict, pass_verdict

from smok_cloud.history import Moment, read_history
from smok_cloud.report.readings import Curve, newest_time, read_curve
from smok_core.config import StoreConfig
from smok_core.databases import Databases, find_device
from smok_core.engine.base import Durability, Health
from smok_core.errors import StoreError
from smok_core.roles import RoleStats

_LETTERS: Final = 100
_CHARTS: Final = 6

_DURABILITY: Final = {
    Durability.POWER_LOSS: "What was written survives a power cut.",
    Durability.CRASH: (
        "What was written survives the end of the program; a power cut costs at most the last "
        "second."
    ),
    Durability.BUFFERED: (
        "A crash of the program costs at most the last {flush_ms} ms of readings; a power cut the "
        "last second as well."
    ),
}


class Facts(msgspec.Struct, kw_only=True):
    """What is so, ready to be shown."""

    device: str
    at: float
    verdict: Verdict
    findings: list[Finding]
    roles: list[dict[str, Any]]
    stores: list[dict[str, Any]]
    jobs: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    letters_more: int
    history: list[Moment]
    curves: list[Curve]
    pathpoints: int  #: how many there are


def gather(databases: Databases, names: Sequence[str] | None, span: float) -> Facts:
    """Look at everything once.

    Args:
        databases: Opened, if only to look.
        names: Pathpoints to draw; None: those with the newest readings.
        span: Seconds before now that charts of pathpoints show.
    """
    now = time.time()
    seen, jobs = look(databases), [*_jobs(databases)]
    findings, roles = find_losses(databases, seen), [*_roles(databases, seen.stats, now)]
    letters = [*islice(_letters(databases), _LETTERS)]
    present = _present(databases)
    return Facts(
        device=find_device(databases.config),
        at=now,
        verdict=pass_verdict(findings, jobs, sum(row["pending"] or 0 for row in roles)),
        findings=findings,
        roles=roles,
        stores=[*_stores(databases, seen.health)],
        jobs=jobs,
        letters=letters,
        letters_more=sum(row["dead"] or 0 for row in roles) - len(letters),
        history=_history(databases, now),
        curves=[*_curves(databases, names or present[:_CHARTS], now - span, now)],
        pathpoints=len(present),
    )


# --- roles, stores, uploads ----------------------------------------------------------------------


def _roles(
    databases: Databases, seen: dict[str, RoleStats | StoreError], now: float
) -> Iterator[dict[str, Any]]:
    for role, stats in seen.items():
        row: dict[str, Any] = {"role": role, "store": databases.config.roles[role].store}
        if isinstance(stats, StoreError):
            yield row | {"error": str(stats), "pending": None, "dead": None}
            continue
        oldest = stats.oldest_pending
        yield row | {
            "rows": stats.rows,
            "pending": stats.pending + stats.pending_definitions,
            "oldest": oldest,
            "age": "" if oldest is None else human_age(now - oldest),
            "dead": stats.dead,
            "dropped": stats.dropped,
        }


def _stores(databases: Databases, looks: dict[str, Health]) -> Iterator[dict[str, Any]]:
    for name in databases.stores:
        config, health = databases.config.stores[name], looks.get(name)
        yield {
            "name": name,
            "backend": config.backend,
            "roles": [r for r, role in databases.config.roles.items() if role.store == name],
            "promise": _promise(config),
            "capabilities": sorted(config.capabilities),
            "location": health.location if health else "",
            "size": human_size(health.size_bytes) if health else "",
            "free": human_size(health.free_bytes) if health else "",
            "available": health.available if health else name in ("memory", "null"),
            "warnings": list(health.warnings) if health else [],
        }


def _promise(config: StoreConfig) -> str:
    if "persistent" not in config.capabilities:
        return "Nothing here outlives the program."
    settings = config.settings
    return _DURABILITY[settings.durability].format(flush_ms=settings.flush_ms)


def _jobs(databases: Databases) -> Iterator[dict[str, Any]]:
    for owner in databases.config.owners.values():
        for job in owner.jobs(databases):
            success = job["last_success"]
            used = success is not None or bool(job["failures"])
            yield job | {"age": human_ago(success), "used": used}


def _letters(databases: Databases) -> Iterator[dict[str, Any]]:
    for role, database in databases:
        try:
            for letter in database.get_dead_letters():
                shown = {"role": role, "key": letter.key, "reason": letter.reason}
                yield shown | {"at": letter.at, "record": repr(letter.record)[:300]}
        except StoreError:
            continue  # the role's row says that its store is away


# --- over time -----------------------------------------------------------------------------------


def _history(databases: Databases, now: float) -> list[Moment]:
    try:
        return read_history(databases, now)
    except StoreError:
        return []


def _present(databases: Databases) -> list[str]:
    """Name the pathpoints that have values, those with the newest first."""
    try:
        names = [*databases.pathpoints.get_pathpoints()]
        newest = {name: newest_time(databases, name) for name in names}
    except StoreError:
        return []
    return sorted(names, key=lambda name: (-newest[name], name))


def _curves(
    databases: Databases, names: Sequence[str], start: float, stop: float
) -> Iterator[Curve]:
    for name in names:
        try:
            curve = read_curve(databases, name, start, stop)
            if curve.newest is None:
                curve.before = newest_time(databases, name)
        except StoreError:
            return  # the role's row says that its store is away
        yield curve
