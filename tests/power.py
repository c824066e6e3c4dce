"""A disk whose power can be cut: an ext4 in a file, copied while processes write to it.

What the copy holds is what ext4 has given to the device by then, and nothing of what is still in
the memory of the machine. The writer stands still while the copy is made, and a copy during which
the file system itself wrote is made again, so each is the state of one moment.
"""

from __future__ import annotations

import contextlib
import filecmp
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from tests.conftest import skip_or_fail
from tests.servers import signals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Writes numbers in order to a store, one role after the other, and says so after each call.
WRITER = """
import os, sys, time
from smok_core import open_databases
path, durability, rate = sys.argv[1], sys.argv[2], float(sys.argv[3])
store = {"backend": "pickle", "path": path, "durability": durability, "flush_ms": 200}
databases = open_databases({"device": "d", "stores": {"s": store}, "roles": {"default": "s"}})
number = 0
while True:
    number += 1
    for role in ("pathpoints", "metadata"):
        if role == "pathpoints":
            databases.pathpoints.on_new_data("p", number, number)
        else:
            databases.metadata.put_plain("m", str(number))
        os.write(1, f"{role} {number} {time.monotonic()}\\n".encode())
    if rate:
        time.sleep(1 / rate)
"""


class Cut(NamedTuple):
    """A power cut."""

    image: Path
    moment: float  #: by the monotonic clock
    told: dict[str, list[tuple[int, float]]]  #: role -> number and moment of each call's return


def run(*words: object) -> None:
    """Run a command of the system; skip the test where that is not possible."""
    try:
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        skip_or_fail("power-cut", f"there is no {words[0]} here")
    if done.returncode:
        skip_or_fail("power-cut", f"{words[0]}: {done.stderr.strip()}")


@contextlib.contextmanager
def mounted(image: Path) -> Iterator[Path]:
    """Mount an image beside itself; its file system writes nothing down that nobody asks it to."""
    place = image.with_suffix(".mount")
    place.mkdir(exist_ok=True)
    run("mount", "-o", "loop,commit=600", image, place)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def make_disk(image: Path, mib: int = 256) -> None:
    """Make an empty ext4 in a file, with room enough that no store saves on it."""
    with image.open("wb") as file:
        file.truncate(mib * 2**20)
    run("mkfs.ext4", "-q", "-F", image)


class Writer:
    """A process that writes until it is stopped; it stands still while the power is cut."""

    def __init__(self, path: Path, durability: str, rate: float) -> None:
        self._told: dict[str, list[tuple[int, float]]] = {"pathpoints": [], "metadata": []}
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), durability, str(rate)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            role, number, moment = line.split()
            self._told[role].append((int(number), float(moment)))

    def wait_for_first(self) -> None:
        """Return when it has written."""
        while not self._told["metadata"]:
            assert self._process.poll() is None, "the writer has ended"
            time.sleep(0.01)

    def cut(self, disk: Path, image: Path) -> Cut:
        """Cut the power: what the disk holds at this moment is in ``image``."""
        signals.pause(self._process)
        moment = time.monotonic()
        copy_at_one_moment(disk, image)
        told = {role: [item for item in list(items) if item[1] <= moment]
                for role, items in self._told.items()}  # fmt: skip
        signals.resume(self._process)
        return Cut(image, moment, told)

    def stop(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def copy_at_one_moment(disk: Path, image: Path) -> None:
    """Copy the disk in a state that it had at one moment."""
    for _ in range(100):
        subprocess.run(["cp", "--sparse=always", str(disk), str(image)], check=True)
        if filecmp.cmp(disk, image, shallow=False):
            return
    raise AssertionError("the file system never came to rest")
