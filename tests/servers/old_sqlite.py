"""An SQLite of 2018, as the oldest machines have: built once from its sources, and then cached."""

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

#: A Go module that brings SQLite 3.25.2 in one file.
_MODULE = "github.com/mattn/go-sqlite3@v1.10.0"
_FLAGS = ("-O0", "-w", "-fPIC", "-shared", "-DSQLITE_THREADSAFE=1", "-DSQLITE_ENABLE_DESERIALIZE")
_FLAGS += ("-DSQLITE_ENABLE_LOAD_EXTENSION", "-Wl,-soname,libsqlite3.so.0")


class NoOldSqlite(Exception):
    """It cannot be built here; says why."""


def folder() -> Path:
    """Give the directory that holds its library, for LD_LIBRARY_PATH."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "smok-tests"
    made = cache / "sqlite-3.25.2"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "sqlite.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker of the tests may be at it
        if not made.exists():
            _build(made)
    return made


def _build(made: Path) -> None:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not (go and compiler):
        raise NoOldSqlite("it needs Go, which brings the sources, and a C compiler")
    sources = Path(json.loads(_run(go, "mod", "download", "-json", _MODULE))["Dir"])
    fresh = made.with_suffix(f".{os.getpid()}")
    fresh.mkdir()
    source, target = sources / "sqlite3-binding.c", fresh / "libsqlite3.so.0"
    _run(compiler, *_FLAGS, str(source), "-o", str(target), "-lpthread", "-ldl", "-lm")
    fresh.rename(made)


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise NoOldSqlite(f"{' '.join(words[:3])} failed: {done.stderr[-500:]}")
    return done.stdout
