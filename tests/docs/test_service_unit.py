"""The systemd unit in the docs runs a command that exists, and stops it in time."""

from __future__ import annotations

import configparser
import re
import shlex

from smok_cli import main

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "howto" / "run-as-a-service.md"


def test_the_unit_can_be_read_and_its_command_exists(capsys):
    """Every section parses, ExecStart is a command line of ours, the stop gets more than 5 s."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string(re.findall(r"```text\n(\[Unit\].*?)```", PAGE.read_text(), re.DOTALL)[0])
    assert set(unit) >= {"Unit", "Service", "Install"}
    _, *words = shlex.split(unit["Service"]["ExecStart"])
    assert main([*words, "--help"]) == 0
    assert "--once" in capsys.readouterr().out
    assert float(unit["Service"]["TimeoutStopSec"]) > 5
    assert unit["Service"]["WorkingDirectory"] == unit["Service"]["ReadWritePaths"]
