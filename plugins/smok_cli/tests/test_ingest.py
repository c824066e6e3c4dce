"""``smok ingest``: formats, columns, times, bad rows, and that running it again is harmless."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plugins.smok_cli.tests.conftest import child_environment

FILES = {
    "machine_temperature_system_failure": 22_695,
    "ambient_temperature_system_failure": 7_267,
}
ORIGINAL = ("--columns", "timestamp,value", "--time-format", "%Y-%m-%d %H:%M:%S")
PLAIN = ("--columns", "pathpoint,timestamp,value", "--no-header")


@pytest.fixture
def ingest(smok, config, place):
    """Write a file, ingest it, and give the summary and what an export shows of it."""

    def run(text, *words, name="in.csv", status=0, export=PLAIN):
        place.joinpath(name).write_bytes(text.encode() if isinstance(text, str) else text)
        result = smok("ingest", name, "--json", "--epoch", "s", *words)
        assert result.status == status, result.err
        return json.loads(result.out), smok("export", *export).out.splitlines()

    return run


# --- the real files ------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "rows"), FILES.items())
def test_real_files_come_back_whole(smok, config, shared_data, name, rows):
    """Both files, plain default command line: every reading, values byte-equal, in order."""
    source = shared_data / f"{name}.csv"
    wanted = source.read_text().splitlines()[1:]
    assert smok("ingest", source).status == 0
    report = json.loads(smok("status", "--json").out)
    counts = next(row for row in report["roles"] if row["role"] == "pathpoints")
    assert counts["rows"] == counts["pending"] == rows
    lines = smok("export").out.splitlines()
    assert lines[0] == "pathpoint,timestamp,value,value_type"
    assert [line.split(",")[2] for line in lines[1:]] == [row.split(",")[1] for row in wanted]
    assert {line.split(",")[0] for line in lines[1:]} == {name}


@pytest.mark.parametrize("name", FILES)
def test_real_files_come_back_byte_equal(smok, config, shared_data, place, name):
    """With the file's own columns and time format the export is the file, byte for byte."""
    source = shared_data / f"{name}.csv"
    assert smok("ingest", source).status == 0
    assert smok("export", *ORIGINAL, "-o", "out.csv").status == 0
    assert place.joinpath("out.csv").read_bytes() == source.read_bytes()


def test_the_doubled_hour_is_told(smok, config, shared_data):
    """The hour that the file has twice is named: the line where the clock was set back."""
    source = shared_data / "machine_temperature_system_failure.csv"
    summary = json.loads(smok("ingest", source, "--json").out)
    assert summary["clock_steps"] == [
        {"line": 10151, "time": "2014-01-07 02:00:00", "hours_behind": 1}
    ]
    assert (summary["repeated"], summary["moved"], summary["rejected"]) == (0, 0, 0)
    window = ("--from", "2014-01-07T02:55:00Z", "--to", "2014-01-07T03:00:00Z")
    assert smok("export", *window, "--columns", "timestamp", "--no-header").out.splitlines() == [
        "2014-01-07T02:55:00Z",
        "2014-01-07T02:00:00-01:00",
    ]


def test_an_export_can_be_ingested_again(smok, config, shared_data, place):
    """A default export, read into another store, gives the same export."""
    assert smok("ingest", shared_data / "machine_temperature_system_failure.csv").status == 0
    assert smok("export", "--time-format", "us", "-o", "one.csv").status == 0
    config.write_text(config.read_text().replace("var/smok.db", "var/other.db"))
    assert smok("ingest", "one.csv").status == 0
    assert smok("export", "--time-format", "us", "-o", "two.csv").status == 0
    assert place.joinpath("two.csv").read_bytes() == place.joinpath("one.csv").read_bytes()


