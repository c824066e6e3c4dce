"""Run the command in this process or in one of its own, in an empty directory."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from smok_cli import main

from smok_core.registry import Registry
from tests.conftest import ROOT, shared_data as shared_data, skip_or_fail


class Result(NamedTuple):
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty working directory, no configuration from outside, and tables as people read them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    for name in os.environ:
        if name.startswith("SMOK_") and name not in ("SMOK_REQUIRE", "SMOK_SHARED"):
            monkeypatch.delenv(name)
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
def smok_process(place):
    """Run ``smok WORDS...`` in a process of its own."""

    def run(*words: object, stdin: bytes = b"", path: str = "", **options) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "smok_cli", *map(str, words)],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=120,
            env=child_environment(path),
            **options,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def child_environment(path: str = "") -> dict[str, str]:
    """Give the environment for a child that shall import the same smok_core as we do."""
    known = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, str(ROOT), known]))}


@pytest.fixture
def config(smok) -> Path:
    """A smok.toml as ``smok init`` writes it; everything is kept by the embedded backend."""
    if "pickle" not in Registry().names():
        skip_or_fail("pickle", "smok-pickle is not installed")
    assert smok("init", "--device", "pump-17").status == 0
    return Path("smok.toml")
