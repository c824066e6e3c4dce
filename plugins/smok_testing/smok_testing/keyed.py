"""The roles that are addressed by keys, in one shape, so that one clause serves them all."""

from collections.abc import Callable
from itertools import chain
from typing import Any, Final, NamedTuple

from smok_core.databases import Databases
from smok_core.model import Event, Macro, Sensor, fqtsify
from smok_testing.checks import same
from smok_testing.opening import kept


class Keyed(NamedTuple):
    """How to store and read a number under a key of one role."""

    role: str
    name: str  #: ending of the names of its clauses
    put: Callable[[Databases, Any, int], Any]
    get: Callable[[Databases, str], int]
    keys: Callable[[Databases], list[str]]
    canonical: Callable[[str], str] = str  #: keys that are one to this role


def _event(roles: Databases, key: str) -> int:
    return next(e.started_on for e in roles.events.get_all_events() if e.provisional_uuid == key)


def _predicate(roles: Databases, key: str) -> int:
    found = roles.predicates.get_all_predicates()
    return next(int(p["number"]) for p in found if p["predicate_id"] == key)


def _executed(roles: Databases, key: str) -> int:
    return next(int(ts) for name, ts in roles.macros.get_done_macros() if name == key)


def _archived(roles: Databases, key: str) -> int:
    instructions = roles.archives.get_archiving_instructions()
    return next(seconds for seconds, names in instructions.items() if names == [key])


def _sensor(roles: Databases, key: Any, number: int) -> None:
    others = list(roles.sensors.get_all_sensors())
    new = Sensor(fqts=key, path=str(number), type_name="t")
    roles.sensors.on_sensors_sync([*others, new])


def _archive(roles: Databases, key: Any, number: int) -> None:
    others = roles.archives.get_archiving_instructions()
    roles.archives.on_archiving_data_sync(others | {number + 1: [key]})


def _macro(roles: Databases, key: Any, number: int) -> None:
    others = roles.macros.get_macros()
    roles.macros.set_macros([*others, Macro(macro_id=key, occurrences_not_done=[number])])


KEYED: Final = (
    Keyed(
        "pathpoints", "values", lambda roles, k, n: roles.pathpoints.on_new_data(k, 1, n),
        lambda roles, k: int(roles.pathpoints.get_current_value(k)[1]),
        lambda roles: list(roles.pathpoints.get_pathpoints()),
    ),
    Keyed(
        "events", "events",
        lambda roles, k, n: roles.events.add_event(Event(started_on=n, provisional_uuid=k)), _event,
        lambda roles: [event.provisional_uuid for event in roles.events.get_all_events()],
    ),
    Keyed(
        "events", "caches", lambda roles, k, n: roles.events.set_cache(k, n),
        lambda roles, k: int(roles.events.get_cache(k)), lambda _: [],
    ),
    Keyed(
        "metadata", "plain", lambda roles, k, n: roles.metadata.put_plain(k, str(n)),
        lambda roles, k: int(roles.metadata.get_plain(k)),
        lambda roles: [key for key, _, _ in roles.metadata.get_all_plain()],
    ),
    Keyed(
        "baobs", "baobs", lambda roles, k, n: roles.baobs.set_baob_value(k, b"%d" % n, n),
        lambda roles, k: int(roles.baobs.get_baob_value(k)),
        lambda roles: list(roles.baobs.get_all_keys()),
    ),
    Keyed(
        "macros", "executions", lambda roles, k, n: roles.macros.notify_macro_executed(k, n),
        _executed, lambda roles: [name for name, _ in roles.macros.get_done_macros()],
    ),
    Keyed(
        "macros", "macros", _macro,
        lambda roles, k: int(
            next(m for m in roles.macros.get_macros() if m.macro_id == k).occurrences_not_done[0]
        ),
        lambda roles: [macro.macro_id for macro in roles.macros.get_macros()],
    ),
    Keyed(
        "sensors", "sensors", _sensor, lambda roles, k: int(roles.sensors.get_sensor(k).path),
        lambda roles: [fqtsify(sensor.fqts) for sensor in roles.sensors.get_all_sensors()],
        fqtsify,
    ),
    Keyed(
        "archives", "instructions", _archive, lambda roles, k: _archived(roles, k) - 1,
        lambda roles: list(
            chain.from_iterable(roles.archives.get_archiving_instructions().values())
        ),
    ),
    Keyed(
        "predicates", "predicates",
        lambda roles, k, n: roles.predicates.update_predicate({"predicate_id": k, "number": n}),
        _predicate,
        lambda roles: [str(p["predicate_id"]) for p in roles.predicates.get_all_predicates()],
    ),
)  # fmt: skip


def keyed_of(roles: Databases) -> list[Keyed]:
    """Return the keyed roles that the backend under test keeps; each role is one."""
    return [keyed for keyed in KEYED if keyed.role in kept(roles)]


def mark(roles: Databases, number: int) -> None:
    """Write something that `expect_marks` finds, in every role that the backend keeps."""
    for keyed in keyed_of(roles):
        keyed.put(roles, f"{keyed.name[0]}{number}", number)


def expect_marks(roles: Databases, *numbers: int) -> None:
    """Fail unless every role that the backend keeps has what `mark` wrote."""
    for keyed in keyed_of(roles):
        found = [keyed.get(roles, f"{keyed.name[0]}{number}") for number in numbers]
        same(found, list(numbers), f"what was written to {keyed.role} ({keyed.name})")