def test_kill_in_the_middle_and_again(smok, config, shared_data, place):
    """A kill -9 in the middle of an ingest and a second run end in the same state as one run."""
    source = shared_data / "machine_temperature_system_failure.csv"
    feeder = subprocess.Popen(
        [sys.executable, "-m", "smok_cli", "ingest", "-", "--pathpoint", "m"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
    )
    half = source.read_bytes().splitlines(keepends=True)[:12_000]
    feeder.stdin.write(b"".join(half))
    feeder.stdin.flush()
    deadline = time.monotonic() + 60
    while _rows(smok) < 5000 and time.monotonic() < deadline:
        time.sleep(0.05)
    feeder.send_signal(signal.SIGKILL)
    feeder.communicate()
    assert 5000 <= _rows(smok) < 12_000
    assert smok("ingest", source, "--pathpoint", "m").status == 0
    assert _rows(smok) == FILES["machine_temperature_system_failure"]
    assert smok("export", *ORIGINAL, "-o", "out.csv").status == 0
    assert place.joinpath("out.csv").read_bytes() == source.read_bytes()


def _rows(smok) -> int:
    roles = json.loads(smok("status", "--json").out)["roles"]
    return next(row["rows"] for row in roles if row["role"] == "pathpoints")


# --- formats and columns -------------------------------------------------------------------------


def test_named_columns(ingest):
    """Columns are found by their names or numbers, whatever their order; others are left alone."""
    text = "id,when,what,temp\n1,2024-05-01T10:00:00+02:00,boiler,21.5\n"
    words = ("--time", "when", "--value", "4", "--pathpoint-column", "what")
    summary, lines = ingest(text, *words)
    assert summary["stored"] == 1
    assert lines == ["boiler,2024-05-01T08:00:00Z,21.5"]


def test_wide(ingest):
    """--wide makes every column a pathpoint; an empty cell is no reading."""
    text = "time,a,b\n2024-05-01 10:00,1,on\n2024-05-01 10:01,,off\n"
    summary, lines = ingest(text, "--wide")
    assert summary["pathpoints"] == ["a", "b"]
    assert lines == [
        "a,2024-05-01T10:00:00Z,1",
        "b,2024-05-01T10:00:00Z,on",
        "b,2024-05-01T10:01:00Z,off",
    ]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_delimiters_and_byte_order_mark(ingest, mark):
    """Semicolons are recognised by the header, a byte-order mark is ignored."""
    _, lines = ingest(f"{mark}Timestamp;Value\n2024-05-01 10:00;1\n")
    assert lines == ["in,2024-05-01T10:00:00Z,1"]


def test_json_lines(ingest):
    """JSON lines keep the types of their values; failed readings have an error_code."""
    rows = [
        {"timestamp": 1_700_000_000, "pathpoint": "p", "value": "1"},
        {"timestamp": 1_700_000_001.5, "pathpoint": "p", "value": True},
        {"timestamp": 1_700_000_002, "pathpoint": "p", "error_code": "timeout"},
        {"timestamp": 1_700_000_003, "pathpoint": "p", "value": 2**60},
    ]
    text = "\n".join(map(json.dumps, rows))
    summary, lines = ingest(text, name="in.jsonl", export=("--format", "jsonl"))
    assert summary["stored"] == 4
    assert [json.loads(line) for line in lines] == [
        {"pathpoint": "p", "timestamp": "2023-11-14T22:13:20Z", "value": "1"},
        {"pathpoint": "p", "timestamp": "2023-11-14T22:13:21.500Z", "value": True},
        {"pathpoint": "p", "timestamp": "2023-11-14T22:13:22Z", "error_code": "timeout"},
        {"pathpoint": "p", "timestamp": "2023-11-14T22:13:23Z", "value": 2**60},
    ]


def test_wide_json_lines(ingest):
    """--wide works for JSON lines, too; null is no reading."""
    text = '{"ts": "2024-05-01T10:00:00Z", "a": 1, "b": null, "c": "x"}\n'
    _, lines = ingest(text, "--wide", name="in.jsonl")
    assert lines == ["a,2024-05-01T10:00:00Z,1", "c,2024-05-01T10:00:00Z,x"]


def test_stdin(smok_process, config):
    """``-`` streams stdin; JSON lines are recognised by their first character."""
    text = b'{"time": 5, "path": "p", "value": 1}\n'
    assert smok_process("ingest", "-", "--epoch", "s", stdin=text).status == 0
    assert smok_process("export", *PLAIN).out == "p,1970-01-01T00:00:05Z,1\n"


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("a,b\n1,2\n", (), "--time"),
        ("time,b\n1,2\n", (), "--wide"),
        ("time,value\n1,2\n", ("--time", "whn"), "no column is called 'whn'"),
        ("", (), "the file is empty"),
        ("time,a\n1,2\n", ("--wide", "--pathpoint", "p"), "leave out --pathpoint"),
        ("time,value\n1,2\n", ("--timezone", "Europe/Warszawa"), "no time zone"),
    ],
)
@pytest.mark.usefixtures("config")
def test_a_layout_that_does_not_fit(smok, text, words, hint):
    """A wrong column or zone ends with 2 and the option that helps; nothing is stored."""
    Path("in.csv").write_text(text, encoding="utf-8")
    result = smok("ingest", "in.csv", *words)
    assert result.status == 2
    assert hint in result.err
    assert _rows(smok) == 0


