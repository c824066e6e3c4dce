"""``smok status``, ``smok export`` and ``smok dead-letters``."""

import json

import pytest

import smok_core
from smok_core import Event, OperationFailedError, OperationFailedReason, SensorWriteEvent
from smok_core.model import Macro, Sensor

PLAIN = ("--columns", "pathpoint,timestamp,value", "--no-header")


@pytest.fixture
def databases(config):
    """The open databases of the configuration."""
    with smok_core.open_databases(config) as opened:
        yield opened


# --- status --------------------------------------------------------------------------------------


def test_status_counts_each_role(smok, databases):
    """Status counts rows and what waits, with the age of the oldest, for each of the nine roles."""
    databases.pathpoints.on_new_data_many([("p", 1_700_000_000_000 + n, n) for n in range(3)])
    databases.metadata.put_plain("name", "pump 17")
    report = json.loads(smok("status", "--json").out)
    rows = {row["role"]: row for row in report["roles"]}
    assert list(rows) == list(smok_core.ROLES)
    assert (rows["pathpoints"]["rows"], rows["pathpoints"]["pending"]) == (3, 3)
    assert rows["pathpoints"]["oldest_pending"] == "2023-11-14T22:13:20Z"
    assert rows["pathpoints"]["oldest_pending_seconds"] > 0
    assert rows["metadata"]["rows"] == 1
    assert rows["events"]["oldest_pending"] is None
    assert report["stores"][0]["size_bytes"] > 0


def test_status_says_that_nothing_is_lost(smok, config):
    """One line says that nothing was dropped or set aside; the size of the store is shown."""
    smok_core.open_databases(config).close()
    result = smok("status")
    assert result.status == 0
    assert result.out.startswith("OK  nothing pending, nothing lost\n")
    assert "KiB used" in result.out


def test_status_shows_dropped_records(smok, config):
    """Records dropped because of max_pending are counted, and the command to look is named."""
    text = config.read_text().replace("# max_pending = 1000000", "max_pending = 2")
    config.write_text(text.replace('# on_full = "refuse"', 'on_full = "drop-oldest"'))
    with smok_core.open_databases(config) as databases:
        databases.pathpoints.on_new_data_many([("p", n, n) for n in range(5)])
    result = smok("status")
    assert result.out.startswith("LOST 3  3 dropped in pathpoints\n")
    assert "pathpoints: 3 dropped, max_pending of [stores.local] is reached" in result.out
    assert "nothing lost" not in result.out


def test_status_shows_pending_definitions(smok, databases):
    """Definitions that wait for upload are counted beside the values."""
    databases.pathpoints.define_pathpoint("W1")
    databases.pathpoints.define_pathpoint("W2")
    assert "pathpoints: 2 definitions pending" in smok("status", "--verbose").out
    roles = {row["role"]: row for row in json.loads(smok("status", "--json").out)["roles"]}
    assert roles["pathpoints"]["definitions_pending"] == 2
    handed = databases.pathpoints.get_definitions_to_sync()
    assert handed is not None
    handed.acknowledge()
    assert "definitions" not in smok("status", "--verbose").out


# --- dead letters --------------------------------------------------------------------------------


