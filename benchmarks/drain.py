"""A million readings recorded without a link drain to a sandbox cloud over mutual TLS.

Prints size and time of the batches, the growth of this process's memory, and whether everything
arrived in order. Run: python benchmarks/drain.py [points]
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from figures import report
from smok_cloud.api import ApiClient
from smok_cloud.certificates import read_device_certificate
from smok_cloud.statistics import JobStatistics
from smok_cloud.uploads import UPLOADS
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.certificate_check import CertificateCheck, CertificateIn
from smok_testing.cloud.pki import SandboxPki
from smok_testing.cloud.server import SandboxServer, server_context

import smok_core

NAMES = 50
LIMIT_MIB = 60


def serve(folder: str, pipe: Connection) -> None:
    """Be the cloud, in a process of its own: its memory is not the device's."""
    pki = SandboxPki(Path(folder))
    pki.issue_device("bench", name="device")
    cloud = SandboxCloud("bench")
    context = server_context(pki.issue_server(), device_cas=pki.bundle)
    check = CertificateCheck(CertificateIn.TLS, pki.bundle)
    with SandboxServer(cloud, tls=context, certificate_check=check) as server:
        pipe.send((server.url, str(pki.bundle)))
        pipe.recv()
        in_order = all(
            [ts for ts, _ in points] == sorted({ts for ts, _ in points})
            for points in cloud.values.values()
        )
        pipe.send((len(cloud.points), in_order))


def memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def record(databases: smok_core.Databases, first: int, last: int) -> None:
    for start in range(first, last, 5000):
        databases.pathpoints.on_new_data_many(
            (f"plant/pump{i % NAMES}", 1_700_000_000_000 + i, i / 7)
            for i in range(start, start + 5000)
        )


def drain(databases: smok_core.Databases, api: ApiClient) -> tuple[list[float], JobStatistics]:
    counts, times, roles = JobStatistics(), [], dict(databases)
    values = next(each for each in UPLOADS if each.take == "get_data_to_sync")
    while True:
        start = time.perf_counter()
        if not values.one_batch(roles, api, 1000, counts):
            return times, counts
        times.append(time.perf_counter() - start)


def main() -> None:
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=serve, args=(folder, theirs), daemon=True)
        process.start()
        stores = {"local": {"backend": "pickle", "path": str(Path(folder, "smok.db"))}}
        config = {"device": "bench", "stores": stores, "roles": {"default": "local"}}
        with smok_core.open_databases(config) as databases:
            url, bundle = ours.recv()
            certificate = read_device_certificate(
                Path(folder, "device.crt"), Path(folder, "device.key"), ca_bundle=bundle
            )
            record(databases, 0, 5000)
            with ApiClient(url, certificate, ca_bundle=bundle) as api:
                drain(databases, api)
                before = memory_mib()
                record(databases, 5000, points)
                recorded = memory_mib()
                show(points, *drain(databases, api), before, recorded)
                assert databases.pathpoints.stats().pending == 0
        ours.send("done")
        arrived, in_order = ours.recv()
        print(f"arrived {arrived} of {points}, in order: {in_order}")
        process.join()


def show(
    points: int, times: list[float], counts: JobStatistics, before: float, recorded: float
) -> None:
    total, growth = sum(times), memory_mib() - before
    first, last = statistics.median(times[:100]), statistics.median(times[-100:])
    print(f"{counts.acknowledged} of {points - 5000} acknowledged in {len(times)} batches of 1000")
    print(
        f"{total:.1f} s, {points / total:.0f} a second, {total / len(times) * 1000:.1f} ms a batch"
    )
    print(f"first 100 batches {first * 1000:.1f} ms each, last 100 {last * 1000:.1f} ms each")
    print(f"memory: {before:.0f} MiB, {recorded - before:+.1f} while recording")
    report("growth of memory by recording and draining, MiB", growth, f"<= {LIMIT_MIB}",
           met=growth <= LIMIT_MIB)  # fmt: skip


if __name__ == "__main__":
    main()
