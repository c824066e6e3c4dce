"""What the bridge promises, tried with the client's own classes; run in the client's environment.

scenarios.py prints one line of JSON: each scenario's name and its traceback, or null. Each one's
docstring is its promise.
"""

import enum
import json
import logging
import math
import os
import pickle
import subprocess
import sys
import tempfile
import traceback
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import minijson
from satella.time import time_ms
from scenario_tools import (
    AnyPathpoint,
    FakeDevice,
    Outage,
    as_client,
    as_client_of,
    event,
    in_pool,
    in_pools,
    memory,
    raises,
    refused,
    refused_values,
    sync,
    with_outage,
)
from smok import extras
from smok.exceptions import (
    NotReadedError,
    OperationFailedError,
    OperationFailedReason,
    ResponseError,
)
from smok.macro import Macro
from smok.pathpoint import Pathpoint
from smok.predicate import Color, DisabledTime, Event, Time
from smok.sensor import Sensor, SensorWriteEvent
from smok_client import bridge, register_state
from smok_client.legacy import import_legacy

import smok_core
from smok_core.errors import (
    BackendUnavailable,
    InvalidType,
    InvalidValue,
    QueueFull,
    SmokError,
    VersionNotNewer,
)

ROOT = Path(__file__).resolve().parents[4]


def scenario_the_client_takes_them_for_its_own():
    """The nine are instances of the client's abstract classes, and true, as it tests them."""
    kinds = {
        "evt_database": extras.BaseEventDatabase,
        "pp_database": extras.BasePathpointDatabase,
        "macro_database": extras.BaseMacroDatabase,
        "meta_database": extras.BaseMetadataDatabase,
        "sensor_database": extras.BaseSensorDatabase,
        "baob_database": extras.BaseBAOBDatabase,
        "pred_database": extras.BasePredicateDatabase,
        "arch_database": extras.BaseArchivesDatabase,
        "sensor_write_database": extras.BaseSensorWriteDatabase,
    }
    stores = memory()
    assert set(stores) == set(kinds)
    for name, kind in kinds.items():
        assert isinstance(stores[name], kind), name
        assert stores[name], name


def scenario_the_uuid_is_written_on_the_event_that_was_added():
    """An acknowledged event's own object gets the uuid, and is the object that is given out."""
    events = memory()["evt_database"]
    first, second = event("a"), event("b")
    events.add_event(first)
    events.add_event(second)
    assert next(events.get_all_events()) is first
    sync(events, "u1", "u2")
    assert (first.uuid, second.uuid) == ("u1", "u2")
    assert events.get_events_to_sync() is None


def scenario_an_event_closed_during_its_upload_goes_up_again():
    """Closing while the upload is under way leaves the event pending, with its uuid."""
    events = memory()["evt_database"]
    opened = event()
    events.add_event(opened)
    batch = events.get_events_to_sync()
    opened.ended_on = 9.75
    events.close_event(opened)
    batch.acknowledge("u1")
    (again,) = events.get_events_to_sync().get_events()
    assert (again.uuid, again.ended_on, again.to_json()["uuid"]) == ("u1", 9, "u1")


def scenario_an_event_comes_back_as_it_was():
    """Every field of an event survives, and what the client lets through in them is accepted."""
    events = memory()["evt_database"]
    given = event(started_on=5.5, token=None, metadata={"a": 1}, handled_by="Ann", is_point=True)
    events.add_event(given)
    (got,) = events.get_events_to_sync().get_events()
    assert got.to_json() == dict(given.to_json(), started_on=5, token="", metadata={"a": "1"})
    assert got == given
    assert isinstance(got.color, Color)


def scenario_an_event_of_the_cloud_is_kept_under_its_uuid():
    """An event that has only the cloud's uuid is stored and found by it."""
    events = memory()["evt_database"]
    events.add_event(Event("u9", 5, None, Color.RED, False, "t", "B", "m", None, {}))
    (got,) = events.get_open_events()
    assert got.uuid_matches("u9")


def scenario_closing_what_the_store_has_forgotten_stores_it():
    """An event that is not there any more is uploaded when it is closed, as by the client."""
    events = memory()["evt_database"]
    events.close_event(event(ended_on=7))
    (got,) = events.get_events_to_sync().get_events()
    assert got.ended_on == 7


def scenario_a_state_may_hold_the_events_of_the_client():
    """An event in a predicate's state survives a restart; within one, it is the same object."""
    with tempfile.TemporaryDirectory() as folder:
        config = _config(f"{folder}/db")
        opened = event(ended_on=None)
        state = {
            "open": [opened],
            ("a", 1): Color.YELLOW,
            "$smok": 1,
            "when": DisabledTime(Time(1, 2, 3), Time(4, 5, 6)),
        }
        with bridge.databases(config) as stores:
            stores["evt_database"].add_event(opened)
            stores["evt_database"].set_cache("p", state)
            assert stores["evt_database"].get_cache("p")["open"][0] is opened
        with bridge.databases(config) as stores:
            got = stores["evt_database"].get_cache("p")
            assert got == state
            assert got["open"][0].to_json() == opened.to_json()
            stores["evt_database"].close_event(got["open"][0])
            assert not list(stores["evt_database"].get_open_events())


def scenario_a_dict_that_looks_like_a_tag_is_a_dict():
    """Users' own data is never taken for an object, whatever it looks like."""
    events = memory()["evt_database"]
    for state in ({"$smok": ["Event", {}]}, {"$smok": {"$smok": 1}}, [{"$smok": None}]):
        events.set_cache("p", state)
        assert events.get_cache("p") == state


