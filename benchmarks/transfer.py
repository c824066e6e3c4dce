"""Copying pathpoints from a file to Redis, against writing them there through the role.

Starts a Valkey of its own on loopback. Run: ``python benchmarks/transfer.py [points]``
"""

import sys
import tempfile
import time
from pathlib import Path

# The folder of this file holds modules called like drivers.
HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)
sys.path.append(str(HERE))

import smok_core  # noqa: E402, I001
from figures import report  # noqa: E402
from smok_cli.transfer import copy  # noqa: E402
from tests.servers.redis_servers import Server  # noqa: E402


def points(count: int, start: int = 0) -> list[tuple[str, int, float]]:
    return [
        (f"plant/pump{i % 20}", 1_700_000_000_000 + i, i / 7) for i in range(start, start + count)
    ]


def config(folder: Path, url: str, device: str, default: str) -> dict[str, object]:
    stores = {
        "local": {"backend": "pickle", "path": str(folder / "smok.db")},
        "plant": {"backend": "redis", "url": url},
    }
    return {"device": device, "stores": stores, "roles": {"default": default}}


def written(folder: Path, url: str, count: int) -> float:
    """Return the seconds that recording the points in the target takes."""
    with smok_core.open_databases(config(folder, url, "written", "plant")) as databases:
        start = time.perf_counter()
        for first in range(0, count, 2000):
            databases.pathpoints.on_new_data_many(points(2000, first))
        return time.perf_counter() - start


def copied(folder: Path, url: str, count: int) -> tuple[float, float]:
    """Return the seconds until all is copied, and until it is compared by digest as well."""
    with (
        smok_core.open_databases(config(folder, url, "source", "local")) as source,
        smok_core.open_databases(config(folder, url, "target", "plant")) as target,
    ):
        for first in range(0, count, 2000):
            source.pathpoints.on_new_data_many(points(2000, first))
        times: list[float] = []

        def progress(_role: str, done: int, total: int) -> None:
            # Each record counts twice: when it is copied, and when it is compared.
            if 2 * done >= total and not times:
                times.append(time.perf_counter() - start)

        start = time.perf_counter()
        copy(source.engines["local"], target.engines["plant"], ["pathpoints"], progress)
        return times[0], time.perf_counter() - start


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name, Server("valkey", Path(name)) as server:
        base = written(Path(name), server.url, count)
        plain, compared = copied(Path(name), server.url, count)
        print(f"{count} points: written {base:.1f} s, copied {plain:.1f} s, "
              f"copied and compared by digest {compared:.1f} s")  # fmt: skip
        report("10. copy / on_new_data_many on the target, speed", base / plain, ">= 0.4",
               met=base / plain >= 0.4)  # fmt: skip
        report("10. the same with the comparison by digest", base / compared, ">= 0.4",
               met=base / compared >= 0.4)  # fmt: skip


if __name__ == "__main__":
    main()
