"""``smok ingest`` of files as they are: each row is stored as meant, or rejected and told."""

import csv
import gzip
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plugins.smok_cli.tests.conftest import child_environment

S = 1_700_000_000


@pytest.fixture
def take(smok, config):
    """Ingest bytes and give the summary, and what is stored as (pathpoint, time, value)."""

    def run(data, *words, name="W1.csv", status=None):
        Path(name).write_bytes(data.encode() if isinstance(data, str) else data)
        result = smok("ingest", name, "--json", *words)
        assert result.status in ((0, 8) if status is None else (status,)), result.err
        report = json.loads(result.out)
        assert result.status == (8 if report["rejected"] else 0)
        lines = smok("export", "--format", "jsonl").out.splitlines()
        stored = [tuple(json.loads(line).values()) for line in lines]
        return report, stored

    return run


def reasons(report):
    """Give (line, reason) of each rejected row."""
    if not report["rejected"]:
        return []
    text = Path(report["rejects_file"]).read_bytes().decode(errors="surrogateescape")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [(int(row["line"]), row["reason"]) for row in rows]


# --- quotes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("odd", "rejected"),
    [
        ({3: '{t},"x'}, [3]),
        ({3: '{t},"x', 50: '{t},y"'}, [3, 50]),
        ({3: '{t},"x', 4: '{t},y"'}, [3, 4]),
        ({3: '{t},"x', 50: '{t},"y'}, [3, 50]),
        ({3: '{t},"x', 4: '{t},"y"'}, [3]),
        ({3: '{t},5" pipe'}, [3]),
        ({3: '{t},"a"b'}, [3]),
        ({3: '"{t},5'}, [3]),
        ({3: '"{t},5', 9: '{t}",5'}, [3, 9]),
        ({60: '{t},"'}, [60]),
    ],
)  # fmt: skip
def test_stray_quotes_cost_their_own_rows(take, odd, rejected):
    """Also two that close each other; no row between them is swallowed."""
    rows = {n: f"{S + n},{n}" for n in range(2, 61)}
    rows |= {n: text.format(t=S + n) for n, text in odd.items()}
    report, stored = take("\n".join(["timestamp,value", *rows.values()]) + "\n")
    assert [line for line, _ in reasons(report)] == rejected
    kept = [value for _, _, value in stored]
    assert len(kept) == 59 - len(rejected)
    assert [value for value in kept if value != "y"] == [n for n in rows if n not in odd]


def test_texts_of_several_lines(take):
    """A text may span lines; one that looks like rows has to have all its cells quoted."""
    plain = f'{S},"two\nlines\r\nand \rmore"\n'
    rows = f'"{S + 1}","looks\n{S + 7},5\nlike rows"\n'
    doubt = f'{S + 2},"looks\n{S + 8},5\nlike rows"\n'
    report, stored = take("time,value\n" + plain + rows + doubt)
    assert [value for _, _, value in stored] == [
        "two\nlines\r\nand \rmore",
        f"looks\n{S + 7},5\nlike rows",
        5,
    ]
    assert [line for line, _ in reasons(report)] == [9, 11]


def test_a_long_open_quote(take):
    """An open quote in front of more rows than a text may have takes none of them."""
    rows = [f"{S + n},{n}.5" for n in range(20_000)]
    rows[7] = f'{S + 7},"x'
    report, _ = take("\n".join(["timestamp,value", *rows]))
    assert (report["stored"], report["rejected"], report["rows"]) == (19_999, 1, 20_000)


# --- damage, encodings, packing ------------------------------------------------------------------


def test_nuls_of_a_power_failure(take):
    """A row with NULs is rejected; those after it are read."""
    report, stored = take(b"timestamp,value\n%d,1\n%d,2%s\n%d,4\n" % (S, S + 1, bytes(90), S + 3))
    assert [value for _, _, value in stored] == [1, 4]
    assert "NUL" in reasons(report)[0][1]