def scenario_a_state_of_a_users_class_lives_until_the_process_ends():
    """What cannot be stored is refused to the user; the client's thread goes on with it."""
    events, state = memory()["evt_database"], {"x": Path("/")}
    raises(InvalidType, events.set_cache, "p", state)
    assert as_client(events.set_cache, "p", state) == (None, None)
    assert as_client(events.get_cache, "p") == (state, None)
    assert as_client(events.set_cache, "p", 5) == (None, None)
    assert events.get_cache("p") == 5
    events.on_predicate_deleted("p")
    raises(KeyError, events.get_cache, "p")


def scenario_a_state_that_cannot_be_read_is_not_started_afresh():
    """A store that fails for a moment must not make a predicate overwrite its state."""
    events = memory()["evt_database"]
    events.set_cache("p", "precious")
    outage = Outage(events._inner)
    events._states._inner = outage
    outage.on = True
    assert isinstance(as_client(events.get_cache, "p")[1], KeyError)
    outage.on = False
    as_client(events.set_cache, "p", "afresh")
    assert events.get_cache("p") == "precious"
    as_client(events.set_cache, "p", "next")
    assert events.get_cache("p") == "next"


def scenario_writes_of_the_clients_threads_wait_for_a_store():
    """What a thread of the client writes during an outage is stored, in order, after it."""
    stores = memory()
    for name, write, count in (
        ("evt_database", lambda d, n: d.add_event(event(str(n))), lambda s: s.events),
        ("pp_database", lambda d, n: d.on_new_data("W1", n, n), lambda s: s.pathpoints),
        (
            "sensor_write_database",
            lambda d, n: d.add_sw(SensorWriteEvent(n, "a", "b", "c", "d", "e", "f")),
            lambda s: s.sensor_writes,
        ),
    ):
        database, outage = with_outage(stores, name)
        outage.on = True
        for number in range(3):
            assert as_client(write, database, number) == (None, None)
        raises(BackendUnavailable, write, database, 3)
        outage.on = False
        write(database, 4)
        assert count(stores.databases).stats().pending == 4, name


def scenario_an_outage_does_not_end_the_clients_threads():
    """Whatever the client's threads ask for during an outage, they get an answer they know."""
    stores = memory()
    database, outage = with_outage(stores, "pp_database")
    outage.on = True
    assert as_client(database.get_data_to_sync) == (None, None)
    assert as_client(database.checkpoint) == (None, None)
    assert isinstance(as_client(database.get_current_value, "W1")[1], NotReadedError)
    raises(BackendUnavailable, database.get_current_value, "W1")
    events, outage = with_outage(stores, "evt_database")
    outage.on = True
    assert as_client(events.get_events_to_sync) == (None, None)
    writes, outage = with_outage(stores, "sensor_write_database")
    outage.on = True
    assert not as_client(writes.get_sw_sync)[0]
    baobs, outage = with_outage(stores, "baob_database")
    outage.on = True
    error = as_client(baobs.get_all_keys)[1]
    assert isinstance(error, ResponseError)
    assert error.is_no_link()
    for name, call in (
        ("sensor_database", lambda d: d.on_sensors_sync([])),
        ("pred_database", lambda d: d.set_new_predicates([])),
        ("arch_database", lambda d: d.on_archiving_data_sync({})),
        ("macro_database", lambda d: d.set_macros([])),
        ("macro_database", lambda d: d.notify_macro_synced("m", 1)),
    ):
        database, outage = with_outage(stores, name)
        outage.on = True
        assert as_client(call, database) == (None, None), name
        raises(BackendUnavailable, call, database)


def scenario_a_macro_executed_during_an_outage_does_not_run_again():
    """What ran is remembered in memory until the store takes it."""
    stores = memory()
    macros, outage = with_outage(stores, "macro_database")
    macros.set_macros([Macro("m", {"W1": 1}, [1, 2])])
    (macro,) = macros.get_macros()
    ran = macro.occurrences_not_done.popleft()
    outage.on = True
    as_client(macros.notify_macro_executed, "m", ran)
    assert as_client(macros.get_macros) == ([], None)
    outage.on = False
    (macro,) = macros.get_macros()
    assert list(macro.occurrences_not_done) == [2]
    assert list(macros.get_done_macros()) == [("m", 1)]


def scenario_an_acknowledgement_lost_in_an_outage_costs_a_second_upload():
    """If the store fails when the cloud has answered, the records are offered again."""
    stores = memory()
    database, _ = with_outage(stores, "pp_database")
    database.on_new_data("W1", 1, 1)
    batch = database.get_data_to_sync()
    inner = Outage(batch._offer.part)
    batch._offer, inner.on = batch._offer._replace(part=inner), True
    assert as_client(batch.acknowledge) == (None, None)
    assert database.get_data_to_sync().to_json()[0]["path"] == "W1"


def scenario_failed_readings_are_the_clients_errors():
    """A failure comes back with reason and time, in the current value and in the archive."""
    values = memory()["pp_database"]
    raises(NotReadedError, values.get_current_value, "W1")
    values.on_new_data("W1", 5, OperationFailedError(OperationFailedReason.TYPE, 5))
    error = raises(OperationFailedError, values.get_current_value, "W1")
    assert (error.reason, error.timestamp) == (OperationFailedReason.TYPE, 5)
    assert isinstance(as_client(values.get_current_value, "W1")[1], OperationFailedError)
    ((stamp, archived),) = values.get_archive_data("W1", None, None)
    assert (stamp, archived.reason) == (5, OperationFailedReason.TYPE)
    assert values.get_data_to_sync().to_json() == [
        {"path": "W1", "values": [{"timestamp": 5, "error_code": "type"}]}
    ]


def scenario_subclasses_of_plain_values_are_taken_as_plain():
    """A device that stores numpy's floats or its own enumerations goes on doing so."""

    class Reading(float):
        pass

    values = memory()["pp_database"]
    values.on_new_data("f1", 1, Reading(2.5))
    values.on_new_data("W1", 1, Color.RED)
    values.on_new_data("B1", 1, True)
    got = [values.get_current_value(name)[1] for name in ("f1", "W1", "B1")]
    assert got == [2.5, 2, True]
    assert [type(value) for value in got] == [float, int, bool]


