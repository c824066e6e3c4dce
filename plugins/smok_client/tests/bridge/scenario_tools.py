"""What the scenarios work with: threads that pass for the client's, stores that fail."""

import threading

from smok.predicate import Color, Event
from smok_client import bridge

from smok_core.errors import BackendUnavailable


class ClientThread(threading.Thread):
    """A thread that the bridge takes for one of the client's."""

    __module__ = "smok.threads.communicator"

    def run(self):
        try:
            self.result, self.error = self._target(*self._args), None
        except Exception as error:  # noqa: BLE001 - handed to the scenario
            self.result, self.error = None, error


def as_client(function, *arguments):
    """Call something as the client's threads do; give result and error."""
    thread = ClientThread(target=function, args=arguments)
    thread.start()
    thread.join()
    return thread.result, thread.error


class Outage:
    """Makes every call of a database fail while it is on."""

    def __init__(self, inner):
        self.inner, self.on = inner, False

    def __getattr__(self, name):
        method = getattr(self.inner, name)

        def call(*args, **kwargs):
            if self.on:
                raise BackendUnavailable("plant", "it does not answer")
            return method(*args, **kwargs)

        return call


def with_outage(stores, name):
    """Put an outage between the bridge and one of our databases."""
    database = stores[name]
    outage = Outage(database._inner)
    database._inner = outage
    return database, outage


def memory():
    return bridge.databases({})


def raises(kind, function, *arguments):
    try:
        function(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def event(message="m", **changes):
    made = Event(None, 5, None, Color.RED, False, "t", "B", message, None, {})
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def sync(events, *uuids):
    batch = events.get_events_to_sync()
    batch.acknowledge(*uuids)
    return batch


class FakeDevice:
    """As much of a device as the bridge talks to."""

    def __init__(self):
        self.offered, self.metadata = [], self
        self.updater = self

    def add_update(self, *change):
        self.offered.append(change)
