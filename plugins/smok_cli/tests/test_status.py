"""``smok status``: the verdict first, on one screen, for people, monitoring and programs."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from smok_cli.screen import human_count
from smok_cli.state.losses import Finding
from smok_cli.state.model import RoleStatus, StoreStatus
from smok_cli.state.outlook import look_ahead
from smok_cli.state.report import VERSION, StatusReport
from smok_cli.state.screen import overview
from smok_cli.state.verdict import link_down, pass_verdict

import smok_core
from smok_core.roles import ROLES

HOUR = 3600.0


def verdict(*kinds, jobs=(), pending=0):
    """Judge findings of these kinds."""
    found = [Finding(kind=kind, store="local", role="events", count=2, text=kind) for kind in kinds]
    return pass_verdict(found, jobs, pending)


def job(name="events up", success=None, **failure):
    """Give a job as the uploader leaves it."""
    told = {"job": name, "last_success": success, "failures": 0, "last_error": None}
    return told | {"last_error_at": None, **failure}


def silent(began, ended, success=None):
    """Give a job that met no link from one time to another."""
    times = {"failing_since": began, "last_error_at": ended}
    return job(success=success, failures=3, no_link=True, last_detail="refused", **times)


# --- the verdict ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "head"),
    [
        ([], "OK"),
        (["elsewhere"], "WAITING"),
        (["in-memory", "elsewhere"], "NOT KEPT"),
        (["in-memory", "dropped", "dead-letters"], "LOST 4"),
        (["dropped", "warning"], "DAMAGED"),
        (["damaged", "unknown"], "DAMAGED"),
        (["unknown", "elsewhere"], "NOT REACHED"),
    ],
)
def test_the_worst_that_is_known_is_the_verdict(kinds, head):
    assert verdict(*kinds).head == head
    assert ("nothing lost" in verdict(*kinds).why) is (head == "OK")


def test_pending_records_are_waiting_and_told():
    assert verdict(pending=1_014_006).head == "WAITING"
    assert verdict(pending=1_014_006).why == "1 014 006 pending, nothing lost"


def test_what_was_acknowledged_is_no_news_and_still_not_nothing():
    found = Finding(kind="dropped", store="s", role="events", count=5, acknowledged=5, text="")
    judged = pass_verdict([found], [], 0)
    assert judged.head == "OK"
    assert judged.why == "nothing pending, 5 lost before and acknowledged"
    more = msgspec.structs.replace(found, count=7)
    assert pass_verdict([more], [], 0).head == "LOST 2"


def test_the_link_is_down_since_the_first_silence_after_the_last_answer():
    assert link_down([]) is None
    assert link_down([job(success=5.0)]) is None
    assert link_down([job(success=5.0), silent(1.0, 4.0)]) is None
    down = link_down([job(success=5.0), silent(1.0, 9.0)])
    assert (down.since, down.detail) == (5.0, "refused")
    assert link_down([silent(6.0, 9.0, success=5.0), silent(7.0, 8.0)]).since == 6.0
    now = time.time()
    told = verdict(jobs=[silent(now - HOUR, now)], pending=3)
    assert told.head == "LINK DOWN"
    assert told.why.startswith("3 pending, nothing lost; since ")
    assert told.why.endswith(" (1 h 0 min): refused")


def test_a_cloud_that_answers_with_a_refusal_is_no_link_down():
    refused = job(failures=9, no_link=False, last_error_at=9.0, last_error="422")
    assert link_down([refused]) is None


# --- how long there is room ----------------------------------------------------------------------


def test_the_outlook_is_the_present_rate():
    """100 000 records in an hour: 200 000 more fit in two, and a disk of 1 GiB in its time."""
    role = RoleStatus(
        role="pathpoints", store="local", rows=200_000, pending=100_000, pending_seconds=HOUR
    )
    store = StoreStatus(
        store="local", location="", size_bytes=20_000_000, free_bytes=10**9, notes=[], warnings=[]
    )
    told = {a.what: a.seconds for a in look_ahead([role], [store], {"local": 300_000})}
    assert told == {"queue of pathpoints": 2 * HOUR, "disk of local": 100 * HOUR}
    assert [*look_ahead([msgspec.structs.replace(role, pending=0)], [store], {})] == []
    young = msgspec.structs.replace(role, pending_seconds=5.0)
    assert [*look_ahead([young], [store], {"local": 300_000})] == []


# --- the screen ----------------------------------------------------------------------------------


@pytest.fixture
def screen(smok, monkeypatch):
    """Look at the status as it is on a terminal of 80x24."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")

    def look(*words):
        result = smok("status", *words)
        assert result.status == 0, result.err
        lines = result.out.splitlines()
        assert len(lines) < 24
        assert max(map(len, lines)) <= 80
        return lines

    return look


