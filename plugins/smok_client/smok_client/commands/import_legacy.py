"""``smok import-legacy``: bring along what the published client (smok 0.21.0) has stored."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click
from smok_cli.app import Session, pass_session
from smok_cli.screen import json_option, print_json
from smok_cli.store_pair import counted
from smok_cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_client.legacy.report import Report
    from smok_core.databases import Databases


#: Exit status when something in the files was refused.
_REFUSED = 1
_SHOWN = 20


@click.command("import-legacy")
@click.argument("path", type=click.Path(exists=True), required=False)
@click.option("--role", help="What the file holds: events, metadata, ...")
@click.option(
    "--directory", type=click.Path(exists=True, file_okay=False), help="A whole installation."
)
@click.option("--into", metavar="CONFIG", help="The configuration to import into.")
@click.option(
    "--register", metavar="MODULE", help="A module of yours that registers classes of states."
)
@click.option("--dry-run", is_flag=True, help="Check and count everything, store nothing.")
@json_option
@pass_session
def command(
    session: Session,
    path: str | None,
    role: str | None,
    directory: str | None,
    into: str | None,
    register: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Import PATH of one role, or every file of a --directory; exit status 1 if any is refused.

    The files are read by a decoder that imports, calls and builds nothing, and are not changed.
    Objects of your own classes come along when MODULE, which is imported for it, has called
    smok_client.register_state for them.
    Importing twice changes nothing. Stop the device that wrote them first.
    """
    from smok_core.databases import open_databases

    if (path is None) == (directory is None) or (path is not None and role is None):
        raise click.UsageError("Give a PATH with its --role, or a --directory.")
    if register is not None:
        _imported(register)
    with open_databases(into or session.config) as databases, counted() as progress:
        reports = _import(databases, path, role, directory, progress, dry_run=dry_run)
    if as_json:
        print_json([_plain(report) for report in reports])
    else:
        _show(reports)
    return 0 if all(report.ok for report in reports) else _REFUSED


def _imported(module: str) -> None:
    sys.path.insert(0, "")  # a device's own code is seldom installed
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise click.UsageError(f"--register {module}: {error}") from error


def _import(
    databases: Databases,
    path: str | None,
    role: str | None,
    directory: str | None,
    progress: Callable[[str, int, int], None],
    *,
    dry_run: bool,
) -> list[Report]:
    from smok_client.legacy import import_directory, import_legacy

    if directory is not None:
        return import_directory(directory, databases, dry_run=dry_run, progress=progress)
    assert path is not None
    assert role is not None
    name = path

    def tick(done: int, total: int) -> None:
        progress(name, done, total)

    return [import_legacy(role, path, databases, dry_run=dry_run, progress=tick)]


def _plain(report: Report) -> dict[str, object]:
    import msgspec

    plain: dict[str, object] = msgspec.to_builtins(report)
    return plain


def _show(reports: list[Report]) -> None:
    for report in reports:
        say(str(report), fg=None if report.ok else "red")
        for refusal in report.refused[:_SHOWN]:
            say(f"  refused: {refusal}")
        if len(report.refused) > _SHOWN:
            say(f"  ... and {len(report.refused) - _SHOWN} more; --json shows all")
    if not reports:
        say("no file was found to import")
