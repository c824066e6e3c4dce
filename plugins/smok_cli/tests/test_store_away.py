"""The commands while one store is away: a server that refuses, for some of the roles."""

import json
import socket

import pytest

import smok_core
from smok_core.errors import BackendUnavailable


@pytest.fixture
def away(config):
    """A configuration whose predicates lie on a server that is not there."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    url = f"redis://127.0.0.1:{port}/0"
    plant = f'[stores.plant]\nbackend = "redis"\nurl = "{url}"\ntimeout = 0.5\n'
    text = config.read_text().replace("[roles]", f'{plant}\n[roles]\npredicates = "plant"', 1)
    config.write_text(text)
    return config


def test_a_rebooted_gateway_records_during_an_outage(away):
    with smok_core.open_databases(away) as databases:
        databases.pathpoints.on_new_data("W1", 1_700_000_000_000, 21.5)
        with pytest.raises(BackendUnavailable):
            databases.predicates.get_all_predicates()


def test_ingest_export_and_status_go_on(smok, away, tmp_path):
    (tmp_path / "W1.csv").write_text("timestamp,value\n1700000000,1\n")
    assert smok("ingest", "W1.csv").status == 0
    assert "W1" in smok("export").out
    shown = smok("status")
    assert shown.status == 0
    assert "not known, the store is away: predicates" in shown.out
    assert "nothing lost" not in shown.out


def test_status_shows_the_rest_as_json(smok, away):
    report = json.loads(smok("status", "--json").out)
    rows = {row["role"]: row for row in report["roles"]}
    assert not rows["predicates"]["available"]
    assert "plant" in rows["predicates"]["error"] or "127.0.0.1" in rows["predicates"]["error"]
    assert rows["pathpoints"]["available"]
    assert rows["pathpoints"]["pending"] == 0


def test_a_store_that_is_away_is_not_damaged(smok, away):
    verdict = json.loads(smok("status", "--json").out)["verdict"]
    assert verdict["word"] == "NOT REACHED"
    assert "no connection" in verdict["why"]
    assert smok("status", "--exit-code").status == 1


def test_check_still_says_what_is_wrong(smok, away):
    assert smok("check").status == 3
