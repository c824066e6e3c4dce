"""The conformance kit on the backends of this repository."""

from __future__ import annotations

import importlib.util
import os

import pytest

from smok_core.testing import ConformanceSuite, Subject


def needed(backend: str, package: str) -> None:
    """Skip, with the reason, where a backend is not installed; SMOK_REQUIRE makes it a failure."""
    if importlib.util.find_spec(package):
        return
    reason = f"{package} is not installed"
    if backend in os.environ.get("SMOK_REQUIRE", "").split(","):
        pytest.fail(f"SMOK_REQUIRE demands {backend}, and {reason}")
    pytest.skip(reason)


class TestMemory(ConformanceSuite):
    """The built-in backend, which is the reference of the primitives' meaning."""

    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(backend="memory")


class TestPickle(ConformanceSuite):
    """The embedded backend, through its installed entry point."""

    @pytest.fixture
    def subject(self) -> Subject:
        needed("pickle", "smok_pickle")
        return Subject(backend="pickle", options={"path": "{place}/smok.db"})