def test_health_is_one_line_and_the_stores(screen, config):
    smok_core.open_databases(config).close()
    lines = screen()
    assert lines[0] == "OK  nothing pending, nothing lost"
    assert len(lines) == 4


def test_only_what_has_something_to_tell_is_shown(screen, config):
    with smok_core.open_databases(config) as databases:
        databases.pathpoints.on_new_data_many(
            [("p", 1_700_000_000_000 + n, n) for n in range(1500)]
        )
    text = "\n".join(screen())
    assert text.startswith("WAITING  1 500 pending, nothing lost\n")
    assert "pathpoints" in text
    assert "baobs" not in text
    assert text.count("nothing was uploaded from here yet") == 1


def test_everything_wrong_at_once_is_one_screen(screen, config, monkeypatch):
    """Drops in one role, refusals in all, long reasons: cut, and the way to all is named."""
    text = config.read_text().replace("# max_pending = 1000000", "max_pending = 2", 1)
    config.write_text(text.replace('# on_full = "refuse"', 'on_full = "drop-oldest"', 1))
    with smok_core.open_databases(config) as databases:
        databases.pathpoints.on_new_data_many([("p", n, n) for n in range(5)])
        databases.pathpoints.get_data_to_sync().reject("long " * 100)
        for role in ROLES:
            databases[role].count_refused(1)
    lines = screen()
    assert lines[0].startswith("LOST 14  3 dropped, 2 set aside, 9 refused in predicates, sensor")
    monkeypatch.setenv("LINES", "12")
    assert len(screen()) == 11
    assert screen()[-1].endswith("lines more: smok status --verbose")


def test_a_store_that_is_away_is_told_once(config):
    gone = [RoleStatus(role=r, store="s", available=False, error="store s: away") for r in ROLES]
    losses = [Finding(kind="unknown", store="s", role=role, text=role) for role in ROLES]
    report = StatusReport(
        device="d", at=None, verdict=pass_verdict(losses, [], 0), roles=gone, stores=[], cloud=[],
        outlook=[], losses=losses, nothing_lost=False,
    )  # fmt: skip
    text = "\n".join(line.plain for line in overview(report, 24))
    assert text.count("store s: away") == 1


def test_a_clock_that_was_set_back_is_told(config):
    """The last answer lies in the future then, which is no age."""
    answered = job("events up", success=time.time() + HOUR)
    report = StatusReport(
        device="d", at=None, verdict=pass_verdict([], [answered], 0), roles=[], stores=[],
        cloud=[answered], outlook=[], losses=[], nothing_lost=True,
    )  # fmt: skip
    text = "\n".join(line.plain for line in overview(report, 24))
    assert "d: the cloud answered before the clock was set back" in text


def test_roles_in_memory_are_told_together_and_are_no_ok(screen, config):
    config.write_text(config.read_text().replace('default = "local"', 'default = "memory"'))
    lines = screen()
    assert lines[0] == "NOT KEPT  in memory only, gone when the program ends: all roles"
    assert sum("memory only" in line for line in lines) == 2


