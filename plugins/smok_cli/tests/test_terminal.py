"""Texts of others never reach a terminal raw: not in tables, errors, help lines or log lines."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from smok_cli.terminal import SafeFormatter, json_lines, say, visible, visible_lines

from plugins.smok_cli.tests.conftest import child_environment
from smok_core.databases import open_databases
from smok_core.model import Event, SensorWriteEvent

EVIL = "\x1b]0;PWNED\x07\x1b[2J[bold red]x[/]\x9b1m\u202eabc\r\nfake: line"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
QUOTED = json.dumps(EVIL)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ąß", "plain ąß"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x9b\u202e\u2028", "\\x9b\\u202e\\u2028"),
        ("\ud800", "\\ud800"),
        (5, "5"),
    ],
)
def test_what_a_terminal_obeys_is_escaped(text, shown):
    assert visible(text) == shown
    assert visible_lines(text) == shown.replace("\\n", "\n")


def test_json_stays_the_data():
    text = json_lines(json.dumps(EVIL, ensure_ascii=False))
    assert not RAW.search(text)
    assert json.loads(text) == EVIL


def test_say_and_log_lines(capsys):
    say(EVIL, fg="red")
    assert not RAW.search(capsys.readouterr().out)
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "found %s", (EVIL,), None)
    assert not RAW.search(SafeFormatter().format(record))


@pytest.fixture
def planted(config):
    """A store in which every text that can hold one holds escapes and markup."""
    with open_databases(config) as databases:
        databases.pathpoints.on_new_data("p" + EVIL, 1, EVIL)
        databases.metadata.put_plain("k" + EVIL, EVIL)
        databases.events.add_event(Event(started_on=1, message=EVIL, token=EVIL))
        databases.baobs.set_baob_value("b" + EVIL, b"x", 1)
        databases.sensor_writes.add_sw(
            SensorWriteEvent(
                timestamp=1, who=EVIL, hr_sensor=EVIL, hr_value="1", fqts="a", value="v",
                reason=EVIL,
            )
        )  # fmt: skip
        for batch in (
            databases.pathpoints.get_data_to_sync(),
            databases.metadata.get_plain_to_sync(),
            databases.events.get_events_to_sync(),
        ):
            batch.reject(EVIL)
    return config


COMMANDS = [
    ("status",),
    ("status", "--json"),
    ("dead-letters",),
    ("dead-letters", "--json"),
    ("dead-letters", "pathpoints", "--requeue", EVIL),
    ("check",),
    ("why",),
    ("why", EVIL),
    ("export", "--role", EVIL),
    ("export", "--pathpoint", EVIL),
    ("verify", "--from", "local", "--to", EVIL),
    ("ingest", "in.csv"),
    ("ingest", "in.csv", "--wide"),
    ("ingest", "in.csv", "--time", EVIL),
    ("ingest", EVIL.replace("/", "")),
    ("--config", EVIL, "check"),
    ("--traceback", "--config", EVIL, "check"),
    (EVIL,),
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: repr(words)[:50])
def test_no_command_prints_them(smok, planted, words):
    Path("in.csv").write_text(f'time,value,"{EVIL}"\n1,2,3\nnonsense{EVIL},3\n', encoding="utf-8")
    result = smok(*words)
    assert not RAW.search(result.out + result.err)


@pytest.mark.parametrize(
    "text",
    [
        f"device = {QUOTED}\n",
        f'device = "d"\n[stores.{QUOTED}]\nbackend = {QUOTED}\n[roles]\ndefault = {QUOTED}\n',
        f'device = "d"\n{QUOTED} = 1\n',
        f'device = "d"\n[stores.s]\nbackend = "pickle"\npath = {QUOTED}\n[roles]\ndefault = "s"\n',
    ],
)
@pytest.mark.parametrize("command", ["check", "status", "why"])
def test_no_configuration_prints_them(smok, place, command, text):
    place.joinpath("smok.toml").write_text(text)
    result = smok(command)
    assert not RAW.search(result.out + result.err)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_was_closed_is_no_bug(config, closed):
    """Some starters of programs do so; the status is that of the work."""
    for words, status in (("status", 0), ("check", 0), ("ingest - --pathpoint W1 </dev/null", 2)):
        line = f"{sys.executable} -m smok_cli {words} {closed}"
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, check=False,
            env=child_environment(),
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        assert "SMOK-000" not in done.stderr
