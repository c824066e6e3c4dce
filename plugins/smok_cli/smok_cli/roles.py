"""Role names as arguments of a command."""

import difflib

import click

from smok_core.roles import ROLES


def check_role(name: str | None) -> list[str]:
    """Return the role as a list, all roles for None; a wrong name ends the command with a hint."""
    if name is None:
        return list(ROLES)
    if name in ROLES:
        return [name]
    near = difflib.get_close_matches(name, ROLES, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise click.UsageError(f"no role is called {name!r}.{hint} Roles: {', '.join(ROLES)}.")
