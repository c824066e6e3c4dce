"""The command as a whole: laziness, errors made readable."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from smok_cli.finding import command_names

from plugins.smok_cli.tests.conftest import child_environment
from smok_core import __version__

HEAVY = ("rich", "requests", "cryptography", "pytest", "hypothesis", "smok_pickle")


def loaded_after(*words: str, also: tuple[str, ...] = ()) -> set[str]:
    """Run a command in a fresh process and tell which of the heavy modules it has imported."""
    script = (
        "import sys\nfrom smok_cli import main\n"
        f"try: main({list(words)!r})\nexcept SystemExit: pass\n"
        f"print('LOADED', *[m for m in {HEAVY + also!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=child_environment(),
    )
    return set(done.stdout.rpartition("LOADED")[2].split())


HELPS = [(name, "--help") for name in command_names()]


@pytest.mark.parametrize("words", [("--version",), ("--help",), (), *HELPS])
def test_version_and_help_import_nothing_slow(words):
    """``--version`` and every ``--help`` import no backend, nor what is slow to import."""
    assert loaded_after(*words) == set()


def test_version(smok):
    """The version is the package's."""
    result = smok("--version")
    assert (result.status, result.out) == (0, f"smok, version {__version__}\n")


def test_the_version_is_told_at_once():
    """The script of a prompt or a probe pays neither for the core nor for click."""
    command = [sys.executable, "-X", "importtime", "-m", "smok_cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"smok, version {__version__}\n"
    assert not re.findall(r"\| +(click|smok_core)\b", done.stderr)


def test_a_version_that_nobody_can_read_is_an_error():
    """A full disk behind the output is told like that of any command."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "smok_cli", "--version"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode != 0


def test_help_names_every_command(smok):
    """The help names every command, and every command has a help of its own."""
    text = smok("--help").out
    for name in command_names():
        assert name in text
        result = smok(name, "--help")
        assert result.status == 0
        assert f"Usage: smok {name}" in result.out


def test_unknown_command(smok):
    """A command that does not exist is a usage error."""
    result = smok("chek")
    assert result.status == 2
    assert "Did you mean 'check'?" in result.err


@pytest.mark.parametrize("command", ["check", "why", "status", "export", "dead-letters"])
def test_missing_config(smok, command):
    """Without a configuration each command says so, names the way out, and exits with 2."""
    result = smok(command)
    assert result.status == 2
    assert result.err.startswith("error [SMOK-C01]: ")
    assert "`smok init` writes one" in result.err
    assert "Traceback" not in result.err


def test_the_config_is_found_in_the_environment(smok, place, monkeypatch):
    """SMOK_CONFIG names the configuration, --config wins over it."""
    (place / "one.toml").write_text('[roles]\nevents = "memory"\n')
    (place / "two.toml").write_text("")
    monkeypatch.setenv("SMOK_CONFIG", "one.toml")
    assert "one.toml:2" in smok("why", "events").out
    assert "not configured" in smok("--config", "two.toml", "why", "events").out


def test_a_backend_that_is_not_installed(smok, place):
    """A configured backend that is not installed ends a command with 4 and the pip command."""
    text = '[stores.x]\nbackend = "nonesuch"\n[roles]\ndefault = "x"\n'
    (place / "smok.toml").write_text(text)
    result = smok("status")
    assert result.status == 4
    assert result.err.startswith("error [SMOK-P02]: no backend is called 'nonesuch' (smok.toml:2)")


def test_traceback_is_shown_when_asked_for(smok):
    """--traceback shows where an error comes from, beside the readable line."""
    result = smok("--traceback", "status")
    assert "Traceback" in result.err
    assert "error [SMOK-C01]" in result.err


def test_an_unforeseen_error_is_one_line(smok, monkeypatch):
    """A bug shows as one line that says what to report."""

    def fail(*_args):
        raise RuntimeError("boom")

    monkeypatch.setattr("smok_cli.tolerant.read_tolerantly", fail)
    result = smok("why")
    assert result.status == 1
    assert result.err == (
        "error [SMOK-000]: RuntimeError: boom. This is a bug: report what --traceback shows.\n"
    )


def test_interruption_is_polite(smok, monkeypatch):
    """Ctrl-C ends a command with 130 and one line, no traceback."""

    def interrupt(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("smok_cli.tolerant.read_tolerantly", interrupt)
    result = smok("why")
    assert result.status == 130
    assert "interrupted" in result.err
    assert "Traceback" not in result.err
