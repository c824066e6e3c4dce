"""``smok completion``: what a shell gets when somebody presses Tab."""

import os
import shutil
import subprocess
import sys

import pytest

import smok_core
from tests.conftest import skip_or_fail

from .conftest import child_environment


@pytest.fixture
def complete(config):
    """Complete the last of these words, as bash asks for it."""
    with smok_core.open_databases(config) as databases:
        databases.pathpoints.on_new_data_many([("pump on", 1, 1), ("W1", 1, 1), ("W\x1b", 1, 1)])

    def run(*words):
        asked = {"_SMOK_COMPLETE": "bash_complete", "COMP_CWORD": str(len(words))}
        asked["COMP_WORDS"] = " ".join(("smok", *words))
        done = subprocess.run(
            [sys.executable, "-m", "smok_cli"],
            env=child_environment() | asked,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return [line.partition(",")[2] for line in done.stdout.split("\n") if line]

    return run


def test_commands_options_roles_stores_and_pathpoints(complete):
    assert complete("dead") == ["dead-letters"]
    assert "--exit-code" in complete("status", "--e")
    assert complete("why", "ev") == ["events"]
    assert complete("verify", "lo") == ["local"]
    assert complete("export", "--pathpoint", "W") == ["W1"]
    assert complete("plot", "pump") == ["pump on"]


def test_a_configuration_that_is_wrong_completes_to_nothing(complete, config):
    config.write_text("nonsense")
    assert complete("verify", "lo") == []
    assert complete("why", "ev") == ["events"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_of_the_shell(smok, shell, monkeypatch):
    result = smok("completion", shell)
    assert result.status == 0
    assert "_SMOK_COMPLETE" in result.out
    if shutil.which(shell) is None:
        skip_or_fail(shell, f"{shell} is not installed")
    done = subprocess.run([shell, "-n"], input=result.out, text=True, check=False, env=os.environ)
    assert done.returncode == 0