def scenario_sensor_writes_keep_what_the_client_accepts():
    """Texts that are None or numbers are stored as text; equal ones of one millisecond are two."""
    writes = memory()["sensor_write_database"]
    writes.add_sw(SensorWriteEvent(5.5, "a", None, 7, "f", 7, None))
    writes.add_sw(SensorWriteEvent(5, "b", "", "7", "f", "7", ""))
    batch = writes.get_sw_sync()
    assert batch
    assert [type(item) for item in batch.events] == [SensorWriteEvent] * 2
    assert batch.to_json()[0]["hr_value"] == "7"
    writes.on_synced_sw(batch.events[0])
    batch.nack()
    writes.pace.due = 0.0
    again = writes.get_sw_sync()
    assert [item["who"] for item in again.to_json()] == ["b"]
    again.ack()
    assert not writes.get_sw_sync()


def scenario_predicates_keep_silencing_and_state():
    """Predicates come back as the client's keyword arguments; a foreign state is left out."""
    predicates = memory()["pred_database"]
    silencing = [DisabledTime(Time(1, 2, 3), Time(4, 5, 6))]
    good = {"predicate_id": "p", "silencing": silencing, "state": {"event": event("e")}, "x": 1}
    bad = {"predicate_id": "q", "silencing": [], "state": Path("/"), "x": 2}
    predicates.set_new_predicates([good, bad])
    first, second = predicates.get_all_predicates()
    assert first == good
    assert second == dict(bad, state=None)
    predicates.update_predicate(dict(good, state=5))
    assert [p["state"] for p in predicates.get_all_predicates()] == [None, 5]


def scenario_baobs_behave_as_the_client_expects():
    """Deleting what is missing is harmless; an old version is refused, in its threads left out."""
    baobs = memory()["baob_database"]
    baobs.delete_baob("x")
    raises(KeyError, baobs.get_baob_version, "x")
    assert isinstance(as_client(baobs.get_baob_version, "x")[1], KeyError)
    baobs.set_baob_value("x", bytearray(b"1"), 3)
    raises(VersionNotNewer, baobs.set_baob_value, "x", b"2", 3)
    assert as_client(baobs.set_baob_value, "x", b"2", 3) == (None, None)
    assert (baobs.get_baob_value("x"), list(baobs.get_all_keys())) == (b"1", ["x"])
    baobs.check_consistency()


def _started(stores):
    device = FakeDevice()
    stores["sensor_database"].on_register(device)
    stores["pred_database"].get_all_predicates()
    return device


def scenario_metadata_is_acknowledged_when_the_cloud_has_it():
    """Every change goes up once, a deletion too; what the cloud confirmed is not sent again."""
    stores = memory()
    metadata = stores["meta_database"]
    metadata.put_plain("a b", "1", 5)
    metadata.put_plain("b", "2", 6)
    metadata.delete_plain("b")
    metadata.put_plain("empty", "", 7)
    metadata.update_plain("c", "from the cloud", 7)
    device = _started(stores)
    assert device.updater.entries.qsize() == 3
    device.updater.try_update()
    at = "metadata/plain/"
    assert sorted(device.sent) == [
        ("DELETE", at + "b", None),
        ("PUT", at + "a+b", {"value": "1", "unless_timestamp_higher": 5}),
        ("PUT", at + "empty", {"value": "", "unless_timestamp_higher": 7}),
    ]
    again = _started(stores)
    again.updater.try_update()
    assert (again.sent, again.updater.entries.qsize()) == ([], 0)


def scenario_metadata_of_many_keys_all_arrives():
    """More keys than one batch holds go up in one round."""
    stores = memory()
    for number in range(1500):
        stores["meta_database"].put_plain(f"k{number}", "v", 1)
    device = _started(stores)
    device.updater.try_update()
    assert (len(device.sent), device.updater.qsize()) == (1500, 0)


def scenario_metadata_that_the_cloud_does_not_take_now_stays():
    """Without a link, or at 403 or 429, changes stay pending; one that is refused is set aside."""
    stores = memory()
    stores["meta_database"].put_plain("a", "1", 5)
    stores["meta_database"].put_plain("b", "2", 6)
    device = _started(stores)
    for status in (401, 403, 404, 408, 409, 425, 429, 500, 503, 599):
        device.answers = {"*": status}
        device.updater.try_update()
        assert device.updater.qsize() == 2, status
    assert device.failed == 1
    device.answers = {"a": 400}
    device.updater.try_update()
    assert [url for _, url, _ in device.sent] == ["metadata/plain/b"]
    (letter,) = stores.databases.metadata.get_dead_letters()
    assert (letter.key, "refused" in letter.reason) == ("a", True)
    for number in range(30):
        stores["meta_database"].put_plain(f"k{number}", "v", 7)
    device.answers = {"*": 422}
    device.updater.try_update()
    assert device.updater.qsize() == 30
    assert stores.databases.metadata.stats().dead == 1


def scenario_a_refused_batch_keeps_what_is_not_about_the_data():
    """Sensor writes and values survive each 4xx that is about the device, the way or the moment."""
    stores = memory()
    stores["sensor_write_database"].add_sw(SensorWriteEvent(5, "a", "b", "c", "d", "1", "r"))
    stores["pp_database"].on_new_data("W1", 1, 1)
    stores["evt_database"].add_event(event("e"))
    for status in (401, 403, 404, 408, 409, 425, 429):
        refused(stores["sensor_write_database"].get_sw_sync().ack, status)
        refused(stores["pp_database"].get_data_to_sync().acknowledge, status)
        refused(stores["evt_database"].get_events_to_sync().negative_acknowledge, status)
        # The client would ask again at once, and without end.
        assert not stores["sensor_write_database"].get_sw_sync()
        assert stores["pp_database"].get_data_to_sync() is None
        assert stores["evt_database"].get_events_to_sync() is None
        for name in ("sensor_write_database", "pp_database", "evt_database"):
            stores[name].pace.due = 0.0
    for role in ("sensor_writes", "pathpoints", "events"):
        assert stores.databases[role].stats().pending == 1
    stores["sensor_write_database"].get_sw_sync().ack()
    assert stores.databases.sensor_writes.stats().pending == 0