def test_a_tail_of_nuls_without_end(take):
    """Two megabytes of NULs are one row, and bounded memory."""
    report, stored = take(b"timestamp,value\n%d,1\n" % S + bytes(2 * 2**20))
    assert [value for _, _, value in stored] == [1]
    assert report["rejected"] == 1


TEXT = f"time,value\n{S},zażółć\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TEXT.encode("utf-8-sig"), ()),
        (TEXT.encode("utf-16"), ()),
        (TEXT.encode("utf-16-le"), ("--encoding", "utf-16-le")),
        (TEXT.encode("utf-32"), ()),
        (TEXT.encode("cp1250"), ("--encoding", "cp1250")),
        (TEXT.encode("iso-8859-2"), ("--encoding", "ISO-8859-2")),
        (gzip.compress(TEXT.encode(), mtime=0), ()),
        (gzip.compress(TEXT.encode("utf-16"), mtime=0), ()),
        (TEXT.replace("\n", "\r\n").encode(), ()),
        (TEXT.replace("\n", "\r").encode(), ()),
    ],
)
def test_encodings(take, data, words):
    _, stored = take(data, *words, status=0)
    assert [value for _, _, value in stored] == ["zażółć"]


@pytest.mark.parametrize(
    ("data", "words", "hint"),
    [
        (TEXT.encode("utf-16-le"), (), "--encoding utf-16-le"),
        (TEXT.encode("utf-16-be"), (), "--encoding utf-16-be"),
        ("time,wartość\n1,2\n".encode("cp1250"), ("--wide",), "--encoding"),
        (b"PK\x03\x04....", (), "packed with zip"),
        (b"\xfd7zXZ....", (), "packed with xz"),
        (b"BZh9....", (), "packed with bzip2"),
        (TEXT.encode(), ("--encoding", "no-such"), "no text encoding"),
        (TEXT.encode(), ("--encoding", "base64"), "no text encoding"),
        (f"{S},1\n{S + 1},2\n".encode(), (), "--columns time,value"),
        (TEXT.encode(), ("--delimiter", '"'), "one character"),
        (TEXT.encode(), ("--time-format", "%H:%M"), "no year"),
        (TEXT.encode(), ("--time-format", "%Y %Q"), "bad directive"),
        (b"time,value,value\n", (), "columns 2 and 3 are both called 'value'"),
    ],
)
@pytest.mark.usefixtures("config")
def test_refused_by_name(smok, data, words, hint):
    Path("W1.csv").write_bytes(data)
    result = smok("ingest", "W1.csv", *words)
    assert result.status == 2
    assert hint in result.err
    assert not smok("export", "--no-header").out


def test_a_row_in_another_encoding(take):
    """A latin-1 byte in a UTF-8 file rejects its row with the option that helps."""
    report, stored = take(b"time,value\n%d,a\n%d,\xb0C\n%d,b\n" % (S, S + 1, S + 2))
    assert [value for _, _, value in stored] == ["a", "b"]
    assert "is not UTF-8" in reasons(report)[0][1]
    assert "--encoding" in reasons(report)[0][1]


