"""``smok dead-letters``: records that were set aside instead of being lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from smok_cli.app import Session, pass_session
from smok_cli.completing import roles
from smok_cli.screen import console, iso_time, json_option, print_json, print_tsv, speaks_tsv
from smok_cli.terminal import say, visible

if TYPE_CHECKING:
    from smok_core.databases import Databases
    from smok_core.roles import DeadLetter


@click.command("dead-letters")
@click.argument("role", required=False, shell_complete=roles)
@click.option("--requeue", metavar="ID|all", help="Put one, or all, back into the upload queue.")
@click.option("--discard", metavar="ID|all", help="Delete one, or all, for good.")
@json_option
@pass_session
def command(
    session: Session, *, role: str | None, requeue: str | None, discard: str | None, as_json: bool
) -> None:
    """List the records of ROLE (default: of all roles) that the cloud refused or nobody can read.

    --requeue offers them again, --discard deletes them; an ID needs its ROLE.
    """
    from smok_cli.roles import check_role
    from smok_core.databases import open_databases

    names = check_role(role)
    if requeue and discard:
        raise click.UsageError("--requeue and --discard: give one of them.")
    which = requeue or discard
    if which not in (None, "all") and role is None:
        option = "--requeue" if requeue else "--discard"
        raise click.UsageError(f"{option} ID needs the role: smok dead-letters ROLE {option} ID")
    with open_databases(session.config) as databases:
        if which is not None:
            _answer(databases, names, which, discard=discard is not None)
            return
        letters = [letter for name in names for letter in databases[name].get_dead_letters()]
    if as_json:
        print_json([_plain(letter) for letter in letters])
    else:
        _show(letters)


def _answer(databases: Databases, roles: list[str], which: str, *, discard: bool) -> None:
    count = 0
    for name in roles:
        database = databases[name]
        act = database.discard_dead_letter if discard else database.requeue_dead_letter
        # Listed first: acting changes what is being listed.
        found = [letter.id for letter in database.get_dead_letters()] if which == "all" else [which]
        for letter_id in found:
            act(letter_id)
        count += len(found)
    say(f"{count} {'deleted' if discard else 'put back into the queue'}")


def _plain(letter: DeadLetter) -> dict[str, Any]:
    from smok_cli.contents import plain

    return {
        "id": letter.id,
        "role": letter.role,
        "at": iso_time(letter.at),
        "reason": letter.reason,
        "key": letter.key,
        "time": iso_time(letter.time),
        "record": plain(letter.record),
    }


def _show(letters: list[DeadLetter]) -> None:
    if not letters:
        say("no dead letters", fg="green")
        return
    if speaks_tsv():
        print_tsv(("role", "id", "set aside", "key", "its time", "reason"), map(_row, letters))
    else:
        for letter in letters:
            _show_letter(letter)
    say("offer them again: smok dead-letters --requeue all; delete them: --discard all", err=True)


def _row(letter: DeadLetter) -> tuple[object, ...]:
    at, time = iso_time(letter.at), iso_time(letter.time)
    return letter.role, letter.id, at, letter.key, time, letter.reason


def _show_letter(letter: DeadLetter) -> None:
    """Show role and id as they are to be typed, on a narrow screen, too; below it all else."""
    import textwrap

    role, name, at, key, time, reason = map(visible, _row(letter))
    say(f"{role} {name}", bold=True)
    told = f"{key}{f', of {time}' if letter.time is not None else ''}, set aside {at}: {reason}"
    width = max(console().width, 20)
    say(textwrap.fill(told, width, initial_indent="  ", subsequent_indent="  "))
