"""``smok dead-letters``: records that were set aside instead of being lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from smok_cli.app import Session, pass_session
from smok_cli.screen import iso_time, json_option, print_json, print_table
from smok_cli.terminal import say

if TYPE_CHECKING:
    from smok_core.databases import Databases
    from smok_core.roles import DeadLetter

__all__ = ["command"]


@click.command("dead-letters")
@click.argument("role", required=False)
@click.option("--requeue", metavar="ID|all", help="Put one, or all, back into the upload queue.")
@json_option
@pass_session
def command(session: Session, role: str | None, requeue: str | None, as_json: bool) -> None:
    """List the records of ROLE (default: of all roles) that the cloud refused or nobody can read.

    --requeue offers them again; an ID needs its ROLE.
    """
    from smok_cli.roles import check_role
    from smok_core.databases import open_databases

    roles = check_role(role)
    if requeue not in (None, "all") and role is None:
        raise click.UsageError("--requeue ID needs the role: smok dead-letters ROLE --requeue ID")
    with open_databases(session.config) as databases:
        if requeue is not None:
            _requeue(databases, roles, requeue)
            return
        letters = [letter for name in roles for letter in databases[name].get_dead_letters()]
    if as_json:
        print_json([_plain(letter) for letter in letters])
    else:
        _show(letters)


def _requeue(databases: Databases, roles: list[str], which: str) -> None:
    moved = 0
    for name in roles:
        found = databases[name].get_dead_letters()
        # Listed first: requeueing changes what is being listed.
        for letter_id in [letter.id for letter in found] if which == "all" else [which]:
            databases[name].requeue_dead_letter(letter_id)
            moved += 1
    say(f"{moved} put back into the queue")


def _plain(letter: DeadLetter) -> dict[str, Any]:
    from smok_cli.contents import plain

    return {
        "id": letter.id,
        "role": letter.role,
        "at": iso_time(letter.at),
        "reason": letter.reason,
        "key": letter.key,
        "record": plain(letter.record),
    }


def _show(letters: list[DeadLetter]) -> None:
    if not letters:
        say("no dead letters", fg="green")
        return
    rows = [
        (letter.role, letter.id, iso_time(letter.at), letter.key, letter.reason)
        for letter in letters
    ]
    print_table("", ("role", "id", "since", "key", "reason"), rows)
    say("offer them again: smok dead-letters --requeue all")
