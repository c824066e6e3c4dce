"""Sensors, archives and predicates: what the cloud sends replaces what is there, at once."""

import math
from typing import Any

from smok_core.errors import SmokError
from smok_core.hookspecs import Capability
from smok_core.model import Sensor
from smok_testing.checks import raises, refuses, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.samples import PLAIN, described

of_sensors, of_archives, of_predicates = map(clauses_of, ("sensors", "archives", "predicates"))
PERSISTENT: dict[str, Any] = {"level": Level.DURABLE, "needs": Capability.PERSISTENT}


def sensor(fqts: str, path: str = "W1", type_name: str = "t") -> Sensor:
    """Return a sensor."""
    return Sensor(fqts=fqts, path=path, type_name=type_name)


@of_sensors("SE1")
def sensors_are_replaced_as_a_whole(harness: Harness) -> None:
    """At first there are none; afterwards those of the last list, in its order."""
    sensors = harness.roles.sensors
    same(list(sensors.get_all_sensors()), [], "sensors at first")
    sensors.on_sensors_sync([sensor("b"), sensor("a")])
    same(list(sensors.get_all_sensors()), [sensor("b"), sensor("a")], "sensors")
    sensors.on_sensors_sync([sensor("c", "W2 W3", "é🔧")])
    same(list(sensors.get_all_sensors()), [sensor("c", "W2 W3", "é🔧")], "sensors replaced")
    sensors.on_sensors_sync([])
    same(list(sensors.get_all_sensors()), [], "sensors replaced by none")


@of_sensors("SE1")
def the_order_of_tags_does_not_matter(harness: Harness) -> None:
    """A sensor is found by its tags in whatever order; of equal tag sets the last counts."""
    sensors = harness.roles.sensors
    sensors.on_sensors_sync([sensor("b a", "old"), sensor("a"), sensor("a b", "new")])
    for tags in ("a b", "b a", " b  a "):
        same(sensors.get_sensor(tags).path, "new", f"the sensor {tags!r}")
    same(len(list(sensors.get_all_sensors())), 2, "sensors")


@of_sensors("SE1", "G7")
def an_unknown_sensor_is_a_key_error(harness: Harness) -> None:
    """The error names role and tags."""
    sensors = harness.roles.sensors
    refuses(lambda: sensors.get_sensor("x y"), KeyError, "sensors", "x y", what="get_sensor")


@of_sensors("SE1")
def the_device_is_remembered(harness: Harness) -> None:
    """`on_register` is honoured: the database knows its device."""
    device = object()
    harness.roles.sensors.on_register(device)
    same(harness.roles.sensors.device is device, True, "the device is the registered one")


@of_sensors("SE1", "G4", "G6")
def other_things_are_no_sensors(harness: Harness) -> None:
    """One wrong sensor among good ones, and the old list stays."""
    sensors = harness.roles.sensors
    sensors.on_sensors_sync([sensor("old")])
    wrong: tuple[Any, ...] = (
        None, {}, sensor(""), sensor(" "), sensor("a\0"), sensor(None), sensor("a", path=1),  # type: ignore[arg-type]
        sensor("k" * 513), sensor("a", "\ud800"),
    )  # fmt: skip
    for thing in wrong:
        with raises(SmokError, what=f"on_sensors_sync with {thing!r}"):
            sensors.on_sensors_sync([sensor("new"), thing])
    same(list(sensors.get_all_sensors()), [sensor("old")], "sensors")


@of_sensors("SE1", **PERSISTENT)
def sensors_survive_a_restart(harness: Harness) -> None:
    """The list is the same after a restart."""
    given = [sensor("b a", "W1 W2"), sensor("é🔧")]
    harness.roles.sensors.on_sensors_sync(given)
    sensors = harness.reopen_roles().sensors
    same(list(sensors.get_all_sensors()), given, "sensors")
    same(sensors.get_sensor("a b"), given[0], "a sensor")


@of_archives("AR1")
def instructions_are_replaced_as_a_whole(harness: Harness) -> None:
    """At first there are none; afterwards exactly the last ones, keys int, lists in order."""
    archives = harness.roles.archives
    same(archives.get_archiving_instructions(), {}, "instructions at first")
    for given in ({60: ["b", "a"], 3600: []}, {1: ["$ne", "é🔧"], 2**40: ["a"]}, {}):
        archives.on_archiving_data_sync(given)
        same(archives.get_archiving_instructions(), given, "instructions")


@of_archives("AR1", "G2")
def instructions_are_copied(harness: Harness) -> None:
    """Changing what was given or got changes nothing stored."""
    archives = harness.roles.archives
    given = {60: ["a"]}
    archives.on_archiving_data_sync(given)
    given[60].append("b")
    archives.get_archiving_instructions()[60].append("c")
    archives.get_archiving_instructions().clear()
    same(archives.get_archiving_instructions(), {60: ["a"]}, "instructions")


