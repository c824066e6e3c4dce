"""``smok why``: which store keeps a role, and everything that had a say in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from smok_cli.app import Session, pass_session
from smok_cli.completing import roles
from smok_cli.screen import json_option, print_json
from smok_cli.terminal import say

if TYPE_CHECKING:
    from smok_core.config import Config, RoleConfig


@click.command("why")
@click.argument("role", required=False, shell_complete=roles)
@json_option
@pass_session
def command(session: Session, role: str | None, as_json: bool) -> None:
    """Tell which store keeps ROLE (default: each role), and which line of which file says so."""
    from smok_cli.roles import check_role
    from smok_cli.tolerant import read_tolerantly

    names = check_role(role)
    config, _ = read_tolerantly(session.config)
    found = [config.roles[name] for name in names]
    if as_json:
        print_json([_plain(config, role_config) for role_config in found])
        return
    for role_config in found:
        _explain(config, role_config)


def _explain(config: Config, role: RoleConfig) -> None:
    store = config.stores[role.store]
    say(f"{role.role}: store {role.store} (backend {store.backend})")
    say(f"  decided by: {role.chain[-1]}")
    for step in reversed(role.chain[:-1]):
        say(f"  instead of: {step}")
    say(f"  the store:  {store.where}")
    if role.require:
        say(f"  required:   {', '.join(sorted(role.require))} ({role.where})")


def _plain(config: Config, role: RoleConfig) -> dict[str, Any]:
    store = config.stores[role.store]
    return {
        "role": role.role,
        "store": role.store,
        "backend": store.backend,
        "where": role.where,
        "store_where": store.where,
        "chain": list(role.chain),
        "require": sorted(role.require),
    }
