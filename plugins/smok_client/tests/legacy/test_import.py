"""What smok 0.21.0 has written comes over: every role, once, and the originals stay as they are."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from smok_client.legacy import Fault, import_directory, import_legacy

import smok_core
from plugins.smok_client.tests.legacy.samples import DATA, INSTALLATIONS, pickled, short
from smok_core.databases import Databases
from smok_core.model import (
    Color,
    Macro,
    OperationFailedError,
    OperationFailedReason,
    Sensor,
    SensorWriteEvent,
)

ROLES = {
    "predicates.pkl": "predicates",
    "sensor_writes.pkl": "sensor_writes",
    "archives.pkl": "archives",
    "baobs": "baobs",
    "sensors.pkl": "sensors",
    "pathpoints.pkl": "pathpoints",
    "events.pkl": "events",
    "events_cache.pkl": "events",
    "macros.pkl": "macros",
    "metadata.pkl": "metadata",
}


@pytest.fixture
def databases() -> Iterator[Databases]:
    """The nine roles, in memory."""
    with smok_core.open_databases({}) as opened:
        yield opened


@pytest.fixture(params=INSTALLATIONS)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The files of a device, as one way of pickling has written them."""
    copy = tmp_path / request.param
    shutil.copytree(DATA / request.param, copy)
    return copy


def contents(databases: Databases) -> dict[str, Any]:
    """Give everything the databases hold, queues included."""
    sync = databases.pathpoints.get_data_to_sync()
    events = databases.events.get_events_to_sync()
    writes = databases.sensor_writes.get_sw_sync()
    names = sorted(databases.pathpoints.get_pathpoints())
    return {
        "predicates": databases.predicates.get_all_predicates(),
        "writes": sorted(writes.to_json(), key=lambda write: write["timestamp"]),
        "archives": databases.archives.get_archiving_instructions(),
        "baobs": {
            key: (databases.baobs.get_baob_value(key), version)
            for key, version in databases.baobs.get_all_versions().items()
        },
        "sensors": list(databases.sensors.get_all_sensors()),
        "values": {n: list(databases.pathpoints.get_archive_data(n)) for n in names},
        "queue": sync.to_json() if sync else [],
        "events": list(databases.events.get_all_events()),
        "pending": [event.provisional_uuid for event in events.get_events()] if events else [],
        "macros": databases.macros.get_macros(),
        "done": list(databases.macros.get_done_macros()),
        "metadata": list(databases.metadata.get_all_plain()),
        "changes": databases.metadata.get_plain_to_sync(),
    }


def fingerprint(directory: Path) -> dict[str, Any]:
    """Give digest, time and mode of every file."""
    found = {}
    for path in sorted(directory.rglob("*")):
        status = path.stat()
        data = path.read_bytes() if path.is_file() else b""
        digest = hashlib.sha256(data).hexdigest()
        found[str(path)] = (digest, status.st_mtime_ns, status.st_mode)
    return found


def test_every_role_of_an_installation_comes_over(installation: Path, databases: Databases) -> None:
    """Every field of every role is as the client had stored it."""
    reports = import_directory(installation, databases)
    assert {Path(r.path).name: r.role for r in reports} == ROLES
    assert all(report.ok for report in reports), [str(r) for r in reports if not r.ok]
    check_contents(databases)


def check_contents(databases: Databases) -> None:
    """Compare with what make_data.py has put into the client's databases."""
    found = contents(databases)
    _check_definitions(found)
    _check_events(databases, found)
    _check_values(found)
    times = range(1600000000000, 1600000000003)
    assert found["writes"][:3] == [
        SensorWriteEvent(
            timestamp=t,
            who="Ann",
            hr_sensor="Pump",
            hr_value=f"{i} bar",
            fqts="a b",
            value=str(i),
            reason="test",
        ).to_json()
        for i, t in enumerate(times)
    ]
    last = found["writes"][3]
    assert (last["hr_sensor"], last["value"], last["reason"]) == ("", "5", "")
    assert found["macros"] == [
        Macro(
            macro_id="m1",
            commands={"W1": 5, "f2": 1.5, "u3": "text", "B4": True},
            occurrences_not_done=[1600000100, 1600000300],
        )
    ]
    assert found["done"] == [("m1", 1600000000)]


def _check_definitions(found: dict[str, Any]) -> None:
    common = {"group": "B", "configuration": {"limit": 7.5}, "statistic": "over"}
    monday = {"day": 1, "hour": 8, "minute": 0}, {"day": 1, "hour": 16, "minute": 30}
    silencing = [dict(zip(("start", "stop"), monday, strict=True))]
    first = {"predicate_id": "p1", "verbose_name": "Over", "silencing": silencing, "state": [1]}
    second = {"predicate_id": "p2", "verbose_name": "Plain", "silencing": [], "state": None}
    assert found["predicates"] == [common | first, common | second]
    assert found["archives"] == {60: ["W1", "W2"], 3600: ["f3"]}
    assert found["sensors"] == [
        Sensor(fqts="a b", path="W1", type_name="u"),
        Sensor(fqts="c", path="W2~W3", type_name="u"),
    ]
    assert found["baobs"] == {"firmware": (b"\x00\x01" * 100, 3), "empty": (b"", 1)}
    assert found["metadata"] == [("name", "pump 17", 1600000000.5), ("empty", "", 1600000001)]
    assert found["changes"] is None


