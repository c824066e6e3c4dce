"""The conformance kit on real servers: Valkey, Redis 7.0, and a Cluster of three."""

from contextlib import contextmanager
from importlib.metadata import entry_points

import pytest
from smok_testing import ConformanceSuite, Subject
from smok_testing.proxy import Mode, Proxy

from tests.conftest import spare
from tests.servers.redis_servers import Server

SECRET = "s3cret-w0rd"
#: Installed, the backend is found as a user finds it; from a checkout, by its module.
INSTALLED = any(point.name == "redis" for point in entry_points(group="smok_core.backends.v1"))
PLUGIN = None if INSTALLED else "smok_redis.plugin"


class Site:
    """A server, a proxy in front of it, and what the kit may do to them."""

    def __init__(self, server, proxy):
        self.server, self.proxy = server, proxy

    def subject(self):
        """Give the kit's description."""
        url = f"redis://default:{SECRET}@127.0.0.1:{self.proxy.port}/0"
        return Subject(
            backend="redis",
            plugin=PLUGIN,
            options={"url": url, "prefix": "{name}", "timeout": 5.0},
            secret=SECRET,
            drop_reply=self.drop_reply,
            unreachable=self.unreachable,
            fault=lambda _, mode: self.proxy.doing(mode),
            full=self.full,
            make_newer=self.make_newer,
        )

    def drop_reply(self, _place):
        return self.proxy.doing(Mode.LOSE_ONCE)

    @contextmanager
    def unreachable(self, _place):
        self.server.kill()
        yield
        self.server.start()

    @contextmanager
    def full(self, _place):
        self.server.command("CONFIG", "SET", "maxmemory", 1)
        yield
        self.server.command("CONFIG", "SET", "maxmemory", 0)

    def make_newer(self, place):
        told = self.server.command("KEYS", f"{place.name}:*:meta")
        for key in told.decode().split("\r\n")[2::2]:
            self.server.command("HSET", key, "schema", 99)


@pytest.fixture(scope="session", params=["valkey", "redis"])
def site(request, tmp_path_factory):
    """A server of each flavour that loses nothing, behind a proxy."""
    folder = tmp_path_factory.mktemp("kit")
    with (
        Server(request.param, folder, appendfsync="always") as server,
        Proxy(server.port) as proxy,
    ):
        yield Site(server, proxy)


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    spare(monkeypatch)


class TestServer(ConformanceSuite):
    """One server, with every fault that can be staged."""

    @pytest.fixture
    def subject(self, site):
        return site.subject()


class TestCluster(ConformanceSuite):
    """A Cluster of three servers."""

    @pytest.fixture
    def subject(self, shared_cluster):
        url = f"redis+cluster://127.0.0.1:{shared_cluster[0].port}"
        options = {"url": url, "prefix": "{name}"}
        return Subject(backend="redis", plugin=PLUGIN, options=options)