def test_a_packed_file_that_was_cut_off(take):
    """What can be unpacked is stored, the rest is told."""
    text = "time,value\n" + "".join(f"{S + n},{n}.{n * 7919 % 977}\n" for n in range(30_000))
    whole = gzip.compress(text.encode())
    report, _ = take(whole[: len(whole) // 2], name="W1.csv.gz")
    assert 1000 < report["stored"] < 30_000
    assert "damaged or cut off" in reasons(report)[-1][1]
    assert report["pathpoints"] == ["W1"]


def test_a_slow_pipe(config):
    """The first line may come in several pieces."""
    child = subprocess.Popen(
        [sys.executable, "-m", "smok_cli", "ingest", "-", "--pathpoint", "W1", "--json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment(),
    )  # fmt: skip
    child.stdin.write(b"time")
    child.stdin.flush()
    time.sleep(1)
    out, _ = child.communicate(b";value\n%d;1\n" % S, timeout=60)
    assert (child.returncode, json.loads(out)["stored"]) == (0, 1)


# --- headers and columns -------------------------------------------------------------------------


INFLUX = (
    "#datatype,string,long,dateTime:RFC3339,double\n#group,false,false,false,false\n"
    "#default,_result,,,\n,result,table,_time,_value\n,,0,2023-11-14T22:13:20Z,1\n"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sep=;\ntime;value\n{s};1\n", ()),
        ("sep=\t\r\ntime\tvalue\r\n{s}\t1\r\n", ()),
        ("# a logger\n# 2024\ntime,value\n{s},1\n", ()),
        ("#time;value\n{s};1\n", ()),
        ("\n\ntime,value\n\n{s},1\n\n", ()),
        ("{s},1\n", ("--columns", "time,value")),
        ("{s},1\n", ("--columns", "a,b", "--time", "a", "--value", "2")),
        (INFLUX, ()),
        ("Date;Time;Value\n2023-11-14;22:13:20;1\n", ()),
        ("day,at,value\n14/11/2023,22:13:20,1\n",
         ("--time", "day+at", "--time-format", "%d/%m/%Y %H:%M:%S")),
        ('[{{"time": {s}, "value": 1}}]', ()),
        ('[\n {{"time": {s},\n "value": 1}}\n]\n', ()),
        ('{{"time": {s}, "value": 1}}\n', ()),
    ],
)  # fmt: skip
def test_headers(take, text, words):
    _, stored = take(text.format(s=S), *words, name="W1.txt", status=0)
    assert stored == [("W1", "2023-11-14T22:13:20Z", 1)]


@pytest.mark.parametrize("head", ["", "# of the boiler\n"])
def test_comments_between_rows_are_counted(take, head):
    report, stored = take(f"{head}time,value\n{S},1\n# restarted, at last\n#\n{S + 1},2\n")
    assert (report["comments"], report["rejected"], report["rows"], len(stored)) == (2, 0, 2, 2)


def test_what_is_no_comment_for_certain_is_rejected(take):
    """A spreadsheet's error, and a stray # in a file without comments: a time was there."""
    text = f"time,value\n#REF!,1\n#x{S},2\n"
    report, _ = take(text)
    assert [line for line, _ in reasons(report)] == [2, 3]
    report, _ = take("# log\n" + text)
    assert [line for line, _ in reasons(report)] == [3]
    assert report["comments"] == 1


def test_a_pathpoint_may_begin_like_a_comment(take):
    _, stored = take(f"pathpoint,time,value\n#1,{S},1\n", status=0)
    assert stored[0][0] == "#1"


def test_dates_whose_order_is_not_known_are_asked_about(take):
    report, stored = take("Date,Time,value\n29/10/2025,00:00,13.28\n")
    assert not stored
    assert '--time-format "%d/%m/%Y %H:%M"' in reasons(report)[0][1]


def test_guesses_are_told(smok, config):
    Path("W1.csv").write_text(f"Date;Time;value\n20240131;120000;1\n{S};;1\n", encoding="utf-8")
    Path("W2.csv").write_text(f"time|value\n{S}000|1\n", encoding="utf-8")
    text = smok("ingest", "W1.csv").err
    assert "columns separated by ';' (--delimiter)" in text
    assert "the time from the columns Date+Time (--time)" in text
    assert "times as ms since the epoch (--epoch ms)" in smok("ingest", "W2.csv").err


def test_json_that_is_not_plain(take):
    text = (
        f'{{"time": {S}, "value": 1, "value": 2}}\n{{"time": {S}, "value": 1e999}}\n'
        f'{{"time": {S}, "value": "\\ud800"}}\n{{"time": {S}, "value": 3}}\n'
    )
    report, stored = take(text, name="W1.jsonl")
    assert stored == [("W1", "2023-11-14T22:13:20Z", 3)]
    assert (1, "the key 'value' is there twice") in reasons(report)
    assert report["rejected"] == 3


@pytest.mark.parametrize(
    "text", ["[", '[{"time": 1}', '[{"time": 1} {"time": 2}]', "[1] x", "[[[["]
)
def test_a_json_array_that_is_damaged(take, text):
    report, stored = take(text, name="W1.json", status=8)
    assert not stored
    assert "array cannot be read" in reasons(report)[0][1]


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "words", "value"),
    [
        ("12,5", ("--decimal", ","), 12.5),
        ("1.234,5", ("--decimal", ","), 1234.5),
        ("1 234 567,25", ("--decimal", ","), 1234567.25),
        ("-3", ("--decimal", ","), -3),
        ("1.234", ("--decimal", ","), 1234),
        ("1,234.5", ("--decimal", "."), 1234.5),
        ("1'234", ("--decimal", "."), 1234),
        ("12.5", ("--decimal", "."), 12.5),
        ("on", ("--decimal", ","), "on"),
        ("12,5", ("--as-text",), "12,5"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("N/A", ("--as-text",), "N/A"),
    ],
)
def test_decimal_marks(take, cell, words, value):
    _, stored = take(f"time;value\n{S};{cell}\n", *words, status=0)
    assert [stored_value for _, _, stored_value in stored] == [value]


@pytest.mark.parametrize(
    ("cell", "words", "hint"),
    [
        ("12,5", (), "--decimal ,"),
        ("1,234.5", (), "--decimal ."),
        ("1 234", (), "--decimal"),
        ("12.5", ("--decimal", ","), "another decimal mark"),
        ("1e5000", (), "too large"),
        *((word, (), "--missing") for word in ("NULL", "N/A", "unavailable", "-", "#N/A", "nan")),
        ("", (), "there is no value"),
    ],
)
def test_values_that_are_asked_about(take, cell, words, hint):
    report, stored = take(f"time;value\n{S};{cell}\n", *words)
    assert not stored
    assert hint in reasons(report)[0][1]


@pytest.mark.parametrize("words", [(), ("--wide",)])
def test_missing_words(take, words):
    text = f"time,value\n{S},1\n{S + 1},NULL\n{S + 2},n/a\n{S + 3},4\n"
    report, stored = take(text, "--missing", "NULL,N/A,unavailable", *words, status=0)
    assert [value for _, _, value in stored] == [1, 4]
    assert (report["rows"], report["without_value"]) == (4, 2)


def test_texts_among_numbers_are_told(take, smok):
    rows = "".join(f"{S + n},{n if n != 7 else 'E17'}\n" for n in range(20))
    report, _ = take("time,value\n" + rows)
    assert report["texts_among_numbers"] == [
        {"pathpoint": "W1", "numbers": 19, "texts": 1, "example": "E17", "line": 9}
    ]
    assert "W1: 19 numbers and 1 texts (line 9: 'E17')" in smok("ingest", "W1.csv").err


# --- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "words", "shown"),
    [
        ("1700000000", (), "2023-11-14T22:13:20Z"),
        ("1700000000000", (), "2023-11-14T22:13:20Z"),
        ("1700000000000000", (), "2023-11-14T22:13:20Z"),
        ("1700000000000000000", (), "2023-11-14T22:13:20Z"),
        ("1700000000123456789", (), "2023-11-14T22:13:20.123457Z"),
        ("1700000000,25", ("--decimal", ","), "2023-11-14T22:13:20.250Z"),
        ("20231114", (), "2023-11-14T00:00:00Z"),
        ("2023111422", (), "2023-11-14T22:00:00Z"),
        ("202311142213", (), "2023-11-14T22:13:00Z"),
        ("20231114221320", (), "2023-11-14T22:13:20Z"),
        ("20230714221320", ("--timezone", "Europe/Warsaw"), "2023-07-14T20:13:20Z"),
        ("5200", ("--epoch", "s"), "1970-01-01T01:26:40Z"),
        ("1700000000000", ("--epoch", "s"), "@1700000000000"),
        ("@1700000000.5", (), "2023-11-14T22:13:20.500Z"),
        ("1985-01-01T00:00:00Z", (), "1985-01-01T00:00:00Z"),
    ],
)
def test_numbers_that_are_times(take, written, words, shown, monkeypatch):
    """As of 2026: from 2033 on, 2023111422 may as well be a second of 2034."""
    monkeypatch.setattr("smok_cli.readings.times.time.time", lambda: 1_793_000_000.0)
    _, stored = take(f"time;value\n{written};1\n", *words, status=0)
    assert stored == [("W1", shown, 1)]


