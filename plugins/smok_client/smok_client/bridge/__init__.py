"""Our databases behind the classes of the published ``smok`` client: device code stays as it is.

::

    with smok_client.databases("smok.toml") as stores:
        device = SMOKDevice("device.crt", "device.key", **stores)
        ...
        device.close()

``smok`` is no dependency: it is imported when `databases` is called, which says what to install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smok_client.bridge.errors import (
    ClientMissing as ClientMissing,
    StateUnknown as StateUnknown,
)
from smok_client.bridge.state import register_state as register_state
from smok_core.databases import Databases, open_databases

if TYPE_CHECKING:
    import os

    from smok_client.bridge.device import DeviceDatabases
    from smok_core.config import Config


def databases(
    source: str | os.PathLike[str] | dict[str, Any] | Config | Databases | None = None,
) -> DeviceDatabases:
    """Open the nine databases as keyword arguments for ``smok.client.SMOKDevice``.

    Args:
        source: What `smok_core.open_databases` takes, or what it gave.

    Raises:
        ClientMissing: The published client is not installed; the message says how it is.
        ConfigError, PluginError, StoreError: As `smok_core.open_databases` raises them.
    """
    from smok_client.bridge.device import DeviceDatabases  # noqa: PLC0415 - needs the client

    opened = source if isinstance(source, Databases) else open_databases(source)
    return DeviceDatabases(opened)
