"""``--read-only``: a read-only medium, or a copy of a store, is looked at without a trace."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import smok_core
from plugins.smok_cli.tests.conftest import child_environment
from smok_core.errors import ReadOnlyStore
from tests.conftest import skip_or_fail

CONFIG = """\
device = "pump-17"
[stores.local]
backend = "pickle"
path = "medium/smok.db"
[stores.other]
backend = "pickle"
path = "medium/other.db"
[roles]
default = "local"
"""


def _traces() -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in Path("medium").iterdir()}


@pytest.fixture(params=["killed", "closed"])
def medium(tmp_path, monkeypatch, request):
    """A directory with two stores at rest, with and without a log that is still to be read."""
    monkeypatch.chdir(tmp_path)
    Path("smok.toml").write_text(CONFIG, encoding="utf-8")
    if request.param == "killed":
        _write_both(killed=True)
        assert Path("medium/smok.db-wal").stat().st_size
    else:
        _write_both(killed=False)
        assert not Path("medium/smok.db-wal").exists()
    for shared in Path("medium").glob("*-shm"):
        shared.unlink()  # a copy is without it
    return Path("medium")


def _write_both(*, killed: bool) -> None:
    end = "os._exit(0)" if killed else "databases.close()"
    for name in ("local", "other"):
        text = (
            "import os, smok_core\n"
            "databases = smok_core.open_databases('smok.toml')\n"
            "databases.pathpoints.on_new_data('W1', 1_700_000_000_000, 21.5)\n"
            "databases.metadata.put_plain('name', 'pump 17', timestamp=1)\n"
            f"{end}\n"
        )
        environment = child_environment() | {"SMOK__ROLES__DEFAULT": name}
        subprocess.run([sys.executable, "-c", text], check=True, env=environment)


def test_nothing_is_written_and_everything_is_seen(smok, medium):
    """Not a byte, not a file, not a time; what lies in the log alone is there."""
    before = _traces()
    status = json.loads(smok("status", "--read-only", "--json").out)
    rows = {row["role"]: row for row in status["roles"]}
    assert (rows["pathpoints"]["pending"], rows["metadata"]["pending"]) == (1, 1)
    assert "W1,2023-11-14T22:13:20Z,21.5,float" in smok("export", "--read-only").out
    result = smok("verify", "local", "other", "--read-only")
    assert result.status == 0, result.out + result.err
    assert _traces() == before
    assert medium.is_dir()


def test_a_medium_that_is_mounted_read_only(medium):
    """The same on a file system that refuses every write."""
    script = (
        "mount --bind medium medium && mount -o remount,bind,ro medium || exit 77\n"
        "touch medium/x 2>/dev/null && exit 77\n"
        f"{sys.executable} -m smok_cli status --read-only --json >status.json &&"
        f" {sys.executable} -m smok_cli export --read-only >export.csv"
    )
    command = ["unshare", "--mount", "sh", "-c", script]
    if shutil.which("unshare") is None:
        skip_or_fail("full-disk", "unshare is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env=child_environment())  # fmt: skip
    if done.returncode == 77 or "unshare" in done.stderr:
        skip_or_fail("full-disk", "only root may mount")
    assert done.returncode == 0, done.stderr
    assert "21.5" in Path("export.csv").read_text(encoding="utf-8")
    assert medium.is_dir()


def test_writes_are_refused(medium):
    """The option of the store holds for programs, too."""
    environment = dict(os.environ) | {"SMOK__STORES__LOCAL__READ_ONLY": "true"}
    before = _traces()
    config = smok_core.config.load_config("smok.toml", environ=environment)
    with smok_core.open_databases(config) as databases:
        with pytest.raises(ReadOnlyStore):
            databases.metadata.put_plain("name", "other")
        assert databases.metadata.get_plain("name") == "pump 17"
    assert _traces() == before
    assert medium.is_dir()


def test_what_writes_is_refused_by_name(smok, medium):
    """--acknowledge remembers something."""
    result = smok("status", "--read-only", "--acknowledge")
    assert (result.status, medium.is_dir()) == (2, True)
    assert "--acknowledge writes" in result.err
