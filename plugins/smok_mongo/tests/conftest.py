"""Servers and stores for the tests of this plugin; every test has a database of its own."""

import sys
import uuid
from pathlib import Path

import pymongo
import pytest

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from smok_mongo.options import MongoOptions  # noqa: E402
from smok_mongo.plugin import smok_open_engine  # noqa: E402

from smok_core.hookspecs import StoreContext  # noqa: E402
from smok_core.settings import Secret, StoreSettings  # noqa: E402
from tests.servers.mongo_proxy import MongoProxy  # noqa: E402
from tests.servers.mongo_server import NoServer, start_server  # noqa: E402

#: Short enough for tests, long enough for two noisy cores.
PATIENCE = {"server_selection_ms": 2000, "connect_ms": 2000, "socket_ms": 5000, "retry_ms": 4000}


def _started():
    try:
        return start_server()
    except NoServer as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def server():
    """One server for all tests."""
    running = _started()
    yield running
    running.stop()


@pytest.fixture
def own_server():
    """A server that the test may kill and pause."""
    running = _started()
    if running.kind == "given":
        pytest.skip("a given server is neither killed nor paused")
    yield running
    running.resume()
    running.stop()


@pytest.fixture
def database():
    """The name of a database that is dropped at the end."""
    return f"smok_test_{uuid.uuid4().hex[:16]}"


@pytest.fixture
def raw(server, database):
    """The database as the driver sees it, for looking behind the store."""
    with pymongo.MongoClient(server.url, w="majority") as client:
        yield client[database]
        client.drop_database(database)


@pytest.fixture
def opened(database):
    """Open engines; all of them are closed at the end."""
    engines = []

    def open_engine(url, device="pump-17", *, settings=None, clock=None, base_dir=None, **options):
        options = {"database": database, **PATIENCE, **options}
        extra = {} if clock is None else {"clock": clock}
        context = StoreContext(
            store="plant",
            device=device,
            options=MongoOptions(url=Secret(url), **options),
            settings=settings or StoreSettings(),
            base_dir=base_dir or Path(),
            **extra,
        )
        engines.append(smok_open_engine(context))
        return engines[-1]

    yield open_engine
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(server, raw, opened):
    """A store in a database of its own."""
    return opened(server.url)


@pytest.fixture
def proxy(server):
    """A proxy in front of the server."""
    with MongoProxy(server.port) as running:
        yield running
