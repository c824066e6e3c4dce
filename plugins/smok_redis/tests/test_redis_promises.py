"""What a server can keep is looked at when opening; a promise it cannot keep is refused."""

import re
from pathlib import Path

import pytest
from smok_redis import probe

from smok_core.engine.base import Durability
from smok_core.errors import BackendUnavailable, DurabilityUnmet, StorageFull, StoreError
from smok_core.settings import StoreSettings
from tests.servers.redis_servers import Server, require

POWER_LOSS = StoreSettings(durability=Durability.POWER_LOSS)
#: What a device needs, as the README says.
ACL = [
    "on",
    ">pw",
    "~smok:{pump}:*",
    "resetchannels",
    "-@all",
    "+@all",
    "-@dangerous",
    "-@admin",
    "+info",
]


@pytest.mark.parametrize("flavour", ["valkey", "redis"])
def test_power_loss_without_an_append_only_file_is_refused(tmp_path, opened, flavour):
    """The error names the settings to change."""
    with (
        Server(flavour, tmp_path / "srv", appendonly="no") as server,
        pytest.raises(DurabilityUnmet, match=r"appendonly yes and appendfsync always"),
    ):
        opened(server.url, settings=POWER_LOSS)


def test_power_loss_on_an_old_server_needs_appendfsync_always(tmp_path, opened):
    """Redis 7.0 cannot wait for its disk: everysec is refused, always is taken."""
    require("redis")
    with Server("redis", tmp_path / "srv") as server:
        with pytest.raises(DurabilityUnmet, match="appendfsync always"):
            opened(server.url, settings=POWER_LOSS)
        server.command("CONFIG", "SET", "appendfsync", "always")
        engine = opened(server.url, settings=POWER_LOSS)
        assert engine.table("t").put("k", b"v")
        assert engine.health().durability is Durability.POWER_LOSS


def waits(server):
    """Count the WAITAOF commands the server ran."""
    found = re.search(
        r"cmdstat_waitaof:calls=(\d+)", server.command("INFO", "commandstats").decode()
    )
    return int(found[1]) if found else 0


def test_power_loss_waits_for_the_disk_after_each_write(own_server, opened):
    """With everysec each write waits until the disk has it; with always nothing has to wait."""
    engine = opened(own_server.url, settings=POWER_LOSS)
    before = waits(own_server)
    engine.table("t").put("k", b"v", pending=True)
    engine.series("s").append([("n", 1, b"v")])
    engine.series("s").acknowledge([engine.series("s").pending(1)[0].seq])
    assert waits(own_server) - before == 3
    assert any("set appendfsync always" in said for said in engine.health().warnings)
    own_server.command("CONFIG", "SET", "appendfsync", "always")
    always = opened(own_server.url, settings=POWER_LOSS)
    always.table("t").put("k", b"v")
    assert waits(own_server) - before == 3


def test_power_loss_survives_a_killed_server_without_appendfsync_always(own_server, opened):
    """With everysec and `power-loss` the server may be killed at any moment: nothing is lost."""
    engine = opened(own_server.url, settings=POWER_LOSS, timeout=20.0)
    for ts in range(30):
        engine.series("s").append([("n", ts, b"v")])
        if ts % 5 == 4:
            own_server.kill()
            own_server.start()
    assert [pending.ts for pending in engine.series("s").pending(99)] == list(range(30))