@of_archives("AR1", "G4", "G6")
def other_things_are_no_instructions(harness: Harness) -> None:
    """One wrong interval or name, and the old instructions stay."""
    archives = harness.roles.archives
    archives.on_archiving_data_sync({60: ["old"]})
    wrong: tuple[Any, ...] = (
        None, [], {0: []}, {-1: []}, {"60": []}, {1.5: []}, {True: []}, {60: None}, {60: "ab"},
        {60: [1]}, {60: [""]}, {60: ["a\0"]},
    )  # fmt: skip
    for thing in wrong:
        given = {5: ["new"]} | thing if isinstance(thing, dict) else thing
        with raises(SmokError, what=f"on_archiving_data_sync with {thing!r}"):
            archives.on_archiving_data_sync(given)
    same(archives.get_archiving_instructions(), {60: ["old"]}, "instructions")


@of_archives("AR1", **PERSISTENT)
def instructions_survive_a_restart(harness: Harness) -> None:
    """The instructions are the same after a restart."""
    harness.roles.archives.on_archiving_data_sync({60: ["b", "a"], 3600: []})
    found = harness.reopen_roles().archives.get_archiving_instructions()
    same(found, {60: ["b", "a"], 3600: []}, "instructions")


def predicate(name: str, **more: Any) -> dict[str, Any]:
    """Return a predicate with a silencing period."""
    silenced = [{"day_start": 1, "hour_start": 2, "minute_start": 3, "day_stop": 7}]
    return {"predicate_id": name, "silencing": silenced, "state": None, **more}


@of_predicates("PR1")
def predicates_are_replaced_as_a_whole(harness: Harness) -> None:
    """At first there are none; afterwards exactly the last list, with all it holds."""
    predicates = harness.roles.predicates
    same(predicates.get_all_predicates(), [], "predicates at first")
    given = [predicate("b", all=list(PLAIN)), predicate("a")]
    predicates.set_new_predicates(given)
    same(described(predicates.get_all_predicates()), described(given), "predicates")
    predicates.set_new_predicates([predicate("c")])
    same(predicates.get_all_predicates(), [predicate("c")], "predicates replaced")
    predicates.set_new_predicates([])
    same(predicates.get_all_predicates(), [], "predicates replaced by none")


@of_predicates("PR1")
def one_predicate_can_be_changed(harness: Harness) -> None:
    """`update_predicate` changes or adds one and leaves the others alone."""
    predicates = harness.roles.predicates
    predicates.set_new_predicates([predicate("a"), predicate("b")])
    predicates.update_predicate(predicate("a", state={"since": 5}))
    predicates.update_predicate(predicate("c"))
    found = {one["predicate_id"]: one for one in predicates.get_all_predicates()}
    wanted = {"a": predicate("a", state={"since": 5}), "b": predicate("b"), "c": predicate("c")}
    same(found, wanted, "predicates")


@of_predicates("PR1", "G2")
def predicates_are_copied(harness: Harness) -> None:
    """Changing what was given or got, at any depth, changes nothing stored."""
    predicates = harness.roles.predicates
    given = predicate("a")
    predicates.set_new_predicates([given])
    given["silencing"].clear()
    predicates.get_all_predicates()[0]["silencing"].clear()
    given = predicate("b")
    predicates.update_predicate(given)
    given["silencing"].clear()
    same(predicates.get_all_predicates(), [predicate("a"), predicate("b")], "predicates")


@of_predicates("PR1", "G4", "G6")
def other_things_are_no_predicates(harness: Harness) -> None:
    """One wrong predicate among good ones, and the old list stays."""
    predicates = harness.roles.predicates
    predicates.set_new_predicates([predicate("old")])
    wrong: tuple[Any, ...] = (
        None, "a", {}, {"id": "a"}, predicate(""), predicate(7), predicate("a\0"),  # type: ignore[arg-type]
        predicate("a", x=object()), predicate("a", x=[math.nan]), predicate("a", x={1: "\ud800"}),
    )  # fmt: skip
    for thing in wrong:
        with raises(SmokError, what=f"set_new_predicates with {thing!r}"):
            predicates.set_new_predicates([predicate("new"), thing])
        with raises(SmokError, what=f"update_predicate with {thing!r}"):
            predicates.update_predicate(thing)
    same(predicates.get_all_predicates(), [predicate("old")], "predicates")


@of_predicates("PR1", **PERSISTENT)
def predicates_survive_a_restart(harness: Harness) -> None:
    """Predicates are the same after a restart, silencing periods and state included."""
    given = [predicate("b", state=list(PLAIN)), predicate("a")]
    harness.roles.predicates.set_new_predicates(given)
    found = harness.reopen_roles().predicates.get_all_predicates()
    same(described(found), described(given), "predicates")
