"""smok run, sandbox and certs: the cloud's side of the command line, over mutual TLS."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from smok_cloud.commands.live import lines
from smok_cloud.progress import Heartbeat, Progress
from smok_cloud.service import Service
from smok_testing.cloud.faults import Fault, FaultKind
from smok_testing.cloud.secure import secure_sandbox

import smok_core
from tests.conftest import ROOT

STORE = """
[stores.local]
backend = "pickle"
path = "var/smok.db"

[roles]
default = "local"
"""


@pytest.fixture
def sandbox(tmp_path):
    """A cloud with its certificates, and a configuration that points to it."""
    folder = tmp_path / "pki"
    folder.mkdir()
    with secure_sandbox(folder, "pump-17") as opened:
        cloud = {
            "url": opened.url,
            "certificate": str(opened.device.certificate),
            "private_key": str(opened.device.key),
            "ca_bundle": str(opened.ca_bundle),
            "server_ca": str(opened.ca_bundle),
        }
        lines = "\n".join(f'{name} = "{value}"' for name, value in cloud.items())
        (tmp_path / "smok.toml").write_text(f"{STORE}\n[cloud]\n{lines}\n")
        yield opened


def record(count=10):
    """Store something to upload."""
    with smok_core.open_databases("smok.toml") as databases:
        databases.pathpoints.on_new_data_many([("W1", ts, ts) for ts in range(count)])


def pending():
    """Count the values that wait."""
    with smok_core.open_databases("smok.toml") as databases:
        return databases.pathpoints.stats().pending


def start(*words):
    """Start a command in a process of its own."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "smok_cli", *words]
    return subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)


def until(condition, seconds=20):
    """Wait for something; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_run_once_delivers_and_status_tells(sandbox, smok):
    """Everything goes up in one call, the device id comes from the certificate, 0 is success."""
    record()
    assert smok("run", "--once").status == 0
    assert len(sandbox.cloud.points) == 10
    assert pending() == 0
    report = json.loads(smok("status", "--json").out)
    jobs = {job["job"]: job for job in report["cloud"]}
    assert jobs["pathpoints up"]["acknowledged"] == 10


def test_run_once_without_a_link_says_so(sandbox, smok):
    """Exit status 5 when something was not delivered; it waits."""
    record()
    sandbox.server.close()
    result = smok("run", "--once")
    assert result.status == 5
    assert "LINK DOWN" in smok("status").out
    assert pending() == 10


def test_run_once_with_a_refused_record_is_incomplete(sandbox, smok):
    """Exit status 5: nine of ten arrived, one is a dead letter."""
    record()
    sandbox.cloud.poison(lambda point: point.get("value") == 3)
    assert smok("run", "--once").status == 5
    assert (len(sandbox.cloud.points), pending()) == (9, 0)


def test_run_once_while_everything_is_refused_is_incomplete(sandbox, smok):
    """Exit status 5, all is kept, and status says that the cloud refuses everything."""
    record()
    fault = Fault(kind=FaultKind.STATUS, status=413, path="/v1/device/pathpoints", times=None)
    sandbox.cloud.faults.add(fault)
    assert smok("run", "--once").status == 5
    (job,) = (
        job
        for job in json.loads(smok("status", "--json").out)["cloud"]
        if job["job"] == "pathpoints up"
    )
    assert "refuses everything" in job["last_error"]
    assert pending() == 10


def test_run_uploads_until_it_is_told_to_stop(sandbox):
    """In the foreground it takes what comes, and SIGTERM ends it with status 0."""
    record()
    child = start("run", "--plain")
    until(lambda: len(sandbox.cloud.points) == 10)
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=5) == 0
    assert " INFO total: 10 uploaded, 0 refused, 0 pending" in child.stderr.read()
    child.stderr.close()


@pytest.mark.parametrize("words", [("run", "--plain"), ("run", "--once")])
def test_sigterm_ends_within_five_seconds_in_the_middle_of_a_request(sandbox, words):
    """U4: the cloud hangs, SIGTERM comes: the process ends in time, nothing is acknowledged."""
    record()
    path = "/v1/device/pathpoints"
    sandbox.cloud.faults.add(
        Fault(kind=FaultKind.HANG_HEADERS, method="POST", path=path, seconds=60, times=None)
    )
    child = start(*words)
    until(lambda: sandbox.cloud.faults.taken)
    started = time.monotonic()
    child.send_signal(signal.SIGTERM)
    child.wait(timeout=10)
    assert time.monotonic() - started < 5
    child.stderr.close()
    assert pending() == 10


def test_certs_shows_the_chain(sandbox, smok):
    """Every certificate of the chain with its end; exit status 0 when they can be used."""
    result = smok("certs", "--json")
    report = json.loads(result.out)
    assert result.status == 0
    assert report["usable"] is True
    assert report["device"] == "pump-17"
    assert [each["part"] for each in report["certificates"]] == [
        "the certificate",
        "the device CA",
        "the root CA",
    ]
    assert "the device can use these credentials" in smok("certs").out


def test_certs_says_what_is_wrong(sandbox, smok, tmp_path):
    """A key that is not the certificate's: exit status 6, the file named, and the way out."""
    other = sandbox.pki.issue_device("other", name="other")
    text = (tmp_path / "smok.toml").read_text()
    (tmp_path / "smok.toml").write_text(text.replace(str(sandbox.device.key), str(other.key)))
    result = smok("certs")
    assert result.status == 6
    assert "SMOK-N10" in result.out


