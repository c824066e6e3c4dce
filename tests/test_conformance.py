"""The conformance kit on the built-in backend; each plugin has its own beside it."""

import pytest
from smok_testing import ConformanceSuite, Subject


class TestMemory(ConformanceSuite):
    """The built-in backend, which is the reference of the primitives' meaning."""

    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(backend="memory")
