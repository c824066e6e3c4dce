"""The synchronizer keeps its rules in hundreds of seeded worlds full of faults (U1, U2, Q1-Q5).

A failing seed is repeated by ``python -c "from tests.simulation.world import run; run(SEED)"``.
"""

import os

import pytest
from smok_cloud.api import ApiClient
from smok_cloud.delivery import Delivery
from smok_cloud.errors import ClientFault

from smok_core.roles.pathpoints import DataToSynchronize
from tests.simulation.world import World, run

SEEDS = 5000 if os.environ.get("SMOK_LONG") else 300
CHUNK = 25


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_good_record_arrives_whatever_happens(first):
    """Faults, restarts, clock jumps: nothing lost, nothing acknowledged without its answer."""
    worlds = []
    for seed in range(first, first + CHUNK):
        try:
            worlds.append(run(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    assert sum(world.restarts for world in worlds) > 0, "no process died: the worlds are too tame"
    assert sum(len(world.cloud.faults.taken) for world in worlds) > CHUNK


def test_one_seed_is_one_run():
    """The same seed gives the same requests in the same order."""
    first, second = run(7), run(7)
    assert [r[:2] for r in first.cloud.requests] == [r[:2] for r in second.cloud.requests]


def caught(seeds: int = 60, *, refusing: bool = False) -> int:
    """Count the seeds whose world notices that something is wrong."""
    count = 0
    for seed in range(seeds):
        try:
            run(seed, refusing=refusing)
        except AssertionError:
            count += 1
    return count


def test_dropping_the_batch_on_any_4xx_is_caught(monkeypatch):
    """The reference's rule, damaged data is marked as sent, loses good records here."""

    def deliver(self, batch, limit):
        try:
            self._send(batch.part(0, limit))
        except ClientFault as error:
            batch.part(0, limit).reject(str(error))

    monkeypatch.setattr(Delivery, "deliver", deliver)
    assert caught() > 0


def test_a_2xx_without_a_valid_body_as_success_is_caught(monkeypatch):
    """A captive portal's page taken for an answer acknowledges what never arrived."""
    monkeypatch.setattr(ApiClient, "_check_taken", lambda *_: None)
    assert caught() > 0


def test_acknowledging_by_timestamp_is_caught(monkeypatch):
    """Acknowledging everything up to the newest timestamp of the batch loses late points."""

    def acknowledge(self):
        newest = max(point.ts for point in self.records)
        pending = self._outbox._queue.pending(10**6, 0)
        self._outbox._acknowledge([point for point in pending if point.ts <= newest], {})
        self._outbox._out = None

    monkeypatch.setattr(DataToSynchronize, "acknowledge", acknowledge)
    assert caught() > 0


def test_rejecting_a_whole_batch_is_caught(monkeypatch):
    """Without bisection good records become dead letters."""
    monkeypatch.setattr(Delivery, "_refused", lambda _, batch, error: batch.reject(str(error)))
    assert caught() > 0


def test_setting_aside_while_nothing_gets_through_is_caught(monkeypatch):
    """A server that refuses everything for a while turns good records into dead letters."""
    monkeypatch.setattr(Delivery, "_judge", Delivery._set_aside_suspects)
    assert caught(refusing=True) > 0


@pytest.mark.parametrize("seed", range(20))
def test_a_server_that_refuses_everything_for_a_while_costs_nothing(seed):
    """With 400, 413 or 422 for everything, all is kept; afterwards all arrives."""
    run(seed, refusing=True)


def test_acknowledging_before_the_answer_is_caught(monkeypatch):
    """What leaves the queue before the cloud has answered is lost with the link."""
    send = ApiClient.post_values

    def careless(self, values):
        world.roles["pathpoints"].get_data_to_sync().acknowledge()
        send(self, values)

    failures = 0
    for seed in range(20):
        world = World(seed)
        with monkeypatch.context() as patch:
            patch.setattr(ApiClient, "post_values", careless)
            try:
                world.live(40)
                world.check_acknowledges()
            except AssertionError:
                failures += 1
    assert failures > 0
