"""Fixtures: the environment with the built wheels."""

import pytest

from tests.conftest import skip_or_fail
from tests.third import wheels


@pytest.fixture(scope="session")
def installed():
    """Give a function that runs a command where only the built wheels are installed."""
    try:
        wheels.environment()
    except wheels.NoIndex as error:
        skip_or_fail("third", f"the package index cannot be reached: {error}")
    return wheels.run
