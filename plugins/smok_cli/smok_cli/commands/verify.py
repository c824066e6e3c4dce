"""``smok verify``: compare what two stores hold, role by role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smok_cli.app import Session, pass_session
from smok_cli.completing import stores
from smok_cli.reading import read_only_option
from smok_cli.screen import json_option, print_json, print_table
from smok_cli.store_pair import counted, engines, roles_option, wanted
from smok_cli.terminal import say

if TYPE_CHECKING:
    from smok_cli.transfer.report import VerifyReport


@click.command("verify")
@click.argument("a", metavar="STORE", shell_complete=stores)
@click.argument("b", metavar="OTHER", shell_complete=stores)
@roles_option
@read_only_option
@json_option
@pass_session
def command(
    session: Session, a: str, b: str, roles: str | None, read_only: bool, as_json: bool
) -> int:
    """Compare two stores of the configuration; exit status 1 if a role differs.

    Data, the order of the upload queues, the cloud's uuids and dead letters are compared; the
    stores should be at rest.
    """
    from smok_cli.transfer import verify

    with engines(session.config, a, b, read_only=read_only) as (left, right), counted() as progress:
        seen: dict[str, int] = {}

        def tick(role: str, more: int) -> None:
            seen[role] = seen.get(role, 0) + more
            progress(role, seen[role], seen[role])

        report = verify(left, right, wanted(roles), tick)
    if as_json:
        print_json({"stores": [a, b], **_plain(report)})
    else:
        _show(report, a, b)
    return 0 if report.equal else 1


def _plain(report: VerifyReport) -> dict[str, object]:
    import msgspec

    roles = {
        role: {"equal": verdict.equal, **msgspec.to_builtins(verdict)}
        for role, verdict in report.roles.items()
    }
    return {"equal": report.equal, "roles": roles}


def _show(report: VerifyReport, a: str, b: str) -> None:
    columns = ("role", f"{a}: records", f"{b}: records", "pending", "result")
    rows = []
    for role, verdict in report.roles.items():
        counts = [d.rows + d.points + d.blobs for d in (verdict.a, verdict.b)]
        pending = f"{verdict.a.pending} / {verdict.b.pending}"
        rows.append((role, *counts, pending, "equal" if verdict.equal else "DIFFERENT"))
    print_table("", columns, rows, right=",".join(columns[1:4]))
    for role, verdict in report.roles.items():
        for difference in verdict.differences:
            say(f"{role}: {difference}", fg="red")
