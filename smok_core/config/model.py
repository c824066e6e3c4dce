"""The checked configuration: which store keeps which role, and where each value was set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec

from smok_core.hookspecs import Capability, effective_capabilities
from smok_core.registry.backend import Backend
from smok_core.settings import Secret, StoreSettings, option

__all__ = ["CloudSettings", "Config", "RoleConfig", "StoreConfig"]


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
        option("Take an empty 2xx for success; a captive portal may answer like that."),
    ] = False


class StoreConfig(msgspec.Struct, kw_only=True):
    """A store: a named, configured backend."""

    name: str
    backend: str
    where: str
    options: Any = None  #: an instance of the backend's options, once it is loaded
    settings: StoreSettings = StoreSettings()
    loaded: Backend | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the store offers as it is configured."""
        if self.loaded is None:
            return frozenset()
        return effective_capabilities(self.loaded.info.capabilities, self.settings.durability)


class RoleConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which store keeps a role, and everything that had a say in it, the winner last."""

    role: str
    store: str
    require: frozenset[Capability] = frozenset()
    where: str
    chain: tuple[str, ...] = ()


class Config(msgspec.Struct, kw_only=True):
    """A checked configuration; the backends it names are loaded."""

    path: Path | None
    base_dir: Path
    device: str | None
    stores: dict[str, StoreConfig]
    roles: dict[str, RoleConfig]
    cloud: CloudSettings | None
    warnings: tuple[str, ...] = ()  #: what is no error, and still should be mended

    def resolve(self, path: str) -> Path:
        """Make a path of the configuration absolute: it is relative to the file's directory."""
        return self.base_dir / path
