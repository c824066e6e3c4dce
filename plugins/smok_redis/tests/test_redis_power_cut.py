"""A power cut at the server (G3): its data on a real ext4, which is cut at one moment."""

from contextlib import ExitStack

import pytest
from smok_testing import Status, Subject, all_clauses, run_clause

from smok_core.engine.base import Durability
from smok_core.settings import StoreSettings
from tests.conftest import spare
from tests.power import copy_at_one_moment, make_disk, mounted
from tests.servers.redis_servers import Server, require

POWER_LOSS = StoreSettings(durability=Durability.POWER_LOSS)
FLAVOURS = ["valkey", "redis"]


class Machine:
    """A server on a disk of its own."""

    def __init__(self, folder, flavour):
        require(flavour)
        self.disk, self._copy = folder / "disk.img", folder / "copy.img"
        make_disk(self.disk, mib=32)
        self._mount = ExitStack()
        place = self._mount.enter_context(mounted(self.disk))
        self.server = Server(flavour, place, appendfsync="always")
        self.server.socket = folder / "s"  # no part of the disk, and short enough for a socket

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop()
        self._mount.close()

    def cut_power(self):
        """Leave what the disk has at one moment, and start the server on that."""
        self.server.pause()
        copy_at_one_moment(self.disk, self._copy)
        self.server.kill()
        self._mount.close()
        self._copy.replace(self.disk)
        self._mount.enter_context(mounted(self.disk))
        self.server.start()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_what_returned_survives_a_power_cut(tmp_path, monkeypatch, flavour):
    """The kit's own clause, cut after steps of a history of all roles."""
    spare(monkeypatch)
    (clause,) = [clause for clause in all_clauses() if clause.ability == "power_cut"]
    with Machine(tmp_path, flavour) as machine:
        subject = Subject(
            backend="redis",
            plugin="smok_redis.plugin",
            options={"url": machine.server.url, "prefix": "{name}", "timeout": 5.0},
            power_cut=lambda _: machine.cut_power(),
        )
        outcome = run_clause(subject, clause)
    # On such a server weaker stores lose nothing either, so by itself the clause says that it has
    # shown nothing; that a cut costs something is shown below.
    assert outcome.status is not Status.FAILED, str(outcome)
    assert outcome.status is Status.PASSED or "took back nothing" in outcome.detail


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_power_cut_takes_what_nobody_brought_to_the_disk(tmp_path, opened, flavour):
    """The cut is real: what a server leaves to the kernel is gone, what it brought there is not."""
    with Machine(tmp_path, flavour) as machine:
        opened(machine.server.url, "pump", settings=POWER_LOSS).table("t").put("kept", b"v")
        machine.server.command("CONFIG", "SET", "appendfsync", "no")
        opened(machine.server.url, "pump").table("t").put("gone", b"v")
        machine.cut_power()
        rows = opened(machine.server.url, "pump").table("t").get_many(["kept", "gone"])
    assert set(rows) == {"kept"}
