"""What worker processes do, step by step, and how the result is compared: the same every time."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from smok_core.databases import Databases
from smok_core.errors import QueueFull
from smok_core.model import Macro, Sensor
from smok_testing.keyed import expect_marks
from smok_testing.opening import kept
from smok_testing.queues import QUEUES, queues_of, sensor_write


def everything(roles: Databases, step: int, _: str) -> None:
    """Use all roles in turn: additions, changes, uploads, replacements."""
    here = {"", *kept(roles)}
    steps = [work for role, work in _STEPS if role in here]
    steps[step % len(steps)](roles, step // len(steps))


def _upload(roles: Databases, turn: int) -> None:
    queues = queues_of(roles)
    if not queues:
        return
    queue = queues[turn % len(queues)]
    if batch := queue.take(roles, 2):
        queue.acknowledge(batch)


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
    changes = [queue.change for queue in queues_of(roles) if queue.change]
    if changes:
        changes[turn % len(changes)](roles, turn)


#: One call of a role each: a step is there whole or not at all.
_STEPS: Final = (
    *((queue.role, queue.add) for queue in QUEUES),
    ("", _upload), ("pathpoints", _batch), ("baobs", _blob), ("sensors", _sensors),
    ("macros", _macros), ("", _changing), ("", _upload),
)  # fmt: skip


def share(me: int, step: int) -> int:
    """Return the number of the item that a process makes in a step."""
    return 10_000 * (me + 1) + step


def sharing(roles: Databases, step: int, me: str) -> None:
    """Write beside others: items of one's own, and one BAOB that all fight for."""
    for queue in queues_of(roles):
        queue.add(roles, share(int(me), step))
    if "baobs" not in kept(roles):
        return
    try:
        roles.baobs.set_baob_value("shared", f"{step}".encode() * 1000, step)
    except ValueError:
        return  # another process was first with this version


def crowding(roles: Databases, step: int, me: str) -> None:
    """Add to a queue that is full or not."""
    with suppress(QueueFull):
        roles.sensor_writes.add_sw(sensor_write(int(me) * 1000 + step))


def looking(roles: Databases, _: int, __: str) -> None:
    """Read what the first process has written."""
    expect_marks(roles, 1)


SCRIPTS: Final[dict[str, Callable[[Databases, int, str], None]]] = {
    "everything": everything,
    "sharing": sharing,
    "crowding": crowding,
    "looking": looking,
}


def snapshot(roles: Databases) -> dict[str, Any]:
    """Return everything that can be read of the roles that the backend keeps, as plain data."""
    here = kept(roles)
    found = {f"{role} {name}": read(roles) for role, name, read in _READS if role in here}
    found["queues"] = {queue.name: queue.offered(roles, 10_000) for queue in queues_of(roles)}
    return found | {"stats": {role: roles[role].stats() for role in here}}


def _archive(roles: Databases) -> dict[str, Any]:
    names = sorted(roles.pathpoints.get_pathpoints())
    return {name: list(roles.pathpoints.get_archive_data(name)) for name in names}


_READS: Final[tuple[tuple[str, str, Callable[[Databases], Any]], ...]] = (
    ("pathpoints", "archive", _archive),
    ("pathpoints", "definitions",
     lambda roles: sorted(roles.pathpoints.get_definitions(), key=lambda found: found.path)),
    ("events", "",
     lambda roles: sorted(roles.events.get_all_events(), key=lambda e: e.provisional_uuid)),
    ("metadata", "", lambda roles: sorted(roles.metadata.get_all_plain())),
    ("macros", "", lambda roles: sorted(roles.macros.get_macros(), key=lambda m: m.macro_id)),
    ("sensors", "", lambda roles: list(roles.sensors.get_all_sensors())),
    ("baobs", "",
     lambda roles: {key: _blob_of(roles, key) for key in sorted(roles.baobs.get_all_keys())}),
)  # fmt: skip


def _blob_of(roles: Databases, key: str) -> tuple[str, int]:
    data = roles.baobs.get_baob_value(key)
    return hashlib.sha256(data).hexdigest(), roles.baobs.get_baob_version(key)
