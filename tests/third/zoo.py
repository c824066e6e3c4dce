"""An environment with 300 distributions of every kind that one meets, made in a moment.

Every module that is imported writes its name down, so that a test can tell who was.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

GROUP_PREFIX = "smok_core.backends.v"

NOTE = """\
import os
with open(os.environ["ZOO_LOG"], "a") as log:
    log.write(__name__ + "\\n")
"""
GOOD = (
    NOTE
    + """
from smok_core import BackendInfo, hookimpl
from smok_core.engine.memory import MemoryEngine

@hookimpl
def smok_backend():
    return BackendInfo(summary="one of many")

@hookimpl
def smok_open_engine(context):
    return MemoryEngine(context.store)
"""
)


class Zoo:
    """A directory of distributions, and the commands run with it on the path."""

    def __init__(self, root: Path) -> None:
        self.site, self.log, self.work = root / "site", root / "imported", root / "work"
        self.path = [self.site]
        self.count = 0
        for folder in (self.site, self.work):
            folder.mkdir(parents=True)
        self.log.touch()

    # --- what lives here ---------------------------------------------------------------------

    def add(
        self, name: str, source: str | None = GOOD, *, api: str = "1", backend: str = ""
    ) -> None:
        """Install a distribution; without a source its module is gone."""
        module = f"zoo_{name.replace('-', '_')}"
        if source is not None:
            (self.site / f"{module}.py").write_text(source)
        self.info(name, f"[{GROUP_PREFIX}{api}]\n{backend or name} = {module}\n".encode())

    def info(self, name: str, entry_points: bytes | None, suffix: str = ".dist-info") -> Path:
        """Make what an installer leaves behind."""
        folder = self.site / f"{name.replace('-', '_')}-1.0{suffix}"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        if entry_points is not None:
            (folder / "entry_points.txt").write_bytes(entry_points)
        self.count += 1
        return folder

    def add_zipped(self, name: str) -> None:
        """Put a whole distribution into an archive on the path."""
        archive = self.site.parent / f"{name}.zip"
        with zipfile.ZipFile(archive, "w") as file:
            info = f"{name}-1.0.dist-info"
            file.writestr(f"zoo_{name}.py", GOOD)
            file.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
            )
            file.writestr(f"{info}/entry_points.txt", f"[{GROUP_PREFIX}1]\n{name} = zoo_{name}\n")
        self.path.append(archive)
        self.count += 1

    def add_editable(self, name: str) -> None:
        """Leave the module in a source tree of its own, as ``pip install -e`` does."""
        source = self.site.parent / f"src-{name}"
        source.mkdir()
        (source / f"zoo_{name}.py").write_text(GOOD)
        self.info(name, f"[{GROUP_PREFIX}1]\n{name} = zoo_{name}\n".encode())
        self.path.append(source)

    # --- what is done with it ----------------------------------------------------------------

    def smok(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command in a process of its own."""
        return self.python("-m", "smok_cli", *words)

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python with the zoo on its path; what was imported before is forgotten."""
        self.log.write_text("")
        variables = {k: v for k, v in os.environ.items() if not k.startswith("SMOK")}
        variables |= {"PYTHONPATH": os.pathsep.join(map(str, self.path)), "ZOO_LOG": str(self.log)}
        return subprocess.run(
            [sys.executable, *words], cwd=self.work, env=variables, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip

    def imported(self) -> list[str]:
        """Name the modules that the last command imported."""
        return sorted(set(self.log.read_text().split()))

    def config(self, backend: str) -> None:
        """Configure a backend for the events, and a store of another one that no role uses."""
        (self.work / "smok.toml").write_text(
            f'device = "d"\n[stores.s]\nbackend = "{backend}"\n'
            '[stores.unused]\nbackend = "broken-1"\n[roles]\nevents = "s"\n'
        )


def full_zoo(root: Path) -> Zoo:
    """Give 300 distributions: most have nothing to do with us, the others are as bad as can be."""
    zoo = Zoo(root)
    for number in range(150):
        zoo.info(f"bystander-{number}", b"[console_scripts]\nx = y:z\n" if number % 2 else None)
    for number in range(60):
        zoo.add(f"good-{number}")
    for number in range(15):
        zoo.add(f"broken-{number}", NOTE + "raise RuntimeError('no luck')\n")
        zoo.add(f"future-{number}", api="2")
        zoo.add(f"gone-{number}", None)
    for number in range(5):
        zoo.add(f"twin-{number}-a", backend=f"twin-{number}")
        zoo.add(f"twin-{number}-b", backend=f"twin-{number}")
        zoo.add(f"misspelt-{number}", GOOD.replace("smok_open_engine", "smok_open_engin"))
        zoo.add(f"past-{number}", api="0")
        zoo.add_zipped(f"zipped{number}")
        zoo.add_editable(f"editable{number}")
    _add_wrecks(zoo)
    return zoo


def _add_wrecks(zoo: Zoo) -> None:
    """What an interrupted (un)installation, a full disk or an odd tool leaves behind."""
    rubbish = (b"", b"\xff\xfe\0", f"[{GROUP_PREFIX}1]".encode(), b"no section = here\n")
    for number, data in enumerate(rubbish * 2):
        zoo.info(f"rubbish-{number}", data)
    for number in range(4):
        folder = zoo.info(f"bare-{number}", None)
        (folder / "METADATA").unlink()
        folder = zoo.info(f"odd-{number}", None)
        (folder / "entry_points.txt").mkdir()
    (zoo.site / "dangling-1.0.dist-info").symlink_to(zoo.site / "nowhere")
