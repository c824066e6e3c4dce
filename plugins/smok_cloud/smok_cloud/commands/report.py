"""``smok report``: one HTML page about the device, complete in itself."""

import contextlib
from pathlib import Path

import click
from smok_cli.app import Session, pass_session
from smok_cli.completing import pathpoints
from smok_cli.whole_files import written_whole

from smok_cloud.report import extra
from smok_core.errors import StoreError


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
        # The page is needed most when a store is away, and says so.
        with contextlib.suppress(StoreError):
            check_names(databases, names)
        text = render(gather(databases, names or None, span))
    if str(output) == "-":
        click.echo(text, nl=False)
    else:
        with written_whole(output) as file:
            file.write(text)
        click.echo(f"wrote {output}", err=True)
