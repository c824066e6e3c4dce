"""Start-up and discovery: `import smok_core` with nine roles, the script, 300 distributions."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import interleaved, report

OPEN = "import smok_core; smok_core.open_databases({})"
BASE = "import pluggy, msgspec, tomllib"
STANDARD = """
import sys; sys.path[:] = [{path!r}, *sys.path]
import time; start = time.perf_counter()
import importlib.metadata
importlib.metadata.entry_points(group="smok_core.backends.v1")
print(time.perf_counter() - start)
"""
OURS = """
import sys; sys.path[:] = [{path!r}, *sys.path]
import smok_core.registry.discovery as d
import time; start = time.perf_counter()
found = d.discover()
print(time.perf_counter() - start)
assert len(found) >= 300, len(found)
"""


def run(code: str) -> str:
    # Installed packages have their bytecode; without it this would measure the compiler.
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    return done.stdout


def start_up() -> None:
    empty = "pass"
    ours, base = interleaved(lambda: run(OPEN), lambda: run(BASE), 15)
    bare, _ = interleaved(lambda: run(empty), lambda: run(empty), 15)
    ratio = (ours - bare) / (base - bare)
    times = [f"{seconds * 1000:.1f}" for seconds in (bare, base, ours)]
    print("process alone {} ms, with the libraries {}, with ours {}".format(*times))
    report("11. import smok_core + nine in-memory roles / import of the libraries", ratio, "<= 1.7",
           met=ratio <= 1.7)  # fmt: skip


def script() -> None:
    """The script tells its version: what it costs beside the library it is made with."""
    command = Path(sys.executable).with_name("smok")
    ours, base = interleaved(
        lambda: subprocess.run([command, "--version"], check=True, capture_output=True),
        lambda: run("import click"),
        15,
    )
    ratio = ours / base
    report("11. smok --version / python -c 'import click'", ratio, "<= 1.5", met=ratio <= 1.5)


def make_distributions(folder: Path) -> None:
    for number in range(300):
        info = folder / f"smok_fake{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: smok-fake{number}\nVersion: 1.0\n"
        )
        scripts = f"[console_scripts]\nx{number} = x:y\n\n"
        text = f"{scripts}[smok_core.backends.v1]\nfake{number} = fake{number}.plugin\n"
        (info / "entry_points.txt").write_text(text)


def discovery() -> None:
    with tempfile.TemporaryDirectory() as name:
        make_distributions(Path(name))
        ours, theirs = [], []
        for _ in range(9):
            ours.append(float(run(OURS.format(path=name))))
            theirs.append(float(run(STANDARD.format(path=name))))
    ratio = sorted(ours)[4] / sorted(theirs)[4]
    times = [f"{sorted(values)[4] * 1000:.1f}" for values in (ours, theirs)]
    print("discovery among 300: {} ms, importlib.metadata {} ms".format(*times))
    report(
        "discovery / one importlib.metadata.entry_points() call",
        ratio,
        "<= 0.15",
        met=ratio <= 0.15,
    )


if __name__ == "__main__":
    start_up()
    script()
    discovery()
