"""``smok init``, ``smok check`` and ``smok why``."""

import json
from typing import Annotated

import msgspec
import pytest

import smok_core
from smok_core.config import load_config
from smok_core.engine.base import Durability
from smok_core.hookspecs import BackendInfo, hookimpl
from smok_core.registry import register, unregister
from smok_core.roles import ROLES
from smok_core.roles.events import NullEventDatabase
from smok_core.settings import option


def test_init_writes_a_config_that_loads(config):
    """The written file loads, names the device, and keeps all nine roles in the embedded store."""
    loaded = load_config(config)
    assert loaded.device == "pump-17"
    assert {role.store for role in loaded.roles.values()} == {"local"}
    assert loaded.stores["local"].backend == "pickle"


SERVERS = {"redis": "redis://127.0.0.1:1", "mongo": "mongodb://127.0.0.1:1"}


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two options without a default."""

    topic: Annotated[str, option("The topic.")]
    port: Annotated[int, option("The port.", ge=0)]
    user: Annotated[str | None, option("The user.")] = None


class Strange:
    """What a stranger's backend may be: one role, and only one durability."""

    @hookimpl
    def smok_backend(self):
        only = frozenset({Durability.BUFFERED})
        return BackendInfo(summary="strange", options=Options, durabilities=only)

    @hookimpl
    def smok_open_events(self, context):
        return NullEventDatabase()


@pytest.fixture
def strange():
    """A registered backend as described."""
    register(Strange(), "strange")
    yield
    unregister("strange")


@pytest.mark.parametrize("backend", SERVERS)
def test_init_shows_the_options_of_a_server(config, smok, backend):
    """What only the user knows is asked for by name; the rest are comments that are right."""
    told = smok("init", "--force", "--backend", backend, "--device", "pump-17")
    assert told.status == 0
    assert "Fill in: url" in told.out
    url = {f"SMOK_{backend.upper()}_URL": SERVERS[backend]}
    loaded = load_config(config, environ=url)
    assert {role.store for role in loaded.roles.values()} == {"plant"}
    switch_all_on(config)
    load_config(config, environ=url | {"NAME": "secret"})


def test_init_takes_any_backend(config, smok, strange):
    """Roles that it does not keep stay in memory, and only a durability that it has is shown."""
    told = smok("init", "--force", "--backend", "strange")
    assert "Fill in: topic, port" in told.out
    loaded = load_config(config)
    assert loaded.roles["events"].store == "local"
    assert loaded.roles["macros"].store == "memory"
    switch_all_on(config)
    assert load_config(config, environ={"NAME": ""}).stores["local"].options.user == "TEXT"
    assert smok("init", "--force", "--backend", "strnge").status == 4


def test_every_commented_setting_is_valid(config):
    """Each line that is commented out can be switched on: names and values are right."""
    settings = switch_all_on(config)
    load_config(config, environ={"NAME": "secret"})
    assert len(settings) > 20


def switch_all_on(config):
    """Take the signs of comments away; give the lines that became settings."""
    lines = config.read_text().splitlines()
    wanted = [line.removeprefix("# ") for line in lines if line.startswith("# ") and "= " in line]
    settings = [line for line in wanted if not line.startswith(("A line", "Any text"))]
    text = "\n".join(line.removeprefix("# ") if line.startswith("# ") else line for line in lines)
    head, _, rest = text.partition("device =")
    config.write_text("device =" + rest)
    assert "smok check" in head
    return settings


def test_init_keeps_an_existing_file(smok, config):
    """An existing file is only overwritten with --force."""
    config.write_text("# mine\n")
    refused = smok("init")
    assert refused.status == 2
    assert "Add --force" in refused.err
    assert config.read_text() == "# mine\n"
    assert smok("init", "--force").status == 0
    assert load_config(config).device


@pytest.mark.parametrize("device", ['a "quoted" \\ name', "pompa-żółw-🐢"])
def test_init_takes_any_device_name(smok, config, device):
    """The device's id is written so that it is read back unchanged."""
    assert smok("init", "--force", "--device", device).status == 0
    assert load_config(config).device == device


def test_check_shows_the_store(smok, config):
    """Check looks at the store and shows place, durability, capabilities, schema and sizes."""
    smok_core.open_databases(config).close()
    result = smok("check")
    assert result.status == 0
    for word in ("local", "pickle", "ok", "crash", "survives-kill"):
        assert word in result.out
    row = json.loads(smok("check", "--json").out)["stores"][0]
    assert row["location"].endswith("smok.db")
    assert row["state"] == "ok"
    assert row["size_bytes"] > 0
    assert row["free_bytes"] > 0
    assert row["schema"] >= 1
    assert sorted(row["roles"]) == sorted(ROLES)


def test_check_tries_every_store(smok, config, place):
    """A store that fails has its error in its row, the others are opened all the same; exit 3."""
    place.joinpath("foreign").write_text("this is no database\n" * 1000)
    text = config.read_text().replace('# events = "local"', 'events = "foreign"')
    text = text.replace('# macros = "local"', 'macros = "absent"')
    text += '\n[stores.foreign]\nbackend = "pickle"\npath = "foreign"\non_corrupt = "refuse"\n'
    config.write_text(text + '\n[stores.absent]\nbackend = "nonesuch"\n')
    result = smok("check", "--json")
    rows = {row["store"]: row for row in json.loads(result.out)["stores"]}
    assert result.status == 3
    assert rows["local"]["state"] == "ok"
    assert rows["foreign"]["state"] == "error"
    assert rows["foreign"]["error"]["code"].startswith("SMOK-S")
    assert rows["absent"]["error"]["code"] == "SMOK-P02"
    shown = smok("check")
    assert shown.status == 3
    assert "error [SMOK-P02]" in shown.out


