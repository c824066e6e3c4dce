"""``smok backends``: what is installed, without importing it; and with, one by one."""

import json
from pathlib import Path

import pytest

BROKEN = "raise RuntimeError('imported')"
HANGS = "import time; time.sleep(60)"
DRIVERLESS = """
from smok_core.hookspecs import BackendInfo, Driver, hookimpl
@hookimpl
def smok_backend():
    driver = Driver("no_such_driver", "no-such-driver>=1")
    return BackendInfo(summary="x", drivers=(driver,))
@hookimpl
def smok_open_events():
    pass
"""
NOISY = "print('hello from a plugin')" + DRIVERLESS.replace("no_such_driver", "json")


@pytest.fixture
def install(place):
    """Install a distribution with one backend into a directory; gives the directory."""

    def make(name, code, *, backend=None, api=1, version="1.0"):
        site = place / "site"
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        module = f"plugin_{name}"
        info.joinpath("METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
        group = f"[smok_core.backends.v{api}]\n{backend or name} = {module}\n"
        info.joinpath("entry_points.txt").write_text(group)
        site.joinpath(f"{module}.py").write_text(code)
        return str(site)

    return make


def states(result) -> dict[str, dict]:
    """Read the JSON answer into distribution or name -> row."""
    return {row["distribution"] + ":" + row["name"]: row for row in json.loads(result.out)}


def test_nothing_is_imported(smok_process, install):
    """A plugin that raises when it is imported is listed like any other."""
    site = install("broken", BROKEN)
    result = smok_process("backends", path=site)
    assert result.status == 0
    assert "broken" in result.out
    assert "usable" in result.out
    assert result.err == ""


def test_states_are_told_apart(smok_process, install):
    """Usable, duplicate, too new, too old and built-in backends are told apart, with versions."""
    install("one", BROKEN)
    install("twin_a", BROKEN, backend="twin")
    install("twin_b", BROKEN, backend="twin", version="2.5")
    install("old", BROKEN, api=0)
    install("mine", BROKEN, backend="memory")
    site = install("future", BROKEN, api=99)
    group = site + "/unversioned-1.0.dist-info/entry_points.txt"
    install("unversioned", BROKEN)
    Path(group).write_text(
        "[smok_core.backends]\nunversioned = plugin_unversioned\n", encoding="utf-8"
    )
    rows = states(smok_process("backends", "--json", path=site))
    assert rows["smok-core:memory"]["state"] == "built in"
    assert rows["one:one"]["state"] == "usable"
    assert rows["twin-a:twin"]["state"] == rows["twin-b:twin"]["state"] == "duplicate"
    assert rows["twin-b:twin"]["version"] == "2.5"
    assert rows["future:future"]["state"] == "too new"
    assert rows["old:old"]["state"] == "too old"
    assert rows["mine:memory"]["state"] == "duplicate"
    assert rows["unversioned:unversioned"]["state"] == "no .v1"


def test_what_this_project_has_is_offered(smok_process):
    """A backend of this project that is not installed is named with its pip command."""
    shown = smok_process("backends").out
    names = {row["name"] for row in json.loads(smok_process("backends", "--json").out)}
    for name in ("pickle", "redis", "mongo"):
        assert (f"pip install smok-{name}" in shown) == (name not in names)


def test_import_tries_each_alone(smok_process, install):
    """--import tells ok, broken and driver missing apart; one plugin does not spoil the others."""
    install("broken", BROKEN)
    install("noisy", NOISY)
    install("dead", "import os; os._exit(7)")
    site = install("driverless", DRIVERLESS)
    rows = states(smok_process("backends", "--import", "--json", path=site))
    assert rows["smok-core:memory"]["import"] == "ok"
    assert rows["noisy:noisy"]["import"] == "ok"
    assert rows["noisy:noisy"]["import_ms"] >= 0
    assert rows["broken:broken"]["import"] == "broken"
    assert "RuntimeError: imported" in rows["broken:broken"]["detail"]
    assert rows["dead:dead"]["detail"].startswith("ended with status 7")
    assert rows["driverless:driverless"]["import"] == "driver missing"
    assert rows["driverless:driverless"]["detail"] == 'pip install "no-such-driver>=1"'


def test_import_has_a_timeout(smok_process, install):
    """A plugin that hangs while it is imported is given up."""
    site = install("hangs", HANGS)
    rows = states(smok_process("backends", "--import", "--timeout", "1.5", "--json", path=site))
    assert rows["hangs:hangs"]["import"] == "timeout"


def test_a_registered_backend_is_listed(smok):
    """A backend offered by `smok_core.register` is listed as registered."""
    from smok_core.registry import register, unregister

    register(object(), "mine")
    try:
        rows = json.loads(smok("backends", "--json").out)
    finally:
        unregister("mine")
    assert [row["state"] for row in rows if row["name"] == "mine"] == ["registered"]
