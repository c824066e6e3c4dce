"""The small examples: each README is followed, in a copy, as its reader would."""

import json
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from tests.docs.blocks import ROOT
from tests.docs.following import follow, fresh_environment, own_packages
from tests.servers.redis_servers import Server

EXAMPLES = ROOT / "examples"
#: The examples, and what has to be in the output of each README.
FOLLOWED = {
    "monitoring": ["pickle"],
    "offline_gateway": ["arrived: 1008 values, 7 events"],
    "two_backends": ["open events: ['W1 is 31.0']"],
    "poller": ["W1 failed: timeout", "W2 5", "W3 never read"],
    "cron_upload": ["arrived: 1 values", "something still waits", "exit status 5"],
}
_METRIC = re.compile(r"\bsmok_[a-z_]+\b")


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_readme_does_what_it_says(name, tmp_path):
    """Block after block in one shell, in a copy of the example."""
    output = followed(name, tmp_path)
    for told in FOLLOWED[name]:
        assert told in output, output


def test_a_fleet_shares_a_server(tmp_path):
    """Devices with one configuration on one server count each for itself."""
    with Server("valkey", tmp_path / "server") as server:
        output = followed("fleet", tmp_path, f"url = {json.dumps(server.url)}")
    assert "pump-17 counts 2" in output, output
    assert "pump-18 counts 1" in output, output


def followed(name, tmp_path, url=""):
    """Follow a README in a copy of its example; ``url`` replaces the one of the environment."""
    work = shutil.copytree(EXAMPLES / name, tmp_path / "work")
    if url:
        config = work / "smok.toml"
        config.write_text(config.read_text().replace('url = { env = "SMOK_REDIS_URL" }', url))
    programs = fresh_environment(tmp_path / "venv", own_packages())
    return follow(work / "README.md", programs, work, timeout=120)


@pytest.mark.parametrize("name", ["alerts.yaml", "dashboard.json"])
def test_what_is_asked_of_prometheus_is_documented(name):
    """A renamed metric would leave an alert silent and a panel empty."""
    documented = set(_METRIC.findall((ROOT / "docs/reference/metrics.md").read_text()))
    asked = set(_METRIC.findall("\n".join(expressions(name))))
    assert asked, name
    assert asked <= documented


def expressions(name):
    """Give the queries of the alert rules or the dashboard."""
    text = (EXAMPLES / "monitoring" / name).read_text()
    if name.endswith(".yaml"):
        return re.findall(r"^ +expr: (.+)$", text, re.MULTILINE)
    return [target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"]]


def test_each_alert_says_what_to_do():
    """Somebody is woken by it."""
    rules = (EXAMPLES / "monitoring/alerts.yaml").read_text().split("- alert: ")[1:]
    assert rules
    for rule in rules:
        assert re.search(r"action: \".+\"", rule), rule


def test_what_the_container_is_made_of_is_there():
    """Without a container's daemon: each path exists, and each command line is one."""
    folder = EXAMPLES / "container"
    recipe = (folder / "Containerfile").read_text(encoding="utf-8")
    compose = (folder / "compose.yaml").read_text(encoding="utf-8")
    copied = [ROOT / path for path in re.findall(r"/source/([\w/]+)", recipe)]
    assert len(copied) == 4
    assert all((path / "pyproject.toml").is_file() for path in copied)
    commands = [
        json.loads(text) for text in re.findall(r"(?:CMD|test:) (\[.+\])", recipe + compose)
    ]
    assert ["CMD", "smok", "status", "--exit-code"] in commands
    for words in commands:
        command = [
            sys.executable,
            "-m",
            "smok_cli",
            *(w for w in words if w not in ("CMD", "smok")),
        ]
        done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    mounted = re.findall(r"- \./([\w.]+):", compose)
    assert [name for name in mounted if not (folder / name).exists()] == [
        "device.crt",
        "device.key",
    ]


def test_the_image_is_built_of_what_packages_need_and_nothing_else():
    """The ignored rest may hold keys and environments; what a build reads must not be among it."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    kept = {line[1:] for line in lines if line.startswith("!")}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = {settings["project"]["readme"], *settings["project"].get("license-files", ["LICENSE"])}
    assert kept == {"pyproject.toml", "smok_core", "plugins", *named}