def scenario_the_record_that_is_refused_is_found_and_set_aside():
    """At 400 the batch is halved until the one at fault is alone; all others arrive."""
    stores = memory()
    values, arrived = stores["pp_database"], []
    for number in range(50):
        values.on_new_data("W1", number, number)
    for _ in range(60):
        batch = values.get_data_to_sync()
        if batch is None:
            break
        sent = [entry["value"] for pp in batch.to_json() for entry in pp["values"]]
        if 33 in sent:
            refused(batch.acknowledge, 400)
        else:
            batch.acknowledge()
            arrived += sent
    assert sorted(arrived) == [number for number in range(50) if number != 33]
    assert stores.databases.pathpoints.stats().dead == 1


def scenario_a_cloud_that_refuses_everything_does_not_empty_the_queue():
    """When no record gets through, all are kept, the pace backs off, and it is told."""
    stores = memory()
    for number in range(50):
        stores["pp_database"].on_new_data("W1", number, number)
        stores["evt_database"].add_event(event(str(number)))
    values, events = stores["pp_database"], stores["evt_database"]
    for _ in range(200):
        if batch := values.get_data_to_sync():
            refused(batch.acknowledge, 413)
        if batch := events.get_events_to_sync():
            refused(batch.negative_acknowledge, 413)
    for role in ("pathpoints", "events"):
        stats = stores.databases[role].stats()
        assert (stats.dead, stats.pending) == (0, 50)
    assert len([text for text in stores.warnings() if "refuses everything" in text]) == 2
    values.pace.due = events.pace.due = 0.0
    for _ in range(100):
        if batch := values.get_data_to_sync():
            batch.acknowledge()
        if batch := events.get_events_to_sync():
            batch.acknowledge(*(event.provisional_uuid for event in batch.get_events()))
    assert stores.databases.pathpoints.stats().pending == 0
    assert stores.databases.events.stats().pending == 0
    assert stores.warnings() == ()


def scenario_a_refused_event_does_not_block_the_queue():
    """The client keeps a batch of events at 4xx, for ever; one bad event stopped all others."""
    stores = memory()
    events, arrived = stores["evt_database"], []
    for number in range(30):
        events.add_event(event(str(number)))
    for _ in range(60):
        batch = events.get_events_to_sync()
        if batch is None:
            break
        sent = [found.message for found in batch.get_events()]
        if {"7", "8"} & set(sent):
            refused(batch.negative_acknowledge, 400)
        else:
            batch.acknowledge(*("u" + message for message in sent))
            arrived += sent
    assert sorted(map(int, arrived)) == [n for n in range(30) if n not in (7, 8)]
    letters = list(stores.databases.events.get_dead_letters())
    assert len(letters) == 2
    assert all("400" in letter.reason for letter in letters)


def scenario_what_the_client_uploads_is_not_rounded():
    """Its MiniJSON has floats of 32 bits by default: 21.3 arrives as another number."""
    memory()
    for number in (21.3, 1_700_000_000_000.25, 1e300):
        assert minijson.loads(minijson.dumps(number)) == number


def scenario_max_pending_holds_for_metadata():
    """The sixth change is refused while five wait, and taken when the cloud has some."""
    store = {"backend": "memory", "max_pending": 5}
    config = {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}
    stores = bridge.databases(config)
    metadata = stores["meta_database"]
    for number in range(5):
        metadata.put_plain(f"k{number}", "v")
    raises(QueueFull, metadata.put_plain, "k5", "v")
    device = _started(stores)
    device.updater.try_update()
    metadata.put_plain("k5", "v")
    assert device.updater.qsize() == 1


def scenario_an_answer_without_uuids_acknowledges_no_event():
    """A 2xx that is no JSON is {} to the client, which goes on as if it had named every event."""
    stores = memory()
    events = stores["evt_database"]
    events.add_event(event("a"))
    events.get_events_to_sync().acknowledge()
    assert events.get_events_to_sync() is None
    events.pace.due = 0.0
    assert len(events.get_events_to_sync().get_events()) == 1


def scenario_a_baob_is_acknowledged_as_it_was_handed_out():
    """Version and value that go up belong together; what was written meanwhile is not deleted."""
    baobs = memory()["baob_database"]
    for key in "abc":
        baobs.set_baob_value(key, b"1", 1)

    def _sync_baob():
        told = {}
        for key in baobs.get_all_keys():
            told[key] = baobs.get_baob_version(key)
        baobs.set_baob_value("a", b"new", 2)
        for key in "ab":
            baobs.delete_baob(key)
        value = baobs.get_baob_value("c")
        baobs.set_baob_value("c", b"new", 2)
        return told, value, baobs.get_baob_version("c")

    (told, value, version), error = as_client(_sync_baob)
    assert error is None, error
    assert told == {"a": 1, "b": 1, "c": 1}
    assert (value, version) == (b"1", 1)
    assert sorted(baobs.get_all_keys()) == ["a", "c"]
    assert baobs.get_baob_version("c") == 2


