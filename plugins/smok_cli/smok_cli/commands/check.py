"""``smok check``: open every store the configuration names and tell how it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from smok_cli.app import Session, pass_session
from smok_cli.screen import human_size, json_option, print_json, print_table
from smok_cli.terminal import say
from smok_core.errors import PluginError, SmokError

if TYPE_CHECKING:
    from smok_core.config import Config, StoreConfig
    from smok_core.engine.base import Engine


#: Exit status when a store could not be opened; that of `smok_core.errors.StoreError`.
_STORE_FAILED = 3


@click.command("check")
@click.option("--deep", is_flag=True, help="Read everything: each page, index, checksum, value.")
@click.option("--offline", is_flag=True, help="Send nothing: leave out what needs the cloud.")
@json_option
@pass_session
def command(session: Session, *, deep: bool, offline: bool, as_json: bool) -> int:
    """Try everything that `smok run` needs; each thing that is wrong comes with its fix.

    Every store is opened. With a [cloud] table also certificate, key, chain, expiry and device id,
    and unless --offline name resolution, TLS, one harmless request and the clock.

    Exit status 3 if a store fails, else that of the first error (2 a setting, 5 the cloud, 6 the
    credentials), else 0.

    With --deep all that is stored is read; what is damaged is named and is a failure, too. Nothing
    is changed: the next program that opens the store puts what can be read into a sound file.
    """
    from smok_cli.doctor import examine_stores
    from smok_cli.tolerant import read_tolerantly
    from smok_core.databases import find_device

    config, failed = read_tolerantly(session.config)
    device = find_device(config)
    stores = _stores(config, failed)
    rows = [_look(config, store, failed.get(store.name), deep=deep) for store in stores]
    in_memory = [name for name, role in config.roles.items() if role.store == "memory"]
    nowhere = [name for name, role in config.roles.items() if role.store == "null"]
    report: dict[str, Any] = {"config": str(config.path), "device": device, "stores": rows}
    report["set_aside"] = {} if failed else _set_aside(config, rows)
    report |= {"in_memory": in_memory, "not_kept": nowhere, "warnings": list(config.warnings)}
    found = [*examine_stores(config, rows), *_of_the_tables(config, offline=offline)]
    report["findings"] = found
    if as_json:
        print_json(report)
    else:
        _show(report)
    if any(row["state"] in ("error", "damaged") for row in rows):
        return _STORE_FAILED
    return next((one["status"] for one in found if one["state"] == "error"), 0)


def _of_the_tables(config: Config, *, offline: bool) -> list[dict[str, Any]]:
    owners = config.owners.values()
    return [one for owner in owners for one in owner.check(config, offline=offline)]


def _stores(config: Config, failed: dict[str, PluginError]) -> list[StoreConfig]:
    """Return what was configured, and a built-in store only if something is wrong with it."""
    stores = config.stores.values()
    return [store for store in stores if store.where != "built in" or store.name in failed]


def _look(
    config: Config, store: StoreConfig, error: PluginError | None, *, deep: bool
) -> dict[str, Any]:
    kept = [name for name, role in config.roles.items() if role.store == store.name]
    row: dict[str, Any] = {"store": store.name, "backend": store.backend, "roles": kept}
    if error is not None:
        return row | _error(error)
    if store.loaded is None:
        return row | {"state": "unused"}
    row["durability"] = store.settings.durability.value
    row["capabilities"] = sorted(store.capabilities)
    try:
        row |= _open(config, store, deep=deep)
    except SmokError as failure:
        return row | _error(failure)
    return row | {"state": "damaged" if row.get("damage") else "ok"}


def _set_aside(config: Config, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give, by role, how many records were set aside, and why the last one was.

    A store that could be opened and whose records cannot be read becomes one that fails.
    """
    from smok_core.databases import open_databases

    found: dict[str, dict[str, Any]] = {}
    with open_databases(config, looking=True) as databases:
        for role, database in databases:
            try:
                if count := database.stats().dead:
                    reasons = [letter.reason for letter in database.get_dead_letters()]
                    found[role] = {"count": count, "last_reason": reasons[-1]}
            except SmokError as error:
                store = config.roles[role].store
                for row in rows:
                    if row["store"] == store and row["state"] == "ok":
                        row.update(_error(error))
    return found


