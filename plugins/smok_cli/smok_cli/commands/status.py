"""``smok status``: what is stored, what waits for upload, and whether anything was lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click
import msgspec

from smok_cli.app import Session, pass_session
from smok_cli.screen import (
    human_age,
    human_size,
    iso_time,
    json_option,
    print_json,
    print_table,
)
from smok_cli.terminal import say
from smok_core.errors import StoreError

if TYPE_CHECKING:
    from smok_cli.losses import Finding
    from smok_core.databases import Databases
    from smok_core.roles import Database

__all__ = ["command"]


@click.command("status")
@json_option
@pass_session
def command(session: Session, as_json: bool) -> None:
    """Count rows, records waiting for upload, dead letters and dropped records of each role."""
    from smok_cli.losses import find_losses
    from smok_core.databases import open_databases

    with open_databases(session.config, looking=True) as databases:
        report: dict[str, Any] = {"roles": _roles(databases), "stores": _stores(databases)}
        report["cloud"] = _cloud(databases)
        losses = find_losses(databases)
    report["losses"] = [msgspec.structs.asdict(found) for found in losses]
    report["nothing_lost"] = not losses
    if as_json:
        print_json(report)
    else:
        _show(report, losses)


def _roles(databases: Databases) -> list[dict[str, Any]]:
    return [
        {"role": role, "store": databases.config.roles[role].store, **_counts(database)}
        for role, database in databases
    ]


def _counts(database: Database) -> dict[str, Any]:
    """Count what a role keeps; of a role whose store is away nothing is known but that."""
    try:
        stats, error = database.stats(), None
    except StoreError as failure:
        stats, error = None, str(failure)
    oldest = stats.oldest_pending if stats else None
    return {
        "available": stats is not None,
        "error": error,
        "rows": stats and stats.rows,
        "pending": stats and stats.pending,
        "oldest_pending": iso_time(oldest),
        "oldest_pending_seconds": None if oldest is None else round(time.time() - oldest, 3),
        "dead_letters": stats and stats.dead,
        "dropped": stats and stats.dropped,
        "refused": stats and stats.refused,
        "definitions_pending": stats and stats.pending_definitions,
    }


def _stores(databases: Databases) -> list[dict[str, Any]]:
    return [
        {
            "store": name,
            "location": health.location,
            "size_bytes": health.size_bytes,
            "free_bytes": health.free_bytes,
            "notes": list(health.notes),
            "warnings": list(health.warnings),
        }
        for name, health in databases.health().items()
    ]


def _cloud(databases: Databases) -> list[dict[str, Any]]:
    """Give what was done about the config's tables so far: the uploads of ``[cloud]``."""
    owners = databases.config.owners.values()
    return [row for owner in owners for row in owner.jobs(databases)]


def _show(report: dict[str, Any], losses: list[Finding]) -> None:
    columns = ("role", "store", "rows", "pending", "oldest pending", "dead letters", "dropped")
    numbers = "rows,pending,oldest pending,dead letters,dropped"
    print_table("", columns, map(_row, report["roles"]), right=numbers)
    for store in report["stores"]:
        size, free = human_size(store["size_bytes"]), human_size(store["free_bytes"])
        told = [f"{size} used"] * bool(size) + [f"{free} free"] * bool(free)
        say(f"{store['store']}: {', '.join([store['location'], *told])}")
        for note in store["notes"]:
            say(f"  {note}")
    _show_cloud([job for job in report["cloud"] if job["last_success"] or job["failures"]])
    _show_definitions(report["roles"])
    _show_losses(report["roles"], losses)


def _show_cloud(jobs: list[dict[str, Any]]) -> None:
    columns = ("cloud job", "sent", "acknowledged", "refused", "last success", "trouble")
    rows = []
    for job in jobs:
        success = job["last_success"]
        since = human_age(None if success is None else time.time() - success)
        trouble = job["last_error"] if job["failures"] else ""
        rows.append((job["job"], job["sent"], job["acknowledged"], job["refused"], since, trouble))
    if rows:
        print_table("", columns, rows, right="sent,acknowledged,refused,last success")


def _row(row: dict[str, Any]) -> list[object]:
    return [
        row["role"],
        row["store"],
        row["rows"],
        row["pending"],
        human_age(row["oldest_pending_seconds"]),
        _alarming(row["dead_letters"]),
        _alarming(row["dropped"]),
    ]


def _show_definitions(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["definitions_pending"]:
            say(f"{row['role']}: {row['definitions_pending']} definitions wait for upload")


def _alarming(count: int | None) -> object:
    from rich.text import Text

    return None if count is None else Text(str(count), style="bold red" if count else "green")


def _show_losses(rows: list[dict[str, Any]], losses: list[Finding]) -> None:
    """Name what is lost, set aside or pending elsewhere, with the command to use."""
    away = [row["role"] for row in rows if not row["available"]]
    if away:
        say(f"not known, the store is away: {', '.join(away)}", fg="red")
    for found in losses:
        if found.role is None or found.role not in away:
            say(str(found), fg="yellow" if found.kind == "warning" else "red")
    if not losses:
        say("nothing lost: 0 dropped, 0 dead letters", fg="green")
