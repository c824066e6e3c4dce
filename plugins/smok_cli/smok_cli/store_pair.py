"""What copy and verify share: two stores of one configuration, opened side by side."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from smok_cli.reading import read_only_config
from smok_core.errors import SmokError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from smok_core.config import Config
    from smok_core.engine.base import Engine


roles_option = click.option("--roles", metavar="ROLE,...", help="Only these roles.")


class NoEngine(SmokError):
    """A store keeps single roles natively: there are no primitives to copy."""

    code = "SMOK-T04"

    def __init__(self, store: str) -> None:
        super().__init__(
            f"store {store}: its backend keeps single roles in a way of its own, which cannot be "
            "copied. Name a store whose backend has an engine, see `smok backends`."
        )


def wanted(roles: str | None) -> list[str] | None:
    """Take ``events,macros`` apart; None stays None."""
    return None if roles is None else [role.strip() for role in roles.split(",") if role.strip()]


@contextlib.contextmanager
def engines(
    config_path: str | None, *names: str, read_only: bool = False
) -> Iterator[list[Engine]]:
    """Open stores of the configuration, also such as keep no role."""
    from smok_core.config import load_config

    if len({*names}) < len(names):
        raise click.UsageError(f"{names[0]} is named twice. Name two different stores.")
    config = load_config(config_path, stores=names)
    config = read_only_config(config) if read_only else config
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(_open(config, name)) for name in names]
        _check_apart(config, names, opened)
        yield opened


def _check_apart(config: Config, names: Sequence[str], opened: Sequence[Engine]) -> None:
    """Refuse one place under two names, which a copy would only shuffle within itself."""
    kept = [name for name in names if config.stores[name].backend != "memory"]
    places = {opened[names.index(name)].health().location for name in kept}
    if len(places) < len(kept):
        raise click.UsageError(f"{' and '.join(names)} are the same store: {places.pop()}.")


def _open(config: Config, name: str) -> Engine:
    from smok_core.databases import open_store

    if name not in config.stores:
        known = f"{nearest(name, config.stores)} Configured: {', '.join(config.stores)}."
        raise click.UsageError(f"there is no store {name!r}.{known}")
    engine = open_store(config, name)
    if engine is None:
        raise NoEngine(name)
    return engine


@contextlib.contextmanager
def counted() -> Iterator[Callable[[str, int, int], None]]:
    """Provide a function to call with a label, how much is done and how much there is."""
    if not sys.stderr.isatty():
        yield lambda _label, _done, _total: None
        return
    from rich.progress import Progress

    from smok_cli.screen import console

    with Progress(console=console(stderr=True), transient=True) as progress:
        tasks: dict[str, object] = {}

        def update(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = progress.add_task(label, total=total)
            progress.update(tasks[label], completed=done, total=total)  # type: ignore[arg-type]

        yield update
