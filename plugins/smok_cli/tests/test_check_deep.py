"""``smok check --deep``: everything is read, what is damaged is named, and nothing is changed."""

import json
import sqlite3
import subprocess
import sys
import time

import pytest

from smok_core import open_databases


@pytest.fixture
def store(config):
    """Give the path of a store with something in each of its tables."""
    with open_databases(config) as databases:
        databases.pathpoints.on_new_data_many([("W1", ts, ts / 2) for ts in range(500)])
        databases.metadata.put_plain("site", "Danzig")
        databases.baobs.set_baob_value("firmware", b"\x7f" * 9000, 1)
    return config.parent / "var" / "smok.db"


def change(store, statement):
    with sqlite3.connect(store, isolation_level=None) as raw:
        raw.create_function("checksum", -1, lambda *_: 0)
        assert raw.execute(statement).rowcount
    raw.close()


def test_a_sound_store_is_said_to_be_sound(smok, store):
    """Status 0, and the same as JSON."""
    before = store.read_bytes()
    result = smok("check", "--deep")
    assert result.status == 0
    assert "everything was read, and all of it is sound" in result.out
    assert json.loads(smok("check", "--deep", "--json").out)["stores"][0]["damage"] == []
    assert store.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE rows SET value = x'00' WHERE key = 'site'", "the row 'site'"),
        ("UPDATE blobs SET data = zeroblob(9000)", "the blob 'firmware'"),
        ("UPDATE tail SET data = zeroblob(length(data))", "500 readings of the log"),
    ],
)
def test_a_wrong_checksum_is_named_and_left_alone(smok, store, statement, named):
    """One value of one table: its row is named, the rest is not; a look heals nothing."""
    change(store, statement)
    before = store.read_bytes()
    result = smok("check", "--deep")
    assert result.status == 3
    assert result.out.count("damaged: local:") == 1
    assert named in result.out
    assert "checksum" in result.out
    assert store.read_bytes() == before
    assert not list(store.parent.glob("*.corrupt-*"))
    # Without --deep it says what `status` says: no more is looked at.
    damaged = smok("status").out.startswith("DAMAGED")
    assert smok("check").status == (3 if damaged else 0)


def test_a_broken_page_is_named(smok, store):
    """A page that SQLite cannot read: what can be read is read all the same."""
    with store.open("r+b") as file:
        file.seek(0, 2)
        pages = file.tell() // 4096
        file.seek((pages - 1) * 4096)
        file.write(b"\xff" * 4096)
    result = smok("check", "--deep")
    assert result.status == 3
    assert "damaged: local:" in result.out


def test_a_value_that_no_codec_reads_is_named(smok, config):
    """The bytes are those that were written, and they are no value: the checksum is right."""
    with open_databases(config, require_all=True) as databases:
        databases.metadata.put_plain("site", "Danzig")
        engine = databases.engines["local"]
        good = engine.codec.dumps(1.5)
        engine.table("metadata").put("odd", b"\xffjunk")
        points = [("W1", ts, b"\xff" if ts == 77 else good) for ts in range(200)]
        engine.series("pathpoints").append(points)
    result = smok("check", "--deep")
    assert result.status == 3
    assert "damaged: local: metadata: 'odd': the value cannot be decoded" in result.out
    assert "damaged: local: pathpoints: 'W1' at us 77: the value cannot" in result.out
    assert result.out.count("damaged: local:") == 2


@pytest.mark.parametrize("command", [("check", "--deep"), ("status",)])
def test_a_look_that_is_killed_has_changed_nothing(command, config, store):
    """At any moment: the file is as before, nothing new lies there, and all of it is read then."""
    before = {file.name: file.read_bytes() for file in store.parent.iterdir()}
    run = [sys.executable, "-m", "smok_cli", "--config", str(config), *command]
    started = time.monotonic()
    subprocess.run(run, stdout=subprocess.DEVNULL, check=True)
    lasts = time.monotonic() - started
    for part in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
        with subprocess.Popen(run, stdout=subprocess.DEVNULL) as looking:
            time.sleep(part * lasts)
            looking.kill()
    assert before.items() <= {f.name: f.read_bytes() for f in store.parent.iterdir()}.items()
    with open_databases(config) as databases:
        assert not databases.health()["local"].warnings
        assert len(list(databases.pathpoints.get_archive_data("W1"))) == 500


def test_segments_are_read_too(smok, config):
    """What was acknowledged and compacted carries checksums as well."""
    with open_databases(config) as databases:
        databases.pathpoints.on_new_data_many([("W1", ts, ts / 2) for ts in range(5000)])
        while batch := databases.pathpoints.get_data_to_sync():
            batch.acknowledge()
        databases.pathpoints.checkpoint()
    store = config.parent / "var" / "smok.db"
    change(store, "UPDATE segments SET data = zeroblob(length(data)) WHERE id = 2")
    result = smok("check", "--deep")
    assert (result.status, result.out.count("readings of the archive")) == (3, 1)


def test_a_store_without_a_file_has_nothing_to_read(smok, config):
    """Memory looks after itself."""
    config.write_text('device = "pump-17"\n[roles]\ndefault = "memory"\n')
    assert smok("check", "--deep").status == 0


def test_a_store_that_opens_and_cannot_be_read_is_no_good_store(smok, store, monkeypatch):
    """Without --deep, too; and `status` has room for what to do, on a small screen."""
    page = 4096
    with store.open("r+b") as file:
        file.seek(page)
        file.write(b"\xff" * (store.stat().st_size - page))
    result = smok("check")
    assert result.status == 3, result.out
    assert "SMOK-S04" in result.out
    assert "as is the default" in " ".join(result.out.split())
    monkeypatch.setenv("COLUMNS", "80")
    shown = smok("status", "--exit-code")
    assert shown.status == 2
    assert shown.out.startswith("DAMAGED")
    assert "on_corrupt" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


def test_a_disk_that_is_nearly_full_is_told(config):
    from smok_cli.doctor import examine_stores

    from smok_core.config import load_config

    rows = [{"store": "local", "state": "ok", "free_bytes": free} for free in (10**6, 10**9, None)]
    (found,) = (one for one in examine_stores(load_config(config), rows) if one["what"] == "disk")
    assert (found["state"], found["text"][:10]) == ("warning", "976.6 KiB ")
