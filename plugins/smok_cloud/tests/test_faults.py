"""Each fault alone, through real sockets, plain and over mutual TLS: what it becomes, how soon."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest
from smok_cloud.api import ApiClient
from smok_cloud.certificates import read_device_certificate
from smok_cloud.errors import ClientFault, NoLink, NotTheApi, ServerFault
from smok_cloud.transport import Limits
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.certificate_check import CertificateCheck, CertificateIn
from smok_testing.cloud.faults import Fault, FaultKind
from smok_testing.cloud.pki import Files, SandboxPki
from smok_testing.cloud.server import SandboxServer, server_context

from plugins.smok_cloud.tests.conftest import PATIENT, QUICK
from plugins.smok_cloud.tests.fault_cases import CASES

SENSOR = {"fqts": "tag", "path": "W1", "type": "t" * 40}
POINT = [{"path": "W1", "values": [{"timestamp": 1, "value": 2}]}]
LATEST = QUICK.total + 2.0  # seconds; the machine may be busy


@pytest.fixture
def secure_client(cloud: SandboxCloud, pki: SandboxPki, device_files: Files) -> Iterator[ApiClient]:
    """A client of the sandbox over mutual TLS."""
    context = server_context(pki.issue_server(), device_cas=pki.bundle)
    certificate = read_device_certificate(*device_files, ca_bundle=pki.bundle)
    certificate_check = CertificateCheck(CertificateIn.TLS, pki.bundle)
    with (
        SandboxServer(cloud, tls=context, certificate_check=certificate_check) as server,
        ApiClient(server.url, certificate, ca_bundle=pki.bundle, limits=PATIENT) as opened,
    ):
        yield opened


def _meet(name: str, client: ApiClient, cloud: SandboxCloud) -> None:
    """Send values into the fault, judge what comes of it, and see that the next request works."""
    case = CASES[name]
    cloud.faults.add(case.fault())
    client._limits = QUICK if name.startswith(("slow", "hang")) else PATIENT
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
    client._limits = PATIENT
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
    client._limits = QUICK
    started = time.monotonic()
    with pytest.raises(NoLink, match=r"longer than 0\.8 s|nothing was heard for 0\.3 s"):
        client.get_sensors()
    assert time.monotonic() - started < LATEST
    client._limits = PATIENT
    assert len(client.get_sensors()) == 1


@pytest.mark.parametrize("kind", [FaultKind.HANG_HEADERS, FaultKind.HANG_BODY])
@pytest.mark.parametrize("link", ["client", "secure_client"])
def test_closing_the_client_ends_a_request_at_once(
    request: pytest.FixtureRequest, cloud: SandboxCloud, link: str, kind: FaultKind
) -> None:
    """Whoever has to stop soon closes the client; the request under way acknowledges nothing."""
    client: ApiClient = request.getfixturevalue(link)
    client._limits = Limits(total=30.0)
    cloud.sensors = [SENSOR]
    cloud.faults.add(Fault(kind=kind))
    timer = threading.Timer(0.2, client.close)
    timer.start()
    started = time.monotonic()
    with pytest.raises(NoLink, match="the client was closed"):
        client.get_sensors()
    assert time.monotonic() - started < 2
    timer.join()
    assert len(client.get_sensors()) == 1


def test_a_signal_handler_can_end_a_request(client: ApiClient, cloud: SandboxCloud) -> None:
    """SIGTERM's handler may close the client in the very thread that waits for an answer."""
    client._limits = Limits(total=30.0)
    cloud.faults.add(Fault(kind=FaultKind.HANG_HEADERS))
    before = signal.signal(signal.SIGALRM, lambda *_: client.close())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(NoLink, match="the client was closed"):
            client.get_sensors()
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_reused_connection_is_under_the_deadline(client: ApiClient, cloud: SandboxCloud) -> None:
    """The total limit holds on a connection that an earlier request has opened."""
    cloud.sensors = [SENSOR]
    client.get_sensors()
    client._limits = QUICK
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
    cloud.baobs = {"big": (bytes(PATIENT.answer_bytes + 1), 1), "fits": (bytes(1024 * 1024), 1)}
    with pytest.raises(NotTheApi, match="larger than 1048576 bytes"):
        client.get_baob("big")
    assert len(client.get_baob("fits")[0]) == PATIENT.answer_bytes
