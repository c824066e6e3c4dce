"""Each fault alone, through real sockets, plain and over mutual TLS: what it becomes, how soon."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from smok_core.cloud.api import ApiClient
from smok_core.cloud.certificates import read_device_certificate
from smok_core.cloud.errors import ClientFault, NoLink, NotTheApi, ServerFault
from smok_core.cloud.transport import Limits
from smok_core.testing.cloud.app import SandboxCloud
from smok_core.testing.cloud.faults import Fault, FaultKind
from smok_core.testing.cloud.gate import CertificateIn, Gate
from smok_core.testing.cloud.pki import Files, SandboxPki
from smok_core.testing.cloud.server import SandboxServer, server_context

from .conftest import QUICK
from .fault_cases import CASES

SENSOR = {"fqts": "tag", "path": "W1", "type": "t" * 40}
POINT = [{"path": "W1", "values": [{"timestamp": 1, "value": 2}]}]
LATEST = QUICK.total + 0.7  # seconds; the machine may be busy


@pytest.fixture
def secure_client(cloud: SandboxCloud, pki: SandboxPki, device_files: Files) -> Iterator[ApiClient]:
    """A client of the sandbox over mutual TLS."""
    context = server_context(pki.issue_server(), device_cas=pki.bundle)
    certificate = read_device_certificate(*device_files, ca_bundle=pki.bundle)
    gate = Gate(CertificateIn.TLS, pki.bundle)
    with (
        SandboxServer(cloud, tls=context, gate=gate) as server,
        ApiClient(server.url, certificate, ca_bundle=pki.bundle, limits=QUICK) as opened,
    ):
        yield opened


def _meet(name: str, client: ApiClient, cloud: SandboxCloud) -> None:
    """Send values into the fault, judge what comes of it, and see that the next request works."""
    case = CASES[name]
    cloud.faults.add(case.fault())
    started = time.monotonic()
    if case.error is None:
        client.post_values(POINT)
    else:
        with pytest.raises(case.error) as caught:
            client.post_values(POINT)
        assert type(caught.value) is case.error
        assert str(caught.value).startswith("POST /v1/device/pathpoints: ")
        for attribute, value in case.attributes.items():
            assert getattr(caught.value, attribute) == value, attribute
    assert time.monotonic() - started < LATEST
    assert len(cloud.points) == case.applied
    client.post_values(POINT)
    assert len(cloud.points) == case.applied + 1


# The body of a values answer is too short to drip or hang in; those meet a longer one below.
IN_LONG_BODIES = ["slow-drip", "hang-body"]


@pytest.mark.parametrize("name", [name for name in CASES if name not in IN_LONG_BODIES])
def test_a_fault_becomes_its_error(client: ApiClient, cloud: SandboxCloud, name: str) -> None:
    """Each fault becomes its own error in time, is applied as often as it was, and passes."""
    _meet(name, client, cloud)


@pytest.mark.parametrize(
    "name",
    [
        "drop-request", "drop-answer", "duplicate", "redirect", "html", "half-body", "gzip-bomb",
        "slow-headers", "hang-connect", "hang-headers", "400", "401", "503",
    ],
)  # fmt: skip
def test_a_fault_becomes_its_error_over_tls(
    secure_client: ApiClient, cloud: SandboxCloud, name: str
) -> None:
    """The same over mutual TLS, where other code reads the bytes."""
    _meet(name, secure_client, cloud)


@pytest.mark.parametrize("name", IN_LONG_BODIES)
@pytest.mark.parametrize("link", ["client", "secure_client"])
def test_a_slow_body_ends_in_time(
    request: pytest.FixtureRequest, cloud: SandboxCloud, name: str, link: str
) -> None:
    """A body that drips or stops is given up at the limit, over HTTP and TLS."""
    client: ApiClient = request.getfixturevalue(link)
    cloud.sensors = [SENSOR]
    cloud.faults.add(CASES[name].fault())
    started = time.monotonic()
    with pytest.raises(NoLink, match=r"longer than 0\.8 s|nothing was heard for 0\.3 s"):
        client.get_sensors()
    assert time.monotonic() - started < LATEST
    assert len(client.get_sensors()) == 1


def test_a_reused_connection_is_under_the_deadline(client: ApiClient, cloud: SandboxCloud) -> None:
    """The total limit holds on a connection that an earlier request has opened."""
    cloud.sensors = [SENSOR]
    client.get_sensors()
    cloud.faults.add(CASES["slow-drip"].fault())
    with pytest.raises(NoLink, match="in total"):
        client.get_sensors()


RETRY_AFTER = [
    ("7", 7.0),
    ("0", 0.0),
    ("999999999", 3600.0),
    ("9" * 400, 3600.0),
    ("-5", None),
    ("soon", None),
    ("", None),
    ("1.5", None),
]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("text", "seconds"), RETRY_AFTER)
def test_retry_after_seconds(
    direct: ApiClient, cloud: SandboxCloud, status: int, text: str, seconds: float | None
) -> None:
    """Seconds are taken up to an hour; anything else is as if it were not there."""
    cloud.faults.add(Fault(kind=FaultKind.STATUS, status=status, retry_after=text))
    with pytest.raises(ServerFault) as caught:
        direct.get_sensors()
    assert caught.value.retry_after == seconds


def test_a_retry_after_date_is_read_by_the_servers_clock(
    client: ApiClient, cloud: SandboxCloud
) -> None:
    """A date counts from the server's own Date, so a device in 1970 waits no half century."""
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 90))
    cloud.faults.add(Fault(kind=FaultKind.STATUS, status=503, retry_after=later))
    client._clock = lambda: 0.0
    with pytest.raises(ServerFault) as caught:
        client.get_sensors()
    assert caught.value.retry_after == pytest.approx(90, abs=3)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Thu, 01 Jan 1970 00:01:40 GMT", 70.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("Thu, 99 Jan 1970 00:00:00 GMT", None),
    ],
)
def test_a_retry_after_date_without_the_servers_clock(
    cloud: SandboxCloud, direct: ApiClient, text: str, seconds: float | None
) -> None:
    """Without a Date the device's clock is used; the past means now, the far future an hour."""
    cloud.faults.add(Fault(kind=FaultKind.STATUS, status=503, retry_after=text))
    direct._clock = lambda: 30.0
    with pytest.raises(ServerFault) as caught:
        direct.get_sensors()
    assert caught.value.retry_after == seconds


