"""Copying between stores: everything arrives, in its order, and only once."""

import cProfile
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from smok_cli.transfer import CopyDiffers, CopyUnfinished, TargetNotEmpty, copy, digests, verify
from smok_cli.transfer.parts import COUNTERS, JOURNAL, PARTS
from smok_client.legacy import import_directory

import smok_core
from plugins.smok_cli.tests.transfer.stores import event, fill, open_store, write
from plugins.smok_client.tests.legacy.samples import DATA
from smok_core.databases import Databases
from smok_core.engine.base import Engine
from smok_core.engine.memory import MemoryEngine, MemorySeries
from smok_core.errors import BackendUnavailable
from smok_core.roles import ROLES

ROOT = Path(__file__).resolve().parents[4]


def engine_of(databases: Databases) -> Engine:
    """Give the one engine of a set of databases."""
    return next(iter(databases.engines.values()))


@pytest.fixture(params=["memory-memory", "memory-pickle", "pickle-memory", "pickle-pickle"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Databases, Databases]]:
    """A full store and an empty one, of every two backends."""
    source, target = request.param.split("-")
    with open_store(tmp_path / "a.db", source) as a, open_store(tmp_path / "b.db", target) as b:
        fill(a)
        yield a, b


def handed_over(databases: Databases) -> dict[str, Any]:
    """Give the body of every queue, as it would be uploaded."""
    queues: dict[str, Any] = {
        "values": databases.pathpoints.get_data_to_sync(),
        "definitions": databases.pathpoints.get_definitions_to_sync(),
        "events": databases.events.get_events_to_sync(),
        "writes": databases.sensor_writes.get_sw_sync(),
        "macros": databases.macros.get_macros_to_sync(),
        "metadata": databases.metadata.get_plain_to_sync(),
    }
    return {name: queue.to_json() for name, queue in queues.items() if queue}


def contents(databases: Databases) -> dict[str, Any]:
    """Give what the roles hold, as their users see it."""
    return {
        "predicates": databases.predicates.get_all_predicates(),
        "archives": databases.archives.get_archiving_instructions(),
        "sensors": list(databases.sensors.get_all_sensors()),
        "versions": databases.baobs.get_all_versions(),
        "large": databases.baobs.get_baob_value("large"),
        "events": list(databases.events.get_all_events()),
        "cache": databases.events.get_cache("p"),
        "macros": databases.macros.get_macros(),
        "metadata": list(databases.metadata.get_all_plain()),
        "values": {
            name: list(databases.pathpoints.get_archive_data(name)) for name in ("W1", "f2", "u")
        },
        "definitions": list(databases.pathpoints.get_definitions()),
        "dead": [(d.key, d.reason, d.record) for d in databases.pathpoints.get_dead_letters()],
    }


def test_a_copy_holds_the_same_and_hands_over_the_same(
    pair: tuple[Databases, Databases],
) -> None:
    """Every role, the order of every queue, tags, deletions and dead letters are as before."""
    a, b = pair
    before = contents(a)
    report = copy(engine_of(a), engine_of(b))
    assert all(role.verified for role in report.roles.values())
    assert contents(b) == before == contents(a)
    assert handed_over(b) == handed_over(a)
    assert verify(engine_of(a), engine_of(b)).equal


def test_what_was_acknowledged_does_not_come_back(pair: tuple[Databases, Databases]) -> None:
    """After the copied queues are drained, nothing at all waits."""
    a, b = pair
    copy(engine_of(a), engine_of(b))
    batch = b.pathpoints.get_data_to_sync()
    assert batch
    assert len(batch) == 42
    batch.acknowledge()
    assert b.pathpoints.get_data_to_sync() is None


def test_a_dead_letter_can_be_pending_again_after_a_copy(pair: tuple[Databases, Databases]) -> None:
    """A dead letter keeps its record through the codecs."""
    a, b = pair
    copy(engine_of(a), engine_of(b))
    letter = next(b.pathpoints.get_dead_letters())
    pending = b.pathpoints.stats().pending
    b.pathpoints.requeue_dead_letter(letter.id)
    assert b.pathpoints.stats().pending == pending + 1


def test_single_roles_are_copied_alone(pair: tuple[Databases, Databases]) -> None:
    """Roles that are not named stay where they are."""
    a, b = pair
    copy(engine_of(a), engine_of(b), ["metadata", "events"])
    assert list(b.metadata.get_all_plain()) == list(a.metadata.get_all_plain())
    assert b.predicates.get_all_predicates() == []
    found = verify(engine_of(a), engine_of(b))
    assert {role for role, verdict in found.roles.items() if verdict.equal} == {
        "metadata",
        "events",
    }


