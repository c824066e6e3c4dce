"""What a fleet costs on one Redis and on a cluster of three: a point, an idle device, a status.

Each of 10 000 devices has recorded twenty readings of two pathpoints and a name, and the cloud has
taken all of it. The speed of one of them is compared with that of a device on a server of its own,
in turn. Run: ``python benchmarks/fleet.py [devices]``; it starts its servers on loopback.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures import interleaved, judge, report

# The folder of this file holds modules called like drivers.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from smok_cli import main as smok  # noqa: E402

import smok_core  # noqa: E402
from tests.servers.redis_groups import cluster  # noqa: E402
from tests.servers.redis_servers import Server  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smok_core import Databases

START = 1_700_000_000_000
OPEN = 500  #: devices whose stores this process keeps open at once
BLOCK, ROUNDS = 50, 100
MILLION = 1_000_000
ONE = "one server"


def settings(url: str, device: str) -> dict[str, Any]:
    store = {"backend": "redis", "url": url}
    return {"device": device, "stores": {"shared": store}, "roles": {"default": "shared"}}


def live_a_day(databases: Databases) -> None:
    """Record, and have it taken by the cloud."""
    databases.metadata.put_plain("name", "pump")
    values = databases.pathpoints
    values.on_new_data_many((f"W{n % 2}", START + n * 60_000, n / 7) for n in range(20))
    batch = values.get_data_to_sync(100)
    assert batch is not None
    batch.acknowledge()


def keep_day(url: str, devices: int) -> None:
    for number in range(devices):
        with smok_core.open_databases(settings(url, f"device-{number}")) as databases:
            live_a_day(databases)
        if sys.stderr.isatty() and number % 100 == 0:
            print(f"\r{number} of {devices} devices", end="", file=sys.stderr)


@contextlib.contextmanager
def awake(url: str, count: int) -> Iterator[Iterator[Databases]]:
    """Open so many devices, and give them in turn for ever."""
    with contextlib.ExitStack() as stack:
        devices = [
            stack.enter_context(smok_core.open_databases(settings(url, f"device-{number}")))
            for number in range(count)
        ]
        for databases in devices:
            databases.pathpoints.on_new_data("W0", START + 10**9, 1.5)
        yield itertools.cycle(devices)


def points(what: str, url: str, servers: list[Server], alone: Server) -> None:
    """Compare a point of a device in turn of the fleet with one of a device by itself.

    What the servers do for it tells how many of them a million devices need.
    """
    clock = itertools.count(START + 2 * 10**9, 1000)

    def record(devices: Iterator[Databases]) -> None:
        for databases in itertools.islice(devices, BLOCK):
            databases.pathpoints.on_new_data("W0", next(clock), 1.5)

    with awake(url, OPEN) as fleet, awake(alone.url, 1) as single:
        before, before_alone = busy(servers), busy([alone])
        ours, other = interleaved(lambda: record(fleet), lambda: record(single), ROUNDS)
        cost = (busy(servers) - before) / ((ROUNDS + 1) * BLOCK)
        cost_alone = (busy([alone]) - before_alone) / ((ROUNDS + 1) * BLOCK)
    report(f"fleet, {what}: server's work for a point / alone", cost / cost_alone, "", met=None)
    report(f"fleet, {what}: time of a server's core for a point, us", cost * 1e6, "", met=None)
    cores = cost * MILLION / 60
    title = f"fleet, {what}: cores for a million devices with a point a minute each"
    report(title, cores, "", met=None)
    tell(f"fleet, {what}: time of a point / alone on one server", ours / other, what)


def status(what: str, url: str, servers: list[Server], alone: str, folder: Path) -> None:
    """Compare `smok status` of one device of the fleet with that of one by itself."""
    files = []
    for name, place in (("fleet", url), ("alone", alone)):
        files.append(folder / f"{name}.toml")
        files[-1].write_text(
            f'device = "device-0"\n[stores.shared]\nbackend = "redis"\nurl = "{place}"\n'
            '[roles]\ndefault = "shared"\n'
        )

    def look(file: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as told:
            smok(["--config", str(file), "status", "--json"])
        assert json.loads(told.getvalue())

    look(files[0])
    before = total(servers, "stats", "total_reads_processed")
    look(files[0])
    asked = total(servers, "stats", "total_reads_processed") - before - len(servers)
    report(f"fleet, {what}: requests to the server for smok status", asked, "", met=None)
    ours, other = interleaved(lambda: look(files[0]), lambda: look(files[1]), 15)
    tell(f"fleet, {what}: time of smok status / alone on one server", ours / other, what)


def tell(name: str, ratio: float, what: str) -> None:
    """Report a ratio; that of a cluster holds its client's cost, too, so it has no goal."""
    if what == ONE:
        judge(name, ratio, "<= 1.15")
    else:
        report(name, ratio, "", met=None)


def total(servers: list[Server], section: str, *names: str) -> float:
    """Sum up what the servers tell of themselves."""
    told = [server.command("INFO", section).decode() for server in servers]
    pairs = [line.split(":") for text in told for line in text.splitlines() if ":" in line]
    return sum(float(value) for name, value in pairs if name in names)


def busy(servers: list[Server]) -> float:
    """Return the seconds of a core that the servers have used."""
    return total(servers, "cpu", "used_cpu_user", "used_cpu_sys")


def fleet(what: str, url: str, servers: list[Server], devices: int, folder: Path) -> None:
    with Server("valkey", folder / "alone") as single:
        keep_day(single.url, 1)
        before, start = total(servers, "memory", "used_memory"), time.perf_counter()
        keep_day(url, devices)
        print(f"{devices} devices in {time.perf_counter() - start:.0f} s")
        idle = (total(servers, "memory", "used_memory") - before) / devices
        report(f"fleet, {what}: memory of an idle device on the server, bytes", idle, "", met=None)
        gib = idle * MILLION / 2**30
        report(f"fleet, {what}: the same of a million devices, GiB", gib, "", met=None)
        points(what, url, servers, single)
        status(what, url, servers, single.url, folder)


def main() -> None:
    devices = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Server("valkey", folder / "one") as server:
            fleet(ONE, server.url, [server], devices, folder)
        with cluster("valkey", folder) as nodes:
            url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
            fleet("cluster of three", url, nodes, devices, folder)


if __name__ == "__main__":
    main()