def test_dead_letters_are_listed_and_requeued(smok, databases):
    """Refused records are shown with role, id and reason, and can requeued."""
    databases.pathpoints.on_new_data("p", 1, 1.5)
    databases.pathpoints.get_data_to_sync().reject("the cloud said 422")
    databases.events.add_event(Event(started_on=5, message="hot"))
    databases.events.get_events_to_sync().reject("the cloud said 400")
    assert "look: smok dead-letters pathpoints" in smok("status").out
    letters = json.loads(smok("dead-letters", "--json").out)
    assert [(letter["role"], letter["reason"]) for letter in letters] == [
        ("pathpoints", "the cloud said 422"),
        ("events", "the cloud said 400"),
    ]
    assert letters[0]["record"] == 1.5
    assert letters[0]["id"] in smok("dead-letters", "pathpoints").out
    assert smok("dead-letters", "pathpoints", "--requeue", letters[0]["id"]).status == 0
    assert [row["role"] for row in json.loads(smok("dead-letters", "--json").out)] == ["events"]
    assert "1 put back" in smok("dead-letters", "--requeue", "all").out
    assert "no dead letters" in smok("dead-letters").out
    databases.pathpoints.get_data_to_sync().reject("the cloud said 422")
    (letter,) = json.loads(smok("dead-letters", "--json").out)
    assert letter["time"] == "1970-01-01T00:00:00Z"
    assert "1 deleted" in smok("dead-letters", "pathpoints", "--discard", letter["id"]).out
    again = smok("dead-letters", "pathpoints", "--discard", letter["id"])
    assert again.err.startswith("error [SMOK-A04]")
    assert "0 deleted" in smok("dead-letters", "--discard", "all").out
    databases.pathpoints.on_new_data("p", 1, 2.5)
    assert databases.pathpoints.stats().pending == 1
    assert databases.events.stats().pending == 1


def test_requeue_of_what_is_not_there(smok, config):
    """An id that is not there is an error with its code; an id without a role is a usage error."""
    missing = smok("dead-letters", "events", "--requeue", "17")
    assert missing.status == 1
    assert missing.err.startswith("error [SMOK-A04]")
    assert smok("dead-letters", "--requeue", "17").status == 2


# --- export --------------------------------------------------------------------------------------


@pytest.fixture
def readings(databases):
    """Two pathpoints with readings of every type."""
    values = [("b", 1500, 1), ("b", 2000, True), ("a", 1000, 0.1), ("a", -1.5, "x,y")]
    databases.pathpoints.on_new_data_many(values)
    failure = OperationFailedError(OperationFailedReason.TIMEOUT, 3000)
    databases.pathpoints.on_new_data("b", 3000, failure)


def test_export_order_and_forms(smok, readings):
    """By pathpoint, then by time; a fraction only where there is one; each value with its type."""
    assert smok("export").out.splitlines() == [
        "pathpoint,timestamp,value,value_type",
        'a,1969-12-31T23:59:59.998500Z,"x,y",text',
        "a,1970-01-01T00:00:01Z,0.1,float",
        "b,1970-01-01T00:00:01.500Z,1,int",
        "b,1970-01-01T00:00:02Z,true,bool",
        "b,1970-01-01T00:00:03Z,timeout,error",
    ]
    result = smok("export", *PLAIN)
    assert result.out.splitlines()[-1] == "b,1970-01-01T00:00:03Z,"
    assert "1 failed readings have an empty value" in result.err


def test_export_columns(smok, readings):
    """Columns are chosen and ordered; the reason of a failure is one of them."""
    result = smok("export", "--pathpoint", "b", "--columns", "error_code,timestamp")
    assert result.out.splitlines()[-1] == "timeout,1970-01-01T00:00:03Z"
    assert result.err == ""


def test_export_span_includes_both_ends(smok, readings):
    """--from and --to include their ends; numbers are epoch seconds, --timezone counts."""
    lines = smok("export", *PLAIN, "--from", "1", "--to", "1970-01-01T00:00:02Z").out.splitlines()
    assert [line.split(",")[1][-4:] for line in lines] == [":01Z", "500Z", ":02Z"]
    words = ("--timezone", "Europe/Warsaw", "--from", "1970-01-01 01:00:03")
    assert smok("export", *PLAIN, *words).out == "b,1970-01-01T01:00:03+01:00,\n"


