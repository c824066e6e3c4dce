"""``smok ingest``: random files in random dialects, damaged at random; every row is counted."""

import contextlib
import csv
import io
import json
import math
import os
import re
from collections import Counter
from datetime import UTC

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from smok_cli.readings.columns import Layout
from smok_cli.readings.loading import Loader
from smok_cli.readings.records import Record, ValueReader
from smok_cli.readings.rejects import Rejects
from smok_cli.readings.sources import open_source
from smok_cli.readings.times import TimeReader

from smok_core.databases import open_databases

FILES = 5000 if os.environ.get("SMOK_LONG") else 150
FUZZ = settings(
    max_examples=FILES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
BASE = 1_700_000_000_000
#: What was tried and what became of it; shown by ``pytest -rP`` and ``-s``.
TALLY: Counter[str] = Counter()

TEXTS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text(st.sampled_from("ab\"',;|\t\r\n #é€1700000003000.-\x00\x85\u2028"), max_size=12),
    st.sampled_from(
        ["true", "NULL", "007", "1e999", "1,5", " 5 ", "=1+1", "-0.0", "0x1F", "1_000"]
    ),
)
#: Where (as a part of the text), what happens there, and with which byte.
DAMAGE = st.tuples(
    st.floats(0, 1), st.sampled_from(["replace", "insert", "delete"]),
    st.one_of(st.sampled_from(list(b'",;\r\n\0#{}[]:\\ \xff')), st.integers(0, 255)),
)  # fmt: skip


def damaged(body: bytes, damage) -> bytes:
    """Hurt a text at some places."""
    found = bytearray(body)
    for part, how, byte in damage:
        at = int(part * len(found))
        if how == "insert":
            found.insert(at, byte)
        elif at < len(found):
            found[at : at + 1] = b"" if how == "delete" else bytes([byte])
    return bytes(found)


def lines_of(text: str, blank: str | None) -> list[str]:
    """The lines of a text that are not blank, by the three ways to end one."""
    return [line for line in re.split("\r\n|\r|\n", text) if line.strip(blank)]


def microseconds(time: object) -> int | None:
    """What a strict reader makes of a time in ms, or in seconds after @; None is no number."""
    number = r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
    plain = re.fullmatch(rf"\s*({number})\s*|(@)({number})", str(time), re.ASCII)
    found = float(plain[1] or plain[3]) if plain else math.inf
    found *= 1_000_000 if plain and plain[2] else 1000
    return round(found) if math.isfinite(found) else None


class Seen:
    """What became of a file: each record as it was read, and what is stored."""

    def __init__(self, folder, data: bytes, kind: str):
        self.records = []
        layout, values = Layout(fallback="W1"), ValueReader()
        times = TimeReader("ms", None, ".")
        folder.joinpath("rejects.csv").unlink(missing_ok=True)
        rejects = Rejects(folder / "rejects.csv")
        self.blank = "\r\n" if kind == "csv" else " \t\r\n"  # a line of blanks is a row of CSV
        with open_databases({"device": "pump-17"}) as databases:
            self.loader = Loader(databases, times, UTC, rejects)
            with open_source(io.BytesIO(data), kind, layout, values, times) as source:
                self.loader.load(self._kept(source.records()))
            self.stored = list(databases.pathpoints.get_archive_data("W1", None, None))
        rejects.close()
        self.rejected = rejects.count

    def _kept(self, records):
        for record in records:
            self.records.append(record)
            yield record

    def check(self, body: bytes):
        """Every line is in one record, every record is counted once."""
        text = body.decode("utf-8", "surrogateescape")
        read = [line for each in self.records for line in lines_of(each.raw, self.blank)]
        assert read == lines_of(text, self.blank)
        loader = self.loader
        counted = loader.stored + self.rejected + loader.without + loader.comments
        assert counted == len(self.records)
        assert len(self.stored) == loader.new
        self.moved = loader.moved
        TALLY.update(inputs=1, rows=counted, stored=loader.stored, rejected=self.rejected,
                     without=loader.without, comments=loader.comments)  # fmt: skip


def written_at(time: float, moved: int, found: dict) -> list:
    """What stands in a file for the time of a stored value, which may have been moved."""
    latest = round(time * 1000)
    return [each for at in range(latest - moved, latest + 1) for each in found.get(at, [])]


def same(value, text: str) -> bool:
    """Tell whether a stored value is what a strict reader makes of a cell."""
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, str):
        return text == value
    with contextlib.suppress(ValueError):
        return type(value)(text) == value
    return False  # another cell of the same time


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where rejected rows go; tells at the end what was tried."""
    yield tmp_path_factory.mktemp("fuzz")
    print(", ".join(f"{count} {what}" for what, count in TALLY.items()))  # noqa: T201


@FUZZ
@given(
    st.lists(TEXTS, max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(DAMAGE, max_size=4),
)
@example(["0"], ",", csv.QUOTE_MINIMAL, "\n", [(0.0, "replace", 0x1C)])
def test_csv(folder, values, delimiter, quoting, end, damage):
    """Stored and rejected rows are the rows present; what is stored stands in the file."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)
    for at, value in enumerate(values):
        writer.writerow([BASE + at * 1000, value])
    body = damaged(out.getvalue().encode(), damage)
    seen = Seen(folder, f"timestamp{delimiter}value{end}".encode() + body, "csv")
    seen.check(body)
    texts: dict[int | None, list[str]] = {}
    for record in seen.records:
        if isinstance(record, Record) and record.cells:
            time, text = next(csv.reader([record.raw], delimiter=delimiter, strict=True))
            texts.setdefault(microseconds(time), []).append(text)
    for time, value in seen.stored:
        read = written_at(time, seen.moved, texts)
        assert any(same(value, text) for text in read), (time, value)
    if not damage and all(re.fullmatch(r"\d{1,9}|[ab]+", value) for value in values):
        assert seen.rejected == 0


@FUZZ
@given(
    st.lists(st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none()), max_size=8),
    st.booleans(),
    st.lists(DAMAGE, max_size=4),
)
def test_json_lines(folder, values, ascii_only, damage):
    """The same of JSON lines, held against the standard library's reader."""
    rows = [{"timestamp": BASE + at * 1000, "value": value} for at, value in enumerate(values)]
    text = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
    # A whole first line: the first bytes of a file tell its encoding and packing.
    body = b'{"timestamp": 1600000000000, "value": 0}\n' + damaged(text.encode(), damage)
    seen = Seen(folder, body, "jsonl")
    seen.check(body)
    found: dict[int | None, list[object]] = {}
    for record in seen.records:
        if isinstance(record, Record) and record.cells:
            item = json.loads(record.raw)
            found.setdefault(microseconds(record.time), []).append(item.get("value"))
    for time, value in seen.stored:
        assert value in written_at(time, seen.moved, found), (time, value)
