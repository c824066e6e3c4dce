"""Several servers at once for tests: a Cluster of three, and a primary watched by sentinels."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.servers.redis_servers import Server, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_SLOTS = ((0, 5460), (5461, 10922), (10923, 16383))


@contextlib.contextmanager
def cluster(flavour: str, folder: Path) -> Iterator[list[Server]]:
    """Run a cluster of three servers without replicas."""
    with contextlib.ExitStack() as stack:
        nodes = [
            stack.enter_context(
                Server(
                    flavour,
                    folder / f"n{number}",
                    cluster_enabled="yes",
                    cluster_port=free_port(),
                    cluster_node_timeout=2000,
                    cluster_announce_ip="127.0.0.1",
                )
            )
            for number in range(3)
        ]
        for number, node in enumerate(nodes):
            node.command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.command("CLUSTER", "ADDSLOTSRANGE", *_SLOTS[number])
            bus = nodes[0].settings["cluster_port"]
            node.command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, bus)
        wait_until(lambda: all(map(_is_whole, nodes)))
        yield nodes


def _is_whole(node: Server) -> bool:
    told = node.command("CLUSTER", "INFO")
    return b"cluster_state:ok" in told and b"cluster_known_nodes:3" in told


class Watched:
    """A primary, a replica, and three sentinels that watch them.

    Attributes:
        primary: The first primary.
        replica: The server that takes over.
        sentinels: The three.
    """

    service = "plant"

    def __init__(self, primary: Server, replica: Server, sentinels: list[Server]) -> None:
        self.primary, self.replica, self.sentinels = primary, replica, sentinels

    @property
    def url(self) -> str:
        """Give the URL for a client."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{self.service}/0"


@contextlib.contextmanager
def watched(flavour: str, folder: Path) -> Iterator[Watched]:
    """Run a primary with a replica and three sentinels that fail over after one second."""
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(Server(flavour, folder / "p", repl_diskless_sync_delay=0))
        replica = Server(flavour, folder / "r", repl_diskless_sync_delay=0)
        stack.enter_context(replica)
        replica.command("REPLICAOF", "127.0.0.1", primary.port)
        wait_until(lambda: b"master_link_status:up" in replica.command("INFO", "replication"))
        sentinels = [
            stack.enter_context(_Sentinel(flavour, folder / f"s{number}", primary))
            for number in range(3)
        ]
        wait_until(lambda: all(map(_sees_all, sentinels)))
        yield Watched(primary, replica, sentinels)


class _Sentinel(Server):
    def __init__(self, flavour: str, folder: Path, primary: Server) -> None:
        super().__init__(flavour, folder)
        self._primary = primary

    def _words(self) -> list[str]:
        config = self.folder / "sentinel.conf"
        lines = (
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {self.folder}",
            f"unixsocket {self.socket}",
            f"sentinel monitor {Watched.service} 127.0.0.1 {self._primary.port} 2",
            f"sentinel down-after-milliseconds {Watched.service} 1000",
            f"sentinel failover-timeout {Watched.service} 6000",
        )
        config.write_text("\n".join(lines) + "\n")
        return [str(self.program), str(config), "--sentinel"]


def _sees_all(sentinel: Server) -> bool:
    told = sentinel.command("SENTINEL", "MASTER", Watched.service).split(b"\r\n")
    facts = dict(zip(told[2::4], told[4::4], strict=False))
    return facts.get(b"num-slaves") == b"1" and facts.get(b"num-other-sentinels") == b"2"
