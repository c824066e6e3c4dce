"""The conformance kit of smok-core on this backend: every clause is a test."""

from __future__ import annotations

import pytest

from smok_core.testing import ConformanceSuite, Subject



class TestLmdb(ConformanceSuite):
    """Goes the way a user goes: config, entry point, hook. So packaging is tested too."""

    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(
            backend="lmdb",
            options={"path": "{place}/smok.lmdb"},
        )
