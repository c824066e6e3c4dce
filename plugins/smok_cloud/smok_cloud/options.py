"""The table ``[cloud]`` of a configuration. A leaf: reading a configuration imports no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from smok_core.settings import Secret, option

if TYPE_CHECKING:
    from smok_core.config import Config

__all__ = ["CloudSettings", "cloud_settings"]


class CloudSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[cloud]``: where the SMOK cloud is and who we are there."""

    url: Annotated[str, option("Base URL of the API.", pattern="^https?://")] = (
        "https://api.smok.co"
    )
    certificate: Annotated[str | None, option("Device certificate, a PEM file.")] = None
    private_key: Annotated[str | None, option("Its private key, a PEM file.")] = None
    passphrase: Annotated[Secret | None, option("Passphrase of the private key.")] = None
    ca_bundle: Annotated[
        str | None, option("Root and device CA, a PEM file, instead of the packaged ones.")
    ] = None
    server_ca: Annotated[
        str | None, option("Who may issue the server's certificate; default: public authorities.")
    ] = None
    connect_seconds: Annotated[float, option("Longest time to connect.", gt=0)] = 10
    read_seconds: Annotated[float, option("Longest silence of the server.", gt=0)] = 30
    total_seconds: Annotated[float, option("Longest time of one request.", gt=0)] = 120
    batch: Annotated[int, option("Records in one upload.", ge=1, le=100_000)] = 1000
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
    """Give the table of a configuration; None if it has none."""
    settings: CloudSettings | None = config.tables.get("cloud")
    return settings
