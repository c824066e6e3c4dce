"""Make the files in ``data``: every file that the databases of smok 0.21.0 write, by themselves.

Run it with the Python of an environment that has smok 0.21.0 (see ``bridge/client.py`` beside this
directory), once per Python release whose pickles differ:
``python make_data.py TARGET_DIRECTORY [PROTOCOL]``.
With a protocol, the package writes what an older Python's highest protocol made it write.
"""

import pathlib
import pickle
import sys

from smok.exceptions import NotReadedError, OperationFailedError, OperationFailedReason
from smok.extras import (
    PicklingArchivesDatabase,
    PicklingBAOBDatabase,
    PicklingEventDatabase,
    PicklingMacroDatabase,
    PicklingMetadataDatabase,
    PicklingPathpointDatabase,
    PicklingPredicateDatabase,
    PicklingSensorDatabase,
    PicklingSensorWriteDatabase,
)
from smok.macro import Macro
from smok.predicate import Color, DisabledTime, Event, Time
from smok.sensor import SensorWriteEvent


def event(number, color, **changes):
    made = Event(None, 1600000000 + number, None, color, False, "token", "B", "", None, {})
    made.provisional_uuid = f"{number:032x}"
    made.message = f"message {number}"
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def events(cache_path, data_path):
    database = PicklingEventDatabase(cache_path, data_path)
    opened = event(1, Color.RED, metadata={"predicate_id": "p1"})
    uploaded = event(2, Color.YELLOW, uuid="server-2", ended_on=1600000500, handled_by="Ann")
    point = event(3, Color.WHITE, is_point=True, message="zażółć \U0001f6a8")
    closed = event(4, Color.RED, ended_on=1600000600.75, token=None)
    from_server = event(5, Color.RED, uuid="server-5", ended_on=1600000700)
    from_server.provisional_uuid = None
    open_uploaded = event(6, Color.YELLOW, uuid="server-6")
    for made in (opened, uploaded, point, closed, from_server, open_uploaded):
        database.add_event(made)
    database.close_event(closed)
    # What the cloud has acknowledged leaves the queue.
    for made in (uploaded, from_server, open_uploaded):
        database.events_to_sync.remove(made)
    database.sync_data()
    database.set_cache("p1", {"open": f"{1:032x}", "seen": (1, 2.5, None), "tags": {"a", "b"}})
    database.set_cache("p2", opened)
    database.set_cache("p3", [b"raw", True, -(2**70)])
    return opened


class Counter:
    """A user's class, which our databases cannot keep."""

    def __init__(self):
        self.count = 3


def foreign_cache(path):
    database = PicklingEventDatabase(path, path + ".events")
    database.set_cache("good", [1, 2])
    database.set_cache("object", {"counter": Counter()})
    database.set_cache("bytes", bytearray(b"x"))
    database.set_cache("class", Counter)
    database.set_cache("last", "still read")


def predicates(path):
    silencing = [DisabledTime(Time(1, 8, 0), Time(1, 16, 30))]
    common = {"group": "B", "configuration": {"limit": 7.5}, "statistic": "over"}
    PicklingPredicateDatabase(path).set_new_predicates(
        [
            dict(common, predicate_id="p1", verbose_name="Over", silencing=silencing, state=[1]),
            dict(common, predicate_id="p2", verbose_name="Plain", silencing=[], state=None),
        ]
    )


def sensor_writes(path):
    database = PicklingSensorWriteDatabase(path)
    for number in range(3):
        stamp, value = 1600000000000 + number, str(number)
        database.add_sw(
            SensorWriteEvent(stamp, "Ann", "Pump", value + " bar", "a b", value, "test")
        )
    database.add_sw(SensorWriteEvent(1600000000009, "Bob", None, 5, "a b", 5, None))


def macros(path):
    database = PicklingMacroDatabase(path)
    database.set_macros(
        [
            Macro("m1", {"W1": 5, "f2": 1.5, "u3": "text", "B4": True}, [1600000300, 1600000100]),
            Macro("m2", {"W1": 6}, []),
        ]
    )
    database.notify_macro_executed("m1", 1600000000)


def metadata(path):
    database = PicklingMetadataDatabase(path)
    database.put_plain("name", "pump 17", 1600000000.5)
    database.put_plain("empty", "", 1600000001)


def sensors(path):
    database = PicklingSensorDatabase(path)
    database.on_sensors_sync([FakeSensor("a b", "W1", "u"), FakeSensor("c", "W2~W3", "u")])


class FakeSensor:
    """The three fields that the database stores of a sensor."""

    def __init__(self, fqts, path, type_name):
        self.fqts, self.path, self.type_name = fqts, path, type_name


def archives(path):
    PicklingArchivesDatabase(path).on_archiving_data_sync({60: ["W1", "W2"], 3600: ["f3"]})


def baobs(path):
    database = PicklingBAOBDatabase(path)
    database.set_baob_value("firmware", b"\x00\x01" * 100, 3)
    database.set_baob_value("empty", b"", 1)


def pathpoints(path):
    """As releases before 0.21.0 filled it, and 0.21.0 writes it on once it has loaded it."""
    failure = OperationFailedError(OperationFailedReason.TIMEOUT, 1600000002000)
    queue = {
        "W1": [{"timestamp": 1600000000000, "value": 5}, {"timestamp": 1600000001000, "value": 6}],
        "f2": [{"timestamp": 1600000002000, "error_code": "timeout"}],
    }
    last = {
        "W1": (1600000001000, 6),
        "f2": (1600000002000, failure),
        "u3": (1600000000000.5, "uploaded"),
        "W4": (1600000000000, NotReadedError(1600000000000)),
    }
    with pathlib.Path(path).open("wb") as stream:
        pickle.dump((queue, last), stream)
    PicklingPathpointDatabase(path).checkpoint()


def empty_pathpoints(path):
    """What 0.21.0 makes of a new file at the first checkpoint."""
    try:
        PicklingPathpointDatabase(path).checkpoint()
    except AttributeError:
        return
    raise AssertionError("the defect is gone")


def speak(protocol):
    """Let the package write an older protocol, as it did when Python knew no newer one."""
    dump = pickle.dump
    pickle.HIGHEST_PROTOCOL = protocol
    pickle.dump = lambda value, stream, version=protocol: dump(value, stream, version)


def main(target, protocol=None):
    if protocol is not None:
        speak(int(protocol))
    directory = pathlib.Path(target)
    directory.mkdir(parents=True, exist_ok=True)
    events(str(directory / "events_cache.pkl"), str(directory / "events.pkl"))
    for name, make in (
        ("predicates", predicates),
        ("sensor_writes", sensor_writes),
        ("macros", macros),
        ("metadata", metadata),
        ("sensors", sensors),
        ("archives", archives),
        ("pathpoints", pathpoints),
    ):
        make(str(directory / (name + ".pkl")))
    baobs(str(directory / "baobs"))
    extra = directory.with_name(directory.name + "-odd")
    extra.mkdir(exist_ok=True)
    foreign_cache(str(extra / "events_cache.pkl"))
    empty_pathpoints(str(extra / "pathpoints.pkl"))


if __name__ == "__main__":
    main(*sys.argv[1:])
