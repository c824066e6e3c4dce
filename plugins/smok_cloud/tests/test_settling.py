"""Which answers let the device forget what it sent: nothing else may."""

import json
import tracemalloc
from collections.abc import Callable, Mapping

import pytest
from smok_cloud.api import ApiClient
from smok_cloud.errors import InvalidCloudSetting, NotTheApi
from smok_cloud.synchronizer import Synchronizer
from smok_cloud.transport import Answer, Limits
from smok_testing.cloud.pki import SandboxPki
from smok_testing.cloud.server import SandboxServer, server_context

import smok_core
from plugins.smok_cloud.tests.conftest import PATIENT
from smok_core import PathpointDefinition, SensorWriteEvent

NOTHING = [b"", b" \r\n", b"{}", b"[]", b"null"]
#: Successes that say that it did not work, or that somebody else said it.
NO_SUCCESS = [
    {"login": "https://wifi.example/"},
    {"error": "maintenance"},
    {"errors": ["path is unknown"]},
    {"detail": "the body was ignored"},
    {"message": "Internal server error"},
    {"Error": {"code": 5}},
    {"status": "the device is unknown"},
    {"status": 502},
    {"ok": False},
    {"success": "false"},
    {"accepted": 0},
]
OTHER_CALLS = [
    [{"uuid": "1"}],
    [1],
    {"device_id": "d", "facets": []},
    {"should_delete": [], "should_download": [], "should_upload": []},
    {"value": "x", "timestamp": 1},
]
TAKEN = [{"status": "ok"}, {"status": 200}, {"accepted": 3}, {"errors": []}, {"request": "17"}]
NO_JSON = [b"<!DOCTYPE html>", b"\xff", b"[", b"5", b'"ok"', b"true", b"OK"]


class Canned:
    """Gives one answer to everything."""

    def __init__(self, body: object, status: int = 200) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answer = Answer(status, {"content-length": str(len(content))}, content)

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> Answer:
        """Answer."""
        return self.answer

    def close(self) -> None:
        """Nothing to close."""


WRITE = SensorWriteEvent(
    timestamp=1, who="w", hr_sensor="s", hr_value="v", fqts="f", value="1", reason="r"
)
CALLS: dict[str, Callable[[ApiClient], object]] = {
    "values": lambda api: api.post_values([{"path": "a", "values": []}]),
    "sensor writes": lambda api: api.put_sensor_writes([WRITE.to_json()]),
    "macro": lambda api: api.post_macro_done("m", 1),
    "metadata": lambda api: api.put_metadata("k", "v", 1),
    "deleted metadata": lambda api: api.delete_metadata("k"),
    "baob": lambda api: api.put_baob("k", b"x", 1),
}
#: Its answer is documented, but the definitions are acknowledged without a look at it.
DEFINITIONS = {"definitions": lambda api: api.put_pathpoints([PathpointDefinition("a")])}

every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
every_upload = pytest.mark.parametrize(
    "call", [*CALLS.values(), *DEFINITIONS.values()], ids=[*CALLS, *DEFINITIONS]
)


def verified(body: object, status: int = 200) -> ApiClient:
    """A client of a server that proved who it is."""
    return ApiClient("https://canned", transport=Canned(body, status))


def plain(body: object, status: int = 200, *, accept_empty: bool = False) -> ApiClient:
    """A client of whoever answers."""
    return ApiClient("http://canned", transport=Canned(body, status), accept_empty=accept_empty)


@every_upload
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_empty_success_acknowledges_over_tls(
    call: Callable[[ApiClient], object], status: int
) -> None:
    """The real cloud answers 204; the server is verified, so it is the cloud's."""
    call(verified(b"", status))


@every_upload
@pytest.mark.parametrize("status", [200, 204])
def test_an_empty_success_acknowledges_nothing_over_plain_http(
    call: Callable[[ApiClient], object], status: int
) -> None:
    """Some captive portals answer like that, so it has to be allowed."""
    with pytest.raises(NotTheApi, match="empty"):
        call(plain(b"", status))
    call(plain(b"", status, accept_empty=True))


@every_call
@pytest.mark.parametrize("body", NOTHING[2:], ids=repr)
def test_json_that_holds_nothing_acknowledges(
    call: Callable[[ApiClient], object], body: bytes
) -> None:
    """What the API is documented to answer, over both."""
    call(plain(body))
    call(verified(body))


@every_call
@pytest.mark.parametrize("body", [*NO_SUCCESS, *OTHER_CALLS, *NO_JSON], ids=repr)
def test_what_is_no_success_never_acknowledges(
    call: Callable[[ApiClient], object], body: object
) -> None:
    """Errors, answers of other calls and pages acknowledge nothing, whoever gives them."""
    for client in (verified(body), plain(body), plain(body, accept_empty=True)):
        with pytest.raises(NotTheApi):
            call(client)


