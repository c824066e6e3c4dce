"""``smok import-legacy --register``: users' classes in the old files."""

import subprocess
from pathlib import Path

from plugins.smok_client.tests.bridge.client import python_path

MODULE = """
from smok_client import register_state
class Window:
    def __init__(self, samples):
        self.samples = samples
register_state(Window, lambda window: window.samples, Window)
"""
MAKE = """
import pickle, states
pickle.dump({"p1": states.Window([1, 2])}, open("cache.pkl", "wb"))
"""
LOOK = """
import smok_client, states
with smok_client.databases("smok.toml") as stores:
    found = stores["evt_database"].get_cache("p1")
    print(type(found), found.samples)
"""


def test_a_module_registers_what_the_files_hold(client: Path, tmp_path: Path) -> None:
    """Refused with the way out at first; then it comes back as the class it was."""
    (tmp_path / "states.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "smok.toml").write_text(
        'device = "d"\n[stores.s]\nbackend = "pickle"\npath = "s.db"\n[roles]\ndefault = "s"\n',
        encoding="utf-8",
    )

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [client, "-W", "ignore", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={"PYTHONPATH": f"{python_path()}:{packages()}", "PATH": "/usr/bin:/bin"},
        )

    assert run("-c", MAKE).returncode == 0
    command = ("-m", "smok_cli", "import-legacy", "cache.pkl", "--role", "events")
    refused = run(*command)
    assert refused.returncode == 1, refused.stderr
    assert "import again with --register MODULE" in refused.stdout
    unknown = run(*command, "--register", "nowhere")
    assert unknown.returncode == 2
    assert "--register nowhere: No module named 'nowhere'" in unknown.stderr
    taken = run(*command, "--register", "states")
    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert run("-c", LOOK).stdout == "<class 'states.Window'> [1, 2]\n"


def packages() -> Path:
    """Give the packages of this environment, behind the client's own: click, and what it needs."""
    import click

    return Path(click.__file__).parents[1]
