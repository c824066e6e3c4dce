"""The outbox: what it asks of the engine, and what a failure leaves out."""

import sys
from collections import Counter

import pytest
from smok_cloud.errors import ClientFault
from smok_cloud.statistics import JobStatistics
from smok_cloud.uploads import UPLOADS

import smok_core
from smok_core.engine.base import PendingPoint
from smok_core.errors import BackendUnavailable


@pytest.fixture
def roles():
    with smok_core.open_databases({"roles": {"default": "memory"}}) as databases:
        yield databases


def _counted(monkeypatch, owner, method):
    """Count the calls of a method of an engine's part."""
    calls = []
    original = getattr(owner, method)
    monkeypatch.setattr(owner, method, lambda *a, **k: (calls.append(a), original(*a, **k))[1])
    return calls


def test_a_short_page_ends_a_take(roles, monkeypatch):
    """The engine is asked once for a batch that it cannot fill, and once for a full one."""
    asked = _counted(monkeypatch, roles.pathpoints.outbox._queue, "pending")
    roles.pathpoints.on_new_data_many([("p", n, n) for n in range(4)])
    roles.pathpoints.get_data_to_sync().acknowledge()
    assert asked == [(1000, 0)]
    assert roles.pathpoints.get_data_to_sync() is None
    roles.pathpoints.on_new_data_many([("p", n, n) for n in range(10, 14)])
    assert len(roles.pathpoints.get_data_to_sync(4)) == 4
    assert len(asked) == 3


def test_what_cannot_be_decoded_is_made_up_for(roles):
    """A full page with damage in it is followed by another look, so the batch is full."""
    for number in range(6):
        roles.macros.notify_macro_executed("m", number)
    done = roles.macros._done
    (first, *_) = done.pending(1)
    done.put(first.key, b"\xc1", pending=True, expected_seq=first.seq)
    batch = roles.macros.get_macros_to_sync(6)
    assert [e.timestamp for e in batch.executions] == [1, 2, 3, 4, 5]
    assert roles.macros.stats().dead == 1


def test_a_reading_that_cannot_be_decoded_is_one_line_of_the_log(roles, caplog):
    """A traceback for each, some hundred lines of nested containers, would fill a small disk."""
    roles.pathpoints.outbox._queue.append([("p", 1000, b"\xc1"), ("q", 1000, b"\xc1")])
    assert list(roles.pathpoints.get_archive_data("p")) == []
    assert len(caplog.text.splitlines()) == 1
    assert "'p' at 1000 us: 1 bytes cannot be decoded" in caplog.text


def test_calls_from_the_role_to_the_engine_and_back(roles):
    """A take and an acknowledgement cost a few calls, however many records they carry."""
    engines_own = {PendingPoint.__new__.__code__.co_filename}
    calls: Counter[str] = Counter()

    def watch(frame, event, _):
        name = frame.f_code.co_filename
        if event == "call" and "/roles/outbox" in name and name not in engines_own:
            calls[frame.f_code.co_qualname] += 1

    def count(work):
        calls.clear()
        sys.setprofile(watch)
        try:
            return work(), calls.total()
        finally:
            sys.setprofile(None)

    for records in (4, 400):
        roles.pathpoints.on_new_data_many([("p", n, n) for n in range(records * 10, records * 11)])
        batch, taking = count(roles.pathpoints.get_data_to_sync)
        assert len(batch) == records
        _, acknowledging = count(batch.acknowledge)
        assert taking <= 3
        assert acknowledging <= 3


def test_a_failed_acknowledgement_can_be_repeated(roles, monkeypatch):
    """While nobody knows whether the store took it, the batch stays out and can be answered."""
    roles.pathpoints.on_new_data_many([("p", n, n) for n in range(3)])
    batch = roles.pathpoints.get_data_to_sync()

    def away(_):
        raise BackendUnavailable("plant", "no answer")

    with monkeypatch.context() as patch:
        patch.setattr(roles.pathpoints.outbox._queue, "acknowledge", away)
        with pytest.raises(BackendUnavailable):
            batch.acknowledge()
    roles.pathpoints.on_new_data("p", 9, 9)
    assert len(roles.pathpoints.get_data_to_sync()) == 3
    batch.acknowledge()
    assert len(roles.pathpoints.get_data_to_sync()) == 1


def test_the_names_of_the_published_client_are_the_same_answers(roles):
    """`negative_acknowledge`, `nack`, `ack` are what `release` and `acknowledge` are."""
    roles.metadata.put_plain("k", "v")
    roles.metadata.get_plain_to_sync().negative_acknowledge()
    roles.metadata.get_plain_to_sync().acknowledge()
    assert roles.metadata.get_plain_to_sync() is None
    roles.sensor_writes.add_sw(
        smok_core.SensorWriteEvent(
            timestamp=1, who="", hr_sensor="", hr_value="", fqts="", value="", reason=""
        )
    )
    batch = roles.sensor_writes.get_sw_sync()
    batch.nack()
    batch.ack()
    assert roles.sensor_writes.stats().pending == 1
    roles.sensor_writes.get_sw_sync().ack()
    assert roles.sensor_writes.stats().pending == 0


def test_a_record_that_is_refused_for_now_does_not_hold_newer_ones(roles):
    """A macro that the cloud answers with 404 stays; one that is executed later is reported."""
    told = []

    class Cloud:
        def post_macro_done(self, macro_id, timestamp):
            if macro_id == "unknown":
                raise ClientFault("POST /macros", "404", 404, from_api=True)
            told.append((macro_id, timestamp))

    upload = next(upload for upload in UPLOADS if upload.role == "macros")
    for macro_id in ("unknown", "known"):
        roles.macros.notify_macro_executed(macro_id, 5)
        with pytest.raises(ClientFault):
            upload.one_batch(dict(roles), Cloud(), 1000, JobStatistics())
    assert told == [("known", 5)]
    assert list(roles.macros.get_done_macros()) == [("unknown", 5)]