def test_a_target_with_data_is_refused_untouched(pair: tuple[Databases, Databases]) -> None:
    """One role with data stops the whole copy, and is named."""
    a, b = pair
    b.sensor_writes.add_sw(write(99))
    with pytest.raises(TargetNotEmpty, match="sensor_writes") as refused:
        copy(engine_of(a), engine_of(b))
    assert refused.value.roles == ("sensor_writes",)
    assert b.predicates.get_all_predicates() == []


def test_a_second_copy_is_refused(pair: tuple[Databases, Databases]) -> None:
    """A copy that has ended is not gone on with."""
    a, b = pair
    copy(engine_of(a), engine_of(b))
    with pytest.raises(TargetNotEmpty):
        copy(engine_of(a), engine_of(b))


def test_merging_keeps_what_waits_in_the_target(pair: tuple[Databases, Databases]) -> None:
    """Told to merge, the source wins where both have something, and no queue loses anything."""
    a, b = pair
    b.pathpoints.on_new_data_many([("own", 1, 1), ("own", 2, 2), ("W1", 50, "other")])
    b.events.add_event(event(1, message="other"))
    b.events.add_event(event(77))
    report = copy(engine_of(a), engine_of(b), merge=True)
    assert report.roles["events"].verified is None
    batch = b.pathpoints.get_data_to_sync()
    assert batch
    pending = {path["path"]: len(path["values"]) for path in batch.to_json()}
    assert pending["own"] == 2
    assert list(b.pathpoints.get_archive_data("W1", 50, 50)) == [(50, 75.0)]
    messages = {e.provisional_uuid: e.message for e in b.events.get_all_events()}
    assert (messages["event-1"], "event-77" in messages) == ("number 1", True)


def test_progress_ends_at_the_whole(pair: tuple[Databases, Databases]) -> None:
    """The callback counts up, role by role, and never beyond the total."""
    a, b = pair
    heard: dict[str, list[tuple[int, int]]] = {}
    copy(
        engine_of(a),
        engine_of(b),
        progress=lambda role, done, total: heard.setdefault(role, []).append((done, total)),
    )
    assert set(heard) == set(PARTS)
    for steps in heard.values():
        assert steps == sorted(steps)
        assert steps[-1][0] <= steps[-1][1]


def test_values_that_nobody_can_read_go_to_the_dead_letters(
    pair: tuple[Databases, Databases],
) -> None:
    """Corrupt bytes are never passed on as a value of another codec, and never lost."""
    a, b = pair
    engine_of(a).series("pathpoints").append([("W1", 1_000_000, b"\xc1")])
    engine_of(a).table("metadata").put("bad", b"\xc1", pending=True)
    report = copy(engine_of(a), engine_of(b))
    assert report.roles["pathpoints"].unreadable == 1
    letters = [*b.pathpoints.get_dead_letters(), *b.metadata.get_dead_letters()]
    assert [d.record for d in letters if d.reason == "cannot be decoded"] == [b"\xc1", b"\xc1"]


def test_the_parts_are_all_that_the_roles_open() -> None:
    """The list of parts names exactly what roles and imports ask an engine for."""
    asked: set[tuple[str, str]] = set()

    class Recording(MemoryEngine):
        def table(self, name: str) -> Any:
            asked.add(("table", name))
            return super().table(name)

        def series(self, name: str, *limits: Any) -> Any:
            asked.add(("series", name))
            return super().series(name, *limits)

        def blobs(self, name: str) -> Any:
            asked.add(("blobs", name))
            return super().blobs(name)

    with _recorded(Recording) as databases:
        fill(databases)
        import_directory(DATA / "python311", databases)
        for queue in (databases.sensor_writes.get_sw_sync(), databases.events.get_events_to_sync()):
            assert queue
            queue.reject("no")
        assert all(database.stats() for _, database in databases)
    expected = {("table", COUNTERS), ("table", "pathpoints.clocks")}
    for parts in PARTS.values():
        expected |= {("table", name) for name in parts.tables}
        expected |= {("series", name) for name in parts.series}
        expected |= {("blobs", name) for name in parts.blobs}
    assert asked | {("table", "pathpoints.clocks")} == expected
    assert set(PARTS) == set(ROLES)
    assert JOURNAL not in {name for parts in PARTS.values() for name in parts.tables}


