"""300 distributions, broken, duplicate, too new, half uninstalled, zipped: every command works."""

import json
from collections import Counter

import pytest

from tests.third.zoo import GOOD, NOTE, Zoo, full_zoo


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """Give the environment of 300."""
    return full_zoo(tmp_path_factory.mktemp("zoo"))


def test_there_are_enough_of_them(zoo):
    """The environment is as large as was said."""
    assert zoo.count >= 300


def test_backends_lists_them_and_imports_none(zoo):
    """Each one that can be named is shown with its state; nothing is imported to find out."""
    done = zoo.smok("backends", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    states = Counter(row["state"] for row in rows if row["distribution"].split("-")[0] not in OURS)
    assert states == {
        "usable": 60 + 15 + 15 + 5 + 5 + 5,  # good, broken, gone, misspelt, zipped, editable
        "too new": 15,
        "too old": 5,
        "duplicate": 10,
    }
    assert zoo.imported() == []


#: Distributions of this repository that may be installed beside the zoo.
OURS = {"smok"}


def test_the_version_is_told_without_looking_at_any(zoo):
    """`smok --version` imports no plugin, and does not even look which there are."""
    script = (
        "import sys; from smok_cli import main; main(['--version']);"
        "import smok_core.registry.discovery as discovery;"
        "discovery._discover.cache_info().misses and print('looked');"
        "print([name for name in ('rich', 'importlib.metadata') if name in sys.modules])"
    )
    done = zoo.python("-c", script)
    assert done.stdout.splitlines()[0].startswith("smok, version")
    assert done.stdout.splitlines()[1] == "[]"
    assert zoo.imported() == []


@pytest.mark.parametrize("backend", ["good-7", "zipped1", "editable2"])
@pytest.mark.parametrize("command", ["check", "why"])
def test_only_the_configured_one_is_imported(zoo, command, backend):
    """The one with a role is imported; the broken one behind an idle store is not."""
    zoo.config(backend)
    done = zoo.smok(command, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert zoo.imported() == [f"zoo_{backend.replace('-', '_')}"]


def test_status_looks_behind_an_idle_store_and_says_what_it_could_not_see(zoo):
    """A broken backend no role uses ends nothing; but "nothing lost" is not said of its store."""
    zoo.config("good-7")
    done = zoo.smok("status", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(zoo.imported()) == {"zoo_broken_1", "zoo_good_7"}
    assert "broken-1" in done.stdout


@pytest.mark.parametrize(
    ("backend", "code", "way_out"),
    [
        ("broken-3", "SMOK-P04", "Reinstall or upgrade broken-3"),
        ("gone-3", "SMOK-P04", "Reinstall or upgrade gone-3"),
        ("misspelt-2", "SMOK-P08", "did you mean 'smok_open_engine'"),
        ("future-3", "SMOK-P06", "Upgrade smok-core, or install an older future-3"),
        ("past-3", "SMOK-P06", "past-3"),
        ("twin-2", "SMOK-P05", 'backend = "twin-2-a:twin-2"'),
        ("god-7", "SMOK-P02", "Did you mean 'good-7'?"),
        ("nothing-like-it", "SMOK-P02", "install a package"),
    ],
)
@pytest.mark.parametrize("command", ["check", "status"])
def test_each_failure_is_told_apart_and_tells_the_way_out(zoo, command, backend, code, way_out):
    """A code that stays, the distribution, and what to do; no traceback."""
    zoo.config(backend)
    done = zoo.smok(command)
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode in (3, 4)
    assert f"error [{code}]" in told
    assert way_out in told
    assert "Traceback" not in told


def test_of_two_with_one_name_one_can_be_chosen(zoo):
    """The way out that the message tells is one."""
    zoo.config("twin-2-b:twin-2")
    assert zoo.smok("check").returncode == 0
    assert zoo.imported() == ["zoo_twin_2_b"]


def test_importing_each_is_done_in_a_process_of_its_own(tmp_path):
    """A plugin that raises, ends the process, hangs or chatters spoils only its own line."""
    zoo = Zoo(tmp_path)
    zoo.add("good")
    zoo.add("chatty", 'print(\'{"import": "ok"}\')\n' + GOOD + "\nprint('bye')\n")
    zoo.add("raising", NOTE + "raise RuntimeError('no luck')\n")
    zoo.add("exiting", NOTE + "import os; os._exit(7)\n")
    zoo.add("quitting", NOTE + "raise SystemExit(0)\n")
    zoo.add("hanging", NOTE + "import time; time.sleep(600)\n")
    zoo.add("gone", None)
    done = zoo.smok("backends", "--import", "--timeout", "8", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    told = {name: rows[name]["import"] for name in rows if rows[name]["distribution"] == name}
    assert told == {
        "good": "ok", "chatty": "ok", "raising": "broken", "exiting": "broken",
        "quitting": "broken", "hanging": "timeout", "gone": "broken",
    }  # fmt: skip
    assert "no luck" in rows["raising"]["detail"]
    assert "status 7" in rows["exiting"]["detail"]
