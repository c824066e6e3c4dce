"""Looking at the server: what kind it is, and whether what it acknowledges survives a power cut."""

from typing import Any, Final

import msgspec
from pymongo.errors import OperationFailure

from smok_core.engine.base import Durability
from smok_core.errors import DurabilityUnmet
from smok_mongo.client import Server

#: Collections that grow with the device's data: worth sharding.
_LARGE: Final = ("smok_points", "smok_batches", "smok_chunks")


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What the server told about itself; None is what it would not tell."""

    version: str
    topology: str  #: standalone, replica set NAME or sharded cluster
    ferretdb: bool
    sharded: bool
    journal: bool | None
    persistent: bool | None
    size_bytes: int | None
    free_bytes: int | None

    def notes(self, database: str) -> tuple[str, ...]:
        """Return lines for `smok check`."""
        product = "FerretDB, speaking as MongoDB" if self.ferretdb else "MongoDB"
        lines = [
            f"{product} {self.version}, {self.topology}; every write waits for w=majority, j=true"
        ]
        if self.sharded:
            lines += [f'to shard: sh.enableSharding("{database}"), and then'] + [
                f'  sh.shardCollection("{database}.{name}", {{_id: 1}})' for name in _LARGE
            ]
        return tuple(lines)

    def warnings(self) -> tuple[str, ...]:
        """Return lines that `smok check` shows until somebody acts."""
        lines = []
        if self.ferretdb:
            lines.append(
                "FerretDB v1 ignores w and j, and does not compare and set atomically: "
                "use it for tests, or by one process only"
            )
        elif self.topology == "standalone":
            lines.append("a standalone server: when its disk is lost, the data is lost")
        if not self.ferretdb and self.persistent is None:
            lines.append("the storage engine is unknown: grant clusterMonitor to let it be checked")
        return tuple(lines)


def look(server: Server) -> Probe:
    """Ask the server; only the greeting must succeed, the rest may be forbidden."""
    # A server of 4.4.0 does not know hello yet.
    hello = _ask(server, "hello") or server.run(lambda db: db.client.admin.command("isMaster"))
    build = _ask(server, "buildInfo")
    status = _ask(server, "serverStatus", "admin")
    options = _ask(server, "getCmdLineOpts", "admin")
    sizes = _ask(server, "dbStats", server.database_name)
    engine = status.get("storageEngine", {})
    storage = options.get("parsed", {}).get("storage", {}) if options else None
    total, used = sizes.get("fsTotalSize"), sizes.get("fsUsedSize")
    return Probe(
        version=str(build.get("version", "of unknown version")),
        topology=_topology(hello),
        ferretdb=any(key.startswith("ferretdb") for key in build),
        sharded=hello.get("msg") == "isdbgrid",
        journal=None if storage is None else storage.get("journal", {}).get("enabled", True),
        persistent=engine.get("persistent"),
        size_bytes=int(sizes["totalSize"]) if "totalSize" in sizes else None,
        free_bytes=int(total - used) if total and used is not None else None,
    )


def _ask(server: Server, command: str, database: str = "admin") -> dict[str, Any]:
    def work(db: Any) -> dict[str, Any]:
        try:
            return dict(db.client[database].command(command))
        except OperationFailure as error:
            if error.code in {13, 59, 115, 8000}:  # forbidden, unknown, unsupported, Atlas
                return {}
            raise

    return server.run(work)


def _topology(hello: dict[str, Any]) -> str:
    if hello.get("msg") == "isdbgrid":
        return "sharded cluster"
    if "setName" in hello:
        return f"replica set {hello['setName']} of {len(hello.get('hosts', ()))}"
    return "standalone"


def check_durability(probe: Probe, wanted: Durability, store: str) -> None:
    """Refuse a server that cannot keep ``durability = "power-loss"``.

    Raises:
        DurabilityUnmet: With the name of the setting that stands in the way.
    """
    if wanted is not Durability.POWER_LOSS:
        return
    if probe.ferretdb:
        detail = "FerretDB v1 ignores the write concern j=true (SQLite's synchronous setting rules)"
        raise DurabilityUnmet(store, detail)
    if probe.journal is False:
        raise DurabilityUnmet(store, "the server runs without journal: storage.journal.enabled")
    if probe.persistent is False:
        raise DurabilityUnmet(store, "the server keeps data in memory only: storage.engine")
