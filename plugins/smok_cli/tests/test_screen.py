"""Numbers as people read them."""

import pytest
from smok_cli.screen import human_age, human_ago, human_size, iso_time


@pytest.mark.parametrize(
    ("size", "text"),
    [(None, ""), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 2**40, "3.0 TiB")],
)
def test_sizes(size, text):
    """Sizes are shown in binary units."""
    assert human_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (-1, "in the future"),
        (5.9, "5 s"),
        (150, "2 min"),
        (7260, "2 h 1 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_ages(seconds, text):
    """Ages are shown in their two largest units."""
    assert human_age(seconds) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (None, "never"),
        (1000, "0 s ago"),
        (1000.5, "0 s ago"),
        (940, "1 min ago"),
        (1060, "in the future"),
    ],
)
def test_how_long_ago(moment, text, monkeypatch):
    """A clock that was set back is no age."""
    monkeypatch.setattr("time.time", lambda: 1000.0)
    assert human_ago(moment) == text


def test_instants():
    """Instants are ISO 8601 in UTC; one that no calendar has is a number."""
    assert iso_time(None) is None
    assert iso_time(0) == "1970-01-01T00:00:00Z"
    assert iso_time(1e15) == "1000000000000000 s since the epoch"
