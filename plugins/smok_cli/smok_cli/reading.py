"""``--read-only``: stores on a read-only medium, and copies, are looked at without a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from smok_core.config import Config


read_only_option = click.option(
    "--read-only",
    is_flag=True,
    help="Files at rest on a read-only medium, or copies of them: write nothing at all.",
)


def config_to_read(path: str | None, *, read_only: bool) -> str | Config | None:
    """Return what `open_databases` takes to look at the stores."""
    from smok_core.config import load_config

    return read_only_config(load_config(path)) if read_only else path


def read_only_config(config: Config) -> Config:
    """Have every store that can, read without writing; servers keep their own rules."""
    import msgspec

    for store in config.stores.values():
        if hasattr(store.options, "read_only"):
            store.options = msgspec.structs.replace(store.options, read_only=True)
    return config


def is_read_only(config: Config) -> bool:
    """Tell whether a configuration came from `read_only_config`."""
    return any(getattr(store.options, "read_only", False) for store in config.stores.values())