def _check_events(databases: Databases, found: dict[str, Any]) -> None:
    events = {event.message: event for event in found["events"]}
    assert list(events) == [
        "message 1",
        "message 2",
        "zażółć \U0001f6a8",
        "message 4",
        "message 5",
        "message 6",
    ]
    assert found["pending"] == [f"{number:032x}" for number in (1, 3, 4)]
    opened, uploaded, point, closed, theirs, _ = events.values()
    assert (opened.color, opened.ended_on, opened.metadata) == (
        Color.RED,
        None,
        {"predicate_id": "p1"},
    )
    assert (uploaded.uuid, uploaded.ended_on, uploaded.handled_by) == (
        "server-2",
        1600000500,
        "Ann",
    )
    assert (point.is_point, point.color, closed.ended_on, closed.token) == (
        True,
        Color.WHITE,
        1600000600,
        "",
    )
    assert (theirs.uuid, theirs.provisional_uuid) == ("server-5", "server-5")
    cache = databases.events.get_cache("p1")
    assert cache == {"open": f"{1:032x}", "seen": (1, 2.5, None), "tags": {"a", "b"}}
    name, fields = databases.events.get_cache("p2")["$smok"]
    assert (name, fields["provisional_uuid"]) == ("Event", opened.provisional_uuid)
    assert databases.events.get_cache("p3") == [b"raw", True, -(2**70)]


def _check_values(found: dict[str, Any]) -> None:
    failure = OperationFailedError(OperationFailedReason.TIMEOUT, 1600000002000)
    assert found["values"] == {
        "W1": [(1600000000000, 5), (1600000001000, 6)],
        "f2": [(1600000002000, failure)],
        "u3": [(1600000000000.5, "uploaded")],
    }
    assert [path["path"] for path in found["queue"]] == ["W1", "f2"]


def test_a_second_import_changes_nothing(installation: Path, databases: Databases) -> None:
    """Importing again, with a history or without one, leaves every role as it was."""
    import_directory(installation, databases)
    before = contents(databases)
    again = import_directory(installation, databases)
    assert all(report.done_before for report in again)
    for role in smok_core.ROLES:
        databases[role].engine.table(f"{role}.imports").replace({})
    once_more = import_directory(installation, databases)
    assert [report.imported for report in once_more] == [0] * len(ROLES)
    assert contents(databases) == before


def test_what_was_uploaded_since_does_not_come_back(databases: Databases) -> None:
    """A record that was imported, uploaded and forgotten is not imported a second time."""
    directory = DATA / "python311"
    import_directory(directory, databases)
    databases.sensor_writes.get_sw_sync().ack()
    batch = databases.events.get_events_to_sync()
    assert batch
    batch.acknowledge("u1", "u2", "u3")
    databases.events.clear_closed_and_synced_events()
    import_directory(directory, databases)
    assert not databases.sensor_writes.get_sw_sync()
    assert len(list(databases.events.get_all_events())) == 2


def test_what_is_newer_here_stays(databases: Databases) -> None:
    """Values, texts and states that the device has stored since are not overwritten."""
    databases.metadata.put_plain("name", "newer", 1700000000)
    databases.events.set_cache("p1", "newer")
    databases.predicates.update_predicate({"predicate_id": "p1", "state": "newer"})
    databases.baobs.set_baob_value("firmware", b"newer", 9)
    import_directory(DATA / "python311", databases)
    assert databases.metadata.get_plain("name") == "newer"
    assert databases.events.get_cache("p1") == "newer"
    assert databases.predicates.get_all_predicates()[0]["state"] == "newer"
    assert databases.baobs.get_baob_value("firmware") == b"newer"


def test_a_dry_run_counts_and_stores_nothing(installation: Path, databases: Databases) -> None:
    """A dry run reports what the import then does, and leaves the databases empty."""
    empty = contents(databases)
    dry = import_directory(installation, databases, dry_run=True)
    assert contents(databases) == empty
    real = import_directory(installation, databases)
    counts = [[(r.found, r.imported, r.unchanged) for r in reports] for reports in (dry, real)]
    assert counts[0] == counts[1]


def test_the_originals_are_not_touched(installation: Path, databases: Databases) -> None:
    """After a dry run and an import every file has its bytes, time and mode."""
    for path in installation.rglob("*.pkl"):
        path.chmod(0o444)
    before = fingerprint(installation)
    import_directory(installation, databases, dry_run=True)
    import_directory(installation, databases)
    assert fingerprint(installation) == before


