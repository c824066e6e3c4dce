"""Wheels of this checkout and an environment that has only them; both cached by their contents."""

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

from tests.conftest import FEW, LONG

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECTS = (
    ROOT,
    *(ROOT / f"plugins/smok_{name}" for name in ("pickle", "cli", "cloud", "testing")),
    ROOT / "examples/smok_lmdb",
    ROOT / "examples/smok_events_webhook",
)
#: What the tests in the environment need beside the wheels.
TOOLS = ("pytest>=8", "hypothesis>=6.100", "click>=8.1", "rich>=13.7", "lmdb>=1.4,<4")
CLOUD = ("requests>=2.32", "cryptography>=45")


class NoIndex(Exception):
    """The package index could not be reached; says what pip said."""


def digest() -> str:
    """Give a digest of everything the environment is made of."""
    found = hashlib.sha256(repr((sys.version_info[:2], TOOLS, CLOUD)).encode())
    for project in PROJECTS:
        for path in sorted(_sources(project)):
            found.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def _sources(project: Path) -> list[Path]:
    package = "smok_core" if project == ROOT else project.name
    files = [p for p in (project / package).rglob("*") if p.is_file()]
    return [project / "pyproject.toml", *(p for p in files if "__pycache__" not in p.parts)]


@functools.cache
def environment() -> Path:
    """Give the ``bin`` directory of an environment with the built wheels, made on first use."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "smok-tests"
    root = cache / f"third-{digest()}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "third.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run of the tests may be at it
        if not (root / "ready").exists():
            _forget_old(cache)
            _make(root)
    return root / "bin"


def _forget_old(cache: Path) -> None:
    """Remove environments of earlier checkouts; those of today may be in use."""
    for old in cache.glob("third-*"):
        if old.stat().st_mtime < time.time() - 86_400:
            shutil.rmtree(old, ignore_errors=True)


def _make(root: Path) -> None:
    venv.create(root, with_pip=True, clear=True)
    python = root / "bin/python"
    _pip(python, "install", *TOOLS, *CLOUD)
    for project in PROJECTS:
        build(project, root / "wheels")
    wheels = sorted(map(str, (root / "wheels").glob("*.whl")))
    _pip(python, "install", "--no-deps", "pluggy>=1.7,<2", "msgspec>=0.19", *wheels)
    (root / "ready").touch()


def build(project: Path, target: Path) -> None:
    """Build the wheel of a project, with the build backend that is installed here."""
    words = ("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", str(target))
    _pip(Path(sys.executable), *words, str(project))


def _pip(python: Path, *words: str) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "-q", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode and _unreachable(done.stderr):
        raise NoIndex(done.stderr.strip()[-300:])
    assert done.returncode == 0, done.stderr


def _unreachable(text: str) -> bool:
    return any(word in text for word in ("NewConnectionError", "No matching distribution found"))


def run(words: list[str], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment as a user would, nothing of this checkout in its way."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SMOK", "PYTEST", "PYTHON"))}
    fast = {"TMPDIR": "/dev/shm"} if Path("/dev/shm").is_dir() else {}
    fast |= {} if LONG else {"SMOK_KIT_EXAMPLES": FEW}
    command = [str(environment() / words[0]), *words[1:]]
    return subprocess.run(
        command, cwd=cwd, env=kept | fast | variables, capture_output=True, text=True,
        check=False, timeout=900,
    )  # fmt: skip
