"""Without the libraries of the extra, the commands say what to install."""

import sys

import pytest


@pytest.mark.parametrize(
    ("command", "library"),
    [(("report",), "jinja2"), (("plot", "W1"), "plotext"), (("metrics",), "prometheus_client")],
)
def test_the_extra_is_named(smok, device, monkeypatch, command, library):
    """A code of its own, and the line to install."""
    for name in [n for n in sys.modules if n.startswith(("smok_cloud.report.", library))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    result = smok(*command)
    assert result.status == 4
    told = f'smok {command[0]} needs an extra. Install it: pip install "smok-core[report]"'
    assert told in result.err


def test_any_other_missing_module_is_a_bug(smok, device, monkeypatch):
    """It is not blamed on the extra."""
    monkeypatch.setitem(sys.modules, "smok_cloud.report.spans", None)
    assert "This is a bug" in smok("report").err
