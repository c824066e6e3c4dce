"""The conformance kit on the backends of this repository."""

from __future__ import annotations

import importlib.util

import pytest

from smok_core.testing import ConformanceSuite, Subject
from tests.conftest import skip_or_fail


class TestMemory(ConformanceSuite):
    """The built-in backend, which is the reference of the primitives' meaning."""

    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(backend="memory")


class TestPickle(ConformanceSuite):
    """The embedded backend, through its installed entry point."""

    @pytest.fixture
    def subject(self) -> Subject:
        if not importlib.util.find_spec("smok_pickle"):
            skip_or_fail("pickle", "smok_pickle is not installed")
        return Subject(backend="pickle", options={"path": "{place}/smok.db"})