def test_a_missing_file(smok, config):
    """A file that is not there is one readable line."""
    result = smok("ingest", "nowhere.csv")
    assert result.status == 1
    assert result.err.startswith("error [SMOK-F02]: nowhere.csv: No such file or directory.")


def test_stdin_needs_a_name(smok_process, config):
    """Readings from a pipe that carry no name ask for --pathpoint."""
    result = smok_process("ingest", "-", stdin=b"time,value\n1,2\n")
    assert result.status == 2
    assert "--pathpoint NAME" in result.err


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["74.93588199999998", "-0.0", "1e-07", "1e+22", "0", "-17", str(2**63 - 1), "true", "false"],
)
def test_plain_values_come_back_byte_equal(ingest, text):
    """Numbers as Python writes them, and true and false, come back byte for byte."""
    summary, lines = ingest(f"time,value\n1,{text}\n")
    assert lines == [f"in,1970-01-01T00:00:01Z,{text}"]
    assert summary["rewritten"] == 0


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("007", "7"),
        ("1e3", "1000.0"),
        ("69.880835140", "69.88083514"),
        ("+5", "5"),
        (" 2.5", "2.5"),
    ],
)
def test_other_numbers_are_numbers_and_told(ingest, text, written):
    """A number written in another form stays a number, and the summary says so."""
    summary, lines = ingest(f"time,value\n1,{text}\n")
    assert lines == [f"in,1970-01-01T00:00:01Z,{written}"]
    assert (summary["rewritten"], summary["rewritten_example"]) == (1, [text, written])
    _, lines = ingest(f"time,value\n2,{text}\n", "--as-text")
    assert lines[1] == f"in,1970-01-01T00:00:02Z,{text}"