def scenario_a_baob_that_would_overwrite_anothers_is_not_uploaded():
    """The client puts keys into URLs as they are: "fw?2" would be written over "fw"."""
    stores = memory()
    baobs, ours = stores["baob_database"], stores.databases.baobs
    for key in ("fw", "fw?2", "a/b", "c#d", "%41", "..", "e\n", "100 %", "\xfc.x"):
        baobs.set_baob_value(key, b"1", 1)

    def _sync_baob():
        first = sorted(baobs.get_all_keys())
        return [first, sorted(baobs.get_all_keys())]

    told, error = as_client(_sync_baob)
    assert error is None, error
    assert told == [["100 %", "fw", "\xfc.x"]] * 2
    assert sorted(letter.key for letter in ours.get_dead_letters()) == sorted(
        ("fw?2", "a/b", "c#d", "%41", "..", "e\n")
    )
    assert len(list(baobs.get_all_keys())) == 9


def scenario_the_clients_error_of_a_refused_upload_has_the_status_it_reads():
    """The first 4xx on values ended the communicator, which reads a status that was not there."""
    stores = memory()
    stores["pp_database"].on_new_data("W1", 1, 1)
    error = refused_values(stores["pp_database"].get_data_to_sync().acknowledge, 429)
    assert error.status_code == 429
    assert stores.databases.pathpoints.stats().pending == 1


def scenario_an_executed_macro_stays_until_the_cloud_has_it():
    """The client takes any answer but silence for yes; its thread is given nothing to report."""
    stores = memory()
    macros, device = stores["macro_database"], FakeDevice()
    macros.set_macros([Macro("m", {"W1": 1}, [5, 6])])
    macros.notify_macro_executed("m", 5)
    for status in (403, 429, 500, 599):
        device.answers = {"*": status}
        assert list(as_client_of(device, macros.get_done_macros)) == []
        assert stores.databases.macros.stats().pending == 1, status
    device.answers = {}
    as_client_of(device, macros.get_done_macros)
    assert device.sent == [("POST", "macros/m/5", None)]
    assert stores.databases.macros.stats().pending == 0


def scenario_readings_of_a_future_wait_for_the_store():
    """What a Future gives in a pool's thread survives an outage, in order, and is told."""
    stores = memory()
    values, outage = with_outage(stores, "pp_database")
    pathpoint = AnyPathpoint(values)
    outage.on = True
    for number in range(4):
        in_pool(pathpoint, number)
    assert "4 writes wait" in stores.warnings()[0]
    raises(BackendUnavailable, values.on_new_data, "W1", 9, 9)
    outage.on = False
    as_client(values.checkpoint)
    found = [value for _, value in values.get_archive_data("W1", None, None)]
    assert (found, stores.warnings()) == ([0, 1, 2, 3], ())


def scenario_a_macro_the_cloud_does_not_know_holds_no_other():
    """One deleted at the cloud (404) stays pending; those behind it are reported."""
    stores = memory()
    macros, device = stores["macro_database"], FakeDevice()
    macros.set_macros([Macro("gone", {"W1": 1}, [5]), Macro("a/b?", {"W1": 1}, [6, 7])])
    macros.notify_macro_executed("gone", 5)
    for moment in (6, 7):
        macros.notify_macro_executed("a/b?", moment)
    device.answers = {"5": 404, "7": 409}
    as_client_of(device, macros.get_done_macros)
    assert device.sent == [("POST", "macros/a%2Fb%3F/6", None)]
    assert stores.databases.macros.stats().pending == 2
    device.answers = {"5": 404, "7": 400}
    as_client_of(device, macros.get_done_macros)
    assert stores.databases.macros.stats().pending == 2


def scenario_closing_writes_what_waits():
    """A device that is stopped after an outage has stored what waited in memory."""
    with tempfile.TemporaryDirectory() as folder:
        config = _config(f"{folder}/db")
        with bridge.databases(config) as stores:
            values, outage = with_outage(stores, "pp_database")
            outage.on = True
            in_pool(AnyPathpoint(values), 5)
            outage.on = False
        with bridge.databases(config) as stores:
            found = list(stores["pp_database"].get_archive_data("W1", None, None))
            assert found == [(1, 5)], found


def scenario_a_child_does_not_write_what_waits_in_its_parent():
    """After a fork what waits in memory is the parent's alone; a child that ends leaves it be."""
    with tempfile.TemporaryDirectory() as folder:
        config = _config(f"{folder}/db")
        stores = bridge.databases(config)
        writes, outage = with_outage(stores, "sensor_write_database")
        outage.on = True
        as_client(writes.add_sw, SensorWriteEvent(5, "Ann", "P", "5", "a b", "5", "r"))
        outage.on = False
        child = os.fork()
        if not child:
            as_client(writes.get_sw_sync)
            stores.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert stores.databases.sensor_writes.stats().pending == 0
        stores.close()
        with bridge.databases(config) as stores:
            assert stores.databases.sensor_writes.stats().pending == 1


def scenario_a_program_that_ends_without_closing_has_stored_what_waited():
    """What waits is written at the end of the process, if the store is back."""
    with tempfile.TemporaryDirectory() as folder:
        script = f"import scenarios; scenarios.end_without_closing({f'{folder}/db'!r})"
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
        )
        with bridge.databases(_config(f"{folder}/db")) as stores:
            found = list(stores["pp_database"].get_archive_data("W1", None, None))
            assert found == [(1, 5)], found


def _config(path):
    return {
        "device": "d",
        "stores": {"s": {"backend": "pickle", "path": path}},
        "roles": {"default": "s"},
    }


def end_without_closing(path):
    """Leave a reading in memory at the end of the program; run in a process of its own."""
    logging.disable()
    smok_core.register(__import__("smok_pickle.plugin").plugin, "pickle")
    values, outage = with_outage(bridge.databases(_config(path)), "pp_database")
    outage.on = True
    in_pool(AnyPathpoint(values), 5)
    outage.on = False


