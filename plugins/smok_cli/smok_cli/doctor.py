"""What ``smok check`` finds about the stores together: shared files, owners and modes, memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from smok_cli.screen import human_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smok_core.config import Config


_LITTLE_ROOM: Final = 16 * 1024 * 1024


def examine_stores(config: Config, rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Look at what was found of each store.

    Args:
        config: The configuration.
        rows: For each store its name, its state and, if it could be opened, its location.

    Yields:
        What `smok_table_check` gives: what, state, text, fix, status.
    """
    yield from _in_memory(config)
    yield from _shared(rows)
    for row in rows:
        if row.get("location", "").startswith("/"):
            yield from _file(row["store"], Path(row["location"]))
        free = row.get("free_bytes")
        if free is not None and free < _LITTLE_ROOM:
            text = f"{human_size(free)} free where {row['store']} is; a full disk refuses new data"
            yield _finding("disk", "warning", text, "free some space, or move the store")


def _in_memory(config: Config) -> Iterator[dict[str, Any]]:
    roles = [name for name, role in config.roles.items() if role.store == "memory"]
    if roles:
        text = f"NOT KEPT: in memory, lost when the process ends: {', '.join(roles)}"
        fix = 'give them a store under [roles], for example: default = "local"'
        yield _finding("roles", "warning", text, fix)


def _shared(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    places: dict[str, list[str]] = {}
    for row in rows:
        if row.get("location", "").startswith("/"):
            places.setdefault(os.path.realpath(row["location"]), []).append(row["store"])
    for place, names in places.items():
        if len(names) > 1:
            text = f"{' and '.join(names)} are one file: {place}"
            yield _finding("stores", "warning", text, "give each a path of its own, or name one")


def _file(store: str, path: Path) -> Iterator[dict[str, Any]]:
    what, there = f"file of {store}", next(p for p in (path, *path.parents) if p.exists())
    if not os.access(there, os.W_OK):
        text = f"{there} cannot be written by this user ({_user(os.geteuid())})"
        fix = f"run as {_user(there.stat().st_uid)}, or: chown {_user(os.geteuid())} {there}"
        yield _finding(what, "error", text, fix)
    elif there == path and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o022:
        text = f"{path} can be written by others (mode {mode:o})"
        yield _finding(what, "warning", text, f"chmod go-w {path}")
    elif there == path and path.stat().st_uid != os.geteuid():
        owner = _user(path.stat().st_uid)
        text = f"{path} belongs to {owner}, this is {_user(os.geteuid())}"
        yield _finding(what, "warning", text, f"run as {owner}: sudo -u {owner} smok check")


def _user(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _finding(what: str, state: str, text: str, fix: str) -> dict[str, Any]:
    return {"what": what, "state": state, "text": text, "fix": fix, "status": 3}
