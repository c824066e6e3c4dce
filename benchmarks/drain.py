"""A million readings recorded without a link drain to a sandbox cloud over mutual TLS.

Ours takes a batch from the store, sends it and acknowledges it; bare is a loop of
``requests.Session.post`` over the same bodies, to a server of its own beside ours. They take turns
in blocks. Also: growth of this process's memory, whether everything arrived in order, and what a
minute without a link costs. Run: python benchmarks/drain.py [points]
"""

import contextlib
import multiprocessing
import resource
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import requests
from figures import judge
from smok_cloud import Service
from smok_cloud.api import ApiClient
from smok_cloud.certificates import read_device_certificate
from smok_cloud.https import RequestsTransport
from smok_cloud.statistics import JobStatistics
from smok_cloud.transport import Answer, Limits
from smok_cloud.uploads import UPLOADS
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.certificate_check import CertificateCheck, CertificateIn
from smok_testing.cloud.pki import SandboxPki
from smok_testing.cloud.server import SandboxServer, server_context

import smok_core

NAMES = 50
BLOCK = 20
OFFLINE_SECONDS = 60


class Requests:
    """The requests of a block, for the bare loop to repeat."""

    def __init__(self, inner: RequestsTransport) -> None:
        self._inner, self.kept = inner, []

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, limits: Limits
    ) -> Answer:
        self.kept.append((path, dict(headers), body))
        return self._inner.send(method, path, headers, body, limits)

    def close(self) -> None:
        self._inner.close()


class Turns(NamedTuple):
    """Seconds of each block: a store drained by ours, the same bodies posted by the bare loop."""

    ours: list[float]
    bare: list[float]
    batches: int


def serve(folder: str, pipe: Connection) -> None:
    """Be the cloud twice, in a process of its own: its memory is not the device's."""
    pki = SandboxPki(Path(folder))
    pki.issue_device("bench", name="device")
    clouds = [SandboxCloud("bench"), SandboxCloud("bench")]
    check = CertificateCheck(CertificateIn.TLS, pki.bundle)
    with contextlib.ExitStack() as stack:
        urls = []
        for cloud in clouds:
            context = server_context(pki.issue_server(), device_cas=pki.bundle)
            server = SandboxServer(cloud, tls=context, certificate_check=check)
            urls.append(stack.enter_context(server).url)
        pipe.send((urls, str(pki.bundle)))
        pipe.recv()
        pipe.send((len(clouds[0].points), in_order(clouds[0])))


def in_order(cloud: SandboxCloud) -> bool:
    return all(
        [ts for ts, _ in points] == sorted({ts for ts, _ in points})
        for points in cloud.values.values()
    )


def memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def record(databases: smok_core.Databases, first: int, last: int) -> None:
    for start in range(first, last, 5000):
        databases.pathpoints.on_new_data_many(
            (f"plant/pump{i % NAMES}", 1_700_000_000_000 + i, i / 7)
            for i in range(start, start + 5000)
        )


def drain(
    databases: smok_core.Databases, api: ApiClient, sent: Requests, bare: Iterator[float]
) -> Turns:
    """Drain the pathpoints, a block by ours and the same block by the bare loop in turn."""
    counts, roles, turns = JobStatistics(), dict(databases), Turns([], [], 0)
    values = next(each for each in UPLOADS if each.take == "get_data_to_sync")
    while databases.pathpoints.stats().pending:
        sent.kept.clear()
        start = time.perf_counter()
        for _ in range(BLOCK):
            values.one_batch(roles, api, 1000, counts)
        turns.ours.append(time.perf_counter() - start)
        turns.bare.append(next(bare))
        turns = turns._replace(batches=turns.batches + len(sent.kept))
    return turns


def bare_loop(url: str, folder: str, bundle: str, sent: Requests) -> Iterator[float]:
    """Give the seconds of a block each time; only the bodies are ready before."""
    with requests.Session() as session:
        session.trust_env = False
        session.cert = (str(Path(folder, "device.crt")), str(Path(folder, "device.key")))
        session.verify = bundle
        while True:
            start = time.perf_counter()
            for path, headers, body in sent.kept:
                session.post(url + path, data=body, headers=headers).raise_for_status()
            yield time.perf_counter() - start


@contextlib.contextmanager
def opened(folder: str, cloud: dict[str, Any]) -> Iterator[smok_core.Databases]:
    stores = {"local": {"backend": "pickle", "path": str(Path(folder, "smok.db"))}}
    roles = {"default": "local"}
    config = {"device": "bench", "stores": stores, "roles": roles, "cloud": cloud}
    with smok_core.open_databases(config) as databases:
        yield databases


def upload(points: int) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=serve, args=(folder, theirs), daemon=True)
        process.start()
        (url, other), bundle = ours.recv()
        certificate = read_device_certificate(
            Path(folder, "device.crt"), Path(folder, "device.key"), ca_bundle=bundle
        )
        sent = Requests(RequestsTransport(url, certificate=certificate, ca_bundle=bundle))
        bare = bare_loop(other, folder, bundle, sent)
        with (
            opened(folder, {"url": url}) as databases,
            ApiClient(url, certificate, transport=sent) as api,
        ):
            record(databases, 0, 20_000)
            drain(databases, api, sent, bare)
            before = memory_mib()
            record(databases, 20_000, points)
            recorded = memory_mib()
            show(drain(databases, api, sent, bare), before, recorded)
        ours.send("done")
        arrived, ordered = ours.recv()
        print(f"arrived {arrived} of {points}, in order: {ordered}")
        process.join()


def show(turns: Turns, before: float, recorded: float) -> None:
    ours, growth = sum(turns.ours), memory_mib() - before
    print(f"{turns.batches} requests, {ours / turns.batches * 1000:.1f} ms each")
    first, last = (statistics.median(part) for part in (turns.ours[:10], turns.ours[-10:]))
    print(f"the last blocks took {last / first:.2f} of the first ones")
    print(f"memory: {before:.0f} MiB, {recorded - before:+.1f} while recording")
    # The sums: a median would leave out the blocks in which the store is tidied.
    speed = sum(turns.bare) / ours
    judge("12. upload over mutual TLS / requests.post of the same bodies, speed", speed, ">= 0.6")
    judge("8. recording and uploading all of it, growth of memory, MiB", growth, "<= 30")


def offline() -> None:
    """Count what a service does in a minute in which nobody listens where the cloud should be."""
    with socket.socket() as closed, tempfile.TemporaryDirectory() as folder:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        sent = Requests(RequestsTransport(url))
        with opened(folder, {"url": url}) as databases:
            record(databases, 0, 5000)
            with Service(databases, ApiClient(url, transport=sent)):
                start = time.process_time()
                time.sleep(OFFLINE_SECONDS)
                busy = (time.process_time() - start) / OFFLINE_SECONDS
    judge("12. attempts in a minute without a link", len(sent.kept), "<= 10")
    judge("12. processor time of a minute without a link, percent", busy * 100, "<= 1")


def main() -> None:
    upload(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    offline()


if __name__ == "__main__":
    main()