def _error(error: SmokError) -> dict[str, Any]:
    return {"state": "error", "error": {"code": error.code, "message": str(error)}}


def _open(config: Config, store: StoreConfig, *, deep: bool) -> dict[str, Any]:
    """Open the store and ask it; one without an engine is asked by opening its roles."""
    from smok_core.databases import open_databases, open_store

    engine = open_store(config, store.name, looking=True)
    if engine is None:
        open_databases(config, require_all=True, looking=True).close()
        return {"location": "kept by the backend's own roles", "warnings": []}
    with engine:
        health = engine.health()
        found = _read_all(engine, store.name) if deep else {}
    return found | {
        "location": health.location,
        "durability": health.durability.value,
        "schema": health.schema,
        "size_bytes": health.size_bytes,
        "free_bytes": health.free_bytes,
        "notes": list(health.notes),
        "warnings": list(health.warnings),
    }


def _read_all(engine: Engine, store: str) -> dict[str, Any]:
    """Return what is damaged; None where that is the server's business, and every value decodes."""
    from smok_cli.progress import counted
    from smok_cli.transfer.decoding import find_undecodable

    with counted(f"reading {store}") as progress:
        damage = engine.verify(progress)
    if damage:  # what comes behind it may not be readable
        return {"damage": damage}
    with counted(f"decoding {store}") as progress:
        return {"damage": find_undecodable(engine, progress) or damage}


def _show(report: dict[str, Any]) -> None:
    columns = ("store", "backend", "state", "durability", "schema", "size", "free")
    say(f"{report['config']}, device {report['device']}")
    if report["stores"]:
        print_table("", columns, map(_row, report["stores"]), right="schema,size,free")
    for warning in report["warnings"]:
        say(f"warning: {warning}", fg="yellow")
    for row in report["stores"]:
        _show_details(row)
    for role, aside in report["set_aside"].items():
        why = f"the last: {aside['last_reason']}"
        say(f"{role}: {aside['count']} set aside (smok dead-letters {role}); {why}", fg="yellow")
    _show_findings(report["findings"])
    if report["not_kept"]:
        say(f"not kept at all: {', '.join(report['not_kept'])}", fg="yellow")


def _show_findings(found: list[dict[str, Any]]) -> None:
    colours = {"ok": "green", "warning": "yellow", "error": "red"}
    for one in found:
        say(f"{one['state']:<8} {one['what']}: {one['text']}", fg=colours[one["state"]])
        if one["fix"]:
            say(f"         fix: {one['fix']}")


def _row(row: dict[str, Any]) -> list[object]:
    from rich.text import Text

    colour = {"ok": "green", "unused": "yellow"}.get(row["state"], "red")
    return [
        row["store"],
        row["backend"],
        Text(row["state"], style=colour),
        row.get("durability"),
        row.get("schema"),
        human_size(row.get("size_bytes")),
        human_size(row.get("free_bytes")),
    ]


def _show_details(row: dict[str, Any]) -> None:
    if row.get("location"):
        say(f"{row['store']} is at: {row['location']}")
    if row["roles"]:
        say(f"{row['store']} keeps: {', '.join(row['roles'])}")
    if row.get("capabilities"):
        say(f"{row['store']} offers: {', '.join(row['capabilities'])}")
    if row["state"] == "unused":
        say(f"{row['store']}: no role uses it; it was not opened", fg="yellow")
    for note in row.get("notes", ()):
        say(f"{row['store']}: {note}")
    for warning in row.get("warnings", ()):
        say(f"warning: {row['store']}: {warning}", fg="yellow")
    _show_damage(row)
    if row["state"] == "error":
        say(f"error [{row['error']['code']}]: {row['error']['message']}", fg="red")


def _show_damage(row: dict[str, Any]) -> None:
    if "damage" not in row:
        return
    if row["damage"] is None:
        say(f"{row['store']}: every value can be decoded; its server looks after damage itself")
    for line in row["damage"] or ():
        say(f"damaged: {row['store']}: {line}", fg="red")
    if row["damage"] == []:
        say(f"{row['store']}: everything was read, and all of it is sound")