@pytest.mark.parametrize(
    "written", ["5200", "-5", "0", "17000000000", "29102025", "2024", "1e9", "1" * 30, "4102444800"]
)
def test_times_that_are_not_believed(take, written):
    """Before 1990, or more than a year from now, in every unit: rejected with its line."""
    report, stored = take(f"time,value\n{written},1\n{S},2\n")
    assert [value for _, _, value in stored] == [2]
    assert [line for line, _ in reasons(report)] == [2]


def test_a_clock_that_starts_in_1970(take):
    text = "timestamp,value\n5200,1\n6200,2\n1700000000000,3\n1700000001000,4\n"
    report, stored = take(text)
    assert [(at, value) for _, at, value in stored] == [
        ("2023-11-14T22:13:20Z", 3),
        ("2023-11-14T22:13:21Z", 4),
    ]
    assert "--epoch" in reasons(report)[0][1]


def test_a_unit_that_changes(take):
    report, stored = take(f"time,value\n{S},1\n{S + 1}000,2\n{S + 2},3\n")
    assert [value for _, _, value in stored] == [1, 3]
    assert [line for line, _ in reasons(report)] == [3]
    assert "reads as milliseconds, the times before it as seconds" in reasons(report)[0][1]


@pytest.mark.parametrize("zone", ["UTC", "GMT", "utc"])
def test_names_of_zones_that_mean_one_thing(take, zone):
    words = ("--time-format", "%Y-%m-%d %H:%M:%S %Z", "--timezone", "Europe/Warsaw")
    _, stored = take(f"time,value\n2024-07-01 12:00:00 {zone},1\n", *words, status=0)
    assert stored == [("W1", "2024-07-01T12:00:00Z", 1)]