def test_certs_without_a_device_shows_the_packaged_authorities(smok, tmp_path):
    """Without a certificate the packaged authorities and their ends are shown."""
    (tmp_path / "smok.toml").write_text('device = "x"\n')
    result = smok("certs", "--json")
    ends = [each["not_after"] for each in json.loads(result.out)["certificates"]]
    assert result.status == 0
    assert any(end.startswith("2030-02-19") for end in ends)


@pytest.mark.parametrize("tls", [False, True])
def test_the_sandbox_command_serves_a_cloud(tmp_path, tls):
    """What it prints is a [cloud] table; what arrives is told at the end."""
    words = ["sandbox", "--device", "pump-17", *(["--tls"] if tls else [])]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "smok_cli", *words]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as child:
        lines = [child.stdout.readline() for _ in range(6 if tls else 2)]
        (tmp_path / "smok.toml").write_text(f'device = "pump-17"\n{STORE}\n{"".join(lines)}')
        record()
        done = start("run", "--once")
        assert done.wait(timeout=30) == 0, done.stderr.read()
        done.stderr.close()
        child.send_signal(signal.SIGINT)
        assert "10 values" in child.stdout.read()


def test_run_without_a_cloud_says_what_is_missing(smok):
    """No [cloud] table: nothing is sent anywhere, and the way out is named."""
    assert smok("init", "--device", "pump-17").status == 0
    result = smok("run", "--once")
    assert result.status == 2
    assert "the table [cloud] is missing" in result.err


def test_plain_lines_tell_time_level_and_a_total(sandbox):
    """The link's loss is a line, and the last line is the total with what is still pending."""
    record()
    child = start("run", "--plain")
    until(lambda: len(sandbox.cloud.points) == 10)
    sandbox.server.close()
    record(12)
    assert any(" INFO LINK DOWN: " in line for line in iter(child.stderr.readline, ""))
    child.send_signal(signal.SIGTERM)
    rest = child.communicate(timeout=10)[1]
    assert child.returncode == 0
    assert " INFO total: 10 uploaded, 0 refused, 2 pending" in rest


def test_quiet_says_nothing_when_all_is_well_and_json_lines_are_objects(sandbox):
    record()
    quiet = start("run", "--once", "--quiet")
    assert (quiet.wait(timeout=30), quiet.stderr.read()) == (0, "")
    quiet.stderr.close()
    lines = start("run", "--once", "--log-format", "json")
    assert lines.wait(timeout=30) == 0
    told = [json.loads(line) for line in lines.stderr]
    lines.stderr.close()
    assert told[-1]["message"].startswith("total: 0 uploaded, 0 refused, 0 pending")
    assert set(told[-1]) == {"time", "level", "logger", "message"}
    assert told[-1]["level"] == "INFO"


@pytest.fixture
def service(sandbox):
    """A service that was not started, on 10 values that wait."""
    record()
    with smok_core.open_databases("smok.toml") as databases:
        yield Service(databases)


def screen(service):
    """Give the live screen as text."""
    shown = [line.plain for line in lines(service, Progress(service.synchronizer).look())]
    assert len(shown) < 24
    return shown


def test_the_live_screen_counts_what_is_pending_after_every_batch(sandbox, service):
    """A batch of ten leaves none; idle jobs are not shown, and the link was there."""
    assert screen(service)[0] == "no answer of the cloud yet"
    (job,) = (job for job in service.synchronizer.jobs if job.name == "pathpoints up")
    service.synchronizer.run_once()
    assert job.statistics.pending == 0
    shown = screen(service)
    assert shown[0] == "the cloud answers"
    assert any(line.startswith("pathpoints up ") and " 10 " in line for line in shown)
    assert not any(line.startswith("macros") for line in shown)


def test_the_live_screen_without_a_link(sandbox, service):
    """One line about the link: since when, why, and how much waits."""
    sandbox.server.close()
    service.synchronizer.run_once()
    (link, reason, pace, *_) = screen(service)
    assert link.startswith("LINK DOWN since ")
    assert "Connection refused" in reason
    assert link.endswith("; 10 pending")
    assert pace == "10 pending, 0 a second"


