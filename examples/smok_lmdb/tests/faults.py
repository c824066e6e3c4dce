"""What the kit needs to stage faults on an LMDB file; nobody has it open, but for `full`."""

from __future__ import annotations

import contextlib
import resource
from typing import TYPE_CHECKING

import lmdb
from smok_lmdb import environment as environment_module
from smok_lmdb.files import lock_of
from smok_lmdb.keys import seq_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "smok.lmdb"


@contextlib.contextmanager
def full(place: Path) -> Iterator[None]:
    """Let no file of this process grow, as on a disk without room."""
    for environment in environment_module._open.values():
        environment.allocated = 0  # the disk is asked again
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((place / NAME).stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def damage(place: Path) -> None:
    """Cut the file off in the middle of its second page and write rubbish into the first."""
    with (place / NAME).open("r+b") as file:
        file.write(b"\xff" * 512)
        file.truncate(6000)


def make_newer(place: Path) -> None:
    """Mark the store as one of schema version 99."""
    with lmdb.open(str(place / NAME), subdir=False, max_dbs=9, map_size=1 << 30) as env:
        state = env.open_db(b"state")
        with env.begin(write=True) as transaction:
            transaction.put(b"schema", seq_bytes(99), db=state)


def power_cut(place: Path) -> None:
    """Bring back what was there at the last sync (`synced` keeps it), and nothing later."""
    kept = place / f"{NAME}.synced"
    lock_of(place / NAME).unlink(missing_ok=True)
    (place / NAME).unlink(missing_ok=True)
    if kept.exists():
        kept.rename(place / NAME)
