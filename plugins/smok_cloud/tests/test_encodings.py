"""The encodings of bodies, their size and their pace: what leaves the device, byte by byte."""

import gzip
import json
import threading
import time

import msgspec
import pytest
from hypothesis import given, strategies as st
from smok_cloud.api import ApiClient
from smok_cloud.bodies import ENCODERS, JsonEncoder, MiniJsonEncoder
from smok_cloud.connect import connect
from smok_cloud.errors import NoLink
from smok_cloud.minijson import dumps
from smok_cloud.synchronizer import Synchronizer
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.inprocess import InProcessTransport
from smok_testing.cloud.minijson import loads

import smok_core
from smok_core.errors import ConfigError
from smok_core.model import Event, SensorWriteEvent

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    lambda inner: (
        st.lists(inner, max_size=20)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), inner)
    ),
    max_leaves=20,
)


def same(one: object, other: object) -> bool:
    """Compare with the types, since 1, 1.0 and True are equal to Python."""
    return repr(one) == repr(other)


@given(VALUES)
def test_what_is_written_is_read(value: object) -> None:
    """Every value that JSON knows comes back, with its type and to the last bit."""
    assert same(loads(dumps(value)), value)


@pytest.mark.parametrize("size", [0, 15, 16, 127, 128, 255, 256, 65_535, 65_536])
def test_each_length_has_its_form(size: int) -> None:
    """At every limit between two forms of texts, lists, dicts and names."""
    for value in ("x" * size, [1] * size, {str(n): n for n in range(size)}, {"é" * size: 1}):
        assert same(loads(dumps(value)), value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", 1 << 2048])
def test_what_cannot_be_said_is_a_value_error(value: object) -> None:
    """The record becomes a dead letter by its reason, so nothing else may be raised."""
    with pytest.raises(ValueError, match=r".+"):
        dumps([value])


class Kind(int):
    """As an IntEnum is: a number that has a class of its own."""

    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared with the numbers of a type, one by one")


@pytest.mark.parametrize("number", [0, 3, -3, 1 << 20, 1 << 31, -(1 << 40)])
def test_a_number_of_another_class_is_written_at_once(number: int) -> None:
    """Python looks for such a one in a range by going through it: minutes, for one of 32 bits."""
    assert dumps([Kind(number)]) == dumps([number])


def test_other_types_and_depths_are_refused() -> None:
    """Bytes and other keys are no JSON; a record that nests without end ends the encoder."""
    for wrong in (b"x", {1: 2}, object()):
        with pytest.raises(TypeError):
            dumps(wrong)
    deep: list[object] = []
    for _ in range(1000):
        deep = [deep]
    with pytest.raises(ValueError, match="deep"):
        dumps(deep)


@given(st.binary(max_size=60))
def test_foreign_bytes_are_read_or_refused(body: bytes) -> None:
    """The sandbox answers 400 to what is no MiniJSON, never with a failure of its own."""
    headers = {"content-type": "application/minijson"}
    status = SandboxCloud().handle("PUT", "/v1/device/pathpoints", headers, body).status
    assert status in (200, 400)


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
def test_all_roles_arrive_in_either_encoding(encoder: type[JsonEncoder | MiniJsonEncoder]) -> None:
    """The sandbox takes both, compressed or not, and holds the same records."""
    for compressed in (False, True):
        cloud = SandboxCloud()
        api = ApiClient(
            "http://x", transport=InProcessTransport(cloud), encoder=encoder(), gzip=compressed
        )
        with smok_core.open_databases({}) as databases:
            fill(databases)
            assert Synchronizer(dict(databases), api).run_once()
        assert cloud.values["a"] == [(n, n / 7) for n in range(100)]
        assert cloud.values["e"] == [(5, {"error_code": "timeout"})]
        assert len(cloud.events) == len(cloud.sensor_writes) == len(cloud.metadata) == 1
        assert cloud.baobs == {"b": (b"x", 1)}
        heads = [r.headers.get("content-encoding") for r in cloud.requests]
        assert ("gzip" in heads) is compressed


def fill(databases) -> None:
    """Let every role have something to upload."""
    databases.pathpoints.on_new_data_many([("a", n, n / 7) for n in range(100)])
    failure = smok_core.OperationFailedError(smok_core.OperationFailedReason.TIMEOUT, 5)
    databases.pathpoints.on_new_data("e", 5, failure)
    databases.events.add_event(Event(started_on=1, metadata={"k": "v"}))
    write = dict.fromkeys(["who", "hr_sensor", "hr_value", "fqts", "value", "reason"], "x")
    databases.sensor_writes.add_sw(SensorWriteEvent(timestamp=1, **write))
    databases.metadata.put_plain("k", "v")
    databases.baobs.set_baob_value("b", b"x", 1)


def test_the_default_is_what_the_published_client_sends() -> None:
    """MiniJSON with values as tuples; the configuration chooses JSON."""
    for cloud, kind in (({}, MiniJsonEncoder), ({"encoding": "json"}, JsonEncoder)):
        config = smok_core.load_config({"cloud": {"url": "http://127.0.0.1:1", **cloud}})
        assert type(connect(config)._encoder) is kind
    sandbox = SandboxCloud()
    api = ApiClient("http://x", transport=InProcessTransport(sandbox))
    failure = {"timestamp": 2, "error_code": "type"}
    api.post_values([{"path": "a", "values": [{"timestamp": 1, "value": 1.5}, failure]}])
    sent = loads(sandbox.requests[0].body)
    assert sent == [{"path": "a", "values": [[1, 1.5], [False, 2, "type"]]}]


def test_small_bodies_are_not_compressed(cloud: SandboxCloud) -> None:
    """It would make them larger; large ones shrink, and the same body gives the same bytes."""
    api = ApiClient(
        "http://x", transport=InProcessTransport(cloud), encoder=JsonEncoder(), gzip=True
    )
    api.put_metadata("k", "v", 1)
    for _ in range(2):
        api.put_metadata("k", "v" * 5000, 2)
    small, large, again = cloud.requests
    assert "content-encoding" not in small.headers
    assert large.body == again.body
    assert json.loads(gzip.decompress(large.body))["value"] == "v" * 5000
    assert len(large.body) < 300


def test_a_compressed_body_is_bounded_at_the_sandbox() -> None:
    """A bomb is refused, damage and unknown encodings as well."""
    cloud = SandboxCloud(max_body=1000)
    call = ("PUT", "/v1/device/pathpoints")
    kind = {"content-type": "application/json"}
    for encoding, body, status in (
        ("gzip", gzip.compress(b" " * 10_000, mtime=0), 413),
        ("gzip", b"x", 400),
        ("br", b"x", 415),
    ):
        assert cloud.handle(*call, {**kind, "content-encoding": encoding}, body).status == status


def order_of(cloud: SandboxCloud) -> list[str]:
    """Give the uploads in the order of their first request."""
    sent = [r.path for r in cloud.requests if r.method in ("PUT", "POST")]
    names = {"alarms": "events", "write_log": "sensor_writes", "k": "metadata"}
    found = [path.rpartition("/")[2] for path in sent if not path.endswith(("baobs", "/b"))]
    return list(dict.fromkeys(names.get(name, name) for name in found))


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ((), ["events", "sensor_writes", "pathpoints", "metadata"]),
        (("metadata", "pathpoints"), ["metadata", "pathpoints", "events", "sensor_writes"]),
    ],
)
def test_the_order_of_roles(cloud: SandboxCloud, order: tuple[str, ...], wanted: list[str]) -> None:
    """Alarms and the audit log go before values unless it is asked for otherwise."""
    api = ApiClient("http://x", transport=InProcessTransport(cloud))
    with smok_core.open_databases({}) as databases:
        fill(databases)
        Synchronizer(dict(databases), api, order=order).run_once()
    assert order_of(cloud) == wanted


