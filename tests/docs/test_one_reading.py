"""The page on the way of one reading is followed: the files, in their order, and the calls."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from smok_core import load_config, open_databases
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (ROOT / "docs" / "explanation" / "one-reading.md").read_text()


def calls_of(work: Callable[[], object]) -> list[str]:
    """Give the module of each call of the project's functions."""
    found: list[str] = []

    def note(frame, event: str, _: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith("smok_"):
            found.append(module)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def files_of(calls: list[str]) -> list[str]:
    return [f"{module.replace('.', '/')}.py" for module in dict.fromkeys(calls)]


def listed(title: str) -> list[str]:
    """Give the files that the list below a title begins its lines with."""
    part = PAGE.partition(f"## {title}")[2].partition("\n## ")[0]
    return re.findall(r"^\d+\. `([^`]+)`", part, re.MULTILINE)


def most(step: str) -> int:
    return int(re.search(rf"^\| {step} \| (\d+) \|$", PAGE, re.MULTILINE)[1])


@pytest.fixture
def pathpoints(tmp_path):
    """Give the role with three readings of a name, as a device has it after a moment."""
    store = {"backend": "pickle", "path": str(tmp_path / "smok.db")}
    config = load_config({"device": "W", "stores": {"local": store}, "roles": {"default": "local"}})
    with open_databases(config) as databases:
        for ts in (1, 2, 3):
            databases.pathpoints.on_new_data("W1", ts, 21.5)
        yield databases.pathpoints


def test_the_way_is_the_one_on_the_page(pathpoints):
    """In, to the cloud, and out of the queue."""
    calls = calls_of(lambda: pathpoints.on_new_data("W1", 4, 21.5))
    assert files_of(calls) == listed("In")
    assert len(calls) <= most("in")
    taken = []
    calls = calls_of(lambda: taken.append(pathpoints.get_data_to_sync()))
    assert files_of(calls) == listed("To the cloud")
    assert (len(taken[0]), len(calls) <= most("a batch of four")) == (4, True)
    calls = calls_of(taken[0].acknowledge)
    assert files_of(calls) == listed("Out of the queue")
    assert len(calls) <= most("acknowledgement")


def test_every_file_that_is_named_is_there():
    """Also those of the cloud, which are named without their folder."""
    folders = {"smok_core": ROOT, "smok_pickle": ROOT / "plugins" / "smok_pickle"}
    for name in re.findall(r"`(smok_\w+)/([\w/]+\.py)`", PAGE):
        assert (folders[name[0]] / name[0] / name[1]).is_file(), name
    cloud = ROOT / "plugins" / "smok_cloud" / "smok_cloud"
    part = PAGE.partition("The synchronizer of")[2].partition("\n## ")[0]
    names = re.findall(r"`(\w+\.py)`", part)
    assert len(names) == 10
    assert [name for name in names if not (cloud / name).is_file()] == []
