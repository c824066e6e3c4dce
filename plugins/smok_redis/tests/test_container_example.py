"""The example with a container: its configuration on a server started as its compose file says."""

import json
import re

from smok_cli import main

import smok_core
from tests.conftest import ROOT
from tests.servers.redis_servers import Server

EXAMPLE = ROOT / "examples" / "container"


def words(text, key):
    """Give the list that stands behind a key of the Containerfile or the compose file."""
    return json.loads(re.search(rf"{key} (\[.*\])", text)[1])


def test_its_configuration_keeps_readings_on_a_server_like_its_own(tmp_path, monkeypatch):
    """The store takes the server's durability for good; `smok check` and the health check agree."""
    compose = (EXAMPLE / "compose.yaml").read_text()
    arguments = words(compose, "command:")[1:]
    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    settings = {name.removeprefix("--").replace("-", "_"): value for name, value in pairs}
    with Server("valkey", tmp_path / "server", **settings) as server:
        text = (EXAMPLE / "smok.toml").read_text().partition("[cloud]")[0]
        (tmp_path / "smok.toml").write_text(text.replace("/var/lib/smok", str(tmp_path)))
        monkeypatch.setenv(re.search(r"(SMOK_\w+): redis:", compose)[1], server.url)
        monkeypatch.setenv("SMOK_CONFIG", str(tmp_path / "smok.toml"))
        with smok_core.open_databases(str(tmp_path / "smok.toml")) as databases:
            databases.pathpoints.on_new_data("W1", 1_700_000_000_000, 1)
        assert main(["check"]) == 0
        (health,) = re.findall(r"HEALTHCHECK .* CMD (\[.*\])", container())
        assert main([*json.loads(health)[1:], "--longest-wait", "9999d"]) == 0


def container():
    """Read the Containerfile."""
    return (EXAMPLE / "Containerfile").read_text()


def test_what_the_container_runs_and_copies_is_there():
    command = words(container(), "\nCMD")
    assert words(container(), "ENTRYPOINT") == ["smok"]
    assert main([*command, "--help"]) == 0
    for project in re.findall(r"/source/(\S+)", container()):
        assert (ROOT / project / "pyproject.toml").is_file()
    for source in re.findall(r"- \./(\S+?):", (EXAMPLE / "compose.yaml").read_text()):
        assert source in {"device.crt", "device.key"} or (EXAMPLE / source).is_file()


def test_the_hint_of_the_kit_fits_a_server(capsys):
    """A path means nothing to a server: its stores are told apart by a prefix."""
    assert main(["conformance", "redis", "--option", "url=redis://127.0.0.1:1/0"]) == 2
    assert "--option prefix={name}" in capsys.readouterr().err