def scenario_readings_of_one_millisecond_are_two():
    """What the client dates itself is kept, however fast; a time of the user's own is not moved."""
    values = memory()["pp_database"]
    device = FakeDevice(values)
    pathpoint = Pathpoint(device, "W1")
    in_pools(pathpoint, range(200))
    for error in range(3):
        in_pool(pathpoint, OperationFailedError(list(OperationFailedReason)[error]))
    found = list(values.get_archive_data("W1", None, None))
    assert sorted(value for _, value in found[:200]) == list(range(200))
    assert [value.timestamp for _, value in found[200:]] == [stamp for stamp, _ in found[200:]]
    assert len({stamp for stamp, _ in found}) == 203
    pathpoint.set_new_value(found[-1][0], "the client ignores what is not newer")
    assert len(list(values.get_archive_data("W1", None, None))) == 203


def scenario_two_objects_of_one_pathpoint_date_apart():
    """The client makes a second object of a pathpoint, while Futures still end at the first."""
    values = memory()["pp_database"]
    device = FakeDevice(values)
    first, second = Pathpoint(device, "W1"), Pathpoint(device, "W1")
    for number in range(100):
        in_pool((first, second)[number % 2], number)
    found = [value for _, value in values.get_archive_data("W1", None, None)]
    assert found == list(range(100))


def scenario_a_clock_that_is_set_back_loses_no_reading():
    """Readings go on with the time of the clock, and are kept in their place."""
    values = memory()["pp_database"]
    device = FakeDevice(values)
    pathpoint = Pathpoint(device, "W1")
    pathpoint.set_new_value(4_000_000_000_000, "a year to come")
    in_pool(pathpoint, "now")
    assert next(value for _, value in values.get_archive_data("W1", None, None)) == "now"


def scenario_a_late_reading_replaces_none():
    """Two of one millisecond, overtaken by a newer one, are two; so are those of a past relived."""
    stores = memory()
    values, outage = with_outage(stores, "pp_database")
    device, start = FakeDevice(values), time_ms()
    pathpoint = Pathpoint(device, "W1")
    pathpoint.set_new_value(start + 3_600_000, "the clock was an hour ahead")
    for number in range(5):
        values.on_new_data("W1", start - number, f"stored {number}")
    outage.on = True
    late = [1, 2, OperationFailedError(OperationFailedReason.TIMEOUT, start - 4), "stored 2", 3]
    for value in late[:3]:
        as_client(values.on_late_reading, "W1", start - 4, value)
    outage.on = False
    for value in late[3:]:
        as_client(values.on_late_reading, "W1", start - 4, value)
    found = list(values.get_archive_data("W1", None, None))
    assert [value for _, value in found[:5]] == [f"stored {number}" for number in (4, 3, 2, 1, 0)]
    assert [value for _, value in found[5:7]] + [found[8][1]] == [1, 2, 3], found
    assert found[7][1].timestamp == found[7][0] == start + 3


def scenario_readings_in_a_past_relived_are_all_kept():
    """A clock set back dates readings with times that others have; none is replaced."""
    values = memory()["pp_database"]
    device, now = FakeDevice(values), time_ms()
    pathpoint = Pathpoint(device, "W1")
    for number in range(2000):
        values.on_new_data("W1", now + number, f"before {number}")
    pathpoint.set_new_value(now + 3_600_000, "the newest")
    in_pools(pathpoint, range(100))
    found = [value for _, value in values.get_archive_data("W1", None, None)]
    assert len(found) == 2101
    assert {*range(100)} < set(found)


def scenario_values_of_real_readers():
    """The table of values: what is stored, as what, and what is refused."""
    stores = memory()
    values = stores["pp_database"]

    def stored(value):
        values.on_new_data(f"W{len(seen)}", 1, value)
        seen.append(value)
        ((_, found),) = values.get_archive_data(f"W{len(seen) - 1}", None, None)
        return found

    seen = []
    for value, plain in (
        (Whole.X, 3),
        (Text("q"), "q"),
        (True, True),
        (2.5, 2.5),
        (Reader(1.5), 1.5),
    ):
        found = stored(value)
        assert (type(found), found) == (type(plain), plain)
    for value in (float("nan"), float("inf"), float("-inf"), Reader(float("nan"))):
        assert stored(value).reason is OperationFailedReason.INVALID
    for value in (None, b"b", 2**64, "x" * 70_000, "\ud800", Decimal("1.1"), [1]):
        raises(SmokError, values.on_new_data, "R", 1, value)
    raises(NotReadedError, values.get_current_value, "R")


def scenario_what_nobody_is_told_of_becomes_a_dead_letter():
    """A value refused in the client's thread or a pool's is kept, and counted by status."""
    stores = memory()
    values = stores["pp_database"]
    for value in (2**64, b"bytes", object(), "\ud800"):
        assert as_client(values.on_new_data, "W1", 5, value) == (None, None)
    in_pool(AnyPathpoint(values), b"from a pool")
    letters = list(stores.databases.pathpoints.get_dead_letters())
    assert stores.databases.pathpoints.stats().dead == 5
    assert [letter.record[2] for letter in letters[:2]] == [2**64, b"bytes"]
    assert "object object" in letters[2].record
    assert "64 bits" in letters[0].reason
    raises(InvalidValue, stores.databases.pathpoints.requeue_dead_letter, letters[0].id)


