"""What smok-core finds at the entry point: the description of the backend and how to open it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from smok_core.hookspecs import BackendInfo, Capability, Driver, StoreContext, hookimpl
from smok_core.settings import Secret, option
from smok_mongo.address import parse_address

if TYPE_CHECKING:
    from smok_core.engine.base import Engine

__all__ = ["MongoOptions", "smok_backend", "smok_open_engine"]


class MongoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a store with ``backend = "mongo"``."""

    url: Annotated[
        Secret, option("mongodb://[user:password@]host[:port][,host...][/database][?options].")
    ]
    database: Annotated[
        str | None,
        option("The database; else the one in the URL, else 'smok'. One per device isolates best."),
    ] = None
    tls_ca_file: Annotated[
        str | None, option("CA certificates (PEM) to check the server with; turns TLS on.")
    ] = None
    tls_certificate_key_file: Annotated[
        str | None, option("The client's certificate and key in one PEM file; turns TLS on.")
    ] = None
    server_selection_ms: Annotated[
        int, option("How long to look for a usable server, in ms.", ge=1, le=60_000)
    ] = 3000
    connect_ms: Annotated[
        int, option("How long a new connection may take, in ms.", ge=1, le=60_000)
    ] = 3000
    socket_ms: Annotated[
        int, option("How long the answer to one command may take, in ms.", ge=1, le=120_000)
    ] = 10_000
    retry_ms: Annotated[
        int,
        option("No new attempt begins when an operation has taken this long, ms.", ge=0, le=60_000),
    ] = 8000
    max_connections: Annotated[int, option("Most connections to one server.", ge=1, le=1000)] = 10

    def __post_init__(self) -> None:
        parse_address(self.url.reveal())  # a bad URL is refused here, with its place in the config


@hookimpl
def smok_backend() -> BackendInfo:
    """Describe the backend."""
    return BackendInfo(
        summary="MongoDB 4.4 or newer: standalone, replica set or sharded cluster.",
        options=MongoOptions,
        capabilities=frozenset(
            {
                Capability.PERSISTENT,
                Capability.SURVIVES_KILL,
                Capability.MULTI_PROCESS,
                Capability.NEEDS_NETWORK,
            }
        ),
        drivers=(Driver(module="pymongo", requirement="pymongo>=4.9,<5"),),
    )


@hookimpl
def smok_open_engine(context: StoreContext) -> Engine:
    """Connect, check the server and the schema."""
    from smok_mongo.engine import open_engine  # noqa: PLC0415 - pymongo is loaded when it is used

    return open_engine(context)