@pytest.mark.parametrize("zone", ["CEST", "EST", ""])
def test_names_of_zones_that_mean_several(take, zone):
    words = ("--time-format", "%Y-%m-%d %H:%M:%S %Z")
    report, stored = take(f"time,value\n2024-07-01 12:00:00 {zone},1\n", *words)
    assert not stored
    assert "%z" in reasons(report)[0][1]


# --- what the summary says -----------------------------------------------------------------------


def test_new_kept_and_rejected(take):
    text = "time,value\n" + "".join(f"{S + n},{n}\n" for n in range(10))
    first, _ = take(text)
    again, _ = take(text + f"{S + 100},5\nsoon,1\n")
    assert (first["new"], first["already_kept"], first["rejected"]) == (10, 0, 0)
    assert (again["new"], again["already_kept"], again["rejected"]) == (1, 10, 1)


def test_a_shuffled_file_that_is_kept_already(take):
    """Times are looked up one by one where a span has far more readings than the batch."""
    rows = [f"{S + n},{n}\n" for n in range(6000)]
    take("time,value\n" + "".join(rows))
    again, _ = take("time,value\n" + rows[0] + rows[-1] + f"{S + 9999},1\n")
    assert (again["new"], again["already_kept"]) == (1, 2)


@pytest.mark.parametrize("time", [f"{S}", f"{S}.0", f"@{S}", "2023-11-14T22:13:20Z"])
def test_blanks_around_the_delimiter(take, time):
    _, stored = take(f"time , value\n{time} , 1\n {time}\t,1\n", status=0)
    assert stored == [("W1", "2023-11-14T22:13:20Z", 1)]