def test_refused_entries_are_named_and_the_others_come_over(databases: Databases) -> None:
    """Objects of users' classes are refused one by one, by class and offset."""
    path = DATA / "python311-odd" / "events_cache.pkl"
    report = import_legacy("events", path, databases)
    assert (report.found, report.imported) == (5, 3)
    named = {refusal.entry: refusal for refusal in report.refused}
    counter = named["cache of predicate 'object'"]
    assert counter.class_name == "__main__:Counter"
    assert counter.offset is not None
    assert path.read_bytes()[counter.offset : counter.offset + 1] == b"\x81"
    assert databases.events.get_cache("bytes") == {"$smok": ["bytearray", b"x"]}
    assert databases.events.get_cache("last") == "still read"


def test_the_file_that_0_21_0_empties_is_reported_as_empty(databases: Databases) -> None:
    """The pathpoint file that smok 0.21.0 truncates at its first checkpoint is called empty."""
    report = import_legacy("pathpoints", DATA / "python311-odd" / "pathpoints.pkl", databases)
    assert report.fault is Fault.EMPTY
    assert "0 bytes" in str(report)


@pytest.mark.parametrize("file_name", [name for name in ROLES if name != "baobs"])
def test_a_file_cut_anywhere_is_reported_as_truncated(
    file_name: str, tmp_path: Path, databases: Databases
) -> None:
    """Every shorter version of every file is called truncated, and nothing of it is stored."""
    data = (DATA / "python311" / file_name).read_bytes()
    before = contents(databases)
    path = tmp_path / file_name
    for size in range(1, len(data)):
        path.write_bytes(data[:size])
        report = import_legacy(ROLES[file_name], path, databases)
        assert report.fault is Fault.TRUNCATED, (size, str(report))
    assert contents(databases) == before


def test_a_file_of_another_role_is_refused_whole(databases: Databases) -> None:
    """A file under the wrong role stores nothing: whole, or each entry for its own reason."""
    before = contents(databases)
    for file_name, role in ROLES.items():
        for other in set(ROLES.values()) - {role}:
            report = import_legacy(other, DATA / "python311" / file_name, databases)
            # A dict of anything may be the states of predicates: there the caller is believed.
            assert other == "events" or report.imported == 0, (file_name, other, str(report))
    assert contents(databases) == before


@pytest.mark.parametrize(
    ("file_name", "content", "fault"),
    [
        ("x.pkl", b"\x89PNG", Fault.NOT_A_PICKLE),
        ("device.key", b"-----BEGIN", Fault.NOT_A_PICKLE),
        ("settings.pkl", pickled(b"}" + short("a") + short("b") + b"s"), Fault.UNKNOWN),
        ("empty.pkl", pickled(b"}"), Fault.UNKNOWN),
        ("x.pkl", b"", Fault.EMPTY),
    ],
)
def test_a_foreign_file_in_a_directory_is_reported(
    file_name: str, content: bytes, fault: Fault, tmp_path: Path, databases: Databases
) -> None:
    """What is not recognised is reported as what it is, and stops nothing else."""
    (tmp_path / file_name).write_bytes(content)
    shutil.copy(DATA / "python311" / "archives.pkl", tmp_path / "zz.pkl")
    found = {Path(r.path).name: r for r in import_directory(tmp_path, databases)}
    assert found[file_name].fault is fault
    assert found["zz.pkl"].imported == 2


def test_a_missing_file_is_reported(tmp_path: Path, databases: Databases) -> None:
    """A path without a file is a fault of its own, with the system's reason."""
    report = import_legacy("events", tmp_path / "nothing.pkl", databases)
    assert report.fault is Fault.MISSING


def test_an_unknown_role_is_an_error(databases: Databases) -> None:
    """A role that does not exist is the caller's mistake."""
    with pytest.raises(KeyError):
        import_legacy("alarms", DATA / "python311" / "events.pkl", databases)


def test_progress_reaches_the_end(databases: Databases) -> None:
    """The callback hears of all entries, at the latest with the last one."""
    heard: list[tuple[int, int]] = []
    path = DATA / "python311" / "events.pkl"
    import_legacy("events", path, databases, progress=lambda *step: heard.append(step))
    assert heard[-1] == (6, 6)


def test_events_are_not_imported_where_none_are_kept() -> None:
    """With events = "null" the import says so instead of losing the events."""
    with smok_core.open_databases({"roles": {"events": "null"}}) as databases:
        report = import_legacy("events", DATA / "python311" / "events.pkl", databases)
    assert report.fault is Fault.WRONG_SHAPE


def test_files_made_just_now_by_the_real_client_come_over(
    client: Path, tmp_path: Path, databases: Databases
) -> None:
    """What the installed smok 0.21.0 writes today is what the kept files hold."""
    script = Path(__file__).parent / "make_data.py"
    directory = tmp_path / "fresh"
    subprocess.run([client, "-W", "ignore", script, directory], check=True, cwd=tmp_path)
    assert all(report.ok for report in import_directory(directory, databases))
    check_contents(databases)
