"""``smok demo``: the main job end to end on this machine, in half a minute, without Internet.

A recorder writes real readings while there is no link; it is killed with SIGKILL and started
again; then a cloud comes up and takes everything; and what it got is held against what the
recorder had been promised.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False), help="Keep the files."
)
@click.option(
    "--seconds", default=6.0, show_default=True, type=click.FloatRange(1, 3600), help="To record."
)
def command(directory: Path | None, seconds: float) -> int:
    """Record this machine, survive a kill, upload to a sandbox cloud, prove that nothing is lost.

    Everything happens on this machine. Exit status 1 if anything is lost.
    """
    from smok_testing.demo.story import Story

    with _place(directory) as place:
        kept = Story(place, seconds).run()
    if directory is not None:
        click.echo(f"look further: smok --config {directory / 'smok.toml'} status")
    return 0 if kept else 1


@contextlib.contextmanager
def _place(directory: Path | None) -> Iterator[Path]:
    """Provide an empty directory; a given one is kept, another is removed."""
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="smok-demo-") as name:
            yield Path(name)
        return
    if directory.exists() and any(directory.iterdir()):
        raise click.UsageError(f"{directory} is not empty. Name a new directory.")
    directory.mkdir(parents=True, exist_ok=True)
    yield directory.absolute()
