"""The names of smok.extras on the real device: each alone, all together, and ours by mistake.

``extras_device.py CERTIFICATE KEY`` in an empty directory prints one line of JSON.
"""

import inspect
import json
import sys

import smok_pickle
from smok import extras as theirs
from smok.client import SMOKDevice
from smok.predicate import Color
from smok.sensor import SensorWriteEvent
from smok_client import extras as ours

PARTS = {
    "evt_database": "PicklingEventDatabase",
    "pp_database": "PicklingPathpointDatabase",
    "macro_database": "PicklingMacroDatabase",
    "meta_database": "PicklingMetadataDatabase",
    "sensor_database": "PicklingSensorDatabase",
    "baob_database": "PicklingBAOBDatabase",
    "pred_database": "PicklingPredicateDatabase",
    "arch_database": "PicklingArchivesDatabase",
    "sensor_write_database": "PicklingSensorWriteDatabase",
}


def paths(name, prefix=""):
    at = prefix + name
    return [f"{at}.cache", f"{at}.data"] if name == "PicklingEventDatabase" else [at]


def device(**databases):
    return SMOKDevice(*sys.argv[1:3], **{"evt_database": "evt.pkl", **databases}, delayed_boot=True)


#: How the client's Pickling classes work inside; nothing outside of them calls these.
INNER = {
    "acquire",
    "confirm_synced_up_to",
    "release",
    "synchronize_on",
    "synchronize_on_attribute",
    "synchronized",
}


def differences():
    """What a program of smok 0.21.0 would miss, or would have to write otherwise."""
    found = [name for name in theirs.__all__ if not hasattr(ours, name)]
    for name in PARTS.values():
        their, our = getattr(theirs, name), getattr(ours, name)
        base = getattr(theirs, name.replace("Pickling", "Base"))
        for method in ("__init__", *(n for n in dir(base) if not n.startswith("_"))):
            if method == "device":
                continue
            expected = list(inspect.signature(getattr(base, method)).parameters)
            if method == "__init__":
                expected = list(inspect.signature(their.__init__).parameters)
            given = list(inspect.signature(getattr(our, method)).parameters)
            if given != expected:
                found.append(f"{name}.{method}: {given} instead of {expected}")
        public = {method for method in dir(their) if not method.startswith("_")}
        found += [f"{name}.{n}" for n in sorted(public - INNER) if not hasattr(our, n)]
    return found


def refused_by_mistake():
    """What the device's constructor says to the plain shortcuts."""
    told = {}
    for part, name in PARTS.items():
        database = getattr(smok_pickle, name)(f"plain.{name}")
        try:
            device(**{part: database})
            told[name] = "was taken"
        except TypeError as error:
            told[name] = str(error)
        assert isinstance(database, getattr(smok_pickle, name))
        assert database
        database.close()
    return told


def use(made):
    made.get_pathpoint("W1").set_new_value(1700000000000, 5)
    made.open_event(1700000000, None, Color.RED, False, "t", "B", "m", {"a": "b"})
    made.log_sensor_write(SensorWriteEvent(1700000000000, "A", "P", "hr", "a b", "1", "r"))
    made.get_baob("up").value = b"123"
    made.metadata["k"] = "v"


def found(made):
    return [
        made.get_pathpoint("W1").current_value,
        [event.message for event in made.evt_database.get_all_events()],
        [event.who for event in made.sensor_write_database.get_sw_sync().events],
        made.get_baob("up").value.decode(),
        [key for key, _, _ in made.meta_database.get_all_plain()],
    ]


def alone(part, name):
    """One of ours beside the client's others, used, and made anew as after a restart."""
    database = getattr(ours, name)(*paths(name, "alone."))
    use(device(**{part: database}))
    database.close()
    getattr(ours, name)(*paths(name, "alone.")).close()


def all_of_ours():
    return {part: getattr(ours, name)(*paths(name)) for part, name in PARTS.items()}


def together():
    """All of ours; what was stored is there when they are made anew."""
    databases = all_of_ours()
    made = device(**databases)
    use(made)
    assert made.metadata.updater.entries.qsize() == 1
    for database in databases.values():
        database.sync()
        database.close()
    return found(device(**all_of_ours()))


for part, name in PARTS.items():
    alone(part, name)
answer = {"differences": differences(), "refused": refused_by_mistake(), "together": together()}
sys.stdout.write(json.dumps(answer) + "\n")
