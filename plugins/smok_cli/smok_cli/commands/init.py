"""``smok init``: write a configuration to start from."""

from __future__ import annotations

import socket

import click

from smok_cli.app import Session, pass_session
from smok_cli.terminal import say

__all__ = ["command"]


@click.command("init")
@click.option("--device", help="The device's id.  [default: this machine's host name]")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@pass_session
def command(session: Session, device: str | None, force: bool) -> None:
    """Write a commented smok.toml that keeps everything in one file on this device."""
    from smok_cli.template import config_text
    from smok_core.config import load_config
    from smok_core.registry import Registry

    path = session.config_path
    if path.exists() and not force:
        raise click.UsageError(f"{path} exists already. Add --force to overwrite it.")
    backend = Registry().load("pickle", "smok init")
    text = config_text(device or socket.gethostname() or "device-1", backend.info.options)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and moved: an interrupted init leaves the old file whole.
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)  # who can write it decides where the data go
    draft.write_text(text, encoding="utf-8")
    load_config(draft, environ={})
    draft.replace(path)
    _say_what_next(session)


def _say_what_next(session: Session) -> None:
    given = f"--config {session.config} " if session.config else ""
    say(f"wrote {session.config_path}. Next:")
    say(f"  smok {given}check               opens the store and tells how it is")
    say(f"  smok {given}ingest readings.csv reads values into pathpoints")
    say(f"  smok {given}status              counts what is stored and what waits")
