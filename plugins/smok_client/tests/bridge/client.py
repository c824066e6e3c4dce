"""An environment of its own for the published client, made once per recipe and kept."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: The client's own dependencies need old build tools, and are built in this order.
RECIPE = (
    ("wheel", "cython<3", "setuptools<70", "snakehouse"),
    ("--no-build-isolation", "minijson", "satella"),
    ("--no-build-isolation", "smok==0.21.0"),
    ("pluggy>=1.7,<2", "msgspec>=0.19", "redis>=5"),
)
PYTHON = "python3.11"
ROOT = Path(__file__).resolve().parents[4]


class CannotBuild(Exception):
    """The environment cannot be made here; the text says why."""


def client_python() -> Path:
    """Give the interpreter of an environment with smok 0.21.0, made if it is not there yet.

    Raises:
        CannotBuild: There is no Python 3.11, or the packages cannot be installed.
    """
    home = _home()
    with _locked(home.with_suffix(".lock")):
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            _build(home)
    return home / "bin" / "python"


def _home() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(repr((PYTHON, RECIPE)).encode()).hexdigest()[:12]
    return cache / "smok-core-tests" / f"client-{digest}"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _build(home: Path) -> None:
    python = _python311()
    _run(python, "-m", "venv", str(home))
    for packages in RECIPE:
        _run(str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages)
    _run(str(home / "bin" / "python"), "-c", "import smok.client, minijson, msgspec, pluggy")
    (home / "complete").touch()


def _python311() -> str:
    if sys.version_info[:2] == (3, 11):
        return sys.executable
    found = shutil.which(PYTHON)
    if found is None:
        raise CannotBuild(f"there is no {PYTHON}, which smok 0.21.0 needs")
    return found


def _run(*command: str) -> None:
    # From elsewhere than the checkout: its directories must not shadow installed packages.
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=900, cwd="/", check=False
    )
    if done.returncode:
        tail = " | ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise CannotBuild(f"{' '.join(command[1:6])} failed: {tail}")


def python_path() -> str:
    """Give PYTHONPATH for a process of that environment: this checkout's own packages."""
    return os.pathsep.join([str(ROOT), *(str(path) for path in (ROOT / "plugins").glob("smok_*"))])
