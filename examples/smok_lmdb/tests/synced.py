"""The backend, keeping a copy of the file as it is at each sync: what a power cut surely leaves."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from smok_lmdb import plugin

from smok_core.hookspecs import BackendInfo, StoreContext, hookimpl

if TYPE_CHECKING:
    from smok_lmdb.environment import Environment

    from smok_core.engine.base import Engine


@hookimpl
def smok_backend() -> BackendInfo:
    return plugin.smok_backend()


@hookimpl
def smok_open_engine(context: StoreContext) -> Engine:
    engine = plugin.smok_open_engine(context)
    environment = engine._connection._environment
    if not hasattr(environment, "watched"):
        environment.watched = True
        environment.sync = functools.partial(_sync, environment, environment.sync)
    return engine


def _sync(environment: Environment, sync) -> None:
    sync()
    used = (environment.env.info()["last_pgno"] + 1) * environment.page
    with environment.path.open("rb") as file:
        draft = environment.path.with_name(f"{environment.path.name}.draft")
        draft.write_bytes(file.read(used))
    draft.rename(environment.path.with_name(f"{environment.path.name}.synced"))
