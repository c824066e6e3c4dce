"""A refused batch: bad records are found among good ones, a server that refuses all finds none."""

import random

import msgspec
import pytest
from smok_cloud.api import ApiClient
from smok_cloud.errors import NoLink
from smok_cloud.statistics import STATISTICS_TABLE, JobStatistics
from smok_cloud.synchronizer import Synchronizer
from smok_cloud.transport import Answer, Limits
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.faults import Fault, FaultKind
from smok_testing.cloud.inprocess import InProcessTransport

import smok_core
from smok_core.engine.memory import MemoryEngine

REFUSALS = [400, 413, 422]


@pytest.fixture
def cloud():
    """What the device talks to."""
    return SandboxCloud()


@pytest.fixture
def api(cloud):
    """The way there."""
    return ApiClient("http://sandbox", transport=InProcessTransport(cloud))


@pytest.fixture
def databases():
    """All roles in memory."""
    with smok_core.open_databases({}) as opened:
        yield opened


def refuse_all(cloud, status, path="*"):
    """Let the cloud refuse whatever comes."""
    cloud.faults.add(Fault(kind=FaultKind.STATUS, status=status, path=path, times=None))


def letters(databases):
    """Count the dead letters of all roles."""
    return sum(len(list(database.get_dead_letters())) for _, database in databases)


@pytest.mark.parametrize("status", REFUSALS)
def test_a_server_that_refuses_everything_gets_few_requests_and_no_letters(
    cloud, api, databases, status
):
    """1 000 points stay where they are, in order, and arrive when the server has changed."""
    databases.pathpoints.on_new_data_many([("a", ts, ts) for ts in range(1000)])
    databases.metadata.put_plain("k", "v")
    refuse_all(cloud, status)
    synchronizer = Synchronizer(dict(databases), api)
    assert not synchronizer.run_once()
    assert letters(databases) == 0
    assert databases.pathpoints.stats().pending == 1000
    uploads = [fault for fault in cloud.faults.taken if fault.status == status]
    assert len(uploads) <= 50
    counts = synchronizer.statistics["pathpoints up"]
    assert "refuses everything" in counts.last_error
    assert (counts.refused, counts.refused_all, counts.pending) == (0, 1, 1000)
    assert synchronizer.undelivered
    cloud.faults.clear()
    assert synchronizer.run_once()
    assert [ts for ts, _ in cloud.values["a"]] == list(range(1000))
    assert synchronizer.statistics["pathpoints up"].refused_all == 0


def test_an_hour_of_refusals_costs_a_bounded_number_of_requests(cloud, api, databases):
    """The pace backs off, and nothing is set aside however often it is tried."""
    databases.pathpoints.on_new_data_many([("a", ts, ts) for ts in range(1000)])
    refuse_all(cloud, 422, "/v1/device/pathpoints")
    now = [0.0]
    synchronizer = Synchronizer(
        dict(databases), api, monotonic=lambda: now[0], random=random.Random(1)
    )
    while now[0] < 3600:
        synchronizer.step()
        now[0] += 1.0
    assert len(cloud.faults.taken) <= 24 * (1 + 2 + 4 + 8 + 16 + 32 + 64)
    assert synchronizer.statistics["pathpoints up"].refused_all <= 8
    assert letters(databases) == 0
    assert databases.pathpoints.stats().pending == 1000


@pytest.mark.parametrize("batch", [1, 3, 10, 1000])
@pytest.mark.parametrize("bad", [{0}, {99}, set(range(8)), {0, 7, 50, 51, 98, 99}])
def test_bad_records_among_good_ones_are_found(cloud, api, databases, batch, bad):
    """Wherever they are, also when a batch holds nothing else: the good ones arrive in order."""
    databases.pathpoints.on_new_data_many(
        [("a", ts, "poison" if ts in bad else ts) for ts in range(100)]
    )
    cloud.poison(lambda record: record.get("value") == "poison")
    synchronizer = Synchronizer(dict(databases), api, batch=batch)
    assert synchronizer.run_once()
    assert [ts for ts, _ in cloud.values["a"]] == [ts for ts in range(100) if ts not in bad]
    assert letters(databases) == len(bad) == synchronizer.undelivered
    assert databases.pathpoints.stats().pending == 0


