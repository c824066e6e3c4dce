"""``smok new-plugin``: write the distribution of a new backend."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--directory",
    default=".",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the new directory smok-NAME is made.",
)
def command(name: str, directory: Path) -> None:
    """Write smok-NAME: a backend on dicts that installs, works and passes the kit's core.

    NAME is what users write in their config: backend = "NAME".
    """
    from smok_testing.scaffold import PluginNames, write_plugin

    written = write_plugin(name, directory)
    names = PluginNames(name)
    root = directory / names.distribution
    for path in written:
        click.echo(f"wrote {path}")
    click.echo("Next:")
    click.echo(f"  cd {root}")
    click.echo('  pip install -e . "smok-core[testing,cli]"')
    click.echo("  pytest                     it is green before you change anything")
    click.echo(f"Then make it keep the data: {names.package}/connection.py says where to begin.")
