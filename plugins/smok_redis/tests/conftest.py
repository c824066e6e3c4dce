"""Servers and stores for the tests of this plugin; nothing talks to a server it did not start."""

import sys
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from smok_redis.options import RedisOptions  # noqa: E402
from smok_redis.plugin import smok_open_engine  # noqa: E402

from smok_core.hookspecs import StoreContext  # noqa: E402
from smok_core.settings import Secret, StoreSettings  # noqa: E402
from tests.servers.redis_groups import cluster  # noqa: E402
from tests.servers.redis_servers import FLAVOURS, Server, require  # noqa: E402


@pytest.fixture(scope="session", params=list(FLAVOURS))
def server(request, tmp_path_factory):
    """One server of each flavour, shared by all tests; each test has a device of its own."""
    with Server(request.param, tmp_path_factory.mktemp("srv")) as running:
        yield running


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory):
    """A cluster of three servers."""
    require("valkey")
    with cluster("valkey", tmp_path_factory.mktemp("clu")) as nodes:
        yield nodes


@pytest.fixture
def own_server(tmp_path):
    """A server that the test may kill, fill and break."""
    with Server("valkey", tmp_path / "srv") as running:
        yield running


@pytest.fixture
def opened():
    """Open engines; all of them are closed at the end."""
    engines = []

    def open_engine(url, device=None, *, settings=None, base_dir=Path(), **options):
        options.setdefault("timeout", 5.0)
        context = StoreContext(
            store="plant",
            device=device or f"device {uuid.uuid4()}",
            options=RedisOptions(url=Secret(url), **options),
            settings=settings or StoreSettings(),
            base_dir=base_dir,
        )
        engines.append(smok_open_engine(context))
        return engines[-1]

    yield open_engine
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(server, opened):
    """A store of a device of its own."""
    return opened(server.url)
