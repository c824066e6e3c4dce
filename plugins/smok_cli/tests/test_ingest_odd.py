"""``smok ingest``: odd input, and what a person sees of it."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from smok_cli.readings.offsets import Offsets, Span

from plugins.smok_cli.tests.conftest import child_environment
from smok_core.databases import open_databases

PLAIN = ("--columns", "pathpoint,timestamp,value", "--no-header")
HOUR = 3_600_000_000


@pytest.fixture
def shown(smok, config):
    """Ingest a text and give what a person sees of it, and what an export gives."""

    def run(text, *words, epoch=("--epoch", "s"), status=0):
        Path("in.csv").write_text(text, encoding="utf-8")
        result = smok("ingest", "in.csv", *epoch, *words)
        assert result.status == status, result.err
        assert result.out == ""
        return result.err, smok("export", *PLAIN).out.splitlines()

    return run


def test_the_summary_names_what_and_how_fast(shown):
    """The summary says how many readings, into what, how fast, and from when to when."""
    text, _ = shown("time,value\n1,5\n3,6\n2,7\n0,8\n")
    assert text.startswith("4 readings into in (")
    assert " a second)" in text
    assert "from 1970-01-01T00:00:00Z to 1970-01-01T00:00:03Z" in text


def test_everything_unusual_is_told(shown):
    """Rejected, repeated, moved and rewritten readings are each told in a line."""
    text, _ = shown("time,value\n1,1\n1,1\n1,2\n2,007\nx,1\n", status=8)
    assert "1 rows were not taken; why: in.rejects.csv" in text
    assert "1 came twice with the same value and are stored once" in text
    assert "1 had the time of another one and are kept 1 us later" in text
    assert "1 numbers are exported in another form (007 as 7)" in text


def test_a_clock_that_was_set_is_told(shown):
    """Where a clock was set back and forward again is told with what it means."""
    times = [*range(0, 180, 10), *range(120, 300, 10), *range(360, 420, 10)]
    rows = "".join(f"2024-01-01 {t // 60:02}:{t % 60:02},{n}.5\n" for n, t in enumerate(times))
    text, lines = shown("time,value\n" + rows)
    assert "line 20 (2024-01-01 02:00): the clock was set; from here on times are kept 1 h" in text
    assert "line 38 (2024-01-01 06:00): the clock was set forward again" in text
    assert [line.split(",")[2] for line in lines] == [f"{n}.5" for n in range(len(times))]
    assert lines[18].startswith("in,2024-01-01T02:00:00-01:00")
    assert lines[-1].startswith("in,2024-01-01T06:50:00Z")


def test_the_last_row_goes_back_an_hour(shown):
    """A row that waits for the next one to be understood is stored when there is none."""
    times = ["02:40", "02:50", "02:00"]
    rows = "".join(f"2024-01-01 {time},{n}\n" for n, time in enumerate(times))
    text, lines = shown("time,value\n" + rows)
    assert text.startswith("3 readings")
    assert [line[-1] for line in lines] == ["2", "0", "1"]


@pytest.mark.parametrize(
    ("words", "time", "wanted"),
    [
        (("--time-format", "%d.%m.%Y %H:%M"), "31.12.2023 23:30", "2023-12-31T23:30:00Z"),
        (("--time-format", "%Y-%m-%d %H:%M %z"), "2024-01-01 00:30 +0200", "2023-12-31T22:30:00Z"),
        (("--timezone", "Europe/Warsaw"), "2024-01-01T00:30", "2023-12-31T23:30:00Z"),
        (("--time-unit", "ms"), "1000", "1970-01-01T00:00:01Z"),
        ((), "1700000000123", "2023-11-14T22:13:20.123Z"),
        ((), "1700000000123456", "2023-11-14T22:13:20.123456Z"),
        ((), "1700000000.000001", "2023-11-14T22:13:20.000001Z"),
        ((), "2024-01-01", "2024-01-01T00:00:00Z"),
        ((), "2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00.123456Z"),
    ],
)
def test_times(shown, words, time, wanted):
    """Times are ISO 8601, numbers whose unit shows by their size, or of a given form."""
    _, lines = shown(f"time,value\n{time},1\n", *words, epoch=())
    assert lines == [f"in,{wanted},1"]


def test_a_delimiter_is_one_character(smok, config):
    """A longer delimiter is a usage error."""
    Path("in.csv").write_text("time,value\n1,1\n", encoding="utf-8")
    result = smok("ingest", "in.csv", "--delimiter", ";;")
    assert result.status == 2
    assert "one character" in result.err


def test_a_row_that_is_no_csv(shown):
    """A field beyond all measure rejects its row only."""
    text, lines = shown(f"time,value\n1,{'x' * 200_000}\n2,2\n", status=8)
    assert "1 rows were not taken" in text
    assert lines == ["in,1970-01-01T00:00:02Z,2"]


def test_a_text_that_is_too_long_for_the_store(shown):
    """What only the database refuses is rejected with its reason; its batch is stored."""
    text, lines = shown(f"time,value\n1,1\n2,{'x' * 70_000}\n3,3\n", status=8)
    assert "1 rows were not taken" in text
    assert [line[-1] for line in lines] == ["1", "3"]
    assert "65536" in Path("in.rejects.csv").read_text(encoding="utf-8")


def test_progress_on_a_terminal(config):
    """On a terminal a bar on stderr shows how many readings are stored and how fast."""
    rows = "".join(f"{n},{n}\n" for n in range(20_000))
    Path("in.csv").write_text("time,value\n" + rows, encoding="utf-8")
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "smok_cli", "ingest", "in.csv", "--epoch", "s"],
        stderr=theirs,
        env={**child_environment(), "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    text = _read_all(ours)
    assert child.wait(60) == 0
    assert b"20000 readings, " in text
    assert b"20000 readings into in (" in text


def _read_all(terminal: int) -> bytes:
    text = b""
    try:
        while chunk := os.read(terminal, 4096):
            text += chunk
    except OSError:
        pass  # the other end was closed: that is how a terminal ends
    os.close(terminal)
    return text


def test_interrupting_an_ingest(smok, config):
    """Ctrl-C ends an ingest with 130 and one line; what was stored stays stored."""
    child = subprocess.Popen(
        [sys.executable, "-m", "smok_cli", "ingest", "-", "--pathpoint", "p", "--epoch", "s"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_environment(),
    )
    child.stdin.write(b"time,value\n" + b"".join(b"%d,1\n" % n for n in range(12_000)))
    child.stdin.flush()
    deadline = time.monotonic() + 60
    while len(smok("export", *PLAIN).out) < 100 and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert b"interrupted; what was stored so far stays stored." in errors
    assert b"Traceback" not in errors
    assert b"readings were stored before this; run it again to go on." in errors
    assert len(smok("export", *PLAIN).out.splitlines()) >= 5000


# --- what is remembered of clocks ----------------------------------------------------------------


def _offsets(config, *notes):
    """Note readings as one run of an ingest does, and give the spans afterwards."""
    with open_databases(config) as databases:
        offsets = Offsets(databases)
        for utc, behind in notes:
            offsets.note("p", utc, behind)
        offsets.save()
        return offsets.of("p")


def test_spans_grow_and_stay(config):
    """A span grows with its readings, is kept across runs, and a shorter rerun keeps it whole."""
    assert _offsets(config, (10, HOUR), (30, HOUR), (20, HOUR)) == [Span(10, 30, HOUR)]
    assert _offsets(config, (10, HOUR)) == [Span(10, 30, HOUR)]
    assert _offsets(config, (25, HOUR), (50, HOUR)) == [Span(10, 50, HOUR)]
    assert _offsets(config, (90, HOUR)) == [Span(10, 50, HOUR), Span(90, 90, HOUR)]


def test_a_new_reading_of_a_file_wins(config):
    """Where two runs contradict each other, the later one is right."""
    assert _offsets(config, (10, HOUR), (30, HOUR)) == [Span(10, 30, HOUR)]
    assert _offsets(config, (20, 2 * HOUR), (40, 2 * HOUR)) == [Span(20, 40, 2 * HOUR)]


def test_a_row_with_surplus_cells_is_rejected(shown):
    """An unquoted comma in a value is no reading of what stands before the comma."""
    text, lines = shown("time,value\n1,4\n2,5,6\n3,7\n", status=8)
    assert "1 rows were not taken; why: in.rejects.csv" in text
    assert [line.rpartition(",")[2] for line in lines] == ["4", "7"]
    assert '3,3 columns instead of 2,"2,5,6"' in Path("in.rejects.csv").read_text(encoding="utf-8")


def test_two_wide_columns_of_one_name_are_refused(smok, config):
    """Two columns of one name would be mixed into one pathpoint; both places are named."""
    Path("in.csv").write_text("time,T1,T1\n1,20.5,80.5\n", encoding="utf-8")
    result = smok("ingest", "in.csv", "--wide")
    assert result.status == 2
    assert "columns 2 and 3 are both called 'T1'" in result.err


def test_nothing_is_read_into_memory(smok, config, place):
    """Readings that would be gone when the command ends are refused, with what to add."""
    config.write_text('device = "pump-17"\n')
    (place / "W1.csv").write_text("timestamp,value\n1700000000,1\n")
    result = smok("ingest", "W1.csv")
    assert result.status == 2
    assert "kept in memory" in result.err
    assert "[stores.local]" in result.err


@pytest.mark.parametrize("cell", ['"open', '"', '"a"b'])
def test_an_open_quote_costs_its_own_line_only(smok, config, place, cell):
    """Whatever one broken line holds, every row behind it is stored or told."""
    rows = [f"{1_700_000_000 + n},{n}" for n in range(200)]
    rows[2] = f"1700000002,{cell}"
    (place / "W1.csv").write_text("\n".join(["timestamp,value", *rows]) + "\n")
    report = json.loads(smok("ingest", "W1.csv", "--json").out)
    assert report["stored"] == 199
    assert report["rejected"] == 1
    assert "4," in (place / "W1.rejects.csv").read_text().splitlines()[1]


def test_a_quoted_text_may_span_lines(smok, config, place):
    (place / "W1.csv").write_text('timestamp,value\n1700000000,"two\nlines"\n1700000001,1\n')
    assert json.loads(smok("ingest", "W1.csv", "--json").out)["stored"] == 2


@pytest.mark.parametrize("name", ["W1.csv", "./W1.csv", "link.csv"])
def test_the_rows_not_taken_are_not_written_over_the_file(smok, config, name):
    """It was emptied while it was read."""
    text = "time,value\n2024-01-01T00:00:00Z,1\nsoon,2\n"
    Path("W1.csv").write_text(text, encoding="utf-8")
    Path("link.csv").hardlink_to("W1.csv")
    result = smok("ingest", "W1.csv", "--rejects", name)
    assert result.status == 2
    assert "is the file that is read. Give another name" in result.err
    assert Path("W1.csv").read_text(encoding="utf-8") == text


def test_an_empty_pipe_is_told(smok_process, config):
    """What should have written into it has failed, and nobody would notice."""
    result = smok_process("ingest", "-", "--pathpoint", "W1")
    assert result.status == 2
    assert "the file is empty" in result.err


def test_a_last_line_without_an_end_is_told(smok, config, place):
    """A number that is cut there is a number; read again when it is whole, it takes its place."""
    (place / "W1.csv").write_text("time,value\n1700000000,1\n1700000001,21", encoding="utf-8")
    assert "the last line as whole (if the file still grows" in smok("ingest", "W1.csv").err
    with (place / "W1.csv").open("a", encoding="utf-8") as file:
        file.write(".5\n")
    again = smok("ingest", "W1.csv")
    assert "the last line" not in again.err
    assert "W1,2023-11-14T22:13:21Z,21.5,float" in smok("export").out


def test_the_name_of_a_file_is_utf_8_whatever_the_locale(config, place):
    """As its rows are: the pathpoint is called the same, and can be stored."""
    (place / "żółw.csv").write_text("time,value\n1700000000,1\n", encoding="utf-8")
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "smok_cli", "ingest", "żółw.csv", "--json"],
        capture_output=True, check=False, env=child_environment() | locale,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pathpoints"] == ["żółw"]
