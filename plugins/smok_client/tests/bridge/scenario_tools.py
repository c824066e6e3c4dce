"""What the scenarios work with: threads that pass for the client's, stores that fail."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from smok.exceptions import ResponseError
from smok.predicate import Color, Event
from smok.sync_workers.base import SyncError
from smok.threads.executor import on_read_completed_factory
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


def as_client_of(device, function):
    """Call something in the thread of a device."""
    thread = ClientThread(target=function)
    thread.device = device
    thread.start()
    thread.join()
    assert thread.error is None, thread.error
    return thread.result


class AnyPathpoint:
    """As much of a pathpoint as the client's executor talks to."""

    def __init__(self, values):
        self._values, self._at = values, 0

    def set_new_value(self, _timestamp, value):
        self._at += 1
        self._values.on_new_data("W1", self._at, value)


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
    """As much of a device as the bridge talks to; its cloud answers as ``answers`` says."""

    def __init__(self, values=None):
        self.pp_database, self.getter = values, None
        self.metadata = self.api = self
        self.updater, self.sent, self.answers, self.failed = None, [], {}, 0

    def _request(self, method, url, json=None):
        status = self.answers.get(url.rpartition("/")[2], self.answers.get("*"))
        if status:
            raise ResponseError(status, "no")
        self.sent.append((method, url.removeprefix("/v1/device/"), json))

    def put(self, url, json):
        self._request("PUT", url, json)

    def post(self, url):
        self._request("POST", url)

    def delete(self, url):
        self._request("DELETE", url)

    def register_pathpoint(self, pathpoint):
        self.pathpoint = pathpoint

    def on_failed_sync(self):
        self.failed += 1


def refused(answer, status):
    """Do as the client does with a 4xx: acknowledge while it handles the error."""
    try:
        _fail(status)
    except ResponseError:
        answer()


def _fail(status):
    raise ResponseError(status, "no")


def refused_values(answer, status):
    """Do as the client does with a 4xx on values: the status is in the cause of its error."""
    try:
        _fail_synchronization(status)
    except SyncError as error:
        answer()
        return error


def _fail_synchronization(status):
    raise SyncError(False, True) from ResponseError(status, "no")


def in_pool(pathpoint, value):
    """Let a Future give a value, as the client's executor makes a pathpoint's reading of it."""
    future = Future()
    future.add_done_callback(on_read_completed_factory(pathpoint))
    worker = threading.Thread(target=future.set_result, args=(value,))
    worker.start()
    worker.join()


def in_pools(pathpoint, values):
    """Let as many Futures give their values at the same moment, from a pool of threads."""
    with ThreadPoolExecutor(8) as pool:
        for value in values:
            pool.submit(int, value).add_done_callback(on_read_completed_factory(pathpoint))
