"""The table ``[cloud]`` of a configuration. A leaf: reading a configuration imports no more."""

from typing import Annotated, Literal

import msgspec

from smok_core.config import Config
from smok_core.settings import PATH, Secret, option

Upload = Literal["events", "sensor_writes", "pathpoints", "macros", "metadata"]


class CloudSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[cloud]``: where the SMOK cloud is and who we are there."""

    url: Annotated[
        str, option("Base URL of the API: https://HOST or http://HOST.", pattern="^https?://")
    ] = "https://api.smok.co"
    certificate: Annotated[str | None, option("Device certificate, a PEM file.", extra=PATH)] = None
    private_key: Annotated[str | None, option("Its private key, a PEM file.", extra=PATH)] = None
    passphrase: Annotated[Secret | None, option("Passphrase of the private key.")] = None
    ca_bundle: Annotated[
        str | None,
        option("Root and device CA, a PEM file, instead of the packaged ones.", extra=PATH),
    ] = None
    server_ca: Annotated[
        str | None,
        option("Who may issue the server's certificate; default: public authorities.", extra=PATH),
    ] = None
    connect_seconds: Annotated[float, option("Longest time to connect.", gt=0, le=86400)] = 10
    read_seconds: Annotated[float, option("Longest silence of the server.", gt=0, le=86400)] = 30
    total_seconds: Annotated[float, option("Longest time of one request.", gt=0, le=86400)] = 120
    batch: Annotated[int, option("Records in one upload.", ge=1, le=100_000)] = 1000
    encoding: Annotated[
        Literal["minijson", "json"], option("How bodies are sent; minijson is known to work.")
    ] = "minijson"
    gzip: Annotated[
        bool, option("Compress bodies; only for a server that is known to take that.")
    ] = False
    order: Annotated[
        tuple[Upload, ...], option("Roles to upload first; the others follow as they stand here.")
    ] = ("events", "sensor_writes", "pathpoints", "macros", "metadata")
    max_bytes_per_second: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=1e12)] | None,
        option("Most bytes a second, up and down, as an average."),
    ] = None
    proxy: Annotated[Secret | None, option("HTTP proxy: http://HOST:PORT.")] = None
    accept_empty: Annotated[
        bool,
        option(
            "Take an empty 2xx for success over plain http, too; a captive portal may answer so."
        ),
    ] = False
    insecure: Annotated[
        bool, option("Talk plain http to another machine; anybody on the way may read and answer.")
    ] = False


def cloud_settings(config: Config) -> CloudSettings | None:
    """Return the table of a configuration; None if it has none."""
    settings: CloudSettings | None = config.tables.get("cloud")
    return settings
