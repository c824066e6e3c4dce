"""Databases written to the published client's interface, as roles of our uploader."""

import pytest
from smok_cloud.api import ApiClient
from smok_cloud.synchronizer import Synchronizer
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.faults import Fault, FaultKind
from smok_testing.cloud.inprocess import InProcessTransport

import smok_core
from smok_core import (
    BaseBAOBDatabase,
    BaseDataToSynchronize,
    BaseEventDatabase,
    BaseEventSynchronization,
    BaseMacroDatabase,
    BaseMetadataDatabase,
    BasePathpointDatabase,
    BaseSensorWriteDatabase,
    BaseSensorWriteSynchronization,
)
from smok_core.errors import InvalidValue
from smok_core.model import Event, SensorWriteEvent


class Data(BaseDataToSynchronize):
    """All values that wait."""

    def __init__(self, owner: "Points") -> None:
        self.owner, self.points = owner, list(owner.pending)

    def acknowledge(self) -> None:
        del self.owner.pending[: len(self.points)]

    def negative_acknowledge(self) -> None:
        self.owner.refused += 1

    def to_json(self) -> list[object]:
        return [
            {"path": path, "values": [{"timestamp": ts, "value": value}]}
            for path, ts, value in self.points
        ]


class Points(BasePathpointDatabase):
    """Only what the interface asks for."""

    def __init__(self) -> None:
        self.pending: list[tuple[str, float, object]] = []
        self.refused = 0

    def on_new_data(self, pathpoint, timestamp, value_or_exception):
        self.pending.append((pathpoint, timestamp, value_or_exception))

    def get_current_value(self, pathpoint):
        return max(point[1:] for point in self.pending if point[0] == pathpoint)

    def get_archive_data(self, pathpoint, start, stop):
        return iter(())

    def get_data_to_sync(self):
        return Data(self) if self.pending else None


class Writes(BaseSensorWriteDatabase):
    """A set of records, told of each what became of it."""

    def __init__(self) -> None:
        self.pending: list[SensorWriteEvent] = []
        self.failed: list[SensorWriteEvent] = []

    def add_sw(self, event):
        self.pending.append(event)

    def get_sw_sync(self):
        return BaseSensorWriteSynchronization(list(self.pending), self)

    def on_synced_sw(self, event):
        self.pending.remove(event)

    def on_sync_sw_failed(self, event):
        self.failed.append(event)


class Happenings(BaseEventSynchronization):
    """All events that wait."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events

    def get_events(self):
        return self.events

    def acknowledge(self, *uuids):
        for event, uuid in zip(self.events, uuids, strict=True):
            event.uuid = uuid


class Alarms(BaseEventDatabase):
    """Events in a list; those without a uuid wait."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add_event(self, event):
        self.events.append(event)

    def get_events_to_sync(self):
        pending = [event for event in self.events if event.uuid is None]
        return Happenings(pending) if pending else None

    def _nothing(self, *_):
        return iter(())

    get_open_events = get_all_events = close_event = set_cache = get_cache = _nothing
    on_predicate_deleted = clear_closed_and_synced_events = _nothing


class Macros(BaseMacroDatabase):
    """What was executed, in a list."""

    def __init__(self) -> None:
        self.done: list[tuple[str, float]] = []

    def get_done_macros(self):
        return iter(list(self.done))

    def notify_macro_synced(self, macro_id, timestamp):
        self.done.remove((macro_id, timestamp))

    def notify_macro_executed(self, macro_id, timestamp):
        self.done.append((macro_id, timestamp))

    def set_macros(self, macros):
        """Keep none."""

    def get_macros(self):
        return []


