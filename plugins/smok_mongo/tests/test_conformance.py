"""The conformance kit on this backend, with a server that loses answers, hides and grows old."""

from __future__ import annotations

import contextlib
from importlib.metadata import entry_points

import pymongo
import pytest
from smok_testing import ConformanceSuite, Subject

from tests.servers.mongo_proxy import WRITES, MongoProxy

#: Stands in the URL, of which nothing is ever shown.
SECRET = "s3cret-w0rd"
#: Installed, the backend is found as a user finds it; from a checkout, by its module.
INSTALLED = any(point.name == "mongo" for point in entry_points(group="smok_core.backends.v1"))
PLUGIN = None if INSTALLED else "smok_mongo.plugin"


#: What no server but MongoDB keeps.
NOT_ON_FERRETDB = {
    "G3.every_durability_that_is_offered_works": "FerretDB ignores j, so power-loss is refused",
}

#: What FerretDB breaks by chance, and bare pymongo on it does, too: of 300 increments by three
#: processes 276 were left. It changes a document in two steps.
BY_CHANCE_ON_FERRETDB = {
    "TA2.one_process_puts_what_is_newer",
    "TA2.no_increment_of_processes_is_lost",
    "TA8.a_change_during_an_acknowledgement_is_handed_over",
}


@pytest.fixture(scope="module")
def between(server):
    """One proxy for all clauses."""
    with MongoProxy(server.port) as proxy:
        yield proxy


class TestConformance(ConformanceSuite):
    """Every clause; each place is a database of its own behind a proxy of the whole session."""

    @pytest.fixture(autouse=True)
    def honest_server(self, request, server) -> None:
        """Ask of FerretDB no compare-and-set between processes."""
        clause = getattr(request.node, "callspec", None) and request.node.callspec.params["clause"]
        if clause and not server.is_real and clause.ref in BY_CHANCE_ON_FERRETDB:
            pytest.skip(
                "FerretDB changes a document in two steps: needs a MongoDB (mongod on PATH)"
            )

    @pytest.fixture
    def subject(self, server, between) -> Subject:
        @contextlib.contextmanager
        def drop_reply(place):
            between.losing.update(WRITES)
            try:
                yield
            finally:
                between.losing.clear()

        @contextlib.contextmanager
        def unreachable(place):
            between.refusing = True
            between.cut_all()
            try:
                yield
            finally:
                between.refusing = False

        def database(place):
            return "smok_test_" + place.name[-50:]

        def make_newer(place):
            with pymongo.MongoClient(server.url) as client:
                client[database(place)].smok_meta.update_many({}, {"$set": {"schema": 999}})

        def discard(place):
            with pymongo.MongoClient(server.url) as client:
                client.drop_database(database(place))

        return Subject(
            backend="mongo",
            options=lambda place: {
                "url": f"{between.url}&appName={SECRET}",
                "database": database(place),
            },
            plugin=PLUGIN,
            secret=SECRET,
            discard=discard,
            exclusions={} if server.is_real else NOT_ON_FERRETDB,
            drop_reply=drop_reply,
            unreachable=unreachable,
            make_newer=make_newer,
        )
