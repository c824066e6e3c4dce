"""``smok redis``: look at the server behind a store, and at this device's keys on it."""

from typing import Any

import click
from smok_cli.app import Session, pass_session
from smok_cli.screen import json_option, print_json, print_table
from smok_cli.terminal import say

from smok_core.config import Config
from smok_core.errors import NotFound


@click.group("redis")
def command() -> None:
    """Look at the Redis or Valkey servers of this configuration."""


@command.command("info")
@click.argument("store", required=False)
@json_option
@pass_session
def info(session: Session, store: str | None, as_json: bool) -> None:
    """Show server, version, persistence and this device's keys, for STORE or every Redis store."""
    from smok_core.config import load_config

    config = load_config(session.config, stores=[store] if store else ())
    found = [_look(config, name) for name in _stores(config, store)]
    if as_json:
        print_json(found)
    else:
        for row in found:
            _show(row)


def _stores(config: Config, wanted: str | None) -> list[str]:
    """Name the stores to look at: the one that is asked for, or all that a role uses."""
    ours = [
        name
        for name, store in config.stores.items()
        if store.backend.rpartition(":")[2] == "redis" and store.loaded is not None
    ]
    if wanted is None and ours:
        return ours
    if wanted in ours:
        return [wanted]
    listing = ", ".join(ours) or "none"
    raise NotFound(f"stores of the backend redis that a role uses ({listing})", wanted or "redis")


def _look(config: Config, name: str) -> dict[str, Any]:
    from smok_core.databases import open_store
    from smok_redis.engine import RedisEngine

    engine = open_store(config, name)
    assert isinstance(engine, RedisEngine)
    with engine:
        health = engine.health()
        return {
            "store": name,
            "location": health.location,
            "durability": health.durability.value,
            "schema": health.schema,
            "free_bytes": health.free_bytes,
            "notes": list(health.notes),
            "warnings": list(health.warnings),
            "keys": engine.key_counts(),
        }


def _show(row: dict[str, Any]) -> None:
    say(f"{row['store']}: {row['location']}, durability {row['durability']}")
    for note in row["notes"]:
        say(f"  {note}")
    for warning in row["warnings"]:
        say(f"  warning: {warning}", fg="yellow")
    counted = sorted(row["keys"].items())
    print_table("", ("keys of", "number"), counted or [("this device", 0)], right="number")