@pytest.mark.parametrize(
    ("form", "wanted"),
    [("s", "-0.0015"), ("ms", "-1.5"), ("us", "-1500"), ("%d.%m.%y %H:%M", "31.12.69 23:59")],
)
def test_export_time_formats(smok, readings, form, wanted):
    """Times are written in s, ms, us or by a pattern, exactly."""
    words = ("--pathpoint", "a", "--columns", "timestamp", "--no-header", "--time-format", form)
    assert smok("export", *words).out.splitlines()[0] == wanted


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--columns", "time"), "Columns: pathpoint, timestamp, value, value_type, error_code"),
        (("--pathpoint", "aa"), "Did you mean 'a'?"),
        (("--time-format", "rfc"), "no time format"),
        (("--from", "noon"), "Write it like"),
        (("--role", "evnts"), "Did you mean 'events'?"),
        (("--role", "events", "--format", "csv"), "JSON lines"),
    ],
)
def test_export_usage_errors(smok, readings, words, hint):
    """What cannot be is a usage error that helps."""
    result = smok("export", *words)
    assert result.status == 2
    assert hint in result.err


def test_export_outside_of_the_calendar(smok, databases):
    """A time that no calendar has is written as seconds, told, and keeps no other from coming."""
    databases.pathpoints.on_new_data("p", 9_000_000_000_000_000, 1)
    databases.pathpoints.on_new_data("q", 1000, 2)
    result = smok("export", *PLAIN)
    assert result.out == "p,@9000000000000,1\nq,1970-01-01T00:00:01Z,2\n"
    assert "1 times are beyond the calendar" in result.err
    assert smok("export", *PLAIN, "--time-format", "ms").out.startswith("p,9000000000000000,1\n")


def test_export_of_every_role(smok, databases):
    """Each role is exported as JSON lines; looking changes nothing."""
    databases.events.add_event(Event(started_on=5, message="hot"))
    write = SensorWriteEvent(
        timestamp=1, who="me", hr_sensor="s", hr_value="1", fqts="s", value="1", reason="why not"
    )
    databases.sensor_writes.add_sw(write)
    databases.metadata.put_plain("name", "pump", 7)
    databases.baobs.set_baob_value("b", b"\0", 3)
    databases.sensors.on_sensors_sync([Sensor(fqts="s", path="p", type_name="t")])
    databases.archives.on_archiving_data_sync({60: ["p"]})
    databases.macros.set_macros([Macro(macro_id="m", occurrences_not_done=[1])])
    databases.predicates.set_new_predicates([{"predicate_id": "x"}])
    found = {role: _lines(smok, role) for role in smok_core.ROLES if role != "pathpoints"}
    assert found["events"][0]["message"] == "hot"
    assert found["sensor_writes"][0]["reason"] == "why not"
    assert found["metadata"] == [{"key": "name", "value": "pump", "timestamp": 7}]
    assert found["baobs"] == [{"key": "b", "version": 3}]
    assert found["sensors"] == [{"fqts": "s", "path": "p", "type_name": "t"}]
    assert found["archives"] == [{"interval": 60, "pathpoints": ["p"]}]
    assert found["macros"][0]["occurrences_not_done"] == [1]
    assert found["predicates"][0]["predicate_id"] == "x"
    assert databases.sensor_writes.stats().pending == 1


def _lines(smok, role) -> list[dict]:
    result = smok("export", "--role", role)
    assert result.status == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def test_roles_in_memory(smok, place):
    """Without any store the commands work and show an empty device."""
    place.joinpath("smok.toml").write_text("")
    assert smok("export").out == "pathpoint,timestamp,value,value_type\n"
    assert smok("status").status == 0


def test_an_id_can_be_copied_from_a_narrow_screen(smok, config, monkeypatch):
    """Role and id stand as they are typed; all else below is folded."""
    with smok_core.open_databases(config) as databases:
        databases.sensor_writes.add_sw(
            SensorWriteEvent(
                timestamp=1, who="w", hr_sensor="s", hr_value="1", fqts="a", value="v", reason="r"
            )
        )
        databases.sensor_writes.get_sw_sync().reject("a long reason " * 10)
    monkeypatch.setenv("COLUMNS", "60")
    (letter,) = json.loads(smok("dead-letters", "--json").out)
    lines = smok("dead-letters").out.splitlines()
    assert lines[0] == f"sensor_writes {letter['id']}"
    assert max(map(len, lines)) <= 60
    assert "a long reason a long reason" in " ".join(lines)
