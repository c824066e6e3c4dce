"""The sandbox itself: as strict as an API, the same in process as on a port, gone when closed."""

import json
import socket
import threading
import time

import pytest
from smok_cloud.api import ApiClient
from smok_cloud.errors import NoLink, ServerFault
from smok_cloud.transport import Limits
from smok_testing.cloud import minijson
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.faults import Fault, FaultKind
from smok_testing.cloud.inprocess import InProcessTransport
from smok_testing.cloud.server import SandboxServer

from plugins.smok_cloud.tests.conftest import QUICK
from plugins.smok_cloud.tests.fault_cases import CASES

ALARM = {
    "started_on": 1, "color": 0, "alarm_type": 0, "token": "", "group": "", "message": "",
    "metadata": {},
}  # fmt: skip
BAD_BODIES: dict[tuple[str, str], list[object]] = {
    ("PUT", "/pathpoints"): [{}, [{"path": "W"}], [{"path": "", "storage_level": 0}]],
    ("POST", "/pathpoints"): [
        {},
        [{"path": "W"}],
        [{"path": "W", "values": [{"timestamp": 1}]}],
        [{"path": "W", "values": [{"timestamp": "1", "value": 1}]}],
        [{"path": "W", "values": [{"timestamp": 1, "value": None}]}],
        [{"path": "W", "values": [{"timestamp": 1, "value": 1, "error_code": "timeout"}]}],
        [{"path": "W", "values": [{"timestamp": 1, "error_code": "tired"}]}],
        [{"path": "W", "values": [[1, 2, 3]]}],
        [{"path": "W", "values": [[True, 2, "timeout"]]}],
    ],
    ("PUT", "/sensor/write_log"): [[{"timestamp": 1}], [{"timestamp": 1.5}], "x"],
    ("POST", "/alarms"): [
        [{}],
        [{**ALARM, "color": 7}],
        [{**ALARM, "metadata": {"a": 1}}],
        [{**ALARM, "uuid": None}],
        [{**ALARM, "extra": 1}],
        [{**ALARM, "started_on": 1.5}],
    ],
    ("POST", "/baobs"): [[{"key": "k"}], [{"key": "k", "version": "1"}], {}],
    ("PUT", "/metadata/plain/k"): [{}, {"value": 1, "unless_timestamp_higher": 1}, []],
}


def _handle(cloud: SandboxCloud, method: str, path: str, body: object) -> int:
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    return cloud.handle(method, "/v1/device" + path, headers, content).status


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [(*call, body) for call, bodies in BAD_BODIES.items() for body in bodies],
)
def test_a_wrong_body_gets_400_and_changes_nothing(
    cloud: SandboxCloud, method: str, path: str, body: object
) -> None:
    """Bodies are checked to the last field."""
    assert _handle(cloud, method, path, body) == 400
    assert (cloud.points, cloud.events, cloud.metadata, cloud.definitions) == ([], {}, {}, {})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/alarms", 405),
        ("DELETE", "/sensors", 405),
        ("GET", "/baobs/none", 404),
        ("GET", "/metadata/plain/none", 404),
        ("DELETE", "/metadata/plain/none", 404),
        ("GET", "/baobs/a/b", 404),
        ("POST", "/macros/m/soon", 400),
        ("GET", "/macro/occurrences/x-y", 404),
    ],
)
def test_what_is_not_there_is_refused(
    cloud: SandboxCloud, method: str, path: str, status: int
) -> None:
    """Unknown paths, methods and keys get their status."""
    assert _handle(cloud, method, path, None) == status
    assert [each.status for each in cloud.requests] == [status]


def test_both_shapes_of_values_are_read(cloud: SandboxCloud) -> None:
    """The API's dictionaries and the published client's lists mean the same."""
    shapes = [
        [{"timestamp": 1, "value": 2.5}, {"timestamp": 2, "error_code": "timeout"}],
        [[1, 2.5], [False, 2, "timeout"]],
    ]
    for values in shapes:
        assert _handle(cloud, "POST", "/pathpoints", [{"path": "W", "values": values}]) == 200
    assert cloud.points[:2] == cloud.points[2:]


def test_unknown_encodings_and_sizes_are_refused() -> None:
    """Another content type is 415, what cannot be decoded 400, too much 413."""
    cloud = SandboxCloud(max_body=100, max_records=2)
    call = ("PUT", "/v1/device/pathpoints")
    assert cloud.handle(*call, {"content-type": "text/csv"}, b"[]").status == 415
    assert cloud.handle(*call, {"content-type": "application/minijson"}, b"[]").status == 400
    assert cloud.handle(*call, {"content-type": "application/json"}, b"{").status == 400
    assert cloud.handle(*call, {"content-type": "application/json"}, b" " * 101).status == 413
    points = [{"path": "W", "values": [[n, n] for n in range(3)]}]
    assert _handle(cloud, "POST", "/pathpoints", points) == 413
    assert cloud.points == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"--b--", b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
        b"--b\r\n\r\nx\r\n--b--", b'x--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx',
    ],
)  # fmt: skip
def test_a_damaged_form_is_refused(cloud: SandboxCloud, body: bytes) -> None:
    """A BAOB must come as a form with both parts."""
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert cloud.handle("PUT", "/v1/device/baobs/k", headers, body).status == 400
    assert cloud.baobs == {}


