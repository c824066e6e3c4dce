"""Our embedded store beside the databases of smok 0.21.0, which run in their own environment.

The published pathpoint database keeps readings in memory only (its `checkpoint` raises), so there
the comparison is of a store with none; the metadata database writes its whole file at each change,
and never syncs it. Run: python benchmarks/published.py
"""

import itertools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from figures import interleaved, report

sys.path[0] = str(Path(__file__).resolve().parents[1])

import smok_core  # noqa: E402
from plugins.smok_client.tests.bridge.client import CannotBuild, client_python  # noqa: E402

READINGS = 300
KEYS = 1000
THEIRS = """
import sys
from smok.extras import PicklingMetadataDatabase, PicklingPathpointDatabase
points, metadata, n = PicklingPathpointDatabase("points"), PicklingMetadataDatabase("metadata"), 0
for line in sys.stdin:
    work, count = line.split()
    for n in range(n, n + int(count)):
        if work == "points":
            points.on_new_data(f"plant/pump{n % 100}", 1_700_000_000_000 + n, n / 7)
        else:
            metadata.put_plain(f"key{n % 1000}", str(n), n)
    print("done", flush=True)
"""


class Published:
    """Their databases, in a program of their own that does what a line says."""

    def __init__(self, python: Path, folder: str) -> None:
        words = [str(python), "-c", THEIRS]
        self._program = subprocess.Popen(
            words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, work: str, count: int) -> None:
        stdin, stdout = self._program.stdin, self._program.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{work} {count}\n")
        stdin.flush()
        assert stdout.readline() == "done\n"

    def close(self) -> None:
        self._program.communicate()


def compare(databases: smok_core.Databases, theirs: Published) -> None:
    clock = itertools.count()

    def record() -> None:
        for n in itertools.islice(clock, READINGS):
            databases.pathpoints.on_new_data(f"plant/pump{n % 100}", 1_700_000_000_000 + n, n / 7)

    def note() -> None:
        for n in itertools.islice(clock, KEYS):
            databases.metadata.put_plain(f"key{n % 1000}", str(n), n)

    ours, other = interleaved(record, lambda: theirs.do("points", READINGS))
    report("on_new_data, crash / smok 0.21.0 in memory", other / ours, "", met=None)
    ours, other = interleaved(note, lambda: theirs.do("metadata", KEYS))
    report("put_plain of 1000 keys, crash / smok 0.21.0", other / ours, "", met=None)


def main() -> None:
    try:
        python = client_python()
    except CannotBuild as error:
        print(f"skipped: {error}")
        return
    with tempfile.TemporaryDirectory() as folder:
        store: dict[str, Any] = {"backend": "pickle", "path": str(Path(folder, "ours.db"))}
        config = {"device": "bench", "stores": {"s": store}, "roles": {"default": "s"}}
        theirs = Published(python, folder)
        with smok_core.open_databases(config) as databases:
            compare(databases, theirs)
        theirs.close()


if __name__ == "__main__":
    main()
