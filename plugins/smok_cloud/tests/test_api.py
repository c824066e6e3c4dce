"""Each call of the API client against the sandbox: what is sent arrives, what is given is read."""

import gzip
import json
import tracemalloc
from collections.abc import Mapping

import pytest
from smok_cloud.api import ApiClient
from smok_cloud.errors import (
    ClientFault,
    InvalidCloudSetting,
    NotTheApi,
    UnaddressableKey,
    UnsendableBody,
)
from smok_cloud.shapes import MetadataValue
from smok_cloud.transport import Answer, Limits
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.inprocess import InProcessTransport

from smok_core.model import (
    BAOBDigest,
    Event,
    PathpointDefinition,
    Sensor,
    SensorWriteEvent,
    StorageLevel,
)

HARD_KEYS = [
    "a", "a b", "a+b", "a%2Fb", "a/b", "a/../../orders", "../x", "/abs", "...", "$ne", "{x}",
    "a:b|c*", "a?b#c", "new\nline", "é", "e\u0301", "😀", "%", "&=;", "~", "x" * 512,
]  # fmt: skip


def test_device(client: ApiClient) -> None:
    """The device's description comes back as a value."""
    device = client.get_device()
    assert (device.device_id, device.culture_context.timezone) == ("sandbox-device", "UTC")


def test_definitions(client: ApiClient, cloud: SandboxCloud) -> None:
    """Definitions arrive, and all that the cloud has comes back."""
    items = client.put_pathpoints([PathpointDefinition("W1", StorageLevel.PERMANENT)])
    items = client.put_pathpoints([PathpointDefinition("W2")])
    assert [(each.path, each.storage_level) for each in items] == [("W1", 0), ("W2", 1)]
    assert cloud.definitions == {"W1": 0, "W2": 1}


def test_values(client: ApiClient, cloud: SandboxCloud) -> None:
    """Values of all types and failures arrive in order, type by type."""
    values = [{"timestamp": n, "value": value} for n, value in enumerate([1, 1.5, "ł", True])]
    values.append({"timestamp": 9, "error_code": "timeout"})
    client.post_values([{"path": "W1", "values": values}])
    expected = [(0, 1), (1, 1.5), (2, "ł"), (3, True), (9, {"error_code": "timeout"})]
    assert cloud.values == {"W1": expected}
    assert [type(value) for _, value in cloud.values["W1"]] == [int, float, str, bool, dict]


def test_sensors(client: ApiClient, cloud: SandboxCloud) -> None:
    """Sensors come back as values of the model."""
    cloud.sensors = [{"fqts": "a b", "path": "W1", "type": "temperature"}]
    assert client.get_sensors() == [Sensor(fqts="a b", path="W1", type_name="temperature")]


def test_sensor_writes(client: ApiClient, cloud: SandboxCloud) -> None:
    """Records of the audit log arrive whole."""
    write = SensorWriteEvent(
        timestamp=1, who="me", hr_sensor="s", hr_value="v", fqts="a", value="1", reason="why"
    )
    client.put_sensor_writes([write.to_json()])
    assert cloud.sensor_writes == [write.to_json()]


def test_events(client: ApiClient, cloud: SandboxCloud) -> None:
    """New events get uuids in their order; one with its uuid is updated, not repeated."""
    events = [Event(started_on=n, message=str(n)) for n in range(3)]
    uuids = client.post_events([each.to_json() for each in events])
    assert [cloud.events[each]["message"] for each in uuids] == ["0", "1", "2"]
    events[1].uuid, events[1].ended_on = uuids[1], 99
    assert client.post_events([events[1].to_json()]) == [uuids[1]]
    assert (len(cloud.events), cloud.events[uuids[1]]["ended_on"]) == (3, 99)
    assert len(cloud.event_arrivals) == 4


def test_predicates(client: ApiClient, cloud: SandboxCloud) -> None:
    """Predicates come back as they are, silencing and configuration included."""
    moment = {"day": 1, "hour": 2, "minute": 3}
    cloud.predicates = [
        {
            "predicate_id": "p", "online": True, "silencing": [{"start": moment, "stop": moment}],
            "statistic": "s", "configuration": {"a": [1]}, "verbose_name": "n", "group": "g",
            "new_field": 1,
        }
    ]  # fmt: skip
    assert client.get_predicates() == cloud.predicates