def scenario_a_state_of_the_standard_library_comes_back_exactly():
    """Containers and numbers that may be pickled survive with class and content."""
    factory = defaultdict(list, {"a": [1]})
    given = {
        "window": deque([1.5, float("inf")], maxlen=20),
        "counts": Counter({"a": 2, (1, 2): 3}),
        "ordered": OrderedDict([("b", 1), ("a", 2)]),
        "grouped": factory,
        "none": defaultdict(None),
        "set": {frozenset({1, 2}), Decimal("1.10")},
        "keys": {date(2024, 2, 29): timedelta(days=1, microseconds=3), Color.RED: 1},
        "numbers": [Fraction(1, 3), 1 + 2j, complex(0.0, float("-inf")), -0.0, 2**80],
        "bytes": [bytearray(b"ab"), b"ab", range(1, 9, 2)],
        "time": [time(1, 2, 3, fold=1), UUID(int=7), datetime(2024, 1, 1, tzinfo=UTC)],
        "looks": {"$smok": ["deque", 1]},
        "event": deque([event("kept")]),
    }
    with tempfile.TemporaryDirectory() as folder:
        config = _config(f"{folder}/db")
        with bridge.databases(config) as stores:
            stores["evt_database"].set_cache("p", given)
            stores["evt_database"].set_cache("nan", [float("nan")])
        with bridge.databases(config) as stores:
            found = stores["evt_database"].get_cache("p")
            (nan,) = stores["evt_database"].get_cache("nan")
    assert found == given
    assert repr(found["numbers"]) == repr(given["numbers"])
    for name, value in given.items():
        assert type(found[name]) is type(value), name
    assert (found["window"].maxlen, found["grouped"].default_factory) == (20, list)
    assert found["time"][0].fold == 1
    assert math.isnan(nan)


def scenario_the_last_value_of_a_pathpoint_may_be_kept_as_a_state():
    """It may be a failure, which is the client's own class: reason and time come back."""
    stores = memory()
    events = stores["evt_database"]
    failure = OperationFailedError(OperationFailedReason.TYPE, 7)
    failure.timestamp = 0
    state = {"last": failure, "why": failure.reason, "none": NotReadedError(5)}
    events.set_cache("p", state)
    _is_that_state(events.get_cache("p"))
    with tempfile.TemporaryDirectory() as folder:
        for protocol in (2, 4):
            file = Path(folder) / f"cache{protocol}.pkl"
            file.write_bytes(pickle.dumps({f"old{protocol}": state}, protocol))
            assert import_legacy("events", file, stores.databases).ok
            _is_that_state(events.get_cache(f"old{protocol}"))


def _is_that_state(found):
    assert (found["last"].reason, found["last"].timestamp) == (OperationFailedReason.TYPE, 0)
    assert found["why"] is OperationFailedReason.TYPE
    assert (type(found["none"]), found["none"].reason, found["none"].timestamp) == (
        NotReadedError,
        None,
        5,
    )


def scenario_a_class_of_the_users_own_is_registered():
    """Until then its state is refused aloud at the first tick, and shown as a dead letter."""
    stores = memory()
    events = stores["evt_database"]
    assert as_client(events.set_cache, "p", [Window(5)]) == (None, None)
    assert as_client(events.set_cache, "p", [Window(6)]) == (None, None)
    assert events.get_cache("p")[0].size == 6
    (letter,) = stores.databases.events.get_dead_letters()
    assert (letter.key, "register_state" in letter.reason) == ("p", True)
    assert "Window" in letter.reason
    register_state(Window, lambda window: window.size, Window)
    register_state(Mode)
    events.set_cache("p", {Mode.FAST: [Window(7)]})
    found = events.get_cache("p")
    assert (list(found), found[Mode.FAST][0].size) == ([Mode.FAST], 7)
    raises(TypeError, register_state, Unknown)
    error = raises(InvalidType, events.set_cache, "p", Unknown())
    assert "register_state" in error.__notes__[0]


def scenario_the_legacy_import_takes_registered_classes():
    """From a real pickle: attributes, slots, members, tuples; not what restores itself."""
    stores = memory()
    events = stores["evt_database"]
    states = {
        "plain": [Window(deque([1, 2]))],
        "slots": Slotted(Window("inner")),
        "member": {"mode": Mode.FAST},
        "pair": Pair(1, 2.5),
        "own way": Restored(),
        "never registered": Unknown(),
    }
    file = Path("cache.pkl")
    file.write_bytes(pickle.dumps(states, 4))
    register_state(Window, lambda window: window.size, Window)
    register_state(Slotted, lambda kept: kept.inner, Slotted)
    register_state(Pair, tuple, lambda pair: Pair(*pair))
    register_state(Restored, lambda kept: 1, lambda one: Restored())
    register_state(Mode)
    report = import_legacy("events", file, stores.databases)
    refused = {each.entry: each for each in report.refused}
    assert len(refused) == 2
    (own,) = (each for name, each in refused.items() if "own way" in name)
    assert "a way of its own" in own.reason
    (never,) = (each for name, each in refused.items() if "never" in name)
    assert "register_state" in never.reason
    assert "in that program" in never.reason  # this one: its classes are those of __main__
    assert never.class_name.endswith(":Unknown")
    (window,) = events.get_cache("plain")
    assert window.size == deque([1, 2])
    assert events.get_cache("slots").inner.size == "inner"
    assert events.get_cache("member") == {"mode": Mode.FAST}
    assert (type(events.get_cache("pair")), events.get_cache("pair")) == (Pair, (1, 2.5))


def scenario_a_stored_class_that_is_not_registered_is_not_overwritten():
    """A program that does not know the class keeps what is stored, and says what to call."""
    stores = memory()
    events = stores["evt_database"]
    kept = {"$smok": ["class other.Window", 5]}
    stores.databases.events.set_cache("p", kept)
    error = raises(bridge.StateUnknown, events.get_cache, "p")
    assert "register_state" in str(error)
    assert isinstance(as_client(events.get_cache, "p")[1], KeyError)
    as_client(events.set_cache, "p", {"afresh": True})
    assert stores.databases.events.get_cache("p") == kept


def scenario_a_refused_state_in_the_predicates_is_told_once():
    """A dead letter with the way out; the rest of the predicate is kept."""
    stores = memory()
    predicates, ours = stores["pred_database"], stores.databases.predicates
    given = {"predicate_id": "p", "silencing": [], "state": Unknown(), "verbose_name": "P"}
    for _ in range(2):
        assert as_client(predicates.update_predicate, given) == (None, None)
        bridge.databases(stores.databases)["pred_database"].set_new_predicates([given])
    (letter,) = ours.get_dead_letters()
    assert (letter.key, "register_state" in letter.reason) == ("p", True)
    assert ours.stats().dead == 1
    (found,) = predicates.get_all_predicates()
    assert (found["state"], found["verbose_name"]) == (None, "P")