def test_power_loss_acknowledges_on_a_full_server(own_server, opened):
    """Waiting for the disk does not stop the backlog of a full server."""
    engine = opened(own_server.url, settings=POWER_LOSS)
    series = engine.series("s")
    series.append([("n", ts, b"v") for ts in range(5)])
    own_server.command("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(StorageFull):
        series.append([("n", 9, b"v")])
    assert series.acknowledge([pending.seq for pending in series.pending(9)]) == 5


def test_an_append_only_file_that_is_switched_off_is_noticed(own_server, opened):
    """A write under `power-loss` on a server that stopped its file is refused with the remedy."""
    engine = opened(own_server.url, settings=POWER_LOSS)
    own_server.command("CONFIG", "SET", "appendonly", "no")
    with pytest.raises(DurabilityUnmet, match="appendonly"):
        engine.table("t").put("k", b"v")
    with pytest.raises(DurabilityUnmet, match="appendonly"):
        engine.health()


def test_a_disk_that_does_not_confirm_in_time_is_told(own_server, opened):
    """A write the disk did not confirm is BackendUnavailable; writing it again is harmless."""
    engine = opened(own_server.url, settings=POWER_LOSS, timeout=2.0)
    series = engine.series("s")
    engine._client.fence_command = ("WAITAOF", 1, 1, 50)  # a replica there is not
    engine._replicas = 1
    with pytest.raises(BackendUnavailable, match="disk in time"):
        series.append([("n", 1, b"v")])
    engine._client.fence_command, engine._replicas = ("WAITAOF", 1, 0, 500), 0
    series.append([("n", 1, b"v")])
    assert series.stats().pending == 1


def test_replicas_that_do_not_confirm_in_time_are_told(own_server, opened):
    """With `replicas` a write returns only when so many have it."""
    engine = opened(own_server.url, replicas=1, timeout=2.0)
    with pytest.raises(BackendUnavailable, match="fewer than 1 replicas"):
        engine.table("t").put("k", b"v")


@pytest.mark.parametrize("durability", [Durability.CRASH, Durability.POWER_LOSS])
def test_a_server_that_evicts_is_refused(own_server, opened, durability):
    """A server that throws stored keys away when it is full keeps no promise."""
    own_server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    own_server.command("CONFIG", "SET", "maxmemory", "200mb")
    with pytest.raises(DurabilityUnmet, match="noeviction"):
        opened(own_server.url, settings=StoreSettings(durability=durability))
    buffered = opened(own_server.url, settings=StoreSettings(durability=Durability.BUFFERED))
    assert any("noeviction" in warning for warning in buffered.health().warnings)


def test_health_tells_what_the_server_survives(own_server, opened):
    """`smok check` and `smok status` show what is kept, what is not, and what to change."""
    engine = opened(own_server.url, device="pump")
    health = engine.health()
    assert health.location == f"redis://127.0.0.1:{own_server.port}/0 smok:{{pump}}"
    assert health.schema == 1
    assert any("up to the last 2 s" in note for note in health.notes)
    assert health.warnings == ()
    own_server.command("CONFIG", "SET", "appendonly", "no")
    assert any("appendonly yes" in warning for warning in engine.health().warnings)
    used = 10_000_000
    own_server.command("CONFIG", "SET", "maxmemory", used)
    assert 0 < engine.health().free_bytes < used


def test_the_documented_acl_is_enough(own_server, opened):
    """With the ACL of the README everything works; what cannot be read is a note, not an error."""
    own_server.command("ACL", "SETUSER", "pump", *ACL)
    engine = opened(f"redis://pump:pw@127.0.0.1:{own_server.port}", device="pump")
    engine.table("t").replace({f"{number}": b"v" for number in range(1500)})
    engine.table("t").put("k", b"v", pending=True)
    list(engine.table("t").rows())
    engine.series("s").append([("n", 1, b"v")])
    engine.series("s").acknowledge([1])
    engine.series("s").trim(9)
    engine.blobs("b").put("k", b"v" * 2_000_000, 1)
    engine.blobs("b").delete("k")
    engine.series("s").stats()
    assert any("not readable" in note for note in engine.health().notes)
    always = opened(
        f"redis://pump:pw@127.0.0.1:{own_server.port}", device="pump", settings=POWER_LOSS
    )
    assert always.table("t").put("k", b"v")


def test_the_documented_acl_keeps_devices_apart(own_server, opened):
    """A user of one device reaches no key of another, told as a matter of the ACL."""
    own_server.command("ACL", "SETUSER", "pump", *ACL)
    opened(own_server.url, device="valve").table("t").put("k", b"v")
    for device in ("valve", "pump2", "pum", "{pump}"):
        with pytest.raises(BackendUnavailable, match="ACL"):
            opened(f"redis://pump:pw@127.0.0.1:{own_server.port}", device=device)


def test_the_acl_in_the_readme_is_the_one_that_is_tested():
    """The README's line and the tested one are the same words."""
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    assert f"ACL SETUSER pump {' '.join(ACL).replace('>pw', '>password')}\n" in readme


def test_a_server_that_tells_nothing_gets_a_warning(own_server, opened):
    """Without INFO nothing can be checked: the store opens and warns, and power-loss waits."""
    own_server.command("ACL", "SETUSER", "pump", *ACL, "-info")
    url = f"redis://pump:pw@127.0.0.1:{own_server.port}"
    assert any("+info" in warning for warning in opened(url, device="pump").health().warnings)
    engine = opened(url, device="pump", settings=POWER_LOSS)
    before = waits(own_server)
    engine.table("t").put("k", b"v")
    assert waits(own_server) == before + 1


@pytest.mark.parametrize("version", ["6.0.16", "5.0", "2.8.19"])
def test_a_server_that_is_too_old_is_refused(version):
    """Redis before 6.2 lacks commands this plugin needs."""
    facts = probe.facts_of({"redis_version": version, "aof_enabled": 1}, {}, [None])
    with pytest.raises(StoreError, match=r"6\.2"):
        probe.check("plant", facts, Durability.BUFFERED)
