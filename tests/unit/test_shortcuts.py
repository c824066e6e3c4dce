"""The published client's class names work without a config file, and share what they can."""

import pickle

import pytest
import smok_pickle

import smok_core
from smok_core import Event, Macro, Sensor, SensorWriteEvent
from smok_core.errors import ForeignData, StoreClosed
from smok_core.roles import ROLES
from smok_core.shortcuts import _open

NAMES = [name for name in smok_pickle.__all__ if name.endswith("Database")]


def test_every_role_has_its_shortcut():
    """Nine classes, each a database of its role."""
    classes = [getattr(smok_pickle, name) for name in NAMES]
    assert {cls.role for cls in classes} == set(ROLES)
    assert all(issubclass(cls, ROLES[cls.role]) for cls in classes)


def test_one_path_is_one_store(tmp_path):
    """All nine on one path share an engine; data is there again after the last one closed."""
    path = str(tmp_path / "all.db")
    databases = {name: getattr(smok_pickle, name)(path) for name in NAMES}
    assert len({id(database.engine) for database in databases.values()}) == 1
    assert len(_open) == 1
    databases["PicklingMetadataDatabase"].put_plain("name", "pump")
    databases["PicklingPathpointDatabase"].on_new_data("W1", 5, 21.5)
    databases["PicklingEventDatabase"].add_event(Event(started_on=1))
    databases["PicklingMacroDatabase"].set_macros([Macro(macro_id="m", occurrences_not_done=[1])])
    databases["PicklingSensorDatabase"].on_sensors_sync(
        [Sensor(fqts="a b", path="W1", type_name="t")]
    )
    databases["PicklingArchivesDatabase"].on_archiving_data_sync({60: ["W1"]})
    databases["PicklingBAOBDatabase"].set_baob_value("k", b"x", 1)
    databases["PicklingPredicateDatabase"].set_new_predicates([{"predicate_id": "p"}])
    write = {"who": "w", "hr_sensor": "s", "hr_value": "v", "fqts": "f", "value": "1"}
    databases["PicklingSensorWriteDatabase"].add_sw(
        SensorWriteEvent(timestamp=1, reason="r", **write)
    )
    for database in databases.values():
        database.close()
        database.close()
    assert not _open
    with pytest.raises(StoreClosed):
        databases["PicklingMetadataDatabase"].get_plain("name")
    again = smok_pickle.PicklingMetadataDatabase(path)
    assert again.get_plain("name") == "pump"
    again.close()


def test_the_config_sees_the_same_data(tmp_path):
    """A shortcut's file is a store like any other."""
    path = str(tmp_path / "all.db")
    database = smok_pickle.PicklingMetadataDatabase(path, device="pump-17")
    database.put_plain("a", "b")
    database.close()
    stores = {"s": {"backend": "pickle", "path": path}}
    config = {"device": "pump-17", "stores": stores, "roles": {"default": "s"}}
    with smok_core.open_databases(config) as databases:
        assert databases.metadata.get_plain("a") == "b"


def test_events_may_have_two_files(tmp_path):
    """The published client's two paths: caches in the one, events in the other."""
    cache, data = str(tmp_path / "cache.db"), str(tmp_path / "data.db")
    events = smok_pickle.PicklingEventDatabase(cache, data, keep_in_memory_for="1d")
    events.set_cache("p", (1, 2))
    events.add_event(Event(started_on=1))
    events.close()
    assert not _open
    only_cache = smok_pickle.PicklingEventDatabase(cache)
    assert only_cache.get_cache("p") == (1, 2)
    assert list(only_cache.get_all_events()) == []
    only_cache.close()


def test_settings_are_those_of_a_store(tmp_path):
    """Everything a store can be told in a config file can be told here; unknown words cannot."""
    path = str(tmp_path / "x.db")
    database = smok_pickle.PicklingPathpointDatabase(path, max_pending=1, on_full="drop-oldest")
    database.on_new_data_many([("a", 1, 1), ("a", 2, 2)])
    assert database.stats().dropped == 1
    database.close()
    with pytest.raises(ValueError, match="unknown field `max_pendng`"):
        smok_pickle.PicklingPathpointDatabase(path, max_pendng=1)
    assert not _open


def test_a_legacy_pickle_is_not_mistaken_for_damage(tmp_path):
    """A file of the published client is left alone, and the way to bring it along is named."""
    path = tmp_path / "metadata.pkl"
    path.write_bytes(pickle.dumps({"name": ("pump", 1.0)}, 4))
    before = path.read_bytes()
    with pytest.raises(ForeignData, match="smok import-legacy"):
        smok_pickle.PicklingMetadataDatabase(str(path))
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.corrupt-*"))
