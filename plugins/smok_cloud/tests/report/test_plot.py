"""``smok plot``: a chart in the terminal, a picture, and what it says when there is none."""

import sys

import pytest


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    """A terminal of 80x24."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


def test_the_chart_fits_and_shows_the_curve(smok, device):
    """80 columns, 24 lines: axes, the curve, marks of failed readings, a summary; no colours."""
    result = smok("plot", "W1", "--until-newest")
    lines = result.out.splitlines()
    assert result.status == 0
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert sum(any("\u2800" <= c <= "\u28ff" for c in line) for line in lines) > 10
    assert "x" in "".join(lines[1:-1])
    assert lines[-1].startswith("1430 readings, 10 failed (x): lowest 50")
    assert "\x1b" not in result.out


def test_a_span_is_what_is_drawn(smok, device):
    """--since bounds it."""
    assert "61 readings: " in smok("plot", "W1", "--since", "1h", "--until-newest").out


@pytest.mark.parametrize("text", ["yesterday", "2 fortnights", "0s", "999999w"])
def test_a_bad_span_is_told(smok, device, text):
    """It says how to write one."""
    result = smok("plot", "W1", "--since", text)
    assert result.status == 2
    assert "7d" in result.err or "30d" in result.err


def test_a_misspelt_pathpoint_is_told(smok, device):
    """With the nearest that is there."""
    result = smok("plot", "w1")
    assert result.status == 2
    assert "no pathpoint is called 'w1'. Did you mean 'W1'?" in result.err


def test_nothing_to_draw_is_told(smok, device):
    """Texts are no numbers; the line says when the newest is from, and the exit status is 1."""
    result = smok("plot", "state")
    assert result.status == 1
    assert "state: 1 texts and no number since" in result.err


def test_a_picture_is_written(smok, device):
    """A PNG with something in it."""
    result = smok("plot", "W1", "--png", "w1.png")
    assert result.status == 0, result.err
    data = (device / "w1.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 10_000


def test_the_missing_library_is_named(smok, device, monkeypatch):
    """Without matplotlib the error says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = smok("plot", "W1", "--png", "w1.png")
    assert result.status == 4
    assert (
        'error [SMOK-P13]: a picture needs an extra. Install it: pip install "smok-cloud[png]"'
        in (result.err)
    )
