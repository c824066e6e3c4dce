"""``smok ingest`` of any ``smok export`` gives an equal store: every kind of value."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from plugins.smok_cli.tests.conftest import child_environment
from smok_core.databases import open_databases
from smok_core.model import OperationFailedError, OperationFailedReason

TEXTS = [
    *("a\rb", "a\nb", "a\r\nb", "\r", "\n", " x", 'q"q', '"', "", "21.5", "true", "007", "NULL"),
    *(
        "\x00",
        "a;b",
        "a,b",
        "12,5",
        "N/A",
        "nan",
        "#x",
        "sep=;",
        "żółć 🌡",
        "\u2028",
        "\x85",
        "\ufeff",
    ),
    *("x\n1700000000,5\ny", "W1,1700000000,5\n", "timeout", "x" * 65_536, '"\n' * 32_768),
]


def _store(path: Path) -> dict:
    return {
        "device": "d",
        "stores": {"s": {"backend": "pickle", "path": str(path), "durability": "crash"}},
        "roles": {"default": "s"},
    }


def _contents(config: dict) -> dict:
    with open_databases(config) as databases:
        names = sorted(databases.pathpoints.get_pathpoints())
        return {
            name: [
                (time, type(value), _comparable(value))
                for time, value in databases.pathpoints.get_archive_data(name)
            ]
            for name in names
        }


def _comparable(value):
    return (value.reason, value.timestamp) if isinstance(value, OperationFailedError) else value


def _carry(smok, place, points, kind) -> None:
    """Store points, export them, ingest the export into another store, and compare the two."""
    one, two = (_store(place / f"{name}-{kind}.db") for name in ("one", "two"))
    for old in place.glob(f"*-{kind}.*"):
        old.unlink()
    with open_databases(one) as databases:
        databases.pathpoints.on_new_data_many(points)
    before = _contents(one)
    for config, words in (
        (one, ("export", "--format", kind, "-o", f"x-{kind}.txt")),
        (two, ("ingest", f"x-{kind}.txt", "--format", kind)),
    ):
        path = config["stores"]["s"]["path"]
        Path("smok.toml").write_text(
            f'device = "d"\n[stores.s]\nbackend = "pickle"\npath = "{path}"\n'
            '[roles]\ndefault = "s"\n',
            encoding="utf-8",
        )
        result = smok(*words)
        assert result.status == 0, result.err
    assert _contents(two) == before


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_known_values(smok, place, kind):
    """Texts that look like something else, numbers at the borders, failures."""
    values = [
        *TEXTS,
        *(0, -1, 2**63 - 1, -(2**63), 1.0, -0.0, 1e300, 5e-324, 0.1, True, False),
    ]
    points = [(f"p{n % 3}", 1_700_000_000_000 + n, value) for n, value in enumerate(values)]
    points += [
        ("f", 5.5 + n, OperationFailedError(reason, 5.5 + n))
        for n, reason in enumerate(OperationFailedReason)
    ]
    points += [("t", time, 1) for time in (-1.5, 0, 9e15, -9e15, 1.001, -62_135_596_800_000)]
    points += [
        (name, 1, 1) for name in ("#1", '"', "a\nb", "a,b", " ", "\x00a"[1:], "\x1b[2J", "é")
    ]
    _carry(smok, place, points, kind)


NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20
)
VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.sampled_from(TEXTS),
    st.sampled_from(list(OperationFailedReason)),
)
TIMES = st.one_of(
    st.integers(-(2**62) // 1000, 2**62 // 1000), st.integers(-(2**43), 2**43).map(lambda n: n / 8)
)


@settings(
    max_examples=1000 if os.environ.get("SMOK_LONG") else 30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.tuples(NAMES, TIMES, VALUES), max_size=12))
def test_any_values(smok, place, found):
    """Whatever is stored comes back: its pathpoint, time, type and value."""
    points = [(name, at, _stored(value, at)) for name, at, value in found]
    for kind in ("csv", "jsonl"):
        _carry(smok, place, points, kind)


def _stored(value, at):
    return OperationFailedError(value, at) if isinstance(value, OperationFailedReason) else value


def test_the_locale_changes_nothing(smok_process, smok, config):
    """An export is UTF-8, also where the locale is not."""
    Path("W1.csv").write_text("time,value\n1700000000,ą°\n", encoding="utf-8")
    assert smok("ingest", "W1.csv").status == 0
    wanted = smok("export").out.encode()
    for encoding in ("latin-1", "ascii"):
        done = subprocess.run(
            [sys.executable, "-m", "smok_cli", "export"],
            capture_output=True, check=True,
            env={**child_environment(), "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert done.stdout == wanted


def test_nothing_is_overwritten_unasked(smok, config):
    Path("out.csv").write_text("mine", encoding="utf-8")
    refused = smok("export", "-o", "out.csv")
    assert (refused.status, Path("out.csv").read_text(encoding="utf-8")) == (2, "mine")
    assert "--force" in refused.err
    assert smok("export", "-o", "out.csv", "--force").status == 0
    assert Path("out.csv").read_text(encoding="utf-8").startswith("pathpoint,")


@pytest.mark.parametrize("words", [(), ("--format", "jsonl"), ("--role", "metadata")])
def test_a_terminal_gets_no_control_characters(config, words):
    with open_databases(config) as databases:
        databases.pathpoints.on_new_data("p", 1, "\x1b[2J\x9b1m")
        databases.metadata.put_plain("k", "\x1b[2J\x9b1m")
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "smok_cli", "export", *words],
        stdout=theirs, check=True, env=child_environment(),
    )  # fmt: skip
    os.close(theirs)
    text = os.read(ours, 65_536)
    os.close(ours)
    assert b"[2J" in text
    assert b"\x1b" not in text
    assert "\x9b".encode() not in text
