"""The environment of the real client, which the tests of the bridge make."""

from tests.bridge.conftest import client

__all__ = ["client"]
