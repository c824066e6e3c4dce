"""Odd content of good files: BAOBs that lead elsewhere, datetimes and objects in states."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from smok_client.legacy import import_legacy

import smok_core
from plugins.smok_client.tests.legacy.samples import cache, name, pickled
from smok_core.databases import Databases


@pytest.fixture
def databases() -> Iterator[Databases]:
    """The nine roles, in memory."""
    with smok_core.open_databases({}) as opened:
        yield opened


def test_baob_files_outside_of_the_directory_are_not_read(
    tmp_path: Path, databases: Databases
) -> None:
    """Keys that lead elsewhere, links and files without a version are refused by name."""
    (tmp_path / "outside").write_bytes(b"secret")
    directory = tmp_path / "baobs"
    directory.mkdir()
    (directory / "link").symlink_to(tmp_path / "outside")
    (directory / "stray").write_bytes(b"x")
    (directory / "good").write_bytes(b"good")
    keys = ["../outside", str(tmp_path / "outside"), "link", "missing", "..", "good"]
    body = b"".join(b"\x8c" + bytes([len(key)]) + key.encode() + b"K\x01s" for key in keys)
    (directory / "metadata.pkl").write_bytes(pickled(b"}" + body))
    report = import_legacy("baobs", directory, databases)
    assert databases.baobs.get_all_versions() == {"good": 1}
    assert [r.entry for r in report.refused] == [f"BAOB {k!r:.80}" for k in [*keys[:5], "stray"]]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "moment",
    [
        datetime(2021, 2, 3, 4, 5, 6, 789),  # noqa: DTZ001
        datetime(2021, 10, 31, 2, 30, fold=1, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
        datetime(1, 1, 1, tzinfo=UTC),
    ],
)
def test_a_datetime_in_a_state_comes_over(
    moment: datetime, protocol: int, tmp_path: Path, databases: Databases
) -> None:
    """Datetimes, which predicates keep, are plain data: with their fold, and a fixed offset."""
    path = tmp_path / "cache.pkl"
    path.write_bytes(pickle.dumps({"p1": {"since": moment, moment: 1}}, protocol))
    assert import_legacy("events", path, databases).ok
    state = databases.events.get_cache("p1")
    since = state["since"]
    fold = moment.fold if protocol > 3 else 0  # older protocols have no place for it
    assert (since, since.fold, since.tzinfo) == (moment, fold, moment.tzinfo)
    assert state[moment] == 1


def test_a_known_object_in_a_state_is_kept_as_data(tmp_path: Path, databases: Databases) -> None:
    """A color in a predicate's state is stored in the form that the bridge gives back."""
    path = tmp_path / "cache.pkl"
    path.write_bytes(cache(name("smok.predicate.event", "Color") + b"K\x02\x85R"))
    assert import_legacy("events", path, databases).ok
    assert databases.events.get_cache("p1") == {"$smok": ["Color", 2]}