def test_one_poison_record_refuses_its_batch(client: ApiClient, cloud: SandboxCloud) -> None:
    """A batch with a bad record is refused whole as bad data; without it the rest is taken."""
    cloud.poison(lambda record: record.get("value") == 66)
    points = [{"path": "W1", "values": [{"timestamp": n, "value": n} for n in (1, 66, 3)]}]
    with pytest.raises(ClientFault) as caught:
        client.post_values(points)
    assert caught.value.is_bad_data
    assert cloud.points == []
    points[0]["values"] = [{"timestamp": n, "value": n} for n in (1, 3)]
    client.post_values(points)
    assert cloud.values == {"W1": [(1, 1), (3, 3)]}


def test_an_unknown_metadata_key_is_told_from_a_missing_page(
    client: ApiClient, cloud: SandboxCloud
) -> None:
    """404 by the API means that the key is unknown; a 404 page says nothing about it."""
    assert client.get_metadata("k") is None
    for call in (client.get_metadata, client.delete_metadata):
        cloud.faults.add(Fault(kind=FaultKind.PAGE_STATUS, status=404))
        with pytest.raises(ClientFault):
            call("k")


def test_a_redirect_is_not_followed(
    client: ApiClient, cloud: SandboxCloud, server: SandboxServer
) -> None:
    """A redirect, even to the same server, is one request and an error."""
    target = f"{server.url}/v1/device/sensors"
    cloud.faults.add(Fault(kind=FaultKind.REDIRECT, location=target, path="*/predicates"))
    with pytest.raises(NotTheApi, match="302"):
        client.get_predicates()
    assert cloud.requests == []


