"""The systemd unit in the docs runs a command that exists, and stops it in time."""

import configparser
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from smok_cli import main
from smok_cli.unit import unit_text

from smok_core.config import load_config
from tests.conftest import ROOT, skip_or_fail

PAGE = ROOT / "docs" / "howto" / "run-as-a-service.md"


@pytest.fixture
def unit():
    """The unit of the page."""
    found = configparser.ConfigParser(interpolation=None)
    found.optionxform = str
    found.read_string(re.findall(r"```text\n(\[Unit\].*?)```", PAGE.read_text(), re.DOTALL)[0])
    return found


def test_the_unit_can_be_read_and_its_command_exists(unit, capsys):
    """Every section parses, ExecStart is a command line of ours, the stop gets more than 5 s."""
    assert set(unit) >= {"Unit", "Service", "Install"}
    _, *words = shlex.split(unit["Service"]["ExecStart"])
    assert main([*words, "--help"]) == 0
    assert "--once" in capsys.readouterr().out
    assert float(unit["Service"]["TimeoutStopSec"]) > 5
    assert unit["Service"]["WorkingDirectory"] == unit["Service"]["ReadWritePaths"]


def test_the_unit_of_the_page_is_the_one_that_init_writes(tmp_path, monkeypatch):
    """For the page's configuration, in the page's place."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--systemd", "--device", "pump-17"]) == 0
    config = load_config("smok.toml")
    assert config.stores["local"].options.path == "/var/lib/smok/smok.db"
    config.path = Path("/etc/smok/smok.toml")
    assert unit_text(config, "smok", Path("/opt/smok/bin/smok")) in PAGE.read_text()
    assert str(tmp_path / "smok.toml") in Path("smok.service").read_text(encoding="utf-8")


def test_the_unit_may_write_where_the_stores_of_a_configuration_are(tmp_path, monkeypatch):
    """An existing configuration stays; a relative path counts from its directory."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--device", "pump-17"]) == 0
    before = Path("smok.toml").read_bytes()
    assert main(["init", "--systemd", "--user", "pump"]) == 0
    assert Path("smok.toml").read_bytes() == before
    text = Path("smok.service").read_text(encoding="utf-8")
    assert f"ReadWritePaths=/var/lib/smok {tmp_path}/var\n" in text
    assert "User=pump\n" in text
    assert main(["init", "--systemd"]) == 2


def test_what_does_not_mend_itself_is_not_tried_again(unit):
    """Exit statuses of configuration, plugins and certificates end the service for good."""
    from smok_cloud.errors import InvalidCredentials

    from smok_core.errors import ConfigError, PluginError

    hopeless = {error.exit_status for error in (ConfigError, PluginError, InvalidCredentials)}
    assert set(map(int, unit["Service"]["RestartPreventExitStatus"].split())) == hopeless


def test_the_configuration_works_where_nothing_but_the_state_can_be_written(unit, tmp_path):
    """As under ProtectSystem=strict: the file system is read-only, the state directory is not."""
    config, state = tmp_path / "etc", tmp_path / "state"
    config.mkdir()
    state.mkdir()
    text = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)[0].partition("[cloud]")[0]
    writable = unit["Service"]["ReadWritePaths"]
    assert f'path = "{writable}/' in text
    (config / "smok.toml").write_text(text.replace(writable, str(state)))
    smok = f"{sys.executable} -m smok_cli --config {config}/smok.toml"
    script = f"""
        mount --bind {tmp_path} {tmp_path} && mount --bind {state} {state} || exit 77
        mount -o remount,bind,ro {tmp_path} || exit 77
        ! touch {config}/file 2>/dev/null && {smok} check || exit 1
        printf 'time,value\\n2024-01-01T00:00:00Z,1\\n' | {smok} ingest --pathpoint p -"""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    if done.returncode == 77 or "Operation not permitted" in done.stderr:
        skip_or_fail("power-cut", f"no mount namespace can be had: {done.stderr.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (state / "smok.db").exists()
