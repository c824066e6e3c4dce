"""`smok status` looks everywhere before it says that nothing is lost, and changes nothing."""

import json
from pathlib import Path

import pytest

import smok_core
from smok_core.roles import ROLES
from smok_core.roles.base import OnEngine

LOCAL = '[stores.local]\nbackend = "pickle"\npath = "var/smok.db"\n'
PLANT = '[stores.plant]\nbackend = "pickle"\npath = "var/plant.db"\n'


def configure(stores, roles='default = "local"', device="pump-17"):
    """Write a smok.toml."""
    Path("smok.toml").write_text(
        f'device = "{device}"\n{stores}\n[roles]\n{roles}\n', encoding="utf-8"
    )


def record(count=2, **config):
    """Leave values that wait."""
    configure(LOCAL, **config)
    with smok_core.open_databases("smok.toml") as databases:
        databases.pathpoints.on_new_data_many([("W1", n, n) for n in range(count)])


def losses(smok):
    """Give the findings of `smok status --json`, and check that the text agrees."""
    report = json.loads(smok("status", "--json").out)
    told = smok("status", "--verbose").out
    assert report["nothing_lost"] is not bool(report["losses"])
    assert ("nothing lost" in told) is report["nothing_lost"]
    for found in report["losses"]:
        assert found["text"] in " ".join(told.split())
        assert found["command"] is None or found["command"] in told
    return [(found["kind"], found["role"], found["count"]) for found in report["losses"]]


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Lines are not folded."""
    monkeypatch.setenv("COLUMNS", "400")


def test_each_role_and_store_is_asked_once(smok, monkeypatch):
    """On a server a question is round trips, and two answers of one moment might not agree."""
    asked = []

    def counted(kind, method):
        ask = getattr(kind, method)
        monkeypatch.setattr(kind, method, lambda self: asked.append(self) or ask(self))

    record()
    with smok_core.open_databases("smok.toml") as databases:
        counted(OnEngine, "stats")
        counted(type(databases.engines["local"]), "health")
    assert smok("status").status == 0
    assert len(asked) == len(ROLES) + 1


def test_records_in_a_store_that_kept_the_role_before(smok):
    """A role was given another store, and what waited stayed where it was."""
    record()
    configure(LOCAL + PLANT, 'default = "local"\npathpoints = "plant"')
    assert losses(smok) == [("elsewhere", "pathpoints", 2)]
    command = "smok copy --from local --to plant --roles pathpoints --merge"
    assert command in smok("status").out
    assert smok(*command.split()[1:]).status == 0
    with smok_core.open_databases("smok.toml") as databases:
        assert databases.pathpoints.stats().pending == 2


def test_records_in_a_store_that_no_role_uses(smok):
    """Looked into all the same, and only looked into."""
    record()
    configure(LOCAL + PLANT, 'default = "plant"')
    assert losses(smok) == [("elsewhere", "pathpoints", 2)]
    assert "smok copy --from local --to plant" in smok("status").out


def test_a_store_that_no_role_uses_and_that_is_not_there_is_not_made(smok):
    record(0)
    configure(LOCAL + PLANT)
    assert losses(smok) == []
    assert not Path("var/plant.db").exists()


def test_a_store_that_no_role_uses_and_that_cannot_be_looked_at(smok):
    """Nothing is claimed of what nobody has seen, and the rest is shown."""
    record(0)
    configure(LOCAL + PLANT)
    Path("var/plant.db").write_text(
        "not a store of ours, and long enough to have a header" * 90, encoding="utf-8"
    )
    before = Path("var/plant.db").read_bytes()
    assert losses(smok) == [("unknown", None, None)]
    assert Path("var/plant.db").read_bytes() == before
    assert sorted(path.name for path in Path("var").glob("plant*")) == ["plant.db"]
    configure(LOCAL + '[stores.odd]\nbackend = "nosuch"\n')
    assert losses(smok) == [("unknown", None, None)]


def test_records_of_another_device(smok):
    """The device got another id, and its records wait under the old one."""
    record(3, device="pump-16")
    configure(LOCAL)
    assert losses(smok) == [("other-device", None, 3)]
    assert "SMOK__DEVICE=pump-16 smok status" in smok("status").out


def test_dead_letters_and_drops_are_still_named(smok):
    """Also those of a role in the store that kept it before."""
    record()
    with smok_core.open_databases("smok.toml") as databases:
        databases.pathpoints.get_data_to_sync().reject("the cloud said 422")
    assert losses(smok) == [("dead-letters", "pathpoints", 2)]
    configure(LOCAL + PLANT, 'default = "plant"')
    assert losses(smok) == [("elsewhere", "pathpoints", 2)]


def test_roles_in_memory_are_named(smok):
    """What dies with each process is not called safe."""
    configure(LOCAL, 'default = "local"\nevents = "memory"')
    assert losses(smok) == [("in-memory", "events", None)]


def test_refused_writes_are_counted(smok):
    """A count lasts as long as the store and is shared by all processes."""
    record(0)
    for _ in range(2):
        with smok_core.open_databases("smok.toml") as databases:
            databases.pathpoints.count_refused(3)
    assert losses(smok) == [("refused", "pathpoints", 6)]


def test_what_was_put_aside_is_no_silence(smok):
    """A damaged file that was put aside is a warning of its store, so something may be lost."""
    record()
    file = Path("var/smok.db")
    for rest in file.parent.glob("smok.db-*"):
        rest.unlink()
    file.write_bytes(b"\0" * 8192)
    with smok_core.open_databases("smok.toml"):
        pass
    assert ("warning", None, None) in losses(smok)
