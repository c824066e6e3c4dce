"""The options of a store with ``backend = "mongo"``: a leaf that every file may import."""

from typing import Annotated

import msgspec

from smok_core.settings import PATH, Secret, option
from smok_mongo.address import parse_address


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
        str | None,
        option("CA certificates (PEM) to check the server with; turns TLS on.", extra=PATH),
    ] = None
    tls_certificate_key_file: Annotated[
        str | None,
        option("The client's certificate and key in one PEM file; turns TLS on.", extra=PATH),
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
