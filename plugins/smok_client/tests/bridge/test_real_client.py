"""The published client on our databases, against the sandbox cloud, killed and started again."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from smok_testing.cloud.app import SandboxCloud
from smok_testing.cloud.server import SandboxServer

from plugins.smok_client.tests.bridge.conftest import Device, eventually
from tests.servers.redis_servers import Server, require

NOW = int(time.time())
SILENCING = {
    "start": {"day": 7, "hour": 0, "minute": 0},
    "stop": {"day": 7, "hour": 0, "minute": 1},
}

Launch = Callable[[Path, str], Device]


@pytest.fixture
def filled(cloud: SandboxCloud) -> SandboxCloud:
    """A cloud that has something of everything for the device."""
    cloud.sensors += [{"fqts": "pressure pump", "path": "W1", "type": "u"}]
    cloud.predicates += [
        {
            "predicate_id": "p1",
            "online": True,
            "silencing": [SILENCING],
            "statistic": "over",
            "configuration": {"limit": 5},
            "verbose_name": "Pressure",
            "group": "B",
        }
    ]
    cloud.archives += [{"interval": 600, "pathpoints": ["W1"]}]
    due, later = NOW - 60, NOW + 3600
    cloud.macros += [
        {
            "macro_id": "m1",
            "commands": [{"path": "W2", "value": 1}],
            "occurrences": [
                {"timestamp": due, "completed": False},
                {"timestamp": later, "completed": False},
            ],
        }
    ]
    cloud.baobs["firmware"] = (b"from the cloud", 4)
    return cloud


@pytest.fixture(params=["pickle", "redis"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A configuration that keeps everything in one store."""
    store = request.getfixturevalue(f"{request.param}_store")
    path = tmp_path / "smok.toml"
    path.write_text(f'device = "pump-17"\n[stores.local]\n{store}\n[roles]\ndefault = "local"\n')
    return path


@pytest.fixture
def pickle_store() -> str:
    """A store of the embedded backend."""
    return 'backend = "pickle"\npath = "smok.db"'


@pytest.fixture
def redis_store(tmp_path: Path) -> Iterator[str]:
    """A store on a Redis server of its own."""
    require("valkey")
    with Server("valkey", tmp_path / "server") as server:
        yield f'backend = "redis"\nurl = "{server.url}"'


def _messages(cloud: SandboxCloud) -> dict[str, dict[str, Any]]:
    return {event["message"]: event for event in cloud.events.values()}


def _live_with_link(device: Device, cloud: SandboxCloud) -> None:
    """Use every role while the cloud answers, and wait until the cloud has it."""
    device("start")
    eventually(lambda: cloud.macros_done, "the macro that was due is reported")
    device("put_metadata", "name", "pump 17")
    eventually(lambda: "firmware" in device("baobs"), "the BAOB of the cloud has come")
    # The client puts off for an hour what is written while it synchronizes BAOBs.
    eventually(lambda: device("baobs_synchronized"), "the first synchronization of BAOBs is over")
    device("put_baob", "log", "from the device")
    for number in range(3):
        device("write", number)
    device("open_event", "first", NOW)
    device("open_event", "second", NOW)
    device("set_value", "W1", NOW * 1000, 5)
    eventually(lambda: {"first", "second"} <= set(_messages(cloud)), "events are uploaded")
    device("close_event", "first", NOW + 5)
    device("set_value", "W1", NOW * 1000 + 1, 6)
    eventually(lambda: "ended_on" in _messages(cloud)["first"], "the end is uploaded")
    eventually(lambda: len(cloud.sensor_writes) == 3, "sensor writes are uploaded")
    eventually(lambda: "log" in cloud.baobs, "the BAOB is uploaded")
    eventually(lambda: len(cloud.values.get("W1", ())) == 2, "values are uploaded")


def _live_without_link(device: Device) -> None:
    """Use every role that uploads while nobody answers."""
    device("put_metadata", "place", "hall 3")
    for number in range(3, 6):
        device("write", number)
    device("open_event", "offline", NOW + 10)
    device("close_event", "second", NOW + 11)
    for number in range(2, 50):
        device("set_value", "W1", NOW * 1000 + number, number)


def _state(device: Device) -> dict[str, Any]:
    names = ("sensors", "predicates", "archives", "macros", "open_events", "all_events", "baobs")
    return {name: device(name) for name in names}


def test_a_device_that_is_killed_comes_back_with_everything_and_uploads_it(
    filled: SandboxCloud, config: Path, launch: Launch
) -> None:
    """After kill -9 every role is as it was, and the cloud misses nothing that was stored."""
    with SandboxServer(filled) as server:
        device = launch(config, server.url)
        _live_with_link(device, filled)
        eventually(lambda: device("state", "p1")["ticks"] > 0, "the predicate has ticked")
        assert device("uuid", "first") == _messages(filled)["first"]["uuid"]
    _live_without_link(device)
    before, ticked = _state(device), device("state", "p1")
    device.kill()

    with SandboxServer(filled) as server:
        device = launch(config, server.url)
        after = _state(device)
        assert after == before
        state = device("state", "p1")
        assert (state["event"], state["ticks"] >= ticked["ticks"]) == (ticked["event"], True)
        assert device("value", "W1") == [NOW * 1000 + 49, 49]
        assert device("metadata", "place") == "hall 3"
        device("start")
        _nothing_is_missing(filled)
        assert len(device("values", "W1")) == 50
        assert device("threads_alive") == [True, True, True]
    assert before["sensors"] == [["pressure pump", "W1", "u"]]
    assert before["predicates"] == [["p1", [[[7, 0, 0], [7, 0, 1]]]]]
    assert before["archives"] == {"600": ["W1"]}
    assert before["macros"] == [["m1", [NOW + 3600]]]
    assert before["baobs"] == {"firmware": [4, "from the cloud"], "log": [0, "from the device"]}


def _nothing_is_missing(cloud: SandboxCloud) -> None:
    expected = {NOW * 1000 + number for number in range(50)}
    eventually(
        lambda: {stamp for stamp, _ in cloud.values["W1"]} == expected, "every value is uploaded"
    )
    eventually(lambda: "offline" in _messages(cloud), "the event without a link is uploaded")
    eventually(lambda: "ended_on" in _messages(cloud)["second"], "the end without a link is too")
    eventually(
        lambda: (
            {write["timestamp"] for write in cloud.sensor_writes}
            == {1700000000000 + number for number in range(6)}
        ),
        "every sensor write is uploaded",
    )
    eventually(lambda: cloud.metadata.get("place", ("",))[0] == "hall 3", "metadata is uploaded")
    assert sorted(_messages(cloud)) == ["Pressure: too high", "first", "offline", "second"]
    assert len(cloud.events) == 4
    assert cloud.macros_done == [("m1", NOW - 60)]