def test_an_alarm_does_not_wait_for_a_backlog_of_values(cloud: SandboxCloud) -> None:
    """It goes with the next round, between two batches of values."""
    api = ApiClient("http://x", transport=InProcessTransport(cloud))
    with smok_core.open_databases({}) as databases:
        databases.pathpoints.on_new_data_many([("a", n, n) for n in range(500)])
        synchronizer = Synchronizer(dict(databases), api, batch=100)
        synchronizer.step()
        databases.events.add_event(Event(started_on=1))
        synchronizer.jobs[0].due = 0.0  # its 5 s are over
        synchronizer.step()
    kinds = [r.path for r in cloud.requests if r.method == "POST" and "baobs" not in r.path]
    assert kinds == ["/v1/device/pathpoints", "/v1/device/alarms", "/v1/device/pathpoints"]


@pytest.mark.parametrize(
    "wrong", [{"order": ["sensors"]}, {"encoding": "xml"}, {"order": "events"}]
)
def test_wrong_settings_are_told(wrong: dict[str, object]) -> None:
    """Each by its own name."""
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        smok_core.load_config({"cloud": wrong})


def test_the_pace_is_kept_and_can_be_interrupted(cloud: SandboxCloud) -> None:
    """What was sent is waited for before the next request; a stop does not wait for it."""
    api = ApiClient("http://x", transport=InProcessTransport(cloud), bytes_per_second=10_000)
    begin = time.monotonic()
    for _ in range(3):
        api.wait_for_turn()
        api.put_metadata("k", "v" * 1000, 1)
    assert time.monotonic() - begin > 2 * 1000 / 10_000
    api.put_metadata("k", "v" * 1_000_000, 2)
    stop = threading.Timer(0.05, api.close)
    stop.start()
    with pytest.raises(NoLink, match="closed"):
        api.wait_for_turn()


def test_statistics_know_no_other_way() -> None:
    """Without a limit nobody waits, and nothing is counted."""
    api = ApiClient("http://x", transport=InProcessTransport(SandboxCloud()))
    api.put_metadata("k", "v" * 1_000_000, 1)
    begin = time.monotonic()
    api.wait_for_turn()
    assert time.monotonic() - begin < 1
    assert msgspec.json.encode(loads(dumps({"a": [1, None]}))) == b'{"a":[1,null]}'
