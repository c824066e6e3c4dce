"""A device with a day of readings, failed ones among them, and what the cloud refused."""

import math
import os
import time
from typing import NamedTuple

import pytest
from smok_cli import main

import smok_core
from smok_core import OperationFailedError, OperationFailedReason, SensorWriteEvent

CONFIG = """\
device = "pump-17"
[stores.local]
backend = "pickle"
path = "var/smok.db"
[roles]
default = "local"
"""
#: What would run, load or close something if it were not escaped.
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


class Result(NamedTuple):
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty working directory with a configuration, and none from outside."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("SMOK_") and name not in ("SMOK_REQUIRE", "SMOK_LONG"):
            monkeypatch.delenv(name)
    (tmp_path / "smok.toml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def smok(capsys):
    """Run ``smok WORDS...`` in this process."""

    def run(*words: object) -> Result:
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture
def now() -> float:
    """Return the time to the second."""
    return float(int(time.time()))


@pytest.fixture
def device(place, now):
    """A day of readings: a curve with failures, a switch, a text, a refused record."""
    with smok_core.open_databases("smok.toml") as databases:
        databases.pathpoints.on_new_data_many(readings(now))
        record = SensorWriteEvent(
            timestamp=int(now * 1000), who=EVIL, hr_sensor="", hr_value="", fqts="", value="",
            reason="",
        )  # fmt: skip
        databases.sensor_writes.add_sw(record)
        databases.sensor_writes.get_sw_sync().reject(f"the cloud answered 422: {EVIL}")
    return place


def readings(now):
    """A reading each minute of the last day."""
    for n in range(1440):
        at = (now - 86_400 + 60 * n + 1) * 1000
        failed = 700 <= n < 710
        value = 60 + 10 * math.sin(n / 100)
        yield "W1", at, OperationFailedError(OperationFailedReason.TIMEOUT, at) if failed else value
        yield "pump on", at, n // 240 % 2 == 0
    yield EVIL, now * 1000, 7
    yield "state", now * 1000, EVIL