def test_the_baob_plan(client: ApiClient, cloud: SandboxCloud) -> None:
    """The comparison says what to delete, download and upload."""
    cloud.baobs = {"newer-there": (b"x", 5), "only-there": (b"y", 1), "older-there": (b"z", 1)}
    cloud.deleted_baobs = {"deleted"}
    here = [("newer-there", 4), ("older-there", 2), ("only-here", 1), ("deleted", 1)]
    plan = client.post_baobs(BAOBDigest(key, version) for key, version in here)
    assert sorted(plan.should_download) == ["newer-there", "only-there"]
    assert sorted(plan.should_upload) == ["older-there", "only-here"]
    assert plan.should_delete == ["deleted"]


@pytest.mark.parametrize("data", [b"", b"x", b"\r\n--", bytes(range(256)) * 1000])
def test_baobs_round_trip(client: ApiClient, cloud: SandboxCloud, data: bytes) -> None:
    """Any bytes arrive and come back unchanged, with their version."""
    client.put_baob("key", data, 7)
    assert cloud.baobs == {"key": (data, 7)}
    assert client.get_baob("key") == (data, 7)


def test_archives(client: ApiClient, cloud: SandboxCloud) -> None:
    """Instructions come back by whole interval; an interval that comes twice is joined."""
    lists = [(60, ["W1"]), (3600.0, ["W2"]), (60.75, ["W3"]), (0.25, ["W4"])]
    cloud.archives = [{"interval": interval, "pathpoints": names} for interval, names in lists]
    assert client.get_archives() == {60: ["W1", "W3"], 3600: ["W2"], 1: ["W4"]}


def test_macros(client: ApiClient, cloud: SandboxCloud) -> None:
    """Macros of a window come back without what is done; a report marks an occurrence done."""
    occurrences = [{"timestamp": t, "completed": t == 10} for t in (30, 10, 20, 99)]
    commands = [{"path": "W1", "value": 1.5}, {"path": "W2", "value": True}]
    cloud.macros = [{"macro_id": "m/1", "commands": commands, "occurrences": occurrences}]
    (macro,) = client.get_macros(0, 50)
    assert macro.commands == {"W1": 1.5, "W2": True}
    assert macro.occurrences_not_done == [20, 30]
    client.post_macro_done("m/1", 20)
    assert cloud.macros_done == [("m/1", 20)]
    assert client.get_macros(0, 50)[0].occurrences_not_done == [30]


def test_metadata(client: ApiClient, cloud: SandboxCloud) -> None:
    """Metadata is set unless older, read, and deleted; deleting twice is harmless."""
    client.put_metadata("k", "new", 10.5)
    client.put_metadata("k", "old", 9.0)
    assert client.get_metadata("k") == MetadataValue("new", 10.5)
    client.delete_metadata("k")
    client.delete_metadata("k")
    assert client.get_metadata("k") is None
    assert cloud.metadata == {}


@pytest.mark.parametrize("key", HARD_KEYS)
def test_a_key_reaches_exactly_its_resource(
    client: ApiClient, cloud: SandboxCloud, key: str
) -> None:
    """Whatever a key looks like, it stays one segment of the path, through real sockets."""
    client.put_metadata(key, "value", 1.0)
    assert list(cloud.metadata) == [key]
    client.put_baob(key, b"data", 1)
    assert list(cloud.baobs) == [key]
    client.post_macro_done(key, 1)
    assert cloud.macros_done == [(key, 1)]


@pytest.mark.parametrize("key", [".", "..", "", "a\0b", "\ud800", "x" * 513, 5, None])
def test_a_key_that_no_url_can_name_is_refused(
    client: ApiClient, cloud: SandboxCloud, key: str
) -> None:
    """Such keys are refused by name and nothing is sent."""
    for call in (client.get_metadata, client.delete_metadata, client.get_baob):
        with pytest.raises(UnaddressableKey, match="cannot be synchronized"):
            call(key)
    assert cloud.requests == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", b"bytes", {1, 2}], ids=str)