@pytest.mark.parametrize("batch", [1, 50, 1000])
def test_many_bad_records_at_the_head_do_not_hold_the_others_for_ever(cloud, api, databases, batch):
    """Each attempt looks further, in a process of its own, too: cron runs one for each."""
    databases.pathpoints.on_new_data_many(
        [("a", ts, "poison" if ts < 200 else ts) for ts in range(300)]
    )
    cloud.poison(lambda record: record.get("value") == "poison")
    table = MemoryEngine().table(STATISTICS_TABLE)
    for _ in range(8):
        synchronizer = Synchronizer(dict(databases), api, batch=batch, table=table)
        if synchronizer.run_once():
            break
        assert letters(databases) == 0
    assert [ts for ts, _ in cloud.values["a"]] == list(range(200, 300))
    assert letters(databases) == 200


def test_a_bad_record_alone_waits_for_company(cloud, api, databases):
    """Nothing tells a bad record from a server that refuses all, until another gets through."""
    databases.pathpoints.on_new_data("a", 1, "poison")
    cloud.poison(lambda record: record.get("value") == "poison")
    synchronizer = Synchronizer(dict(databases), api)
    assert not synchronizer.run_once()
    assert (letters(databases), databases.pathpoints.stats().pending) == (0, 1)
    databases.pathpoints.on_new_data("a", 2, 2)
    assert synchronizer.run_once()
    assert (letters(databases), databases.pathpoints.stats().pending) == (1, 0)


def test_a_server_that_begins_to_refuse_in_the_middle_keeps_the_rest(cloud, api, databases):
    """What got through before says nothing about a server that refuses 24 requests in a row."""
    databases.pathpoints.on_new_data_many([("a", ts, ts) for ts in range(1000)])
    fault = Fault(kind=FaultKind.STATUS, status=400, path="/v1/device/pathpoints", times=None)
    fault.skip = 3
    cloud.faults.add(fault)
    synchronizer = Synchronizer(dict(databases), api, batch=100)
    assert not synchronizer.run_once()
    assert letters(databases) == 0
    assert databases.pathpoints.stats().pending == 700


def test_items_of_their_own_are_kept_when_all_are_refused(cloud, api, databases):
    """Metadata and macros go one by one: the same rule holds."""
    for number in range(60):
        databases.metadata.put_plain(f"k{number}", "v")
    refuse_all(cloud, 422, "/v1/device/metadata/*")
    assert not Synchronizer(dict(databases), api).run_once()
    assert (letters(databases), databases.metadata.stats().pending) == (0, 60)


def test_one_bad_item_among_others_is_set_aside(cloud, api, databases):
    """One key is refused, the others get through."""
    for number in range(5):
        databases.metadata.put_plain(f"k{number}", "v")
    refuse_all(cloud, 422, "/v1/device/metadata/plain/k0")
    synchronizer = Synchronizer(dict(databases), api)
    synchronizer.run_once()
    assert synchronizer.statistics["metadata up"].refused == 1
    assert [letter.key for letter in databases.metadata.get_dead_letters()] == ["k0"]
    assert set(cloud.metadata) == {"k1", "k2", "k3", "k4"}


class NoNetwork:
    """Reaches nobody."""

    def send(self, method, path, headers, body, limits):
        raise NoLink(f"{method} {path}", "no route to host")

    def close(self):
        """Nothing to close."""


@pytest.fixture
def cut_off(databases):
    """Give a synchronizer without a link that has an event to send."""
    databases.events.add_event(smok_core.Event(started_on=1))
    return Synchronizer(dict(databases), ApiClient("http://x", transport=NoNetwork()))


def test_metadata_without_keys_asks_nobody(cut_off):
    """No request, no answer: the job had no success, and the link is not back for it."""
    cut_off.run_once()
    assert cut_off.link_is_down
    assert {job.last_success for job in cut_off.statistics.values()} == {None}


def test_a_round_without_a_link_is_told_once(cut_off, caplog):
    """Not for each job again, as `run --once` would each night that the plant is offline."""
    caplog.set_level("INFO")
    cut_off.run_once()
    told = [line.getMessage() for line in caplog.records if "no route to host" in line.getMessage()]
    assert [line.partition(":")[0] for line in told] == ["events up", "LINK DOWN"]


def test_a_lost_link_is_told_although_one_job_alone_has_something_to_send(cloud, api, databases):
    """A download is asked at once, not in 5 minutes: is it the link, or what the job sends?"""
    now = [0.0]
    synchronizer = Synchronizer(
        dict(databases), api, monotonic=lambda: now[0], random=random.Random(1)
    )
    synchronizer.step()
    cloud.faults.add(Fault(kind=FaultKind.DROP_REQUEST, times=None))
    databases.pathpoints.on_new_data("a", 1, 1)
    for _ in range(12):
        now[0] += 1.0
        synchronizer.step()
    assert synchronizer.link_is_down
    assert 2 <= len(cloud.faults.taken) <= 4