def test_the_request_that_is_out_is_told(sandbox, service):
    """What hangs is named with its age, and only while it hangs."""
    fault = Fault(
        kind=FaultKind.HANG_HEADERS, method="POST", path="/v1/device/pathpoints", seconds=3
    )
    sandbox.cloud.faults.add(fault)
    thread = threading.Thread(target=service.synchronizer.run_once)
    thread.start()
    until(lambda: any(line.startswith("out for 1 s: POST /v1/dev") for line in screen(service)))
    service.api.close()
    thread.join(10)
    assert service.api.request_out is None


def test_a_heartbeat_tells_rate_and_time_left(service, caplog):
    """Once a minute, at INFO, by the monotonic clock."""
    now = [0.0]
    heartbeat = Heartbeat(service.synchronizer, monotonic=lambda: now[0])
    (job,) = (job for job in service.synchronizer.jobs if job.name == "pathpoints up")
    with caplog.at_level("INFO", "smok_cloud"):
        for now[0] in range(61):
            job.statistics.acknowledged, job.statistics.pending = int(now[0]) * 10, 6000
            heartbeat.beat()
    assert [r.message for r in caplog.records] == [
        "600 uploaded, 0 refused, 6000 pending, 10 a second, about 600 s left"
    ]


# --- smok check as doctor ------------------------------------------------------------------------


def examined(smok, *words):
    """Give the exit status of ``smok check`` and its findings: (what, state) -> the finding."""
    result = smok("check", "--json", *words)
    found = json.loads(result.out)["findings"]
    assert all(one["fix"] for one in found if one["state"] == "error")
    return result.status, {(one["what"], one["state"]): one for one in found}


def amend(tmp_path, old, new):
    """Change the configuration."""
    text = (tmp_path / "smok.toml").read_text()
    assert old in text
    (tmp_path / "smok.toml").write_text(text.replace(old, new))


def test_check_tries_credentials_name_tls_a_request_and_the_clock(sandbox, smok):
    status, found = examined(smok)
    assert status == 0
    assert {("credentials", "ok"), ("cloud", "ok"), ("clock", "ok")} <= set(found)
    assert not [state for _, state in found if state == "error"]


def test_check_offline_sends_nothing(sandbox, smok):
    sandbox.server.close()
    status, found = examined(smok, "--offline")
    assert (status, ("cloud", "error") in found) == (0, False)
    assert ("credentials", "ok") in found


def test_check_without_a_link_is_an_error_with_its_fix(sandbox, smok):
    sandbox.server.close()
    status, found = examined(smok)
    assert status == 5
    assert "Connection refused" in found["cloud", "error"]["text"]
    shown = smok("check").out
    assert "error    cloud: GET /v1/device" in shown
    assert "fix: " in shown


def test_check_of_a_name_that_is_not_there(sandbox, smok, tmp_path):
    amend(tmp_path, sandbox.url, "https://nowhere.invalid")
    status, found = examined(smok)
    assert status == 5
    assert "nowhere.invalid cannot be resolved" in found["cloud", "error"]["text"]


def test_check_of_a_key_of_another_certificate(sandbox, smok, tmp_path):
    other = sandbox.pki.issue_device("other", name="other")
    amend(tmp_path, str(sandbox.device.key), str(other.key))
    status, found = examined(smok, "--offline")
    assert status == 6
    assert "is not the private key of" in found["credentials", "error"]["text"]


def test_check_of_another_device_id(sandbox, smok, tmp_path):
    """The certificate says who sends: two names for one device part its records."""
    (tmp_path / "smok.toml").write_text('device = "other"\n' + (tmp_path / "smok.toml").read_text())
    status, found = examined(smok, "--offline")
    assert status == 2
    assert found["device id", "error"]["text"] == (
        "device = 'other', the certificate is that of 'pump-17'"
    )


def test_check_of_a_server_that_nobody_vouches_for(sandbox, smok, tmp_path):
    ca = json.dumps(str(sandbox.ca_bundle))
    amend(tmp_path, f"server_ca = {ca}", "")
    status, found = examined(smok)
    assert status == 5
    assert "certificate was not accepted" in found["cloud", "error"]["text"]


def test_check_names_shared_files_owners_and_modes(smok, config):
    smok_core.open_databases(config).close()
    twin = '[stores.twin]\nbackend = "pickle"\npath = "var/../var/smok.db"\n'
    text = config.read_text().replace("[roles]", f'{twin}[roles]\nevents = "twin"')
    config.write_text(text)
    file = config.parent.resolve() / "var" / "smok.db"
    assert "local and twin are one file" in examined(smok)[1]["stores", "warning"]["text"]
    file.chmod(0o666)
    assert "chmod go-w" in examined(smok)[1]["file of local", "warning"]["fix"]
    file.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(file, 65534, -1)
        assert "belongs to" in examined(smok)[1]["file of local", "warning"]["text"]
