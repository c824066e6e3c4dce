"""smok copy, verify and import-legacy: what is stored moves, and nothing of it is lost."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import smok_core
from smok_core import Event
from tests.conftest import ROOT

CONFIG = """\
device = "pump-17"

[stores.local]
backend = "pickle"
path = "local.db"

[stores.plant]
backend = "pickle"
path = "plant.db"

[stores.hooks]
backend = "null"

[roles]
default = "local"
"""
LEGACY = ROOT / "plugins/smok_client/tests/legacy/data" / "protocol4"


@pytest.fixture
def config(place):
    """Two stores, all roles in the first, with something in a few of them."""
    path = place / "smok.toml"
    path.write_text(CONFIG)
    with smok_core.open_databases(path) as databases:
        databases.pathpoints.on_new_data_many([("a", ts, ts / 7) for ts in range(3000)])
        databases.pathpoints.get_data_to_sync(500).acknowledge()
        databases.events.add_event(Event(started_on=1, message="hot"))
        databases.events.get_events_to_sync().acknowledge("server-uuid")
        databases.metadata.put_plain("name", "pump")
    return path


def in_plant(config):
    """Open the databases with all roles in the other store."""
    text = config.read_text().replace('default = "local"', 'default = "plant"')
    moved = config.with_name("moved.toml")
    moved.write_text(text)
    return smok_core.open_databases(moved)


def test_copy_moves_everything_and_verify_agrees(config, smok):
    """After a copy the roles can be given the other store, queues and uuids included."""
    assert smok("copy", "--from", "local", "--to", "plant").status == 0
    result = smok("verify", "local", "plant", "--json")
    assert result.status == 0
    assert json.loads(result.out)["equal"] is True
    with in_plant(config) as databases:
        assert databases.pathpoints.stats().pending == 2500
        assert databases.pathpoints.get_data_to_sync().to_json()[0]["values"][0]["timestamp"] == 500
        (event,) = databases.events.get_all_events()
        assert event.uuid == "server-uuid"
        assert databases.events.stats().pending == 0
        assert databases.metadata.get_plain("name") == "pump"


def test_verify_tells_what_differs(config, smok):
    """Two stores that differ: exit status 1, the role and the record named."""
    result = smok("verify", "local", "plant", "--roles", "metadata")
    assert result.status == 1
    assert "DIFFERENT" in result.out
    assert "name" in result.out


def test_a_full_target_is_refused_unless_told(config, smok):
    """A store that holds data is not written into by mistake."""
    assert smok("copy", "--from", "local", "--to", "plant", "--roles", "metadata").status == 0
    again = smok("copy", "--from", "local", "--to", "plant", "--roles", "metadata")
    assert again.status != 0
    assert "metadata" in again.err
    merged = smok("copy", "--from", "local", "--to", "plant", "--roles", "metadata", "--merge")
    assert merged.status == 0


def test_names_that_are_wrong_are_named(config, smok):
    """Unknown stores and roles, and a store without an engine, give an error with the way out."""
    assert "plnt" in smok("copy", "--from", "local", "--to", "plnt").err
    assert "evnts" in smok("verify", "local", "plant", "--roles", "evnts").err
    result = smok("copy", "--from", "local", "--to", "hooks")
    assert "SMOK-T04" in result.err


def test_a_killed_copy_goes_on(config, smok):
    """kill -9 in the middle of a copy; the second run ends in the same state."""
    with smok_core.open_databases(config) as databases:
        for start in range(0, 60_000, 5000):
            databases.pathpoints.on_new_data_many(
                [(f"p{ts % 7}", ts, ts) for ts in range(start, start + 5000)]
            )
    command = [sys.executable, "-m", "smok_cli", "copy", "--from", "local", "--to", "plant"]
    child = subprocess.Popen(
        command, cwd=config.parent, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    plant = config.with_name("plant.db-wal")
    while child.poll() is None and not (plant.exists() and plant.stat().st_size > 100_000):
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL, "the copy ended before it could be killed"
    assert smok("verify", "local", "plant").status == 1
    assert smok("copy", "--from", "local", "--to", "plant").status == 0
    assert smok("verify", "local", "plant").status == 0


def test_import_legacy_brings_a_file_and_a_directory(config, smok):
    """Old files are imported, once; a dry run stores nothing; the originals stay as they are."""
    names = {path.name: path.stat().st_mtime_ns for path in LEGACY.iterdir()}
    dry = smok("import-legacy", "--directory", LEGACY, "--into", config, "--dry-run", "--json")
    reports = json.loads(dry.out)
    assert {report["role"] for report in reports} >= {"events", "metadata", "macros"}
    before = smok("status", "--json").out
    first = smok("import-legacy", "--directory", LEGACY, "--into", config)
    again = smok("import-legacy", "--directory", LEGACY, "--into", config, "--json")
    assert smok("status", "--json").out != before
    assert all(report["imported"] == 0 for report in json.loads(again.out))
    assert "imported" in first.out
    assert names == {path.name: path.stat().st_mtime_ns for path in LEGACY.iterdir()}


def test_import_legacy_wants_to_know_what(smok, config):
    """A path without its role, or nothing at all, is a usage error."""
    assert smok("import-legacy").status == 2
    assert smok("import-legacy", LEGACY).status == 2


def test_a_truncated_legacy_file_is_reported(config, smok, place):
    """A file cut in the middle is refused as a whole, by name, with exit status 1."""
    whole = next(path for path in LEGACY.iterdir() if path.is_file() and path.stat().st_size > 50)
    cut = place / "cut.pkl"
    cut.write_bytes(whole.read_bytes()[:-20])
    result = smok("import-legacy", "--directory", place, "--into", config)
    assert result.status == 1
    assert "cut.pkl" in result.out
