"""The environment of the real client, which the tests of the bridge make."""

from plugins.smok_client.tests.bridge.conftest import client as client
