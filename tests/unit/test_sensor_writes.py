"""Sensor writes: what their rows are called."""

import msgspec
import pytest

import smok_core
from smok_core.model import SensorWriteEvent
from smok_core.roles.sensor_writes import _keys

WRITE = SensorWriteEvent(
    timestamp=1_700_000_000_000,
    who="w",
    hr_sensor="s",
    hr_value="1",
    fqts="T",
    value="1",
    reason="",
)


def at(timestamp: int) -> SensorWriteEvent:
    return msgspec.structs.replace(WRITE, timestamp=timestamp)


@pytest.fixture
def role():
    with smok_core.open_databases({"roles": {"default": "memory"}}) as databases:
        yield databases.sensor_writes


def test_later_writes_have_greater_keys(role):
    """They are the last ones in every index; those of one time differ in the rest."""
    for timestamp in (0, 9, 10, 2**40, 2**62):
        role.add_sw(at(timestamp))
    keys = [row.key for row in role._table.rows()]
    assert keys == sorted(keys)
    assert len({_keys(msgspec.structs.replace(WRITE, value=str(n)))[0] for n in range(9)}) == 9
    assert {len(_keys(at(timestamp))[0]) for timestamp in (-(2**63), -1, 0, 2**63 - 1)} == {64}


def test_a_row_of_an_earlier_version_is_forgotten_when_the_cloud_has_it(role):
    """Its key is a digest without the time."""
    value = role.codec.dumps(msgspec.to_builtins(WRITE))
    role._table.put(_keys(WRITE)[1], value, pending=True)
    role.add_sw(at(1))
    assert len(role.get_sw_sync().events) == 2
    for event in (WRITE, at(1), at(2)):
        role.on_synced_sw(event)
    assert role.stats().pending == 0
