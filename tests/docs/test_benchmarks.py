"""The benchmarks still speak of what there is; they run too long to be run here."""

import ast
import importlib
import json
import sys

import pytest

from tests.conftest import ROOT

SCRIPTS = sorted((ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_what_a_benchmark_imports_of_ours_is_there(script):
    """A name that was moved or renamed would end it at its first line."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("smok_"):
            module = importlib.import_module(node.module)
            missing = [name.name for name in node.names if not hasattr(module, name.name)]
            assert missing == [], f"{script.name}:{node.lineno}"


@pytest.fixture
def run(monkeypatch):
    """Give the module that writes the page."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    yield importlib.import_module("run")
    sys.modules.pop("run")


def test_the_page_is_that_of_the_kept_figures(run):
    """A row that somebody wrote by hand is of no run, and a text changed here is on no page."""
    runs = json.loads(run.KEPT.read_text(encoding="utf-8"))
    assert (run.DOCS / "benchmarks.md").read_text(encoding="utf-8") == run.page(runs)
    assert (run.DOCS / "benchmarks.svg").read_text(encoding="utf-8") == run.picture(runs)


def test_each_goal_has_a_verdict(run):
    """Also that of a script which takes minutes: a goal without a figure is not met in silence."""
    runs = json.loads(run.KEPT.read_text(encoding="utf-8"))
    judged = {run.goal_number(name) for name, _, _, verdict in run.by_goal(runs) if verdict}
    assert judged >= set(range(1, 13))
