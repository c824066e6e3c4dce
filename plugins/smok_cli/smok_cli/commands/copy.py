"""``smok copy``: move roles from one store to another, upload queues included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smok_cli.app import Session, pass_session
from smok_cli.completing import stores
from smok_cli.screen import json_option, print_json, print_table
from smok_cli.store_pair import counted, engines, roles_option, wanted

if TYPE_CHECKING:
    from smok_cli.transfer.report import CopyReport


@click.command("copy")
@click.option(
    "--from",
    "source",
    required=True,
    metavar="STORE",
    help="The store to read.",
    shell_complete=stores,
)
@click.option(
    "--to",
    "target",
    required=True,
    metavar="STORE",
    help="The store to write.",
    shell_complete=stores,
)
@roles_option
@click.option("--merge", is_flag=True, help="Copy into a store that holds data already.")
@json_option
@pass_session
def command(
    session: Session, source: str, target: str, roles: str | None, merge: bool, as_json: bool
) -> None:
    """Copy roles between two stores of the configuration, and verify the copy by digest.

    What waits for upload still waits, in its order; what was acknowledged does not come back. Stop
    what uses the stores first. A copy that was broken off goes on when it is called again. Nothing
    is removed from the source; afterwards give the roles their new store in smok.toml.
    """
    from smok_cli.transfer import copy

    with engines(session.config, source, target) as (a, b), counted() as progress:
        report = copy(a, b, wanted(roles), progress, merge=merge)
    if as_json:
        print_json(_plain(report))
    else:
        _show(report)


def _plain(report: CopyReport) -> dict[str, object]:
    import msgspec

    plain: dict[str, object] = msgspec.to_builtins(report)
    return plain


def _show(report: CopyReport) -> None:
    columns = ("role", "rows", "points", "pending", "blobs", "unreadable", "verified")
    rows = [
        (r.role, r.rows, r.points, r.pending, r.blobs, r.unreadable, _verified(r.verified))
        for r in report.roles.values()
    ]
    print_table("", columns, rows, right="rows,points,pending,blobs,unreadable")


def _verified(verified: bool | None) -> str:
    return "merged, not compared" if verified is None else "equal" if verified else "DIFFERENT"