class Texts(BaseMetadataDatabase):
    """Texts in a dict; the client queues the changes itself."""

    def __init__(self) -> None:
        self.texts: dict[str, tuple[str, float]] = {}

    def put_plain(self, key, value, timestamp=None):
        self.texts[key] = value, timestamp or 0.0

    update_plain = put_plain

    def get_plain(self, key):
        return self.texts[key][0]

    def delete_plain(self, key):
        self.texts.pop(key, None)

    def get_all_plain(self):
        return iter([(key, *pair) for key, pair in self.texts.items()])


class Files(BaseBAOBDatabase):
    """Bytes in a dict."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, int]] = {}

    def get_baob_value(self, key):
        return self.files[key][0]

    def get_baob_version(self, key):
        return self.files[key][1]

    def set_baob_value(self, key, data, version):
        self.files[key] = data, version

    def delete_baob(self, key):
        del self.files[key]

    def get_all_keys(self):
        return iter(list(self.files))


@pytest.fixture
def roles():
    """Nine roles, six of them by classes as a user of the client would write them."""
    with smok_core.open_databases({}) as databases:
        own = {
            "pathpoints": Points(), "sensor_writes": Writes(), "events": Alarms(),
            "macros": Macros(), "metadata": Texts(), "baobs": Files(),
        }  # fmt: skip
        yield dict(databases) | own


def fill(roles) -> None:
    """Let all of them have something to upload."""
    roles["pathpoints"].on_new_data_many([("a", n, n) for n in range(50)])
    for n in range(5):
        texts = dict.fromkeys(["who", "hr_sensor", "hr_value", "fqts", "value", "reason"], "x")
        roles["sensor_writes"].add_sw(SensorWriteEvent(timestamp=n, **texts))
        roles["events"].add_event(Event(started_on=n))
        roles["macros"].notify_macro_executed("m", n)
    roles["baobs"].set_baob_value("b", b"x", 1)


def test_everything_arrives_once(roles) -> None:
    """What waits is sent and acknowledged by the client's own methods, and by nothing else."""
    cloud = SandboxCloud()
    api = ApiClient("http://x", transport=InProcessTransport(cloud))
    fill(roles)
    synchronizer = Synchronizer(roles, api, batch=7)
    assert synchronizer.run_once()
    assert synchronizer.run_once()
    assert cloud.values == {"a": [(n, n) for n in range(50)]}
    assert len(cloud.sensor_writes) == len(cloud.events) == len(cloud.event_arrivals) == 5
    assert cloud.macros_done == [("m", n) for n in range(5)]
    assert cloud.baobs == {"b": (b"x", 1)}
    assert roles["pathpoints"].pending == roles["sensor_writes"].pending == []
    assert roles["pathpoints"].refused == 0
    assert roles["sensor_writes"].failed == []


@pytest.mark.parametrize("status", [400, 422, 429, 503])
def test_what_is_refused_is_told_and_kept(roles, status: int) -> None:
    """A batch that cannot be divided is offered again as it is; nothing leaves by a refusal."""
    cloud = SandboxCloud()
    api = ApiClient("http://x", transport=InProcessTransport(cloud))
    cloud.faults.add(Fault(kind=FaultKind.STATUS, status=status, path="*", times=None))
    fill(roles)
    synchronizer = Synchronizer(roles, api, batch=7)
    assert not synchronizer.run_once()
    assert len(roles["pathpoints"].pending) == 50
    assert roles["pathpoints"].refused == 1
    assert len(roles["sensor_writes"].failed) == 5
    assert len(roles["macros"].done) == 5
    assert len(cloud.faults.taken) < 40
    cloud.faults.clear()
    assert synchronizer.run_once()
    assert cloud.values == {"a": [(n, n) for n in range(50)]}


def test_what_the_interface_does_not_know_is_said() -> None:
    """Lists are empty; what would be lost in silence is refused."""
    points = Points()
    assert list(points.get_pathpoints()) == list(points.get_definitions()) == []
    assert points.get_definitions_to_sync() is None
    with pytest.raises(InvalidValue, match="cannot be defined in this store"):
        points.define_pathpoint("a")
