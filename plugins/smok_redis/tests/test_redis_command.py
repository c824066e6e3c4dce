"""``smok redis info``: a command that a backend brings along."""

import json

import pytest
from smok_cli import main
from smok_cli.finding import command_names, summary

import smok_core


@pytest.fixture
def config(tmp_path, server):
    """A device whose events and readings are on a server, beside another device's."""
    for device in ("pump*[1]", "pumpX1"):
        text = (
            f'device = "{device}"\n[stores.plant]\nbackend = "redis"\nurl = "{server.url}"\n'
            f'prefix = "{tmp_path.name}"\n[roles]\ndefault = "plant"\n'
        )
        (tmp_path / "smok.toml").write_text(text)
        with smok_core.open_databases(tmp_path / "smok.toml") as databases:
            databases.pathpoints.on_new_data("W1", 1_700_000_000_000, 21.5)
            if device == "pumpX1":
                databases.metadata.put_plain("name", "pump")
    return tmp_path / "smok.toml"


def test_the_command_is_found():
    """It is listed like the core's own, without being imported."""
    assert "redis" in command_names()
    assert summary("redis").startswith("Look at the server behind a store")


def test_info_shows_server_persistence_and_this_devices_keys(config, capsys):
    """The keys are this device's alone, whatever characters are in its name."""
    assert main(["--config", str(config), "redis", "info", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["store"] == "plant"
    assert row["schema"] == 1
    assert any("the server survives" in note for note in row["notes"])
    assert row["keys"]["meta"] == 1
    assert row["keys"]["t:metadata"] >= 1
    other = config.read_text().replace("pumpX1", "pump*[1]")
    config.write_text(other)
    assert main(["--config", str(config), "redis", "info", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["keys"]["meta"] == 1
    assert row["keys"]["s:pathpoints"] >= 2
    assert "t:metadata" not in row["keys"]


def test_info_for_people_and_for_a_store_that_is_not_there(config, capsys):
    """A table; and a store that is no Redis store is named with those that are."""
    assert main(["--config", str(config), "redis", "info"]) == 0
    assert "keys of" in capsys.readouterr().out
    assert main(["--config", str(config), "redis", "info", "memory"]) != 0
    assert "(plant)" in capsys.readouterr().err
