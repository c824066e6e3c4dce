"""The conformance kit of smok-core on this backend: the clauses of the role it keeps."""

import pytest
from receiver import serving
from smok_testing import ConformanceSuite, Subject


@pytest.fixture(scope="module")
def url():
    """Give the address of a server that takes everything."""
    with serving() as server:
        yield server.url


class TestEventsWebhook(ConformanceSuite):
    """Goes the way a user goes: config, entry point, hook. So packaging is tested too."""

    @pytest.fixture
    def subject(self, url) -> Subject:
        return Subject(backend="events-webhook", options={"url": url, "path": "{place}/events.db"})
