"""The owner of the config table ``[cloud]``: its keys, and what they tell about the device."""

from pathlib import Path
from typing import Any

import msgspec

from smok_cloud.options import CloudSettings
from smok_core.config import Config
from smok_core.databases import Databases
from smok_core.hookspecs import TableInfo, hookimpl


@hookimpl
def smok_table() -> TableInfo:
    """Describe the table."""
    return TableInfo(summary="The SMOK cloud; needs smok-core[cloud].", settings=CloudSettings)


@hookimpl
def smok_table_device(settings: CloudSettings, base_dir: Path) -> str | None:
    """Read the device's id out of its certificate."""
    if settings.certificate is None:
        return None
    from smok_cloud.certificates import device_id_of  # noqa: PLC0415 - brings cryptography

    return device_id_of(base_dir / settings.certificate)


@hookimpl
def smok_table_check(config: Config, offline: bool) -> list[dict[str, Any]]:
    """Try the credentials, and unless offline the way to the cloud."""
    from smok_cloud.doctor import examine  # noqa: PLC0415 - only `smok check` pays

    return [finding._asdict() for finding in examine(config, offline=offline)]


@hookimpl
def smok_table_jobs(databases: Databases) -> list[dict[str, Any]]:
    """Return what the last synchronizer left about its jobs."""
    from smok_cloud.statistics import read_statistics  # noqa: PLC0415 - only `smok status` pays

    return [
        {"job": name, **msgspec.structs.asdict(counts)}
        for name, counts in read_statistics(databases).items()
    ]
