"""Looks at the server: what it survives, and whether that is what the store was promised."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from smok_core.engine.base import Durability
from smok_core.errors import DurabilityUnmet
from smok_redis.errors import ServerTooOld

#: Sent in one round trip; each may be forbidden, and then the fact is unknown.
PROBES = (("INFO",), ("CONFIG GET", "append*"), ("COMMAND INFO", "WAITAOF"))

_OLDEST = (6, 2)


class Facts(NamedTuple):
    """What the server says about itself; None is not known."""

    version: str
    replica: bool
    aof: bool | None
    fsync: str | None
    waitaof: bool
    policy: str | None
    limit: int  #: maxmemory in bytes, 0 is none
    used: int
    aof_failed: bool
    snapshots_failed: bool
    replicas: int
    readable: bool  #: whether INFO was allowed

    @property
    def evicts(self) -> bool:
        """Whether the server throws keys away when it is full."""
        return (self.policy or "").startswith("allkeys-")


def facts_of(info: Any, config: Any, waitaof: Any) -> Facts:
    """Read the answers of `PROBES`; an exception among them is an unknown."""
    told: Mapping[str, Any] = info if isinstance(info, dict) else {}
    settings: Mapping[str, Any] = config if isinstance(config, dict) else {}
    aof = told.get("aof_enabled")
    valkey = told.get("valkey_version")
    return Facts(
        version=f"Valkey {valkey}" if valkey else f"Redis {told.get('redis_version', '?')}",
        replica=told.get("role") == "slave",
        aof=None if aof is None else bool(aof),
        fsync=settings.get("appendfsync"),
        waitaof=isinstance(waitaof, list) and bool(waitaof and waitaof[0]),
        policy=told.get("maxmemory_policy"),
        limit=int(told.get("maxmemory", 0)),
        used=int(told.get("used_memory", 0)),
        aof_failed=told.get("aof_last_write_status", "ok") != "ok",
        snapshots_failed=told.get("rdb_last_bgsave_status", "ok") != "ok",
        replicas=int(told.get("connected_slaves", 0)),
        readable=bool(told),
    )


def check(store: str, facts: Facts, durability: Durability) -> None:
    """Refuse a server that cannot keep the promise.

    Raises:
        DurabilityUnmet: The setting to change is named.
        ServerTooOld: The server is older than 6.2.
    """
    _check_version(store, facts)
    if durability is Durability.BUFFERED:
        return
    if facts.evicts and facts.limit:
        raise DurabilityUnmet(
            store,
            f"the server evicts stored data when it is full (maxmemory-policy {facts.policy})",
            "Set maxmemory-policy noeviction on the server.",
        )
    if durability is Durability.POWER_LOSS:
        _check_power_loss(store, facts)


def _check_version(store: str, facts: Facts) -> None:
    words = facts.version.split()[-1].split(".")
    if words[0].isdigit() and tuple(int(word) for word in words[:2]) < _OLDEST:
        raise ServerTooOld(store, f"the server is {facts.version}")


def _check_power_loss(store: str, facts: Facts) -> None:
    if facts.aof is False:
        raise DurabilityUnmet(
            store,
            "the server keeps no append-only file (appendonly is no)",
            "Set appendonly yes and appendfsync always on the server.",
        )
    if facts.fsync == "always" and facts.aof:
        return
    if not facts.waitaof:
        found = "cannot be read" if facts.fsync is None else f"is {facts.fsync}"
        raise DurabilityUnmet(
            store,
            f"appendfsync {found} and the server does not know WAITAOF",
            "Set appendfsync always on the server (and let this user read it: ACL +config|get), "
            "or use Redis 7.2 or newer, or Valkey.",
        )


def needs_waitaof(facts: Facts, durability: Durability) -> bool:
    """Tell whether each write has to wait for the server's disk."""
    return durability is Durability.POWER_LOSS and not (facts.aof and facts.fsync == "always")


def notes(facts: Facts) -> tuple[str, ...]:
    """Say what the server is and survives."""
    return (
        f"{facts.version}, {facts.replicas} replicas",
        f"the server survives: {_survives(facts)}",
        f"maxmemory {facts.limit or 'unlimited'}, policy {facts.policy or 'not readable'}",
    )


def _survives(facts: Facts) -> str:
    if facts.aof is None:
        return "not known, INFO is not allowed"
    if not facts.aof:
        return "nothing but a clean shutdown, and what its last snapshot holds"
    cost = {
        "always": "its own death and a power cut, without loss",
        "everysec": "its own death and a power cut, but for up to the last 2 s",
        "no": "its own death; a power cut costs up to half a minute",
    }
    return cost.get(facts.fsync or "", "its own death, but appendfsync is not readable")


def warnings(facts: Facts, durability: Durability) -> tuple[str, ...]:
    """Say what somebody should change."""
    found = {
        "power-loss rests on WAITAOF, which Valkey and some Redis answer before their disk has the "
        "write: set appendfsync always": needs_waitaof(facts, durability),
        "INFO is not allowed, so durability is not checked: ACL +info": not facts.readable,
        "the server keeps no append-only file: set appendonly yes": facts.aof is False,
        "appendfsync is no: set it to everysec or always": facts.fsync == "no",
        f"maxmemory-policy {facts.policy} throws stored data away: set noeviction": facts.evicts,
        "the server cannot write its append-only file: look at its log": facts.aof_failed,
        "the server's last snapshot failed: look at its log": facts.snapshots_failed,
        "the server's memory is nearly full: raise maxmemory": (
            bool(facts.limit) and facts.used > 0.9 * facts.limit
        ),
    }
    return tuple(text for text, shown in found.items() if shown)