@pytest.mark.parametrize("name", CASES)
def test_faults_are_the_same_in_process(name: str) -> None:
    """Without sockets each fault becomes the same error, and takes only pretended time."""
    slept: list[float] = []
    cloud, case = SandboxCloud(), CASES[name]
    cloud.sensors = [{"fqts": "t" * 100, "path": "W1", "type": "x"}]
    transport = InProcessTransport(cloud, slept.append)
    client = ApiClient("http://sandbox", transport=transport, limits=QUICK)
    cloud.faults.add(case.fault())
    started = time.monotonic()
    if case.error is None:
        client.get_sensors()
    else:
        with pytest.raises(case.error) as caught:
            client.get_sensors()
        assert type(caught.value) is case.error
    assert time.monotonic() - started < 0.5
    assert len(cloud.requests) == case.applied
    takes_time = name.startswith(("slow", "hang"))
    assert bool(slept) is takes_time
    assert all(seconds <= QUICK.total for seconds in slept)
    assert len(client.get_sensors()) == 1


def test_a_fault_matches_what_it_was_made_for(direct: ApiClient, cloud: SandboxCloud) -> None:
    """Method, path, the number of spared and of met requests all count."""
    fault = Fault(kind=FaultKind.STATUS, method="GET", path="*/sensors", skip=1, times=2)
    cloud.faults.add(fault)
    direct.put_metadata("k", "v", 1.0)
    direct.get_predicates()
    direct.get_sensors()
    for _ in range(2):
        with pytest.raises(ServerFault):
            direct.get_sensors()
    direct.get_sensors()
    assert len(cloud.faults.taken) == 2


def test_a_fault_can_last(direct: ApiClient, cloud: SandboxCloud) -> None:
    """times=None meets every request until the plan is cleared."""
    cloud.faults.add(Fault(kind=FaultKind.DROP_REQUEST, times=None))
    for _ in range(3):
        with pytest.raises(NoLink):
            direct.get_sensors()
    cloud.faults.clear()
    assert direct.get_sensors() == []


def test_calls_that_control_devices_are_answered(cloud: SandboxCloud) -> None:
    """Orders are none, log lines are kept, instrumentation can be changed."""
    assert _handle(cloud, "POST", "/orders", {}) == 200
    assert _handle(cloud, "POST", "/orders/message/m1", {}) == 200
    assert _handle(cloud, "PUT", "/device_logs", [{"line": "x"}]) == 200
    assert cloud.device_logs == [[{"line": "x"}]]
    assert _handle(cloud, "PATCH", "/instrumentation/s1", {"linkstate": "{}x"}) == 200
    assert cloud.instrumentation == {"s1": {"linkstate": "{}x"}}
    assert _handle(cloud, "GET", "/instrumentation/s1", None) == 200


def test_requests_are_recorded_in_order(client: ApiClient, cloud: SandboxCloud) -> None:
    """What arrived, in which order and how often, can be looked up."""
    client.put_metadata("k", "v", 1.0)
    client.get_metadata("k")
    client.get_metadata("k")
    seen = [(each.method, each.path, each.status) for each in cloud.requests]
    path = "/v1/device/metadata/plain/k"
    assert seen == [("PUT", path, 200), ("GET", path, 200), ("GET", path, 200)]
    assert minijson.loads(cloud.requests[0].body)["value"] == "v"


def test_many_threads_share_a_client(client: ApiClient, cloud: SandboxCloud) -> None:
    """Requests of several threads at once do not disturb each other."""

    def work(number: int) -> None:
        for n in range(10):
            client.put_metadata(f"{number}-{n}", str(n), 1.0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(cloud.metadata) == 80


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"POST /v1/device/pathpoints HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST /v1/device/pathpoints HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"411"),
        (b"NONSENSE\r\n\r\n", b"400"),
    ],
)
def test_a_request_without_a_length_is_refused(
    server: SandboxServer, request_text: bytes, status: bytes
) -> None:
    """What the server cannot frame it refuses, and closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(request_text)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert status in answer
    assert server.cloud.requests == []


def test_closing_ends_what_hangs() -> None:
    """A server with a hanging and an idle connection closes at once and leaves no thread."""
    before = threading.active_count()
    cloud = SandboxCloud()
    started = time.monotonic()
    with SandboxServer(cloud) as server:
        idle, hanging = (ApiClient(server.url, limits=Limits(0.5, 0.2, 0.5)) for _ in range(2))
        idle.get_sensors()
        cloud.faults.add(Fault(kind=FaultKind.HANG_HEADERS))
        with pytest.raises(NoLink):
            hanging.get_sensors()
    idle.close()
    hanging.close()
    while threading.active_count() > before:  # a request's timer ends a moment after it
        assert time.monotonic() - started < 2
        time.sleep(0.001)
    assert time.monotonic() - started < 2