def test_what_json_cannot_say_is_not_sent(
    client: ApiClient, cloud: SandboxCloud, value: object
) -> None:
    """NaN, infinities, lone surrogates and foreign types raise before anything is sent."""
    with pytest.raises(UnsendableBody, match="Nothing was sent"):
        client.post_values([{"path": "W", "values": [{"timestamp": 1, "value": value}]}])
    assert cloud.requests == []


class Canned:
    """A transport that always gives the same answer."""

    def __init__(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.answer = Answer(status, {n.replace("_", "-"): v for n, v in headers.items()}, body)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> Answer:
        return self.answer

    def close(self) -> None:
        pass


def _canned(body: object, status: int = 200, **headers: str) -> ApiClient:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ApiClient("http://canned", transport=Canned(content, status, **headers))


WRONG_SHAPES = {
    "get_sensors": [{}, None, [{}], [{"fqts": "a", "path": 1, "type": "t"}], "text", [[]], 5],
    "get_predicates": [{}, [{"predicate_id": "p"}], [5], None],
    "get_archives": [
        {},
        [{"interval": 0, "pathpoints": []}],
        [{"interval": -5, "pathpoints": []}],
        [{"interval": "60", "pathpoints": []}],
        [{"interval": 60, "pathpoints": [None]}],
        [{"interval": 60, "pathpoints": "W1"}],
    ],
    "get_device": [[], {}, {"device_id": 5}],
}


@pytest.mark.parametrize(
    ("call", "body"), [(call, body) for call, bodies in WRONG_SHAPES.items() for body in bodies]
)
def test_an_answer_of_another_shape_is_refused(call: str, body: object) -> None:
    """An answer that is JSON and not what was asked for is not the API's."""
    with pytest.raises(NotTheApi, match="another shape"):
        getattr(_canned(body), call)()


@pytest.mark.parametrize(
    "body", [{}, {"should_delete": [], "should_download": []}, _PLAN := {
        "should_delete": [None], "should_download": [], "should_upload": []},
        {**_PLAN, "should_delete": [{"$ne": None}]}, {**_PLAN, "should_delete": [""]},
    ],
)  # fmt: skip
def test_a_baob_plan_of_another_shape_is_refused(body: object) -> None:
    """Nothing is deleted on the word of a damaged plan."""
    with pytest.raises(NotTheApi, match="another shape"):
        _canned(body).post_baobs([])


@pytest.mark.parametrize(
    "body", [[{"uuid": "1"}], [{"uuid": "1"}] * 3, [], [{"uuid": ""}, {"uuid": "2"}], [{}, {}]]
)
def test_uuids_must_match_the_events(body: object) -> None:
    """Fewer, more, empty or missing uuids acknowledge nothing."""
    event = Event(started_on=1).to_json()
    with pytest.raises(NotTheApi):
        _canned(body).post_events([event, event])


@pytest.mark.parametrize("version", ["", "x", "-1", "1.5", "1e3", "²", "9" * 30, " 5"])
def test_a_baob_without_a_sound_version_is_refused(version: str) -> None:
    """A BAOB whose version header is missing or garbage is not stored."""
    with pytest.raises(NotTheApi, match="version"):
        _canned(b"data", x_smok_baob_version=version).get_baob("k")


@pytest.mark.parametrize("length", ["5", "3", "x", "-1"])
def test_a_baob_of_another_length_is_refused(length: str) -> None:
    """A BAOB shorter or longer than announced is not stored."""
    client = _canned(b"data", x_smok_baob_version="1", content_length=length)
    with pytest.raises(NotTheApi, match="4 bytes arrived"):
        client.get_baob("k")


@pytest.mark.parametrize(
    "body", [b"", b"  ", b"<html>", b"\xff", b"[", b'{"a":NaN}', b"5", b'"ok"', b"true"], ids=repr
)
def test_success_without_an_answer_of_the_api_is_no_success(body: bytes) -> None:
    """A 2xx that any web server could have given does not acknowledge data."""
    with pytest.raises(NotTheApi):
        _canned(body).post_values([])


def test_an_empty_success_can_be_allowed() -> None:
    """accept_empty takes an empty 2xx for calls without an answer, and still no page."""
    client = ApiClient("http://canned", transport=Canned(b"", 204), accept_empty=True)
    client.post_values([])
    page = ApiClient("http://canned", transport=Canned(b"<p>", 200), accept_empty=True)
    with pytest.raises(NotTheApi, match="HTML"):
        page.post_values([])
    with pytest.raises(NotTheApi, match="empty"):
        client.get_sensors()


@pytest.mark.parametrize(("depth", "deep"), [(63, False), (66, True), (100_000, True)])
def test_nesting_is_bounded(depth: int, deep: bool) -> None:
    """An answer nested deeper than 64 levels is refused, however deep; one below is not."""
    body = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    if deep:
        with pytest.raises(NotTheApi):
            _canned(body).post_values([])
    else:
        ApiClient("https://canned", transport=Canned(body)).post_values([])


def test_compressed_answers_are_read() -> None:
    """gzip is decompressed; damaged, cut or unknown compression is refused."""
    whole = gzip.compress(b"[]")
    assert _canned(whole, content_encoding="gzip").get_sensors() == []
    for body, encoding in ((b"[]", "gzip"), (whole[:-5], "gzip"), (whole, "br"), (whole, "")):
        with pytest.raises(NotTheApi):
            _canned(body, content_encoding=encoding).get_sensors()


def test_a_bomb_is_not_decompressed_beyond_the_limit() -> None:
    """A small answer that would become a large, valid one is refused and takes no memory."""
    bomb = gzip.compress(b"[" + b" " * 10_000_000 + b"]", 1)
    transport = Canned(bomb, content_encoding="gzip")
    client = ApiClient("http://x", transport=transport, limits=Limits(answer_bytes=500_000))
    tracemalloc.start()
    try:
        with pytest.raises(NotTheApi, match="larger than 500000 bytes"):
            client.get_sensors()
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_compressed_refusal_is_read() -> None:
    """The API's own refusal is recognised through compression."""
    body = gzip.compress(b'{"status": "bad"}')
    with pytest.raises(ClientFault, match="bad") as caught:
        _canned(body, 400, content_encoding="gzip").get_sensors()
    assert caught.value.is_bad_data


def test_another_encoder_makes_all_bodies(cloud: SandboxCloud) -> None:
    """The encoder's type and bytes are what is sent."""

    class Reversed:
        content_type = "application/reversed"

        def encode(self, value: object) -> bytes:
            return json.dumps(value).encode()[::-1]

    cloud = SandboxCloud(decoders={"application/reversed": lambda body: json.loads(body[::-1])})
    client = ApiClient("http://x", transport=InProcessTransport(cloud), encoder=Reversed())
    client.put_metadata("k", "v", 1.0)
    assert cloud.metadata == {"k": ("v", 1.0)}
    assert cloud.requests[0].body.startswith(b"}")


@pytest.mark.parametrize(
    "url",
    [
        "", "api.smok.co", "ftp://x", "https://", "https://u:canary@x", "https://x?q", "https://x#f",
        "https://x:port", "https://exa mple", "https://*", "https://[::1", "HTTPS://API.SMOK.CO",
        "https://x/../y", "https://" + "x" * 300, "https://\ud800",
    ],
)  # fmt: skip
def test_a_bad_url_is_refused_at_once(url: str) -> None:
    """A URL that is none is refused with the way out, and a password in it is not shown."""
    with pytest.raises(InvalidCloudSetting, match="https") as caught:
        ApiClient(url)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "proxy",
    [
        "", "proxy", "https://p:1", "socks5://p:1", "http://", "http://:3128", "http://[::1",
        "http://u:canary@p:port", "http://u:canary@p:99999", "http://exa mple:1", "http://p/?q",
        "http://p#f", "http://" + "x" * 300, "http://\ud800",
    ],
)  # fmt: skip
def test_a_bad_proxy_is_refused_at_once(proxy: str) -> None:
    """One that cannot be reached for ever is no outage; its password is not shown."""
    with pytest.raises(InvalidCloudSetting, match=r"Write http://HOST:PORT") as caught:
        ApiClient("https://api.smok.co", proxy=proxy)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.smok.co", "https://api.smok.co/", "https://api.smok.co:443/prefix",
        "http://127.0.0.1:8080", "https://[::1]:8443", "https://xn--d1acufc.example",
    ],
)  # fmt: skip
def test_a_good_url_is_taken(url: str) -> None:
    """Hosts, addresses, ports and prefixes are all fine."""
    ApiClient(url).close()