def scenario_intervals_with_a_fraction_are_kept():
    """As the whole seconds below, at least 1; two that meet there lose no pathpoint."""
    archives = memory()["arch_database"]
    as_client(archives.on_archiving_data_sync, {2.2: ["a"], 2.8: ["b"], 0.5: ["c"], 600.0: ["d"]})
    found = archives.get_archiving_instructions()
    assert found == {2: ["a", "b"], 1: ["c"], 600: ["d"]}
    assert set(map(type, found)) == {int}


def scenario_what_the_cloud_sends_and_is_refused_is_told():
    """What was there stays; a dead letter says so, once, however often the cloud sends it."""
    stores = memory()
    ours, device = stores.databases, FakeDevice()
    stores["arch_database"].on_archiving_data_sync({60: ["old"]})
    device.get_pathpoint = lambda _name: None
    sensor = Sensor(device, "x" * 600, "W1", "u")
    for _ in range(2):
        for database, method, given in (
            ("arch_database", "on_archiving_data_sync", {60: ["new"], -1: ["a"]}),
            ("arch_database", "on_archiving_data_sync", {float("nan"): ["a"]}),
            ("sensor_database", "on_sensors_sync", [sensor]),
            ("macro_database", "set_macros", [Macro("m", {"W1": [1]}, [5])]),
        ):
            assert as_client(getattr(stores[database], method), given) == (None, None)
    assert stores["arch_database"].get_archiving_instructions() == {60: ["old"]}
    dead = [role.stats().dead for role in (ours.archives, ours.sensors, ours.macros)]
    assert dead == [2, 1, 1]
    raises(SmokError, stores["arch_database"].on_archiving_data_sync, {-1: ["a"]})


def scenario_a_state_whose_own_functions_fail_is_kept():
    """A dump that raises is refused as any class is; what a load refuses is not overwritten."""
    stores = memory()
    events, ours = stores["evt_database"], stores.databases.events
    register_state(Broken, lambda broken: broken.no_such_attribute, Broken)
    assert as_client(events.set_cache, "p", [Broken()]) == (None, None)
    assert ours.stats().dead == 1
    for planted in (
        {"$smok": ["Decimal", "no number"]},
        {"$smok": ["Event", 5]},
        {"$smok": [f"class {Mode.__module__}.Mode", "GONE"]},
        {"$smok": ["dict", 7]},
    ):
        register_state(Mode)
        ours.set_cache("q", planted)
        assert isinstance(as_client(events.get_cache, "q")[1], KeyError)
        as_client(events.set_cache, "q", {"afresh": True})
        assert ours.get_cache("q") == planted


def scenario_a_state_that_holds_itself_is_refused():
    """A cycle ends in an error that names the predicate, not in a thread that is gone."""
    cycle = []
    cycle.append(cycle)
    raises(SmokError, memory()["evt_database"].set_cache, "p", cycle)


class Window:
    """A class of the user's own."""

    def __init__(self, size):
        self.size = size


class Unknown:
    """Another one."""


class Slotted:
    """One without a dict."""

    __slots__ = ("inner",)

    def __init__(self, inner):
        self.inner = inner


class Pair(NamedTuple):
    """One that is made of its arguments."""

    left: int
    right: float


class Restored:
    """One that says itself how it comes back."""

    def __getstate__(self):
        return [1]

    def __setstate__(self, state):
        raise AssertionError("nothing of a file may call this")


class Broken:
    """One whose functions are wrong."""


class Mode(enum.Enum):
    """An enumeration of the user's own."""

    FAST = 1


class Whole(enum.IntEnum):
    """What some readers give for numbers."""

    X = 3


class Text(str):
    """What some readers give for texts: its own name is not its value."""

    __slots__ = ()

    def __str__(self):
        return "Text.X"


class Reader:
    """Passes for a scalar of numpy."""

    dtype, shape = "float32", ()
    __module__ = "numpy"

    def __init__(self, value):
        self._value = value

    def item(self):
        return self._value


def scenario_what_was_imported_comes_back_as_the_clients_objects():
    """After a legacy import events and states are there, the event in a state among them."""
    stores = memory()
    folder = ROOT / "plugins/smok_client/tests/legacy/data" / "python311"
    for name in ("events.pkl", "events_cache.pkl"):
        assert import_legacy("events", folder / name, stores.databases).ok
    events = stores["evt_database"]
    assert len(list(events.get_all_events())) == 6
    state = events.get_cache("p2")
    assert isinstance(state, Event)
    assert state.uuid_matches(f"{1:032x}")
    import_legacy("predicates", folder / "predicates.pkl", stores.databases)
    assert stores["pred_database"].get_all_predicates()[0]["silencing"] == [
        DisabledTime(Time(1, 8, 0), Time(1, 16, 30))
    ]


def scenario_opened_databases_can_be_handed_in():
    """Databases that are open already are used, and closed with the bridge."""
    opened = smok_core.open_databases({})
    with bridge.databases(opened) as stores:
        stores["meta_database"].put_plain("a", "b")
        assert stores.databases is opened
    raises(smok_core.StoreError, opened.metadata.get_plain, "a")


def main():
    logging.disable()
    smok_core.register(__import__("smok_pickle.plugin").plugin, "pickle")
    results = {}
    for name, scenario in list(globals().items()):
        if name.startswith("scenario_"):
            try:
                scenario()
                results[name] = None
            except Exception:  # noqa: BLE001 - whatever it is, the test shall see it
                results[name] = traceback.format_exc()
    print(json.dumps(results), file=sys.__stdout__)


if __name__ == "__main__":
    main()