def test_check_shows_what_was_set_aside(smok, config):
    """A dead letter, such as a predicate's state that cannot be kept, is named with its reason."""
    assert "set aside" not in smok("check").out
    with smok_core.open_databases(config) as databases:
        databases.events.set_refused_aside("p1", {}, "its state is lost: call register_state")
    result = smok("check")
    assert result.status == 0
    assert "events: 1 set aside (smok dead-letters events)" in result.out
    assert "call register_state" in result.out
    assert json.loads(smok("check", "--json").out)["set_aside"]["events"]["count"] == 1


def test_check_leaves_unused_stores_alone(smok, config):
    """A store that no role uses is named and not opened, whatever its backend is."""
    config.write_text(config.read_text() + '\n[stores.idle]\nbackend = "nonesuch"\n')
    result = smok("check")
    assert result.status == 0
    assert "idle: no role uses it" in result.out


def test_check_says_what_is_only_in_memory(smok, place):
    """Roles without a store are said to be lost when the process ends; null keeps nothing."""
    place.joinpath("smok.toml").write_text('[roles]\nevents = "null"\n')
    result = smok("check")
    assert result.status == 0
    assert "not kept at all: events" in result.out
    memory = next(line for line in result.out.splitlines() if "NOT KEPT" in line)
    assert memory.count(",") == len(ROLES) - 1  # eight roles, and the comma of the sentence


def test_check_reports_an_unmet_requirement(smok, place):
    """A role that requires what its store does not offer is an error in the store's row."""
    text = '[roles]\nevents = { store = "memory", require = ["persistent"] }\n'
    place.joinpath("smok.toml").write_text(text)
    result = smok("check")
    assert result.status == 3
    assert "error [SMOK-P09]" in result.out
    assert "smok.toml:2" in result.out


def test_check_shows_all_config_errors(smok, place):
    """All that is wrong with a configuration comes in one pass, with file and line; exit 2."""
    place.joinpath("smok.toml").write_text('devise = "x"\n[roles]\nevnts = "memory"\n')
    result = smok("check")
    assert result.status == 2
    assert "smok.toml:1" in result.err
    assert "smok.toml:3" in result.err
    assert "Did you mean 'events'?" in result.err


def test_check_opens_native_roles(smok, place):
    """A backend without an engine is checked by opening its roles."""
    text = 'device = "d"\n[stores.x]\nbackend = "null"\n[roles]\nevents = "x"\n'
    place.joinpath("smok.toml").write_text(text)
    row = json.loads(smok("check", "--json").out)["stores"][0]
    assert (row["state"], row["location"]) == ("ok", "kept by the backend's own roles")


def test_why_names_winner_and_losers(smok, config, monkeypatch):
    """Why names the store, the line that decided, and what that overrode."""
    line = config.read_text().splitlines().index('default = "local"') + 1
    assert f"decided by: default = 'local' at smok.toml:{line}" in smok("why", "events").out
    monkeypatch.setenv("SMOK__ROLES__EVENTS", "memory")
    shown = smok("why", "events").out
    assert shown.startswith("events: store memory")
    assert "environment variable SMOK__ROLES__EVENTS" in shown
    assert f"instead of: default = 'local' at smok.toml:{line}" in shown


def test_why_all_roles_as_json(smok, config):
    """Without a role, all nine are explained; --json is for programs."""
    rows = json.loads(smok("why", "--json").out)
    assert [row["role"] for row in rows] == list(smok_core.ROLES)
    assert {row["store"] for row in rows} == {"local"}


def test_why_works_without_the_backend(smok, place):
    """Why explains also a configuration whose backend is not installed."""
    text = '[stores.x]\nbackend = "nonesuch"\n[roles]\ndefault = "x"\n'
    place.joinpath("smok.toml").write_text(text)
    assert "events: store x (backend nonesuch)" in smok("why", "events").out


def test_why_unknown_role(smok, config):
    """A misspelt role is a usage error that names the nearest one."""
    result = smok("why", "evnts")
    assert result.status == 2
    assert "Did you mean 'events'?" in result.err


def test_check_and_status_tell_what_the_store_keeps(place, smok):
    """What a backend notes about itself (what survives what) is shown to a person."""
    assert smok("init", "--device", "pump-17").status == 0
    checked, counted = smok("check"), smok("status", "--verbose")
    assert "local: SQLite, write-ahead log" in checked.out
    assert "SQLite, write-ahead log" in counted.out


def test_check_and_status_make_nothing(smok, config, place):
    """Looking at a store that is not there yet leaves the directory as it was."""
    before = sorted(place.rglob("*"))
    for command in ("check", "status", "export"):
        assert smok(command).status == 0
    assert sorted(place.rglob("*")) == before


def test_check_never_touches_what_is_not_a_store(smok, config, place):
    """A path that leads to the device's key by mistake is refused; the key stays where it is."""
    key = place / "device.key"
    key.write_text("-----BEGIN PRIVATE KEY-----\n")
    config.write_text(config.read_text().replace('path = "var/smok.db"', 'path = "device.key"'))
    result = smok("check")
    assert result.status == 3
    assert "a file of something else lies there" in result.out
    assert key.read_text() == "-----BEGIN PRIVATE KEY-----\n"
    assert not list(place.glob("device.key.*"))


def test_check_warns_about_a_config_that_others_can_write(smok, config):
    assert config.stat().st_mode & 0o777 == 0o600
    config.chmod(0o666)
    assert "can be written by others" in smok("check").out
    config.chmod(0o600)
    assert "can be written by others" not in smok("check").out
