"""Odd content of good files: BAOBs that lead elsewhere, datetimes and objects in states."""

import enum
import pickle
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from smok_client.bridge.state import load_of
from smok_client.legacy import import_directory, import_legacy

import smok_core
from plugins.smok_client.tests.legacy.samples import cache, name, pickled
from smok_core.databases import Databases
from smok_core.model import OperationFailedError, OperationFailedReason


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


STATES: list[Any] = [
    deque([1, "a"], maxlen=3),
    deque(),
    defaultdict(int, {"a": 1}),
    defaultdict(None, {1: 2}),
    Counter("aab"),
    OrderedDict([("b", 1), ("a", 2)]),
    frozenset({1, 2}),
    bytearray(b"x\xff"),
    range(1, 9, 2),
    Decimal("1.10"),
    Fraction(1, 3),
    1 + 2j,
    date(2024, 2, 29),
    time(1, 2, 3, 4, fold=1),
    timedelta(-1, 5, 6),
    UUID(int=7),
]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("state", STATES, ids=lambda state: type(state).__name__)
def test_a_state_of_the_standard_library_comes_over(
    state: Any, protocol: int, tmp_path: Path, databases: Databases
) -> None:
    """What the bridge keeps of the standard library is imported as the bridge would store it."""
    path = tmp_path / "cache.pkl"
    path.write_bytes(pickle.dumps({"p1": state}, protocol))
    report = import_legacy("events", path, databases)
    assert report.ok, report.refused
    kind, content = databases.events.get_cache("p1")["$smok"]
    found = load_of(kind).load(content)
    assert (type(found), found) == (type(state), state)
    assert getattr(found, "maxlen", 0) == getattr(state, "maxlen", 0)
    assert protocol < 4 or getattr(found, "fold", 0) == getattr(state, "fold", 0)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_not_finite_comes_over(
    number: float, tmp_path: Path, databases: Databases
) -> None:
    """In a state it is itself; as a reading it is a failed one, as no server takes it."""
    path = tmp_path / "cache.pkl"
    path.write_bytes(pickle.dumps({"p1": {"least": number}}))
    assert import_legacy("events", path, databases).ok
    assert databases.events.get_cache("p1") == {"least": {"$smok": ["float", repr(number)]}}
    path.write_bytes(
        pickle.dumps(({"W1": [{"timestamp": 5, "value": number}]}, {"W1": (5, number)}))
    )
    assert import_legacy("pathpoints", path, databases).ok
    with pytest.raises(OperationFailedError) as failure:
        databases.pathpoints.get_current_value("W1")
    assert failure.value.reason is OperationFailedReason.INVALID


def test_numbers_of_numpy_come_over_by_value(tmp_path: Path, databases: Databases) -> None:
    """Whatever their width and the order of their bytes: in values, and in states."""
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    numbers = [np.float64(1.5), np.float32(0.5), np.int64(-7), np.uint8(200), np.bool_(True)]
    for protocol in (2, 4, 5):
        path = tmp_path / f"{protocol}.pkl"
        path.write_bytes(
            pickle.dumps(
                (
                    {f"W{i}": [{"timestamp": protocol, "value": n}] for i, n in enumerate(numbers)},
                    {},
                ),
                protocol,
            )
        )
        assert import_legacy("pathpoints", path, databases).ok
        found = [databases.pathpoints.get_current_value(f"W{i}") for i in range(len(numbers))]
        assert found == [(protocol, value) for value in (1.5, 0.5, -7, 200, True)]
        assert [type(value) for _, value in found] == [float, float, int, int, bool]


def test_of_two_values_at_one_time_the_later_is_current(
    tmp_path: Path, databases: Databases
) -> None:
    """As it was for the client; a second import changes nothing."""
    path = tmp_path / "pathpoints.pkl"
    points = [{"timestamp": 5.25, "value": value} for value in (1, 2)]
    path.write_bytes(pickle.dumps(({"W1": points}, {"W1": (5.25, 2), "W2": (5, 3)})))
    assert import_legacy("pathpoints", path, databases).ok
    assert databases.pathpoints.get_current_value("W1") == (5.25, 2)
    sync = databases.pathpoints.get_data_to_sync()
    assert sync is not None
    assert [item["path"] for item in sync.to_json()] == ["W1"]
    path.write_bytes(path.read_bytes().replace(b"W2", b"W3"))
    assert import_legacy("pathpoints", path, databases).imported == 1
    assert databases.pathpoints.get_current_value("W1") == (5.25, 2)


class Event:
    """Has the attributes of the client's, and is pickled under its name."""

    def __init__(self, uuid: str, metadata: Any, message: Any = "hot", color: Any = None) -> None:
        self.uuid, self.provisional_uuid = None, uuid
        self.started_on, self.ended_on, self.is_point = 1_700_000_000.5, None, False
        self.token = self.group = "t"
        self.handled_by, self.color = None, color or Color.RED
        self.metadata, self.message = metadata, message


class Color(enum.IntEnum):
    """The client's, as far as it is needed."""

    RED = 2


@pytest.fixture
def as_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `Event` and `Color` be pickled by the client's names."""
    module: Any = ModuleType("smok.predicate.event")
    module.Event, module.Color = Event, Color
    for name_ in ("smok", "smok.predicate"):
        monkeypatch.setitem(sys.modules, name_, ModuleType(name_))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for cls in (Event, Color):
        monkeypatch.setattr(cls, "__module__", module.__name__)


@pytest.mark.usefixtures("as_the_client")
def test_events_are_imported_as_the_client_let_them_through(
    tmp_path: Path, databases: Databases
) -> None:
    """No metadata is none, what is no text becomes one; what is refused is named by its owner's."""
    odd = [
        Event("a", None, message=None),
        Event("b", OrderedDict([("nested", {"a": [1]}), ("none", None)])),
        Event("c", {}, message="broken", color=5),
    ]
    path = tmp_path / "events.pkl"
    path.write_bytes(pickle.dumps((odd, odd)))
    report = import_legacy("events", path, databases)
    assert [refusal.entry for refusal in report.refused] == ["event 'c', 'broken'"]
    found = {e.provisional_uuid: (e.message, e.metadata) for e in databases.events.get_all_events()}
    assert found == {"a": ("", {}), "b": ("hot", {"nested": "{'a': [1]}", "none": ""})}


def test_a_directory_that_is_left_out_is_named(tmp_path: Path, databases: Databases) -> None:
    """Old files in a folder below are nobody's guess: the report says that it did not look."""
    (tmp_path / "alarms").mkdir()
    (report,) = import_directory(tmp_path, databases)
    assert report.ok
    assert str(report).startswith(f"{tmp_path / 'alarms'}: a directory without BAOBs")


def test_intervals_with_a_fraction_are_kept(tmp_path: Path, databases: Databases) -> None:
    """As the bridge keeps them: the whole seconds below; those that meet there are joined."""
    given = {2.25: ["a"], 2.75: ["b"], 0.5: ["c"], 60.0: ["d"], -1.0: ["e"], float("inf"): ["f"]}
    (tmp_path / "archives.pkl").write_bytes(pickle.dumps(given, 4))
    for _ in range(2):
        report = import_legacy("archives", tmp_path / "archives.pkl", databases)
        assert [refused.entry for refused in report.refused] == ["interval -1.0", "interval inf"]
    found = databases.archives.get_archiving_instructions()
    assert found == {2: ["a", "b"], 1: ["c"], 60: ["d"]}
