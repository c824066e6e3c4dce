"""What worker processes do, step by step, and how the result is compared: the same every time."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from smok_core.errors import QueueFull
from smok_core.model import Macro, Sensor
from smok_testing.queues import QUEUES, sensor_write

if TYPE_CHECKING:
    from collections.abc import Callable

    from smok_core.databases import Databases

__all__ = ["SCRIPTS", "snapshot"]


def everything(roles: Databases, step: int, _: str) -> None:
    """Use all roles in turn: additions, changes, uploads, replacements."""
    kind, turn = step % len(_STEPS), step // len(_STEPS)
    _STEPS[kind](roles, turn)


def _upload(roles: Databases, turn: int) -> None:
    queue = QUEUES[turn % len(QUEUES)]
    if handover := queue.take(roles, 2):
        queue.acknowledge(handover)


def _batch(roles: Databases, turn: int) -> None:
    roles.pathpoints.on_new_data_many((f"b{turn}", ts, float(ts)) for ts in range(20))


def _blob(roles: Databases, turn: int) -> None:
    roles.baobs.set_baob_value("k", b"%d" % turn * (300_000 if turn % 2 else 1), turn)


def _sensors(roles: Databases, turn: int) -> None:
    sensors = [Sensor(fqts=f"s{n}", path=str(turn), type_name="t") for n in range(turn % 3 + 1)]
    roles.sensors.on_sensors_sync(sensors)


def _macros(roles: Databases, turn: int) -> None:
    roles.macros.set_macros([Macro(macro_id=f"m{turn}", occurrences_not_done=[turn, turn + 1])])


def _changing(roles: Databases, turn: int) -> None:
    change = QUEUES[(0, 1, 2, 5)[turn % 4]].change
    assert change
    change(roles, turn)


#: One call of a role each: a step is there whole or not at all.
_STEPS: Final = (
    *(queue.add for queue in QUEUES),
    _upload, _batch, _blob, _sensors, _macros, _changing, _upload,
)  # fmt: skip


def sharing(roles: Databases, step: int, me: str) -> None:
    """Write beside others: keys of one's own, and one BAOB that all fight for."""
    roles.pathpoints.on_new_data(f"p-{me}", step, step)
    roles.metadata.put_plain(f"k-{me}-{step}", me)
    roles.events.set_cache(f"c-{me}", step)
    try:
        roles.baobs.set_baob_value("shared", f"{step}".encode() * 1000, step)
    except ValueError:
        return  # another process was first with this version


def crowding(roles: Databases, step: int, me: str) -> None:
    """Add to a queue that is full or not."""
    with suppress(QueueFull):
        roles.sensor_writes.add_sw(sensor_write(int(me) * 1000 + step))


def looking(roles: Databases, _: int, __: str) -> None:
    """Read something."""
    roles.metadata.get_plain("k")


SCRIPTS: Final[dict[str, Callable[[Databases, int, str], None]]] = {
    "everything": everything,
    "sharing": sharing,
    "crowding": crowding,
    "looking": looking,
}


def snapshot(roles: Databases) -> dict[str, Any]:
    """Give everything that can be read of all roles, as plain data."""
    pathpoints, events, metadata = roles.pathpoints, roles.events, roles.metadata
    names = sorted(pathpoints.get_pathpoints())
    return {
        "archive": {name: list(pathpoints.get_archive_data(name)) for name in names},
        "definitions": sorted(pathpoints.get_definitions(), key=lambda found: found.path),
        "events": sorted(events.get_all_events(), key=lambda found: found.provisional_uuid),
        "metadata": sorted(metadata.get_all_plain()),
        "macros": sorted(roles.macros.get_macros(), key=lambda found: found.macro_id),
        "sensors": list(roles.sensors.get_all_sensors()),
        "baobs": {key: _blob_of(roles, key) for key in sorted(roles.baobs.get_all_keys())},
        "queues": {queue.name: queue.offered(roles, 10_000) for queue in QUEUES},
        "stats": {role: database.stats() for role, database in roles},
    }


def _blob_of(roles: Databases, key: str) -> tuple[str, int]:
    data = roles.baobs.get_baob_value(key)
    return hashlib.sha256(data).hexdigest(), roles.baobs.get_baob_version(key)
