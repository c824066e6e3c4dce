"""A device as its makers write it, on the real client; told what to do by lines of JSON.

Run by the interpreter of the client's environment: device.py CONFIG URL CERTIFICATE KEY.
"""

import importlib
import json
import logging
import os
import sys
import time
from types import SimpleNamespace

from smok.client import SMOKDevice
from smok.pathpoint import Pathpoint
from smok.predicate import BaseStatistic, Color
from smok.sensor import SensorWriteEvent
from smok.threads import communicator
from smok_client import bridge

import smok_core

for backend in ("pickle", "redis", "mongo"):
    try:
        plugin = importlib.import_module(f"smok_{backend}.plugin")
    except ImportError:
        continue
    smok_core.register(plugin, backend)


class Over(BaseStatistic):
    """Counts its ticks and holds the event it opened, as predicates do."""

    statistic_name = "over"

    def on_tick(self):
        state = self.state or {"ticks": 0, "event": None}
        event = state["event"] or self.open_event("too high", Color.RED)
        self.state = {"ticks": state["ticks"] + 1, "event": event}


class Pump(SMOKDevice):
    """Its pathpoints are made as they are asked for."""

    def provide_unknown_pathpoint(self, name, storage_level=1):
        return Pathpoint(self, name, storage_level)


def monotonic_of_a_long_day():
    """Give the clock of a machine that has been up for long, as devices have.

    The client takes 0 on this clock for its last synchronisation of BAOBs, and makes the next an
    hour later: on a machine that was started less than an hour ago it makes none.
    """
    return time.monotonic() + 86_400


def hurry(device):
    """Let the client look for work each second instead of each minute; it does the same work."""
    communicator.COMMUNICATOR_INTERVAL = 1
    communicator.time = SimpleNamespace(**vars(time) | {"monotonic": monotonic_of_a_long_day})
    device.arch_and_macros.seconds = 1


def boot(config, url, certificate, key):
    stores = bridge.databases(config)
    device = Pump(certificate, key, delayed_boot=True, **stores)
    device.api.base_url = url
    hurry(device)
    device.register_statistic(Over, lambda name, configuration: name == "over")
    return device


class Commands:
    """What a test can ask for; each answer is one line of JSON."""

    def __init__(self, device):
        self.device, self.events = device, {}

    def start(self):
        self.device.continue_boot()

    def set_value(self, path, timestamp, value):
        self.device.get_pathpoint(path).set_new_value(timestamp, value)

    def values(self, path):
        return list(self.device.get_pathpoint(path).get_archive(None))

    def value(self, path):
        return list(self.device.get_pathpoint(path).get())

    def open_event(self, name, started_on):
        event = self.device.open_event(
            started_on, None, Color.YELLOW, False, "t", "B", name, {"by": "test"}
        )
        self.events[name] = event
        return event.provisional_uuid

    def close_event(self, name, timestamp):
        event = self.events.get(name) or next(
            found for found in self.device.get_all_open_events() if found.message == name
        )
        self.device.close_event(event, timestamp)

    def uuid(self, name):
        return self.events[name].uuid

    def open_events(self):
        return sorted(event.message for event in self.device.get_all_open_events())

    def all_events(self):
        return sorted(event.message for event in self.device.get_all_events())

    def write(self, number):
        self.device.log_sensor_write(
            SensorWriteEvent(1700000000000 + number, "Ann", "Pump", "5 bar", "a b", "5", "test")
        )

    def put_metadata(self, key, value):
        self.device.metadata[key] = value

    def metadata(self, key):
        return self.device.meta_database.get_plain(key)

    def put_baob(self, key, text):
        self.device.get_baob(key).value = text.encode()

    def baobs(self):
        return {
            baob.key: [baob.version, baob.value.decode()] for baob in self.device.get_all_baobs()
        }

    def baobs_synchronized(self):
        return self.device.getter.last_baob_synced > 1

    def sensors(self):
        found = self.device.sensor_database.get_all_sensors()
        return sorted([sensor.fqts, sensor.path, sensor.type_name] for sensor in found)

    def predicates(self):
        return [
            [
                found["predicate_id"],
                [(p.start.to_tuple(), p.stop.to_tuple()) for p in found["silencing"]],
            ]
            for found in self.device.pred_database.get_all_predicates()
        ]

    def state(self, predicate_id):
        state = self.device.evt_database.get_cache(predicate_id)
        return {"ticks": state["ticks"], "event": state["event"].provisional_uuid}

    def archives(self):
        return self.device.arch_database.get_archiving_instructions()

    def macros(self):
        found = self.device.macros_database.get_macros()
        return [[macro.macro_id, list(macro.occurrences_not_done)] for macro in found]

    def threads_alive(self):
        device = self.device
        return [t.is_alive() for t in (device.getter, device.executor, device.arch_and_macros)]


def main():
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # Answers go out by a descriptor of their own: the client prints.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    commands = Commands(boot(*sys.argv[1:]))
    print(json.dumps("ready"), file=answers)
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            answer = {"answer": getattr(commands, name)(*arguments)}
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall see it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)
    os._exit(0)


if __name__ == "__main__":
    main()
