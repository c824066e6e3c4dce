"""What is lost, set aside, or pending where nothing looks: what `smok status` has to name.

It looks at more than the roles use: at what other roles left in their stores, at stores that no
role uses any more, at other devices' records in a store of this device alone. What could not be
looked at is a finding too, so "nothing lost" is never said of something that nobody has seen.
"""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import msgspec

from smok_cli.reading import is_read_only, read_only_config
from smok_cli.state.seen import Seen, read_seen
from smok_core.config import load_config
from smok_core.databases import find_device, open_store
from smok_core.errors import CorruptData, DataLost, SmokError, StoreError, StoreVanished
from smok_core.registry.builtin import BUILT_IN
from smok_core.roles import ON_ENGINE, ROLES
from smok_core.settings import StoreContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smok_cli.state.look import Look
    from smok_core.config import Config
    from smok_core.databases import Databases
    from smok_core.engine.base import Engine, Health
    from smok_core.roles import RoleStats


#: Errors that tell of the data; any other one only keeps from looking at it.
_OF_THE_DATA: Final = (CorruptData, DataLost, StoreVanished)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody should know of."""

    #: ``dead-letters dropped refused in-memory elsewhere other-device warning damaged unknown``
    kind: str
    store: str  #: the store that it is about
    role: str | None = None  #: if it is about one role
    device: str | None = None  #: if it is not this one
    count: int | None = None  #: records; None: not known
    acknowledged: int = 0  #: of these a person has said to know
    text: str  #: what it is, in words
    command: str | None = None  #: what tells more, or brings the records along

    @property
    def news(self) -> int:
        """How many records nobody has acknowledged yet; 0 also where they cannot be counted."""
        return (self.count or 0) - self.acknowledged

    @property
    def is_news(self) -> bool:
        """Whether there is something that nobody has acknowledged."""
        return self.count is None or self.news > 0

    def __str__(self) -> str:
        return self.text if self.command is None else f"{self.text}; look: {self.command}"


def find_losses(databases: Databases, look: Look) -> list[Finding]:
    """Look everywhere; an empty list means that nothing is lost, as far as there is to look.

    Nothing is changed; what the roles and the open stores said is in ``look``. What cannot be
    looked at is a finding of the kind ``unknown``.
    """
    of_stores = _of_the_stores(databases, look.health)
    return [*_of_the_roles(databases, look), *of_stores, *_of_unused_stores(databases)]


# --- the roles, where they are kept --------------------------------------------------------------


def _of_the_roles(databases: Databases, look: Look) -> Iterator[Finding]:
    for role, stats in look.stats.items():
        store = databases.config.roles[role].store
        if store == "memory":
            text = f"{role}: kept in memory only, lost when the process ends"
            command = f"smok why {role}"
            yield Finding(kind="in-memory", store=store, role=role, text=text, command=command)
        try:
            if isinstance(stats, StoreError):
                raise stats
            yield from _of_a_role(databases, role, store, stats)
        except StoreError as error:
            text = f"{role}: not known: {error}"
            yield Finding(kind=_kind(error), store=store, role=role, text=text)


def _kind(error: SmokError) -> str:
    return "damaged" if isinstance(error, _OF_THE_DATA) else "unknown"


def _of_a_role(databases: Databases, role: str, store: str, stats: RoleStats) -> Iterator[Finding]:
    found = (
        ("dead-letters", stats.dead, "set aside", f"smok dead-letters {role}"),
        (
            "dropped",
            stats.dropped,
            f"dropped, max_pending of [stores.{store}] is reached",
            f"smok why {role}",
        ),
        ("refused", stats.refused, "written by the client and refused; the log says why", None),
    )
    seen = read_seen(databases, role) if any(count for _, count, *_ in found) else Seen()
    for kind, count, what, command in found:
        if count:
            yield Finding(
                kind=kind,
                store=store,
                role=role,
                count=count,
                acknowledged=seen.of(kind, count, databases[role]),
                text=f"{role}: {count} {what}",
                command=command,
            )


# --- the stores that are open --------------------------------------------------------------------


def _of_the_stores(databases: Databases, looks: dict[str, Health]) -> Iterator[Finding]:
    config = databases.config
    for name, engine in databases.engines.items():
        if name not in BUILT_IN:
            yield from _elsewhere(config, name, engine)
    for name, health in looks.items():
        # The warning of a store that is away is why: its roles have said so.
        for warning in health.warnings if health.available else ():
            yield Finding(kind="warning", store=name, text=f"warning: {name}: {warning}")


def _elsewhere(config: Config, name: str, engine: Engine) -> Iterator[Finding]:
    """Look for what belongs to roles that another store keeps now, and to other devices."""
    try:
        for role in ROLES:
            if config.roles[role].store != name:
                yield from _left_behind(config, name, engine, role)
        for device, count in sorted(engine.others().items()):
            text = f"{name}: {count} pending under another device id, {device!r}"
            command = f"SMOK__DEVICE={shlex.quote(device)} smok status"
            yield Finding(
                kind="other-device",
                store=name,
                device=device,
                count=count,
                text=text,
                command=command,
            )
    except StoreError as error:
        yield Finding(kind=_kind(error), store=name, text=f"{name}: not known: {error}")


def _left_behind(config: Config, name: str, engine: Engine, role: str) -> Iterator[Finding]:
    context = StoreContext(store=name, device=find_device(config), options=None)
    stats = ON_ENGINE[role](context, engine).stats()
    keeper = config.roles[role].store
    where = f"in the store {name}; {role} are kept in {keeper} now"
    command = f"smok copy --from {name} --to {keeper} --roles {role} --merge"
    if keeper in BUILT_IN:  # nothing there outlives the copy
        command = f"smok why {role}"
    counts = (
        (stats.pending, "pending"),
        (stats.pending_definitions, "definitions pending"),
        (stats.dead, "set aside"),
    )
    for count, what in counts:
        if count:
            yield Finding(
                kind="elsewhere",
                store=name,
                role=role,
                count=count,
                text=f"{role}: {count} {what} {where}",
                command=command,
            )


# --- the stores that no role uses ----------------------------------------------------------------


def _of_unused_stores(databases: Databases) -> Iterator[Finding]:
    config = databases.config
    for name in _unused(config):
        with ExitStack() as stack:
            try:
                loaded = load_config(config.path, stores=[name])
                loaded = read_only_config(loaded) if is_read_only(config) else loaded
                engine = open_store(loaded, name, looking=True)
            except SmokError as error:
                text = f"{name}: no role uses it, and it could not be looked at: {error}"
                yield Finding(kind=_kind(error), store=name, text=text, command="smok check")
                continue
            if engine is not None:
                stack.enter_context(engine)
                yield from _elsewhere(config, name, engine)
                yield from _warnings(name, engine)


def _unused(config: Config) -> Iterable[str]:
    used = {config.roles[role].store for role in ROLES} | set(BUILT_IN)
    return [name for name in config.stores if name not in used and config.path is not None]


def _warnings(name: str, engine: Engine) -> Iterator[Finding]:
    for warning in engine.health().warnings:
        yield Finding(kind="warning", store=name, text=f"warning: {name}: {warning}")
