"""What ``smok status`` tells, gathered in one look; `StatusReport` is the form of its JSON."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from smok_cli.screen import iso_time
from smok_cli.state.look import look
from smok_cli.state.losses import Finding, find_losses
from smok_cli.state.model import RoleStatus, StoreStatus, told, waited_seconds
from smok_cli.state.outlook import Outlook, look_ahead
from smok_cli.state.verdict import Verdict, pass_verdict
from smok_core.databases import find_device
from smok_core.errors import StoreError

if TYPE_CHECKING:
    from smok_core.databases import Databases
    from smok_core.engine.base import Health
    from smok_core.roles import RoleStats


FORMAT = "smok.status"
#: Grows when a key changes its meaning or goes; new keys may come without.
VERSION = 1


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a device is. Times are ISO 8601 in UTC, ages in seconds."""

    format: Annotated[Literal["smok.status"], told("Always this.")] = "smok.status"
    version: Annotated[int, told("Of this form; it grows when a key changes or goes.")] = VERSION
    device: Annotated[str, told("The device's id.")]
    at: Annotated[str | None, told("When it was so.")]
    verdict: Annotated[Verdict, told("One word, and why.")]
    roles: Annotated[list[RoleStatus], told("All nine.")]
    stores: Annotated[list[StoreStatus], told("Those that keep a role and have an engine.")]
    cloud: Annotated[
        list[dict[str, Any]], told("Jobs of the uploader as it left them; times are numbers.")
    ]
    outlook: Annotated[list[Outlook], told("How long there is room, the soonest first.")]
    losses: Annotated[list[Finding], told("What is lost, set aside or pending unseen.")]
    nothing_lost: Annotated[bool, told("Whether there is none of that.")]

    @property
    def pending(self) -> int:
        """Records and definitions that wait for upload, as far as is known."""
        return sum((row.pending or 0) + (row.definitions_pending or 0) for row in self.roles)

    @property
    def longest_wait(self) -> float:
        """Seconds that the record waits which waits longest, as far as is known."""
        return max((waited_seconds(row) or 0.0 for row in self.roles), default=0.0)


def gather(databases: Databases) -> StatusReport:
    """Look at everything once; nothing is changed."""
    now, jobs, seen = time.time(), _cloud(databases), look(databases)
    losses = find_losses(databases, seen)
    roles = [
        _role(role, databases.config.roles[role].store, stats, jobs, now)
        for role, stats in seen.stats.items()
    ]
    stores = [*map(_store, seen.health, seen.health.values())]
    pending = sum((row.pending or 0) + (row.definitions_pending or 0) for row in roles)
    return StatusReport(
        device=find_device(databases.config),
        at=iso_time(now),
        verdict=pass_verdict(losses, jobs, pending),
        roles=roles,
        stores=stores,
        cloud=jobs,
        outlook=sorted(look_ahead(roles, stores, _limits(databases)), key=lambda o: o.seconds),
        losses=losses,
        nothing_lost=not losses,
    )


def _role(
    role: str, store: str, stats: RoleStats | StoreError, jobs: list[dict[str, Any]], now: float
) -> RoleStatus:
    if isinstance(stats, StoreError):
        return RoleStatus(role=role, store=store, available=False, error=str(stats))
    since = _since(role, jobs) if stats.pending or stats.pending_definitions else None
    return RoleStatus(
        role=role,
        store=store,
        rows=stats.rows,
        pending=stats.pending,
        pending_since=iso_time(since),
        pending_seconds=_age(since, now),
        oldest_pending=iso_time(stats.oldest_pending),
        oldest_pending_seconds=_age(stats.oldest_pending, now),
        definitions_pending=stats.pending_definitions,
        dead_letters=stats.dead,
        dropped=stats.dropped,
        refused=stats.refused,
    )


def _since(role: str, jobs: list[dict[str, Any]]) -> float | None:
    told = [job.get("pending_since") for job in jobs if job["job"].partition(" ")[0] == role]
    return min((since for since in told if since is not None), default=None)


def _age(moment: float | None, now: float) -> float | None:
    return None if moment is None else round(now - moment, 3)


def _limits(databases: Databases) -> dict[str, int | None]:
    return {name: store.settings.max_pending for name, store in databases.config.stores.items()}


def _store(store: str, health: Health) -> StoreStatus:
    return StoreStatus(
        store=store,
        location=health.location,
        size_bytes=health.size_bytes,
        free_bytes=health.free_bytes,
        notes=list(health.notes),
        warnings=list(health.warnings),
    )


def _cloud(databases: Databases) -> list[dict[str, Any]]:
    """Return what was done about the config's tables so far: the uploads of ``[cloud]``."""
    owners = databases.config.owners.values()
    return [row for owner in owners for row in owner.jobs(databases)]
