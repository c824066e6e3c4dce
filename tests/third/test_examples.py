"""The foreign plugins for real: from built wheels, chosen by config, passing the kit."""

import json
import runpy
import shutil

import pytest

from tests.third import wheels

CONFIG = """\
device = "pump-17"

[stores.local]
backend = "lmdb"
path = "var/smok.lmdb"

[stores.alarms]
backend = "events-webhook"
url = "http://127.0.0.1:9/nobody"
path = "var/events.db"

[roles]
default = { store = "local", require = ["survives-kill", "multi-process"] }
events = "alarms"
"""
WRITE = """\
import smok_core
with smok_core.open_databases("smok.toml") as databases:
    databases.pathpoints.on_new_data("W1", 1000, 21.5)
    databases.metadata.put_plain("name", "pump 17")
    databases.events.add_event(smok_core.Event(started_on=1))
    print(type(databases.events).__module__, *sorted(databases.engines))
"""
READ = """\
import smok_core
with smok_core.open_databases("smok.toml") as databases:
    print(databases.pathpoints.get_current_value("W1"), databases.metadata.get_plain("name"))
    print(len(list(databases.events.get_all_events())))
"""


@pytest.mark.parametrize("name", ["smok_lmdb", "smok_events_webhook"])
def test_its_own_tests_pass_on_the_wheel(installed, tmp_path, name):
    """The conformance kit and the plugin's own tests, beside no checkout of the plugin."""
    source = wheels.ROOT / "examples" / name
    shutil.copytree(source / "tests", tmp_path / "tests")
    shutil.copy(source / "pyproject.toml", tmp_path)
    words = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = installed(words, tmp_path)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    last = done.stdout.splitlines()[-1]
    assert " passed" in last
    assert "xfailed" not in last


def test_a_config_chooses_them_and_data_outlives_the_process(installed, tmp_path):
    """Eight roles in LMDB, events at the webhook; a second process finds what the first wrote."""
    (tmp_path / "smok.toml").write_text(CONFIG)
    first = installed(["python", "-c", WRITE], tmp_path)
    assert first.stdout.split() == ["smok_events_webhook.events", "local"], first.stderr
    second = installed(["python", "-c", READ], tmp_path)
    assert second.stdout.splitlines() == ["(1000, 21.5) pump 17", "1"], second.stderr
    checked = installed(["smok", "check", "--json"], tmp_path)
    assert checked.returncode == 0, checked.stdout
    states = {row["store"]: row["state"] for row in json.loads(checked.stdout)["stores"]}
    assert states == {"local": "ok", "alarms": "ok"}


def test_what_is_not_declared_cannot_be_required(installed, tmp_path):
    """The webhook declares nothing about power cuts, so a config that needs that is refused."""
    strict = CONFIG.replace(
        'events = "alarms"', 'events = { store = "alarms", require = ["survives-power-loss"] }'
    )
    (tmp_path / "smok.toml").write_text(strict)
    done = installed(["smok", "check"], tmp_path)
    assert done.returncode in (3, 4)
    assert "SMOK-P09" in done.stdout + done.stderr


def test_all_are_listed_without_being_imported(installed, tmp_path):
    """`smok backends` shows them with their distribution; only --import loads them."""
    done = installed(["smok", "backends", "--json"], tmp_path)
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert {"lmdb", "events-webhook", "pickle", "memory"} <= set(rows)
    assert rows["lmdb"]["distribution"] == "smok-lmdb"
    assert rows["lmdb"]["state"] == "usable"


def test_the_conformance_command_gives_a_verdict(installed, tmp_path):
    """Exit status 0 and a report in JSON for a backend that conforms; 1 for one that does not."""
    receiver = runpy.run_path(str(wheels.ROOT / "examples/smok_events_webhook/tests/receiver.py"))
    with receiver["serving"]() as server:
        words = [
            "smok",
            "conformance",
            "--option",
            f"url={server.url}",
            "--option",
            "path={place}/events.db",
            "--json",
            "out.json",
        ]
        good = installed([*words, "events-webhook"], tmp_path)
    assert good.returncode == 0, good.stdout[-3000:]
    assert "events-webhook conforms" in good.stdout
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["passed"] is True
    assert report["executed"] > 30
    bad = installed(["smok", "conformance", "null"], tmp_path)
    assert bad.returncode == 1
    assert "null does not conform" in bad.stdout


def test_the_conformance_command_explains_bad_options(installed, tmp_path):
    """A word that is no KEY=VALUE, an unknown option and an unknown backend say the way out."""
    told = {
        "KEY=VALUE": ["lmdb", "--option", "path"],
        "every clause needs a store of its own": ["lmdb", "--option", "path=here.lmdb"],
        "unknown key": ["lmdb", "--option", "pth=x"],
        "Did you mean 'lmdb'": ["lmbd"],
    }
    for text, words in told.items():
        done = installed(["smok", "conformance", *words], tmp_path)
        assert done.returncode != 0
        assert text in done.stdout + done.stderr