@pytest.mark.parametrize("text", ["True", "1_000", "12,5 °C", 'say "hi"', "0x10", "línea\nnueva"])
def test_texts_stay_texts(smok, config, place, text):
    """What is neither a number nor true or false is a text, kept as it is."""
    import csv

    with place.joinpath("in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("time", "value"), (1, text)])
    assert smok("ingest", "in.csv", "--epoch", "s").status == 0
    assert json.loads(smok("export", "--format", "jsonl").out)["value"] == text


# --- bad rows ------------------------------------------------------------------------------------


def test_bad_rows_are_written_down(ingest, place):
    """Each bad row is counted and written with its line and reason; the good ones are stored."""
    text = (
        b"time,value\n1,1\nsoon,2\n3\n4,\n5,nan\n6,99999999999999999999\n7,\xff\n99999999999999999999,8\n"
        b"9,9\n"
    )
    summary, lines = ingest(text, status=8)
    assert [line.split(",")[2] for line in lines] == ["1", "9"]
    assert (summary["stored"], summary["rejected"]) == (2, 7)
    rows = place.joinpath(summary["rejects_file"]).read_bytes().splitlines()
    assert rows[0] == b"line,reason,row"
    assert [row.split(b",")[0] for row in rows[1:]] == [b"3", b"4", b"5", b"6", b"7", b"8", b"9"]
    assert b"'soon' is not a time" in rows[1]
    assert b"--encoding" in rows[-2]
    assert b"\xff" in rows[-2]


def test_bad_cells_of_a_wide_row(ingest, place):
    """Of a wide row the good cells are stored, the bad ones are named."""
    summary, lines = ingest("time,a,b\n1,1,inf\n2,2\n", "--wide", "--rejects", "bad.csv", status=8)
    assert lines == ["a,1970-01-01T00:00:01Z,1"]
    assert summary["rejected"] == 2
    assert "column b: inf is not a number" in place.joinpath("bad.csv").read_text()


def test_bad_json_lines(ingest):
    """Lines that are no JSON, no object, or lack something are rejected one by one."""
    text = '{oops\n[1]\n{"value": 1}\n{"ts": 1, "value": NaN}\n{"ts": 1, "value": [1]}\n'
    text += '{"ts": 1, "error_code": "tired"}\n{"ts": true, "value": 1}\n{"ts": 1, "value": 1}\n'
    summary, lines = ingest(text, name="in.jsonl", status=8)
    assert (summary["stored"], summary["rejected"]) == (1, 7)
    assert lines == ["in,1970-01-01T00:00:01Z,1"]


def test_nothing_but_bad_rows_is_a_failure(ingest):
    """A file of which not one row could be taken ends as any with a rejected row does."""
    summary, lines = ingest("time,value\nsoon,1\n", status=8)
    assert (summary["stored"], lines) == (0, [])


def test_a_full_queue_says_how_far_it_came(smok, config, place):
    """When the store refuses to go on: its error, its exit status, and how much is stored."""
    config.write_text(config.read_text().replace("# max_pending = 1000000", "max_pending = 6000"))
    rows = "".join(f"{n},{n}\n" for n in range(12_000))
    place.joinpath("in.csv").write_text("time,value\n" + rows)
    result = smok("ingest", "in.csv", "--epoch", "s")
    assert result.status == 3
    assert "5000 readings were stored before this" in result.err
    assert "error [SMOK-S03]" in result.err


# --- memory and cancelling -----------------------------------------------------------------------


def test_memory_does_not_grow_with_the_file(config):
    """A file ten times as large needs about as much memory."""
    peaks = [_peak_kib(rows) for rows in (10_000, 100_000)]
    assert peaks[1] < peaks[0] + 16 * 1024, peaks


def _peak_kib(rows: int) -> int:
    feeder = f"print('time,value'); [print(f'{{n}},{{n}}.5') for n in range({rows})]"
    watched = (
        "import resource, sys; from smok_cli import main\n"
        "assert main(['ingest', '-', '--pathpoint', 'p', '--epoch', 's']) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    lines = subprocess.Popen([sys.executable, "-c", feeder], stdout=subprocess.PIPE)
    done = subprocess.run(
        [sys.executable, "-c", watched],
        stdin=lines.stdout,
        capture_output=True,
        check=True,
        env=child_environment(),
    )
    lines.stdout.close()
    assert lines.wait() == 0
    return int(done.stdout)


def test_a_reader_that_goes_away(smok, config, place):
    """``smok export | head -1`` ends quietly."""
    rows = "".join(f"{n},{n}\n" for n in range(20_000))
    place.joinpath("in.csv").write_text("time,value\n" + rows)
    assert smok("ingest", "in.csv", "--epoch", "s").status == 0
    export = subprocess.Popen(
        [sys.executable, "-m", "smok_cli", "export"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_environment(),
    )
    os.read(export.stdout.fileno(), 10)
    export.stdout.close()
    assert export.stderr.read() == b""
    export.stderr.close()
    assert export.wait(30) != 0