def test_an_answer_over_the_limit_is_refused(client: ApiClient, cloud: SandboxCloud) -> None:
    """More bytes than the limit are not read to the end, compressed or not."""
    cloud.baobs = {"big": (bytes(QUICK.answer_bytes + 1), 1), "fits": (bytes(1024 * 1024), 1)}
    with pytest.raises(NotTheApi, match="larger than 1048576 bytes"):
        client.get_baob("big")
    assert len(client.get_baob("fits")[0]) == QUICK.answer_bytes


def test_no_server_at_all() -> None:
    """A refused connection is a missing link and says so."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with (
        ApiClient(f"http://127.0.0.1:{port}", limits=QUICK) as client,
        pytest.raises(NoLink, match="refused"),
    ):
        client.get_device()


def test_an_unknown_host() -> None:
    """A host name that cannot be resolved is a missing link and says so."""
    with (
        ApiClient("http://no-such-host.invalid", limits=QUICK) as client,
        pytest.raises(NoLink, match="cannot be resolved"),
    ):
        client.get_device()


def test_a_server_that_takes_no_connection() -> None:
    """A full queue of connections ends at the connect limit."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        started = time.monotonic()
        limits = Limits(connect=0.3, read=0.3, total=0.6)
        with (
            ApiClient(f"http://127.0.0.1:{port}", limits=limits) as client,
            pytest.raises(NoLink, match=r"no connection within 0\.3 s"),
        ):
            client.get_device()
        assert time.monotonic() - started < LATEST
        for each in waiting:
            each.close()


@contextmanager
def _in_thread(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize(
    "nonsense",
    [b"hello\r\n\r\n", b"\x16\x03\x01", b"HTTP/1.1 two hundred\r\n\r\n", b"x" * 100_000],
    ids=["text", "tls", "status", "long-line"],
)
def test_what_speaks_no_http_is_not_the_api(nonsense: bytes) -> None:
    """Bytes that are no HTTP answer are told from a missing link."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = ApiClient(f"http://127.0.0.1:{port}", limits=QUICK)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(nonsense)

        with _in_thread(answer), client, pytest.raises(NotTheApi, match="not HTTP"):
            client.get_device()


def test_a_slow_link_has_time_for_a_large_body() -> None:
    """A body that keeps moving may take longer than the connect limit; the total limit counts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        size = 12 * 1024 * 1024

        def read_slowly() -> None:
            connection, _ = listener.accept()
            with connection:
                received = 0
                while received < size:
                    received += len(connection.recv(65536))
                    time.sleep(0.005)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        limits = Limits(connect=0.3, read=5.0, total=20.0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started = time.monotonic()
        with _in_thread(read_slowly), ApiClient(url, baob_limits=limits) as client:
            client.put_baob("k", bytes(size), 1)
        assert time.monotonic() - started > 2 * limits.connect


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n"


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b""], ids=["whole", "cut"])
def test_chunked_answers_are_read_to_their_end(end: bytes) -> None:
    """A chunked answer counts only with its last chunk."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(CHUNKED + end)

        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with _in_thread(answer), ApiClient(url, limits=QUICK) as client:
            if end:
                assert client.get_sensors() == []
            else:
                with pytest.raises(NoLink):
                    client.get_sensors()


def test_a_server_that_does_not_read_ends_in_time() -> None:
    """An upload into a server that has stopped reading is given up at the limit."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started = time.monotonic()
        with ApiClient(url, baob_limits=QUICK) as client, pytest.raises(NoLink):
            client.put_baob("k", bytes(32 * 1024 * 1024), 1)
        assert time.monotonic() - started < LATEST