def test_watch_looks_until_ctrl_c(config):
    """On a terminal of its own; Ctrl-C ends it with 0 and puts the screen back."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "smok_cli", "status", "--watch"]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while b"nothing lost" not in seen:
        seen += os.read(ours, 4096)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=10) == 0
    assert b"\x1b[?1049h" in seen
    while b"\x1b[?1049l" not in seen:
        seen += os.read(ours, 4096)  # raises OSError at the end
    os.close(ours)


def test_watch_needs_a_terminal(smok, config):
    assert smok("status", "--watch").status == 2


# --- what a person acknowledges ------------------------------------------------------------------


def test_losses_are_news_until_somebody_acknowledges_them(screen, config, smok):
    """Dropped, refused and set aside; what comes later is news again, whatever was requeued."""
    with smok_core.open_databases(config) as databases:
        databases.pathpoints.on_new_data_many([("p", n, n) for n in range(3)])
        databases.pathpoints.get_data_to_sync().reject("the cloud said 422")
        databases.pathpoints.count_refused(2)
    assert screen()[0].startswith("LOST 5  ")
    assert screen("--acknowledge")[0] == "OK  nothing pending, 5 lost before and acknowledged"
    assert smok("status", "--exit-code").status == 0
    with smok_core.open_databases(config) as databases:
        letters = [letter.id for letter in databases.pathpoints.get_dead_letters()]
        for letter in letters:
            databases.pathpoints.requeue_dead_letter(letter)
        databases.pathpoints.get_data_to_sync().reject("the cloud said 422")
    assert screen()[0].startswith("LOST 3  ")


def test_an_acknowledgement_does_not_outlive_its_store(screen, config):
    with smok_core.open_databases(config) as databases:
        databases.events.count_refused(4)
    screen("--acknowledge")
    for file in Path("var").iterdir():
        file.unlink()
    with smok_core.open_databases(config) as databases:
        databases.events.count_refused(1)
    assert screen()[0].startswith("LOST 1  ")


# --- monitoring and programs ---------------------------------------------------------------------


def test_exit_code(smok, config):
    """0 well, 1 beyond a bound, 2 lost; without --exit-code always 0."""
    smok_core.open_databases(config).close()
    assert smok("status", "--exit-code").status == 0
    with smok_core.open_databases(config) as databases:
        now = int(time.time() * 1000)
        databases.pathpoints.on_new_data_many([("p", now + n, n) for n in range(5)])
    assert smok("status", "--exit-code").status == 0
    assert smok("status", "--exit-code", "--most-pending", "4").status == 1
    assert smok("status", "--exit-code", "--longest-wait", "0s").status == 1
    assert smok("status", "--exit-code", "--longest-wait", "soon").status == 2
    with smok_core.open_databases(config) as databases:
        databases.events.count_refused(1)
    assert smok("status", "--exit-code").status == 2
    assert smok("status").status == 0


def test_json_has_a_version_and_its_form(smok, config):
    report = json.loads(smok("status", "--json").out)
    assert (report["format"], report["version"]) == ("smok.status", VERSION)
    assert set(report) == {field.name for field in msgspec.structs.fields(StatusReport)}
    msgspec.convert(report, StatusReport, strict=True)
    assert report["verdict"]["word"] == "OK"


def test_a_pipe_gets_tsv(smok, config, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    rows = [line.split("\t") for line in smok("status").out.splitlines()]
    assert {len(row) for row in rows} == {6}
    assert rows[0] == ["what", "name", "store", "records", "seconds", "text"]
    assert rows[1][:4] == ["verdict", "OK", "", "0"]
    assert [row[1] for row in rows if row[0] == "role"] == list(ROLES)
    assert "\t" in smok("check").out


def test_counts_are_readable():
    assert human_count(1014006) == "1 014 006"
