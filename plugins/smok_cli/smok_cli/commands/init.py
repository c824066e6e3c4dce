"""``smok init``: write a configuration to start from."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import click

from smok_cli.app import Session, pass_session
from smok_cli.terminal import say

if TYPE_CHECKING:
    from pathlib import Path


@click.command("init")
@click.option("--device", help="The device's id.  [default: this machine's host name]")
@click.option(
    "--backend", default="pickle", show_default=True, help="What keeps the data; see smok backends."
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option(
    "--systemd", is_flag=True, help="Also write smok.service; the store is in /var/lib/smok."
)
@click.option("--user", default="smok", show_default=True, help="Whom the service runs as.")
@pass_session
def command(
    session: Session, *, device: str | None, backend: str, force: bool, systemd: bool, user: str
) -> None:
    """Write a commented smok.toml with all options of a backend: one file, unless you name another.

    With --systemd it writes a unit beside it; an existing smok.toml stays as it is then, and the
    unit may write where its stores are.
    """
    path = session.config_path
    if path.exists() and not force and not systemd:
        raise click.UsageError(f"{path} exists already. Add --force to overwrite it.")
    if force or not path.exists():
        device = device or socket.gethostname() or "device-1"
        missing = _write_config(path, device, backend, systemd=systemd)
        if missing:
            then = "smok init --systemd" if systemd else "smok check"
            say(f"wrote {path}. Fill in: {', '.join(missing)}. Then: {then}")
            return
    if systemd:
        _write_unit(path, user, force=force)
    else:
        _say_what_next(session)


def _write_config(path: Path, device: str, backend: str, *, systemd: bool) -> list[str]:
    """Write the file; give the options that the user has to fill in."""
    from smok_cli.template import config_text, to_fill_in
    from smok_cli.unit import STATE
    from smok_core.config import load_config
    from smok_core.registry import Registry

    loaded = Registry().load(backend, "--backend")
    # Nothing of a service may write beside its configuration: the path is an absolute one there.
    place = {"path": str(STATE / "smok.db")} if systemd else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and moved: an interrupted init leaves the old file whole.
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)  # who can write it decides where the data go
    draft.write_text(config_text(device, loaded, **place), encoding="utf-8")
    missing = to_fill_in(loaded)
    if not missing:
        load_config(draft, environ={})
    draft.replace(path)
    return missing


def _write_unit(config: Path, user: str, *, force: bool) -> None:
    from smok_cli.unit import unit_text
    from smok_core.config import load_config

    unit = config.with_name("smok.service")
    if unit.exists() and not force:
        raise click.UsageError(f"{unit} exists already. Add --force to overwrite it.")
    unit.write_text(unit_text(load_config(config), user), encoding="utf-8")
    say(f"wrote {unit}. Next, as root:")
    say(f"  useradd --system {user}")
    say(f"  chgrp {user} {config} && chmod 640 {config}")
    say(f"  cp {unit} /etc/systemd/system/ && systemctl enable --now smok")


def _say_what_next(session: Session) -> None:
    given = f"--config {session.config} " if session.config else ""
    say(f"wrote {session.config_path}. Next:")
    say(f"  smok {given}check               opens the store and tells how it is")
    say(f"  smok {given}ingest readings.csv reads values into pathpoints")
    say(f"  smok {given}status              tells in one line how the device is")
