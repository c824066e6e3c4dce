"""Commands are plugins: found by text, imported when called, a bad one harms no other."""

import subprocess
import sys

import pytest
from smok_cli.finding import KNOWN, command_names, summary

from plugins.smok_cli.tests.conftest import child_environment
from smok_core.registry import forget
from tests.unit.test_discovery import install

GOOD = '''"""``smok fine``: do what is fine."""

import click


@click.command("fine")
def command():
    """Do what is fine."""
    click.echo("fine indeed")
'''


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An entry of the path into which a test installs distributions with commands."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    forget()
    yield folder
    forget()
    for name in [name for name in sys.modules if name.startswith("cmd_")]:
        del sys.modules[name]


def add(site, name, source, *, command="", target="command", api=1):
    """Install a distribution whose one module offers one command."""
    module = f"cmd_{name.replace('-', '_')}"
    if source is not None:
        (site / f"{module}.py").write_text(source)
    value = f"{module}:{target}"
    install(site, f"smok-{name}", f"[smok_core.commands.v{api}]\n{command or name} = {value}\n")
    forget()


def test_a_command_of_a_third_party(site, smok):
    """It is listed with the first line of its module, and it runs."""
    add(site, "fine", GOOD)
    assert "Do what is fine." in smok("--help").out
    assert smok("fine").out == "fine indeed\n"


def test_listing_and_version_import_no_command(site, place):
    """Not even one that would end the process."""
    add(site, "deadly", '"""``smok deadly``: end it all."""\nimport os\nos._exit(7)\n')
    for words in (["--version"], ["--help"], ["backends"], ["check", "--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "smok_cli", *words], env=child_environment(str(site)),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert summary("deadly") == "End it all."


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('"""Broken."""\nimport nothing_of_this_name\n', "nothing_of_this_name"),
        ('"""Broken."""\n1 / 0\n', "ZeroDivisionError"),
        ('"""Broken."""\ncommand = 5\n', "is no click.Command (it is of the type int)"),
        ('"""Broken."""\n', "has no attribute 'command'"),
        (None, "No module named 'cmd_bad'"),
        ('"""Broken.\n', "SyntaxError"),
    ],
)
def test_a_broken_command_names_its_reason_and_harms_no_other(site, smok, source, reason):
    """It is listed; calling it says which distribution and why; the others work."""
    add(site, "bad", source)
    add(site, "fine", GOOD)
    assert "bad" in smok("--help").out
    result = smok("bad")
    assert result.status == 4
    assert result.err.startswith("error [SMOK-P0")
    assert reason in result.err
    assert "smok-bad 1.0" in result.err
    assert smok("fine").status == 0


def test_what_cannot_be_read_is_said_in_the_list(site):
    """A module that is gone or no Python is listed as such."""
    add(site, "gone", None)
    add(site, "torn", '"""Torn.\n')
    assert summary("gone").startswith("cannot be loaded: smok-gone 1.0 has no module")
    assert summary("torn") == "cannot be loaded: SyntaxError in cmd_torn.py."


def test_a_name_offered_twice_is_named(site, smok):
    """The list and the call name both distributions; the full name chooses one."""
    add(site, "fine", GOOD)
    add(site, "finer", GOOD, command="fine")
    assert "smok-fine 1.0 and smok-finer 1.0" in summary("fine")
    result = smok("fine")
    assert result.status == 4
    assert "smok-fine 1.0" in result.err
    assert "smok-finer 1.0" in result.err
    assert smok("smok-finer:fine").out == "fine indeed\n"


def test_a_command_for_another_interface_is_not_imported(site, smok):
    """It is not listed, and calling it says what to upgrade."""
    add(site, "future", "import nothing_of_this_name\n", api=9)
    assert "future" not in command_names()
    result = smok("future")
    assert result.status == 4
    assert "written for plugin API 9" in result.err


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_command_that_is_not_installed_says_what_to_install(name, smok, monkeypatch):
    """Those of this project are known by name."""
    monkeypatch.setattr("smok_cli.app.command_names", lambda: ["check"])
    result = smok(name)
    assert result.status == 4
    assert f'pip install "{KNOWN[name]}"' in result.err


def test_what_is_known_is_what_the_distributions_offer():
    """Every command of ours outside this distribution is in the table of what to install."""
    from smok_core.registry.discovery import COMMANDS, discover

    extras = dict.fromkeys(("report", "plot", "metrics"), "report")
    others = {
        found.name: f"smok-core[{extras.get(found.name, found.distribution.removeprefix('smok-'))}]"
        for found in discover(kind=COMMANDS)
        if found.distribution in ("smok-cloud", "smok-client", "smok-testing")
    }
    assert others == KNOWN
