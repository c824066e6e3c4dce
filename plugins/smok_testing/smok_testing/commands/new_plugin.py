"""``smok new-plugin``: write the distribution of a new backend."""

from pathlib import Path

import click
from smok_cli.terminal import say


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--directory",
    default=".",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the new directory smok-NAME is made.",
)
@click.option("--sql", is_flag=True, help="On SQLite, with schema and transactions, not on dicts.")
def command(name: str, directory: Path, sql: bool) -> None:
    """Write smok-NAME: a backend on dicts that installs, works and passes the kit's core.

    With --sql it keeps everything in an SQLite file and passes the whole kit: for SQL databases.

    NAME is what users write in their config: backend = "NAME".
    """
    from smok_testing.scaffold import PluginNames, write_plugin

    written = write_plugin(name, directory, sql=sql)
    names = PluginNames(name)
    root = directory / names.distribution
    for path in written:
        say(f"wrote {path}")
    say("Next:")
    say(f"  cd {root}")
    say('  pip install -e . "smok-core[testing,cli]"')
    say("  pytest                     it is green before you change anything")
    say(f"Then make it keep the data: {names.package}/connection.py says where to begin.")
