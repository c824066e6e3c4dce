"""The options of a store with ``backend = "redis"``: a leaf that every file may import."""

from typing import Annotated

import msgspec

from smok_core.settings import PATH, Secret, option


class RedisOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of ``[stores.NAME]`` with ``backend = "redis"``."""

    url: Annotated[
        Secret,
        option(
            "redis://, rediss://, unix://, redis+sentinel://h1,h2/service, redis+cluster://h1,h2."
        ),
    ]
    prefix: Annotated[
        str,
        option(
            "First word of every key: 1 to 64 of A-Z a-z 0-9 _ . -",
            pattern=r"^[A-Za-z0-9_.-]{1,64}\Z",
        ),
    ] = "smok"
    timeout: Annotated[
        float, option("About the longest time a call tries, in seconds.", ge=0.1, le=300)
    ] = 5.0
    tls_ca: Annotated[
        str | None, option("CA certificates the server is checked against (PEM file).", extra=PATH)
    ] = None
    tls_cert: Annotated[
        str | None, option("Certificate of this client (PEM file).", extra=PATH)
    ] = None
    tls_key: Annotated[str | None, option("Private key of this client (PEM file).", extra=PATH)] = (
        None
    )
    sentinel_username: Annotated[str | None, option("User for the sentinels themselves.")] = None
    sentinel_password: Annotated[
        Secret | None, option("Password for the sentinels themselves.")
    ] = None
    replicas: Annotated[
        int, option("How many replicas must have a write before it returns.", ge=0, le=16)
    ] = 0
    remember: Annotated[
        str | None,
        option(
            "File that remembers the store's id, so that a server which came back empty while "
            "the device was off is noticed.",
            extra=PATH,
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse a bad url while its place in the config is known; the url is not shown."""
        from smok_redis.address import parse_url  # noqa: PLC0415 - only a configured store pays

        parse_url(self.url.reveal())