@every_call
@pytest.mark.parametrize("body", TAKEN, ids=repr)
def test_other_fields_acknowledge_only_over_tls(
    call: Callable[[ApiClient], object], body: object
) -> None:
    """The API may grow; over plain http anybody's JSON has fields."""
    call(verified(body))
    with pytest.raises(NotTheApi, match="somebody else"):
        call(plain(body))


def test_calls_with_an_answer_need_it() -> None:
    """Where the answer is used, nothing is no answer, over TLS neither."""
    for call in (
        lambda: verified(b"", 204).post_events([{}]),
        lambda: verified(b"", 204).get_sensors(),
        lambda: verified(b"", 204).post_baobs([]),
    ):
        with pytest.raises(NotTheApi, match="empty"):
            call()


def test_an_empty_body_that_was_announced_longer_is_no_answer() -> None:
    """A body that was cut off before its first byte is not an empty one."""
    client = verified(b"")
    client._transport.answer = Answer(200, {"content-length": "50"}, b"")
    with pytest.raises(NotTheApi, match="0 bytes arrived"):
        client.post_values([])


def test_the_queue_empties_against_a_cloud_that_answers_204(pki: SandboxPki) -> None:
    """Real TLS, the default settings: what the real cloud does acknowledges values and audit."""
    from smok_testing.cloud.app import SandboxCloud
    from smok_testing.cloud.state import Reply

    class Silent(SandboxCloud):
        def handle(self, method, path, headers, body):
            reply = super().handle(method, path, headers, body)
            silent = reply.status == 200 and reply.body == b"{}"
            return Reply(204, {}, b"") if silent else reply

    cloud = Silent()
    tls = server_context(pki.issue_server())
    with (
        smok_core.open_databases({}) as databases,
        SandboxServer(cloud, tls=tls) as server,
        ApiClient(server.url, ca_bundle=pki.bundle, limits=PATIENT, baob_limits=PATIENT) as api,
    ):
        databases.pathpoints.on_new_data_many([("a", ts, ts) for ts in range(30)])
        databases.sensor_writes.add_sw(WRITE)
        databases.metadata.put_plain("k", "v")
        databases.baobs.set_baob_value("b", b"x", 1)
        synchronizer = Synchronizer(dict(databases), api, batch=10)
        assert synchronizer.run_once()
        assert synchronizer.undelivered == 0
    assert len(cloud.points) == 30
    assert (len(cloud.sensor_writes), cloud.metadata["k"][0]) == (1, "v")
    assert cloud.baobs == {"b": (b"x", 1)}


@pytest.mark.parametrize(
    "element", [b"{}", b"[]", b'{"a":1}', b'{"":{}}', b"[[]]", b'{"uuid":"1"}'], ids=repr
)
@pytest.mark.parametrize("call", ["get_predicates", "get_sensors", "post_values", "post_events"])
def test_an_answer_of_many_small_things_is_bounded(call: str, element: bytes) -> None:
    """24 MB of `{}` took 700 MB of memory; the size in memory is bounded before it is made."""
    size = 24_000_000
    body = b"[" + b",".join([element] * (size // (len(element) + 1))) + b"]"
    for answer in (body, body[: Limits().answer_bytes - 2].rpartition(b",")[0] + b"]"):
        client = verified(answer)
        tracemalloc.start()
        with pytest.raises(NotTheApi, match=r"larger|values|shape"):
            getattr(client, call)(
                *([[{"path": "a", "values": []}]] if call.startswith("post") else [])
            )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 48_000_000


def test_the_costliest_answer_within_the_bounds_is_bounded() -> None:
    """As many objects as are taken, each with a long key of its own: 64 MiB with the body."""
    body = b"[" + b",".join(b'{"%048d":1}' % number for number in range(109_000)) + b"]"
    client = verified(body)
    tracemalloc.start()
    with pytest.raises(NotTheApi, match="another shape"):
        client.get_predicates()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(body) <= Limits().answer_bytes
    assert peak + len(body) < 64 * 1024 * 1024


def test_receipts_for_the_largest_batch_are_read() -> None:
    """100 000 events, the largest batch that can be configured, get their uuids."""
    receipts = [{"uuid": f"{number:032x}"} for number in range(100_000)]
    assert len(verified(receipts).post_events([{}] * 100_000)) == 100_000


@pytest.mark.parametrize("url", ["http://api.smok.co", "http://10.0.0.5:8080", "http://gw.lan"])
def test_plain_http_to_another_machine_must_be_asked_for(url: str) -> None:
    """Anybody on the way could acknowledge what the device sends."""
    with pytest.raises(InvalidCloudSetting, match="insecure = true"):
        ApiClient(url)
    ApiClient(url, insecure=True).close()
