"""``smok backends``: what is installed, read without importing any of it."""

from collections import Counter
from typing import Any, Final

import click

from smok_cli.screen import json_option, print_json, print_table
from smok_cli.terminal import say

_STYLES: Final = {"usable": "green", "ok": "green", "built in": "", "registered": ""}


@click.command("backends")
@click.option(
    "--import", "try_import", is_flag=True, help="Import each one, in a process of its own."
)
@click.option(
    "--timeout", default=20.0, show_default=True, help="Seconds one import may take (--import)."
)
@json_option
def command(try_import: bool, timeout: float, as_json: bool) -> None:
    """Show the installed backends. Nothing is imported unless --import asks for it."""
    found = installed()
    if try_import:
        from smok_cli.probing import probe

        for row in found:
            if row["state"] in ("usable", "built in", "duplicate"):
                row.update(probe(_address(row), timeout))
    if as_json:
        print_json(found)
        return
    print_table("", _columns(try_import), [_row(row, try_import) for row in found], right="ms")
    _hint_missing({row["name"] for row in found})


def installed() -> list[dict[str, Any]]:
    """List every backend one can name, or could if it were not for its state."""
    from smok_core.registry import Registry, discover
    from smok_core.registry.builtin import BUILT_IN

    candidates = discover()
    rivals = Counter(candidate.name for candidate in candidates if candidate.api == _own_api())
    rivals.update(BUILT_IN.keys())
    rows = [
        {
            "name": candidate.name,
            "distribution": candidate.distribution,
            "version": candidate.version,
            "api": candidate.api,
            "state": _state(candidate.name, candidate.api, rivals),
        }
        for candidate in candidates
    ]
    given = [*((name, "built in") for name in BUILT_IN)]
    known = {*BUILT_IN, *(candidate.name for candidate in candidates)}
    given += [(name, "registered") for name in Registry(()).names() if name not in known]
    return [_own(name, state) for name, state in given] + rows


def _own(name: str, state: str) -> dict[str, Any]:
    from smok_core import __version__

    built_in = state == "built in"
    return {
        "name": name,
        "distribution": "smok-core" if built_in else "",
        "version": __version__ if built_in else "",
        "api": _own_api(),
        "state": state,
    }


def _state(name: str, api: str, rivals: Counter[str]) -> str:
    if not api:
        return f"no .v{_own_api()}"
    if api != _own_api():
        newer = api.isdecimal() and int(api) > int(_own_api())
        return "too new" if newer else "too old"
    return "duplicate" if rivals[name] > 1 else "usable"


def _own_api() -> str:
    from smok_core.hookspecs import API_MAJOR

    return str(API_MAJOR)


def _address(row: dict[str, Any]) -> str:
    """Name a backend so that only this distribution's is meant."""
    name: str = row["name"]
    return f"{row['distribution']}:{name}" if row["state"] == "duplicate" else name


def _columns(tried: bool) -> list[str]:
    usual = ["backend", "distribution", "version", "API", "state"]
    return [*usual, "import", "ms", "capabilities"] if tried else usual


def _row(row: dict[str, Any], tried: bool) -> list[object]:
    usual = [row["name"], row["distribution"], row["version"], row["api"], _coloured(row["state"])]
    if not tried:
        return usual
    told = row.get("detail") or ", ".join(row.get("capabilities", ()))
    return [*usual, _coloured(row.get("import", "")), row.get("import_ms"), told]


def _coloured(state: str) -> object:
    from rich.text import Text

    return Text(state, style=_STYLES.get(state, "red"))


def _hint_missing(present: set[str]) -> None:
    from smok_core.registry.loader import KNOWN

    for name, package in KNOWN.items():
        if name not in present:
            say(f"not installed: {name} (pip install {package})")