def _recorded(kind: type[MemoryEngine]) -> Databases:
    from smok_core.hookspecs import BackendInfo, hookimpl

    class Plugin:
        @hookimpl
        def smok_backend(self) -> BackendInfo:
            return BackendInfo(summary="Memory that remembers what it is asked for.")

        @hookimpl
        def smok_open_engine(self) -> MemoryEngine:
            return kind()

    smok_core.register(Plugin(), "recording")
    return open_store(Path(), "recording")


# --- broken off and gone on with -----------------------------------------------------------------


class Broken(Exception):
    """Ends a copy in the middle."""


def test_a_copy_broken_off_at_any_step_goes_on_to_the_same_end(tmp_path: Path) -> None:
    """Whichever write of the target is the last one before a crash, going on ends the same."""
    with open_store(tmp_path, "memory") as a:
        fill(a)
        expected = handed_over(a)
        for step in range(10_000):
            with open_store(tmp_path, "memory") as b:
                if not _broken_copy(engine_of(a), engine_of(b), step):
                    break
                copy(engine_of(a), engine_of(b))
                assert handed_over(b) == expected, step
        assert step > 50


def _broken_copy(source: Engine, target: Engine, step: int) -> bool:
    """Copy until so many writes have been done; tell whether it was broken off."""
    left = [step]

    def fail_at(method: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*args: Any, **kwargs: Any) -> Any:
            if left[0] == 0:
                raise Broken
            left[0] -= 1
            return method(*args, **kwargs)

        return inner

    series, table = target.series("pathpoints"), type(target.table("x"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("append", "acknowledge", "requeue"):
            patch.setattr(series, name, fail_at(getattr(series, name)))
        patch.setattr(table, "put", fail_at(table.put))
        try:
            copy(source, target)
        except Broken:
            return True
    return False


_KILLED = """
import os, sys
from pathlib import Path
from types import CodeType
from plugins.smok_cli.tests.transfer.stores import open_store
from plugins.smok_cli.tests.transfer.test_copy import engine_of
from smok_cli.transfer import copy
a, b = (open_store(Path(path)) for path in sys.argv[1:3])
def progress(role, done, total):
    if role == "pathpoints" and done >= int(sys.argv[3]):
        os.kill(os.getpid(), 9)
copy(engine_of(a), engine_of(b), progress=progress)
"""


@pytest.mark.parametrize("after", [1, 9_000, 21_000, 26_000, 30_000])
def test_a_copy_that_is_killed_goes_on(after: int, tmp_path: Path) -> None:
    """After kill -9 in the archive or in the queue a second call ends with equal stores."""
    paths = [tmp_path / "a.db", tmp_path / "b.db"]
    with open_store(paths[0]) as a:
        fill(a)
        a.pathpoints.on_new_data_many([("many", t, t) for t in range(20_000)])
        batch = a.pathpoints.get_data_to_sync(8_000)
        assert batch
        batch.acknowledge()
    command = [sys.executable, "-c", _KILLED, *map(str, paths), str(after)]
    done = subprocess.run(
        command, cwd=ROOT, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert done.returncode == -9
    with open_store(paths[0]) as a, open_store(paths[1]) as b:
        report = copy(engine_of(a), engine_of(b))
        assert report.roles["pathpoints"].resumed
        assert report.roles["pathpoints"].verified
        assert handed_over(b) == handed_over(a)


def test_another_copy_into_an_unfinished_target_is_refused(tmp_path: Path) -> None:
    """The notes of one copy are never taken for those of another."""
    with open_store(tmp_path / "a.db") as a, open_store(tmp_path / "c.db") as c:
        fill(a)
        with open_store(tmp_path, "memory") as b:
            assert _broken_copy(engine_of(a), engine_of(b), 5)
            with pytest.raises(CopyUnfinished, match=r"a\.db"):
                copy(engine_of(c), engine_of(b))


# --- comparing -----------------------------------------------------------------------------------


CHANGES: dict[str, Callable[[Databases], None]] = {
    "metadata": lambda d: d.metadata.put_plain("here", "other", 2.5),
    "predicates": lambda d: d.predicates.update_predicate({"predicate_id": "new"}),
    "pathpoints": lambda d: d.pathpoints.on_new_data("W1", 3, "other"),
    "baobs": lambda d: d.baobs.set_baob_value("large", b"", 8),
    "events": lambda d: d.events.on_predicate_deleted("p"),
    "macros": lambda d: d.macros.notify_macro_synced("m", 2.5),
    "sensor_writes": lambda d: d.sensor_writes.on_synced_sw(write(1)),
    "sensors": lambda d: d.sensors.on_sensors_sync([]),
    "archives": lambda d: d.archives.on_archiving_data_sync({60: ["W2"]}),
}


@pytest.mark.parametrize("role", CHANGES)
def test_a_difference_is_found_and_named(role: str, tmp_path: Path) -> None:
    """Whatever changes in one of two equal stores, its role and an example are told."""
    with open_store(tmp_path, "memory") as a, open_store(tmp_path, "memory") as b:
        fill(a)
        copy(engine_of(a), engine_of(b))
        CHANGES[role](b)
        found = verify(engine_of(a), engine_of(b))
        assert [name for name, verdict in found.roles.items() if not verdict.equal] == [role]
        assert found.roles[role].differences


def test_another_order_in_a_queue_is_a_difference(tmp_path: Path) -> None:
    """Two stores with the same points that would upload them in another order are not equal."""
    with open_store(tmp_path, "memory") as a, open_store(tmp_path, "memory") as b:
        a.pathpoints.on_new_data_many([("x", 1, 1), ("x", 2, 2)])
        b.pathpoints.on_new_data_many([("x", 2, 2), ("x", 1, 1)])
        verdict = verify(engine_of(a), engine_of(b)).roles["pathpoints"]
        assert verdict.differences == ("the same records wait in another order",)


def test_a_copy_of_a_store_in_use_is_reported(tmp_path: Path) -> None:
    """A source that changes while it is copied makes the verification fail, not pass."""
    with open_store(tmp_path, "memory") as a, open_store(tmp_path, "memory") as b:
        fill(a)

        def disturb(role: str, _done: int, _total: int) -> None:
            if role == "metadata":
                b.metadata.put_plain("here", "changed", 99)

        with pytest.raises(CopyDiffers, match="metadata"):
            copy(engine_of(a), engine_of(b), progress=disturb)


def test_an_unknown_role_is_an_error(tmp_path: Path) -> None:
    """A misspelt role copies nothing."""
    with open_store(tmp_path, "memory") as a, open_store(tmp_path, "memory") as b:
        fill(a)
        with pytest.raises(KeyError):
            copy(engine_of(a), engine_of(b), ["event"])
        assert verify(engine_of(a), engine_of(b), ["archives"]).equal is False


def test_the_comparison_makes_no_call_for_each_reading(tmp_path: Path) -> None:
    """Values are decoded and summed by the page, also where some are of other types."""
    with open_store(tmp_path / "a.db", "pickle") as a, open_store(tmp_path / "b.db", "memory") as b:
        for databases in (a, b):
            databases.pathpoints.on_new_data_many(
                (f"p{at % 7}", at, at / 3 if at % 100 else "text") for at in range(5000)
            )
        profile = cProfile.Profile()
        assert profile.runcall(verify, engine_of(a), engine_of(b), ["pathpoints"]).equal
        ours = [one for one in profile.getstats() if isinstance(one.code, CodeType)]
        calls = {one.code.co_name: one.callcount for one in ours}
        assert 0 < calls["canonical"] < 500
        assert calls.get("_load", 0) == 0


def test_readings_that_all_wait_are_read_from_the_queue_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive has nothing more; it is read to be compared, and by a merge, which is not."""
    ranges: list[str] = []
    plain = MemorySeries.range

    def counted(self: MemorySeries, name: str, start: Any, stop: Any) -> Any:
        ranges.append(name)
        return plain(self, name, start, stop)

    monkeypatch.setattr(MemorySeries, "range", counted)
    for merge, expected in ((False, 2), (True, 1)):
        with open_store(tmp_path, "memory") as a, open_store(tmp_path, "memory") as b:
            a.pathpoints.on_new_data_many([("x", 1, 1), ("x", 2, 2)])
            copy(engine_of(a), engine_of(b), ["pathpoints"], merge=merge)
            assert len(ranges) == expected
            assert verify(engine_of(a), engine_of(b), ["pathpoints"]).equal
        ranges.clear()


def test_both_stores_are_compared_at_once_and_an_error_of_either_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits for the other to have begun; what the second one raises comes out."""
    meeting, plain = threading.Barrier(2), digests.digest_role

    def met(engine: Engine, *rest: Any) -> Any:
        meeting.wait(30)
        if engine is second:
            raise BackendUnavailable("b", "it went away")
        return plain(engine, *rest)

    with open_store(tmp_path, "memory") as a, open_store(tmp_path, "memory") as b:
        fill(a)
        second = engine_of(b)
        with monkeypatch.context() as patch:
            patch.setattr(digests, "digest_role", met)
            with pytest.raises(BackendUnavailable, match="it went away"):
                copy(engine_of(a), second, ["events"])
        assert copy(engine_of(a), second, ["events"]).roles["events"].verified
