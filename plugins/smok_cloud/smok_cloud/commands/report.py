"""``smok report``: one HTML page about the device, complete in itself."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click
from smok_cli.app import Session, pass_session
from smok_cli.completing import pathpoints

from smok_cloud.report import extra

__all__ = ["command"]


@click.command("report")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    default="smok-report.html",
    show_default=True,
    help="File; - is stdout.",
)
@click.option(
    "--pathpoint",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=pathpoints,
    help="Draw this; repeatable.  [default: the six with the newest readings]",
)
@click.option("--since", default="24h", show_default=True, help="How far back charts go: 2h, 7d.")
@pass_session
@extra("smok report")
def command(session: Session, output: Path, names: tuple[str, ...], since: str) -> None:
    """Write a page with verdict, backlog, stores, uploads, dead letters and charts.

    It loads nothing from anywhere and runs no script: send it, print it, keep it.
    """
    from smok_cloud.report.facts import gather
    from smok_cloud.report.page import render
    from smok_cloud.report.spans import check_names, seconds_of
    from smok_core.databases import open_databases

    span = seconds_of(since)
    with open_databases(session.config, looking=True) as databases:
        text = render(gather(databases, check_names(databases, names) or None, span))
    if str(output) == "-":
        click.echo(text, nl=False)
    else:
        _write(output, text)
        click.echo(f"wrote {output}", err=True)


def _write(path: Path, text: str) -> None:
    """Write beside, then rename: who looks meanwhile sees the old page or the new one."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        os.unlink(name)  # noqa: PTH108 - nothing else may fail here
        raise
