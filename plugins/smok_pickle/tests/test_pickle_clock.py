"""The wall clock of the machine jumps by decades while a store is open (contract G8)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import skip_or_fail

PROGRAM = """
import os, sys, threading, time
import smok_core

path, durability = sys.argv[1:]
store = {"backend": "pickle", "path": path, "durability": durability, "flush_ms": 20}
config = {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}
pause = threading.Event().wait  # libfaketime breaks `time.sleep` where the monotonic clock is real
years, sent = [], []

def jump(year):
    with open(os.environ["FAKETIME_TIMESTAMP_FILE"], "w") as file:
        file.write(f"@{year}-06-01 12:00:00")
    pause(0.02)
    years.append(time.gmtime().tm_year)

def record(databases, count):
    for _ in range(10):
        databases.pathpoints.on_new_data("W1", count, count)
        count += 1
    databases.metadata.put_plain("count", str(count))
    pause(0.1)  # the thread of the buffer writes
    assert not databases.health()["s"].warnings
    return count

def send(databases):
    batch = databases.pathpoints.get_data_to_sync(limit=6)
    sent.extend(value["timestamp"] for value in batch.to_json()[0]["values"])
    batch.acknowledge()

count = 0
databases = smok_core.open_databases(config, require_all=True)
for year in (2026, 1985, 2034, 2010, 1985):
    jump(year)
    count = record(databases, count)
    databases.checkpoint()
    databases.flush()
    send(databases)
    smok_core.open_databases(config).close()
databases.close()
jump(2034)
with smok_core.open_databases(config, require_all=True) as databases:
    count = record(databases, count)
    assert databases.metadata.get_plain("count") == str(count)
    assert [ts for ts, _ in databases.pathpoints.get_archive_data("W1")] == list(range(count))
    while databases.pathpoints.stats().pending:
        send(databases)
assert sent == list(range(count)), sent
assert years == [2026, 1985, 2034, 2010, 1985, 2034], years
"""


@pytest.fixture
def preload():
    """Give the library that tells a process another time."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        skip_or_fail("faketime", "libfaketime is not installed")
    return str(found[0])


@pytest.mark.parametrize("durability", ["power-loss", "crash", "buffered"])
def test_a_clock_that_jumps_stops_loses_and_reorders_nothing(preload, durability, tmp_path):
    """Back to 1985, on to 2034, with the thread of the buffer and that of the log at work."""
    environment = os.environ | {
        "LD_PRELOAD": preload,
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # as no machine does: its waits would never end
    }
    (tmp_path / "clock").write_text("+0", encoding="ascii")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "smok.db"), durability]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
