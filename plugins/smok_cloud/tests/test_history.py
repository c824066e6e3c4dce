"""The history of backlog and disk: bounded, in step with the clock, kept by the service."""

import pytest
from smok_cloud.api import ApiClient
from smok_cloud.history import RINGS, History, read_history
from smok_cloud.service import Service
from smok_testing.cloud.inprocess import InProcessTransport

import smok_core
from plugins.smok_cloud.tests.conftest import QUICK

MEMORY = {
    "device": "d",
    "stores": {"s": {"backend": "memory"}},
    "roles": {"default": "s"},
    "cloud": {"url": "http://127.0.0.1:1"},
}
DAY = 86_400


@pytest.fixture
def databases():
    """Everything in memory."""
    with smok_core.open_databases(MEMORY) as opened:
        yield opened


def test_it_is_bounded_whatever_the_time(databases):
    """Forty days leave no more rows than the rings have places, and five weeks are read."""
    now = {"s": 1_700_000_000.0}
    history = History(databases, clock=lambda: now["s"])
    for _ in range(40 * 24 * 4):
        now["s"] += 900
        history.record()
    rows = list(databases.engines["s"].table("cloud.history").rows())
    assert len(rows) <= sum(ring.size for ring in RINGS.values())
    moments = read_history(databases, now["s"])
    assert moments[-1].at == now["s"]
    assert 34 * DAY < now["s"] - moments[0].at <= 35 * DAY
    assert [m.at for m in moments] == sorted({m.at for m in moments})


def test_it_says_what_was_so(databases):
    """Counts of all roles, and the time of what waits longest."""
    databases.pathpoints.on_new_data_many([("p", 5_000, 1), ("p", 6_000, 2)])
    databases.metadata.put_plain("a", "b")
    History(databases, clock=lambda: 1000.0).record()
    (moment,) = read_history(databases, 1001.0)
    assert (moment.pending, moment.oldest, moment.dead) == (3, 5.0, 0)


def test_at_most_one_moment_each_five_minutes(databases):
    """Asking often costs nothing: within five minutes the first look stands."""
    now = {"s": 900.0}
    history = History(databases, clock=lambda: now["s"])
    history.record()
    databases.metadata.put_plain("a", "b")
    now["s"] += 299
    history.record()
    assert [m.pending for m in read_history(databases, now["s"])] == [0]
    now["s"] += 1
    history.record()
    assert [m.pending for m in read_history(databases, now["s"])] == [0, 1]


def test_a_clock_that_ran_ahead_is_left_out(databases):
    """What lies in the future is not shown, and is written over when the time comes."""
    History(databases, clock=lambda: 10.0 * DAY).record()
    History(databases, clock=lambda: 5.0 * DAY).record()
    assert [m.at for m in read_history(databases, 6.0 * DAY)] == [5.0 * DAY]


def test_the_service_keeps_it(databases, cloud):
    """A round of the upload leaves a moment."""
    api = ApiClient("http://sandbox", transport=InProcessTransport(cloud), limits=QUICK)
    service = Service(databases, api, clock=lambda: 5000.0)
    service.synchronizer.run_once()
    assert [m.at for m in read_history(databases, 5001.0)] == [5000.0]
