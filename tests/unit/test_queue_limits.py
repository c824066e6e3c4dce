"""The queue limit beside the kit: its values, what a copy takes along, and what status shows."""

import pytest
from smok_cli.transfer import copy

import smok_core
from smok_core.engine.base import Ack, Limits, OnFull
from smok_core.engine.memory import MemoryEngine
from smok_core.errors import QueueFull


@pytest.mark.parametrize("most", [0, -1, True, False, 2.0, "3"])
def test_other_bounds_are_refused(most) -> None:
    """A bound is a whole number from 1 on, or None: a flag would silently be a bound of one."""
    with pytest.raises(ValueError, match="max_pending is"):
        Limits(most)


@pytest.mark.parametrize("most", ["0", "true", "-3"])
def test_other_bounds_in_a_config_are_refused(tmp_path, most) -> None:
    """Likewise in a config, with its place."""
    config = tmp_path / "smok.toml"
    config.write_text(f'device = "d"\n[stores.s]\nbackend = "memory"\nmax_pending = {most}\n')
    with pytest.raises(smok_core.ConfigError, match="max_pending"):
        smok_core.open_databases(config)


def test_each_engine_keeps_its_own_bound() -> None:
    """The bound is that of the call: the lower one refuses where the higher one goes on."""
    table = MemoryEngine().table("t")
    for number in range(3):
        table.put(f"{number}", b"", pending=True, max_pending=3)
    with pytest.raises(QueueFull):
        table.put("3", b"", pending=True, max_pending=2)
    assert table.put("3", b"", pending=True, max_pending=4)


def test_a_copy_takes_the_count_of_drops_along() -> None:
    """What a table and a series dropped is told where the data is now, however often it moves."""
    first, second, third = MemoryEngine("a"), MemoryEngine("b"), MemoryEngine("c")
    points = [("p", ts, first.codec.dumps(ts)) for ts in (1, 2)]
    first.series("pathpoints", Limits(1, OnFull.DROP_OLDEST)).append(points)
    done = first.table("macros.done")
    done.put("1", first.codec.dumps(("m", 1)), pending=True)
    oldest = [Ack(row.key, row.seq) for row in done.pending(1)]
    done.put("2", first.codec.dumps(("m", 2)), pending=True, max_pending=1, drop=oldest)
    copy(first, second, ["pathpoints", "macros"])
    copy(second, third, ["pathpoints", "macros"])
    for role in ("pathpoints", "macros"):
        row = third.table("counters").get(f"{role}.dropped")
        assert row is not None
        assert third.codec.loads(row.value) == 1
