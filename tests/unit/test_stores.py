"""One store that is away stops only the roles it keeps, and they come up by themselves."""

import threading
import time

import pytest

import smok_core
from smok_core import hookimpl, register
from smok_core.engine.memory import MemoryEngine
from smok_core.errors import BackendUnavailable, ForeignData, StoreClosed
from smok_core.hookspecs import BackendInfo
from smok_core.registry import unregister
from smok_core.roles import ROLES, BaseEventDatabase
from smok_core.roles.events import NullEventDatabase


class Plant:
    """A backend whose server can be away; ``tries`` counts how often it was asked for."""

    def __init__(self):
        self.failure, self.tries, self.seconds = BackendUnavailable("plant", "no answer"), 0, 0.0

    def come_back(self):
        self.failure = None

    @hookimpl
    def smok_backend(self):
        return BackendInfo(summary="a server that may be away")

    @hookimpl
    def smok_open_engine(self, context):
        self.tries += 1
        time.sleep(self.seconds)
        if self.failure is not None:
            raise self.failure
        return MemoryEngine(context.store)


class NativeEvents(Plant):
    """A backend that keeps one role natively, without an engine."""

    smok_open_engine = None

    @hookimpl
    def smok_open_events(self):
        if self.failure is not None:
            raise self.failure
        return NullEventDatabase()


@pytest.fixture
def plant(monkeypatch):
    monkeypatch.setattr("smok_core.stores._PAUSE", 0.05)
    backend = Plant()
    register(backend, "plant")
    yield backend
    unregister("plant")


def opened(**roles):
    config = {"device": "d", "stores": {"far": {"backend": "plant"}}, "roles": roles}
    return smok_core.open_databases(config)


def once_back(work):
    """Do ``work`` as a caller does whose store was away: again, until its pause is over."""
    for _ in range(1000):
        try:
            return work()
        except BackendUnavailable:
            time.sleep(0.01)
    return work()


def test_the_other_roles_work_while_a_store_is_away(plant):
    with opened(predicates="far", sensors="far") as databases:
        databases.pathpoints.on_new_data("W1", 1, 1.5)
        assert databases.pathpoints.get_current_value("W1") == (1, 1.5)
        with pytest.raises(BackendUnavailable, match="no answer"):
            databases.predicates.get_all_predicates()
        assert databases.predicates.role == "predicates"
        databases.flush()
        databases.checkpoint()


@pytest.mark.parametrize("role", sorted(ROLES))
def test_any_role_can_stand_by(plant, role):
    """It is of the role's class, raises on use, and works when its store is back."""
    with opened(**{role: "far"}) as databases:
        database = databases[role]
        assert isinstance(database, ROLES[role])
        with pytest.raises(BackendUnavailable):
            database.stats()
        plant.come_back()
        assert once_back(database.stats).rows == 0
        assert set(databases.engines) >= {"far"}


def test_a_standing_role_keeps_what_it_is_given_after_its_store_is_back(plant):
    with opened(metadata="far") as databases:
        metadata = databases.metadata
        with pytest.raises(BackendUnavailable):
            metadata.put_plain("name", "pump 17")
        plant.come_back()
        once_back(lambda: metadata.put_plain("name", "pump 17"))
        assert metadata.get_plain("name") == "pump 17"
        with pytest.raises(KeyError):
            metadata.get_plain("unknown")


def test_a_store_that_is_away_is_not_asked_at_every_call(plant, monkeypatch):
    monkeypatch.setattr("smok_core.stores._PAUSE", 60.0)
    with opened(metadata="far", sensors="far") as databases:
        for _ in range(100):
            with pytest.raises(BackendUnavailable):
                databases.metadata.get_plain("name")
        assert plant.tries == 1


def test_only_one_caller_waits_for_a_slow_server(plant):
    """While one thread tries, the others are told at once what the last try said."""
    with opened(metadata="far") as databases:
        plant.seconds = 2.0

        def ask():
            while plant.tries < 2:
                databases.health()

        slow = threading.Thread(target=ask)
        slow.start()
        while plant.tries < 2:
            time.sleep(0.01)
        started = time.monotonic()
        with pytest.raises(BackendUnavailable):
            databases.metadata.get_plain("name")
        assert time.monotonic() - started < 1.0
        slow.join()


def test_health_tells_which_store_is_away_and_why(plant):
    with opened(metadata="far", default="memory") as databases:
        health = databases.health()
        assert not health["far"].available
        assert "no answer" in health["far"].warnings[0]
        assert health["memory"].available


def test_an_error_that_pending_does_not_mend_is_told_just_the_same(plant):
    plant.failure = ForeignData("plant", "another program's data lies there")
    with opened(events="far") as databases:
        with pytest.raises(ForeignData, match="another program"):
            databases.events.add_event(smok_core.Event(started_on=1))
        databases.pathpoints.on_new_data("W1", 1, 1)


def test_all_stores_can_be_required(plant):
    config = {
        "device": "d",
        "stores": {"far": {"backend": "plant"}},
        "roles": {"metadata": "far"},
    }
    with pytest.raises(BackendUnavailable, match="no answer"):
        smok_core.open_databases(config, require_all=True)


def test_closing_does_not_wait_for_a_store_that_is_away(plant):
    databases = opened(metadata="far")
    tries = plant.tries
    databases.close()
    databases.close()
    assert plant.tries == tries
    plant.come_back()
    with pytest.raises(StoreClosed):
        databases.metadata.get_plain("name")


def test_a_native_role_stands_by_as_well(monkeypatch):
    monkeypatch.setattr("smok_core.stores._PAUSE", 0.05)
    backend = NativeEvents()
    register(backend, "plant")
    try:
        with opened(events="far") as databases:
            assert isinstance(databases.events, BaseEventDatabase)
            with pytest.raises(BackendUnavailable):
                databases.events.get_open_events()
            backend.come_back()
            assert list(once_back(databases.events.get_open_events)) == []
    finally:
        unregister("plant")


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_role_tells_what_it_refused(role: str) -> None:
    """A write whose program could not be told is counted, whether or not the role has a queue."""
    with smok_core.open_databases({"device": "pump-17"}) as databases:
        databases[role].count_refused(2)
        assert databases[role].stats().refused == 2