def test_a_job_that_finds_no_link_alone_is_no_lost_link(cloud, api, databases):
    """A download that is answered says that the link is there, each time the job has failed."""
    now = [0.0]
    synchronizer = Synchronizer(
        dict(databases), api, monotonic=lambda: now[0], random=random.Random(1)
    )
    synchronizer.step()
    path = "/v1/device/pathpoints"
    cloud.faults.add(Fault(kind=FaultKind.DROP_REQUEST, path=path, times=None))
    databases.pathpoints.on_new_data("a", 1, 1)
    before = len(cloud.requests)
    for _ in range(120):
        now[0] += 1.0
        synchronizer.step()
        assert not synchronizer.link_is_down
    asked = len(cloud.requests) - before
    assert 0 < asked <= len(cloud.faults.taken)


class Proxy(InProcessTransport):
    """Takes no body of more than so many bytes, and says so with a page of its own."""

    def __init__(self, cloud, limit):
        super().__init__(cloud)
        self.limit, self.bytes, self.too_large = limit, 0, 0

    def send(self, method, path, headers, body, limits):
        self.bytes += len(body)
        if len(body) <= self.limit:
            return super().send(method, path, headers, body, limits)
        self.too_large += 1
        page = b"<html>413 Request Entity Too Large</html>"
        return Answer(413, {"content-length": str(len(page))}, page)


def test_the_size_that_a_proxy_takes_is_learned(cloud, databases):
    """A backlog costs little more than its bytes; in a new process, and when the proxy is gone."""
    wanted = 20_000
    for start in range(0, wanted, 1000):
        stamps = range(start, start + 1000)
        databases.pathpoints.on_new_data_many([("a", ts, ts) for ts in stamps])
    table, proxy = MemoryEngine().table(STATISTICS_TABLE), Proxy(cloud, 2000)
    api = ApiClient("http://sandbox", transport=proxy)
    assert Synchronizer(dict(databases), api, table=table).run_once()
    assert [ts for ts, _ in cloud.values["a"]] == list(range(wanted))
    sent, least = proxy.bytes, sum(len(f"[{ts},{ts}]") for ts in range(wanted))
    assert sent < 1.5 * least, (sent, least)
    assert (proxy.too_large < 40, letters(databases)) == (True, 0)

    before, proxy.limit = proxy.too_large, 10**9
    for start in range(wanted, 2 * wanted, 1000):
        stamps = range(start, start + 1000)
        databases.pathpoints.on_new_data_many([("a", ts, ts) for ts in stamps])
    again = Synchronizer(dict(databases), api, table=table)
    first = again.statistics["pathpoints up"].most
    assert first < 500
    assert again.run_once()
    assert again.statistics["pathpoints up"].most > first
    assert proxy.too_large == before


def test_one_record_that_is_too_large_makes_no_small_requests(cloud, databases):
    """Its neighbours went in hundreds: so do the next."""
    for ts in range(3000):
        databases.pathpoints.on_new_data("a", ts, "x" * 60_000 if ts in (1, 1999) else "x")
    proxy = Proxy(cloud, 50_000)
    synchronizer = Synchronizer(dict(databases), ApiClient("http://sandbox", transport=proxy))
    assert synchronizer.run_once()
    assert (letters(databases), len(cloud.values["a"])) == (2, 2998)
    assert synchronizer.statistics["pathpoints up"].most >= 250


@pytest.mark.parametrize("bad", [(b"x" * 5000, 3), (b"1", 2**63)], ids=["large", "version"])
def test_a_baob_that_cannot_be_taken_holds_no_other(cloud, databases, bad):
    """One beyond the limits at the cloud: the others come and go, and the failure is told."""
    cloud.baobs.update({"bad": bad, "good": (b"1", 1)})
    databases.baobs.set_baob_value("up", b"2", 1)
    transport = InProcessTransport(cloud)
    api = ApiClient("http://sandbox", transport=transport, baob_limits=Limits(answer_bytes=1000))
    synchronizer = Synchronizer(dict(databases), api)
    assert not synchronizer.run_once()
    assert "baobs/bad" in synchronizer.statistics["baobs down"].last_error
    assert (databases.baobs.get_all_versions(), "up" in cloud.baobs) == ({"up": 1, "good": 1}, True)


def test_old_statistics_are_read(databases, api):
    """A row of a release without the count of refusals does not keep the synchronizer away."""
    table = MemoryEngine().table(STATISTICS_TABLE)
    row = msgspec.structs.asdict(JobStatistics())
    for name in ("refused_all", "most", "fitted"):
        del row[name]
    table.put("events up", msgspec.json.encode(row))
    table.put("metadata up", b"torn")
    assert Synchronizer(dict(databases), api, table=table).run_once()
