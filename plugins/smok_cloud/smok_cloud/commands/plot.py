"""``smok plot``: the readings of a pathpoint as a chart in the terminal, or as a picture."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from smok_cli.app import Session, pass_session
from smok_cli.completing import pathpoints
from smok_cli.screen import iso_time

from smok_cloud.report import extra

if TYPE_CHECKING:
    from smok_cloud.report.readings import Curve


@click.command("plot")
@click.argument("pathpoint", shell_complete=pathpoints)
@click.option("--since", default="24h", show_default=True, help="How far back: 30m, 2h, 7d.")
@click.option("--until-newest", is_flag=True, help="The span ends at the newest reading, not now.")
@click.option("--png", type=click.Path(path_type=Path), help="A picture; needs smok-cloud[png].")
@pass_session
@extra("smok plot")
def command(
    session: Session, pathpoint: str, since: str, until_newest: bool, png: Path | None
) -> int:
    """Draw what PATHPOINT measured; failed readings are marked x, times are UTC.

    The exit status is 1 when the span holds no number to draw.
    """
    from smok_cloud.report.readings import newest_time, read_curve
    from smok_cloud.report.spans import check_names, seconds_of
    from smok_core.databases import open_databases

    span = seconds_of(since)
    with open_databases(session.config, looking=True) as databases:
        (name,) = check_names(databases, (pathpoint,))
        newest = newest_time(databases, name)
        stop = newest if until_newest else time.time()
        curve = read_curve(databases, name, stop - span, stop)
    if not curve.numbers:
        click.echo(_nothing(curve, newest), err=True)
        return 1
    if png:
        _picture(curve, png)
    else:
        _chart(curve)
    return 0


def _nothing(curve: Curve, newest: float) -> str:
    told = f"{curve.failed} failed readings" if curve.failed else "nothing"
    told = f"{len(curve.texts)} texts" if curve.texts else told
    return (
        f"{curve.name}: {told} and no number since {iso_time(curve.start)}; the newest reading is "
        f"of {iso_time(newest)}. Look further back with --since, or give --until-newest."
    )


def _chart(curve: Curve) -> None:
    from rich.console import Console

    from smok_cloud.report.terminal import draw

    size = shutil.get_terminal_size((80, 24))
    color = Console().color_system is not None
    click.echo(_heading(curve))
    click.echo(draw(curve, size.columns, min(max(size.lines - 4, 10), 40), color=color))
    failed = f", {curve.failed} failed (x)" if curve.failed else ""
    click.echo(
        f"{curve.numbers} readings{failed}: lowest {curve.low:g}, mean {curve.mean:.6g}, "
        f"highest {curve.high:g}"
    )


def _heading(curve: Curve) -> str:
    return f"{curve.name}, {iso_time(curve.start)} to {iso_time(curve.stop)}"


def _picture(curve: Curve, path: Path) -> None:
    from smok_cloud.report.picture import save_png

    save_png(curve, path)
    click.echo(f"wrote {path}", err=True)
