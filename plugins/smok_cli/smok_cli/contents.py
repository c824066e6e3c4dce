"""What each role but pathpoints holds, as plain objects for `smok export --role`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from smok_core.model import OperationFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smok_core.databases import Databases


def contents(databases: Databases, role: str) -> Iterator[dict[str, Any]]:
    """Stream the records of a role; of sensor writes those that wait, of BAOBs their versions."""
    for item in _READERS[role](databases):
        yield plain(item)


def plain(item: Any) -> Any:
    """Turn a model object, or what is made of them, into what JSON can say."""
    if isinstance(item, OperationFailedError):
        return {
            "error_code": item.reason.value if item.reason else None,
            "timestamp": item.timestamp,
        }
    return msgspec.to_builtins(item, enc_hook=str)


def _sensor_writes(databases: Databases) -> Iterable[Any]:
    # The batch is read and not acknowledged: a look changes nothing.
    return databases.sensor_writes.get_sw_sync(databases.sensor_writes.stats().rows or 1).events


def _archives(databases: Databases) -> Iterable[Any]:
    found = databases.archives.get_archiving_instructions()
    return [{"interval": seconds, "pathpoints": names} for seconds, names in found.items()]


def _baobs(databases: Databases) -> Iterable[Any]:
    versions = databases.baobs.get_all_versions()
    return [{"key": key, "version": version} for key, version in versions.items()]


def _metadata(databases: Databases) -> Iterable[Any]:
    for key, value, at in databases.metadata.get_all_plain():
        yield {"key": key, "value": value, "timestamp": at}


_READERS: Final[dict[str, Callable[[Databases], Iterable[Any]]]] = {
    "predicates": lambda databases: databases.predicates.get_all_predicates(),
    "sensor_writes": _sensor_writes,
    "archives": _archives,
    "baobs": _baobs,
    "sensors": lambda databases: databases.sensors.get_all_sensors(),
    "events": lambda databases: databases.events.get_all_events(),
    "macros": lambda databases: databases.macros.get_macros(),
    "metadata": _metadata,
}
