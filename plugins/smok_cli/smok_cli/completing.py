"""What the shell completes from the configuration: names of roles, stores and pathpoints.

Nothing is changed for it, and whatever is wrong gives no names: a Tab must not print an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smok_cli.app import Session
from smok_cli.terminal import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click


def roles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return the roles that begin so."""
    from smok_core.roles import ROLES

    return _beginning(incomplete, lambda: ROLES)


def stores(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the configured stores that begin so."""
    from smok_cli.tolerant import read_tolerantly

    return _beginning(incomplete, lambda: read_tolerantly(_session(ctx).config)[0].stores)


def pathpoints(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the pathpoints that begin so."""
    return _beginning(incomplete, lambda: _pathpoints(_session(ctx)))


def _pathpoints(session: Session) -> list[str]:
    from smok_core.databases import open_databases

    with open_databases(session.config, looking=True) as databases:
        return list(databases.pathpoints.get_pathpoints())


def _beginning(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    try:
        # A name that a terminal would obey is not offered to one.
        return [n for n in names() if n.startswith(incomplete) and n == visible(n)]
    except Exception:  # noqa: BLE001 - whatever it is, there is nothing to complete
        return []


def _session(ctx: click.Context) -> Session:
    """Return the global options: while the shell completes, no command has run yet."""
    return Session(ctx.find_root().params.get("config"))
