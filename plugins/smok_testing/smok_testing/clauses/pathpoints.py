"""Pathpoints: what goes in, and what comes out again."""

import math
from functools import partial
from typing import Any

from smok_core.errors import SmokError
from smok_core.model import NotReadedError, OperationFailedError, OperationFailedReason
from smok_core.roles import BasePathpointDatabase
from smok_testing.checks import expect, raises, refuses, same, typed
from smok_testing.clause import clauses_of
from smok_testing.harness import Harness

clause = clauses_of("pathpoints")

VALUES: tuple[Any, ...] = (
    0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63), 0.0, 1.0, -0.1, 1e-320, 1.7976931348623157e308,
    "", "1", "True", "é🔧\x00", "x" * 65_536, True, False,
)  # fmt: skip

#: Values that are no pathpoint values, and the kind of error they give.
WRONG_VALUES: tuple[tuple[Any, type[Exception]], ...] = (
    (math.nan, ValueError), (math.inf, ValueError), (-math.inf, ValueError), (2**63, ValueError),
    (-(2**63) - 1, ValueError), ("x" * 65_537, ValueError), ("é" * 32_769, ValueError),
    ("\ud800", ValueError), (None, TypeError), (b"1", TypeError), ([1], TypeError),
    (1j, TypeError), (object(), TypeError), (OperationFailedReason.TIMEOUT, TypeError),
)  # fmt: skip

WRONG_TIMES: tuple[tuple[Any, type[Exception]], ...] = (
    (math.nan, ValueError), (math.inf, ValueError), (2**63, ValueError), (10**400, ValueError),
    (None, TypeError), ("1", TypeError), (True, TypeError), (b"1", TypeError),
)  # fmt: skip

Pairs = list[tuple[Any, Any]]


def archive(pathpoints: BasePathpointDatabase, name: str = "p", *ends: Any) -> Pairs:
    """Return all values of a pathpoint, types told apart."""
    return [(ts, typed(value)) for ts, value in pathpoints.get_archive_data(name, *ends)]


def offered(pathpoints: BasePathpointDatabase) -> list[Any]:
    """Return what the cloud would get now."""
    batch = pathpoints.get_data_to_sync()
    return batch.to_json() if batch else []


@clause("PP1", "G6")
def values_come_back_exactly(harness: Harness) -> None:
    """Every value keeps its type and every bit of it, in archive, current value and upload."""
    pathpoints = harness.roles.pathpoints
    for at, value in enumerate(VALUES):
        pathpoints.on_new_data("p", at, value)
        found = pathpoints.get_current_value("p")
        same((found[0], typed(found[1])), (at, typed(value)), "the current value")
    same(archive(pathpoints), [(at, typed(v)) for at, v in enumerate(VALUES)], "the archive")
    items = offered(pathpoints)[0]["values"]
    same([typed(item["value"]) for item in items], [typed(v) for v in VALUES], "the upload")


@clause("PP1")
def timestamps_are_kept_to_the_microsecond(harness: Harness) -> None:
    """Whole and fractional, early and negative milliseconds come back as they were given."""
    pathpoints = harness.roles.pathpoints
    times = [-2.5, -1, 0, 0.001, 1, 1.5, 1_700_000_000_000, 1_700_000_000_000.125, 2**43]
    for at, ts in enumerate(times):
        pathpoints.on_new_data("p", ts, at)
    same([ts for ts, _ in archive(pathpoints)], times, "timestamps")
    pathpoints.on_new_data("q", 1_700_000_000_000.1231, 1)
    pathpoints.on_new_data("q", 1_700_000_000_000.124, 2)
    same(len(archive(pathpoints, "q")), 2, "values one microsecond apart")


@clause("PP1")
def a_float_and_an_int_may_be_the_same_time(harness: Harness) -> None:
    """A whole float and the equal int, such as 5 and 5.0, are one timestamp."""
    pathpoints = harness.roles.pathpoints
    pathpoints.on_new_data("p", 5, "a")
    pathpoints.on_new_data("p", 5.0, "b")
    same(archive(pathpoints), [(5, ("str", "b"))], "the archive")


@clause("PP1", "PP2")
def failures_are_values_too(harness: Harness) -> None:
    """A failed reading keeps its reason and time; as the current value it is raised again."""
    pathpoints = harness.roles.pathpoints
    for at, reason in enumerate(OperationFailedReason):
        failure = OperationFailedError(reason, at + 0.5)
        pathpoints.on_new_data("p", at, failure)
        with raises(OperationFailedError, what="current value of a failure") as caught:
            pathpoints.get_current_value("p")
        same(typed(caught[0]), typed(failure), "the failure that was raised")
    wanted = [(n, ("failure", r, n + 0.5)) for n, r in enumerate(OperationFailedReason)]
    same(archive(pathpoints), wanted, "the archive")


@clause("PP1", "G4", "G6")
def other_values_are_refused(harness: Harness) -> None:
    """What is no value is refused, by the names of role and pathpoint, and changes nothing."""
    pathpoints = harness.roles.pathpoints
    for value, kind in WRONG_VALUES:
        call = partial(pathpoints.on_new_data, "pump", 1, value)
        refuses(call, kind, "pathpoints", "pump", what=f"on_new_data with {typed(value)!r:.60}")
    same((archive(pathpoints, "pump"), offered(pathpoints)), ([], []), "archive and upload")


@clause("PP1", "G4", "G6")
def other_timestamps_are_refused(harness: Harness) -> None:
    """What is no time in milliseconds is refused and changes nothing."""
    pathpoints = harness.roles.pathpoints
    for ts, kind in WRONG_TIMES:
        call = partial(pathpoints.on_new_data, "pump", ts, 1)
        refuses(call, kind, "pathpoints", "pump", what=f"on_new_data at {ts!r:.40}")
    same((archive(pathpoints, "pump"), offered(pathpoints)), ([], []), "archive and upload")


@clause("PP1", "G4")
def a_batch_is_stored_whole_or_not_at_all(harness: Harness) -> None:
    """One wrong value among many, and none of them is stored."""
    pathpoints = harness.roles.pathpoints
    wrongs: tuple[Any, ...] = (("a", 3, math.nan), ("a", 3, None), ("", 3, 1), ("a", None, 1))
    for wrong in wrongs:
        with raises(SmokError, what=f"a batch with {wrong}"):
            pathpoints.on_new_data_many([("a", 1, 1.0), ("b", 2, 2.0), wrong])
    same((archive(pathpoints, "a"), offered(pathpoints)), ([], []), "archive and upload")
    pathpoints.on_new_data_many([])
    pathpoints.on_new_data_many((name, 5, 1) for name in "ab")
    same([path["path"] for path in offered(pathpoints)], ["a", "b"], "pathpoints of the upload")


@clause("PP1")
def both_ways_in_store_the_same(harness: Harness) -> None:
    """`on_new_data_many` stores what `on_new_data` stores."""
    pathpoints = harness.roles.pathpoints
    failure = OperationFailedError(OperationFailedReason.TYPE, 1)
    values = [*VALUES[:15], *VALUES[16:], failure]
    for at, value in enumerate(values):
        pathpoints.on_new_data("one", at + 0.25, value)
    pathpoints.on_new_data_many(("many", at + 0.25, value) for at, value in enumerate(values))
    pathpoints.on_new_data_many([("floats", 1, 0.5), ("floats", 2, True)])
    same(archive(pathpoints, "many"), archive(pathpoints, "one"), "the archive")
    same(archive(pathpoints, "floats"), [(1, ("float", 0.5)), (2, ("bool", True))], "floats")


@clause("PP2")
def an_unread_pathpoint_says_so(harness: Harness) -> None:
    """Without a value there is a `NotReadedError`, an empty archive, and no name."""
    pathpoints = harness.roles.pathpoints
    with raises(NotReadedError, what="current value of an unknown pathpoint"):
        pathpoints.get_current_value("p")
    same((archive(pathpoints), list(pathpoints.get_pathpoints())), ([], []), "archive and names")


@clause("PP2")
def the_current_value_is_the_one_with_the_greatest_time(harness: Harness) -> None:
    """Neither late values nor an upload changes which value is the current one."""
    pathpoints = harness.roles.pathpoints
    pathpoints.on_new_data("p", 20, "new")
    pathpoints.on_new_data("p", 10, "late")
    same(pathpoints.get_current_value("p"), (20, "new"), "the current value")
    batch = pathpoints.get_data_to_sync()
    assert batch
    batch.acknowledge()
    same(pathpoints.get_current_value("p"), (20, "new"), "the current value after upload")
    pathpoints.on_new_data("p", 15, OperationFailedError(OperationFailedReason.TIMEOUT, 15))
    same(pathpoints.get_current_value("p"), (20, "new"), "the current value after a late failure")


@clause("PP3")
def an_archive_is_read_by_time(harness: Harness) -> None:
    """Both ends of a range count, None is open, and the order is ascending."""
    pathpoints = harness.roles.pathpoints
    for ts in (30, 10, 20.5, 20, -5):
        pathpoints.on_new_data("p", ts, 1)
    cases: dict[tuple[Any, Any], list[Any]] = {
        (None, None): [-5, 10, 20, 20.5, 30], (10, 20): [10, 20], (20.5, 20.5): [20.5],
        (None, 10): [-5, 10], (20.001, None): [20.5, 30], (31, None): [], (30, 10): [],
    }  # fmt: skip
    for ends, wanted in cases.items():
        same([ts for ts, _ in archive(pathpoints, "p", *ends)], wanted, f"times in {ends}")
    with raises(SmokError, what="a range that begins at NaN"):
        list(pathpoints.get_archive_data("p", math.nan))


@clause("PP3", "G1")
def an_archive_streams_beside_writers(harness: Harness) -> None:
    """Values that arrive while an archive is read neither break it nor cost it a value."""
    pathpoints, seen = harness.roles.pathpoints, []
    pathpoints.on_new_data_many(("p", ts, 1.0) for ts in range(0, 4000, 2))
    for ts, _ in pathpoints.get_archive_data("p"):
        seen.append(ts)
        if ts % 1000 == 0:
            pathpoints.on_new_data_many([("p", ts + 1, 2.0), ("p", 3, 2.0), ("p", ts, 3.0)])
    same([ts for ts in seen if ts % 2 == 0], list(range(0, 4000, 2)), "times of the stream")
    expect(seen == sorted(set(seen)), "the stream repeats itself or goes back")


@clause("PP4")
def late_values_are_stored_and_uploaded(harness: Harness) -> None:
    """A value older than what the cloud has already is kept in its place and uploaded."""
    pathpoints = harness.roles.pathpoints
    pathpoints.on_new_data("p", 20, "new")
    batch = pathpoints.get_data_to_sync()
    assert batch
    pathpoints.on_new_data("p", 10, "late")
    batch.acknowledge()
    wanted = [{"path": "p", "values": [{"timestamp": 10, "value": "late"}]}]
    same(offered(pathpoints), wanted, "the upload")
    same([ts for ts, _ in archive(pathpoints)], [10, 20], "times of the archive")


@clause("PP4", "G6")
def only_an_equal_value_is_a_repeat(harness: Harness) -> None:
    """The same value again does nothing; 1, 1.0, True and "1" are four different values."""
    pathpoints = harness.roles.pathpoints
    for value in (1, 1.0, True, "1", 1):
        for _ in range(2):
            pathpoints.on_new_data("p", 5, value)
            batch = pathpoints.get_data_to_sync()
            same(typed(pathpoints.get_current_value("p")[1]), typed(value), "the current value")
            if batch:
                same(typed(batch.to_json()[0]["values"][0]["value"]), typed(value), "the upload")
                batch.acknowledge()
        same(offered(pathpoints), [], f"the upload after {value!r} was repeated")


@clause("PP5")
def the_upload_has_the_shape_of_the_api(harness: Harness) -> None:
    """`to_json` gives one item a pathpoint, its values ascending, failures by their code."""
    pathpoints = harness.roles.pathpoints
    pathpoints.on_new_data("b", 2, 1.5)
    pathpoints.on_new_data("a", 2.5, "x")
    pathpoints.on_new_data("b", 1, OperationFailedError(OperationFailedReason.MALFORMED, 1))
    batch = pathpoints.get_data_to_sync()
    assert batch
    found = sorted(batch.to_json(), key=lambda path: str(path["path"]))
    low = {"timestamp": 1, "error_code": "malformed"}
    wanted = [
        {"path": "a", "values": [{"timestamp": 2.5, "value": "x"}]},
        {"path": "b", "values": [low, {"timestamp": 2, "value": 1.5}]},
    ]
    same(found, wanted, "to_json")


@clause("PP1")
def definitions_are_kept(harness: Harness) -> None:
    """A definition is uploaded when it is new or changes, and not when it is repeated."""
    from smok_core.model import PathpointDefinition, StorageLevel  # noqa: PLC0415

    pathpoints = harness.roles.pathpoints
    pathpoints.define_pathpoint("p")
    batch = pathpoints.get_definitions_to_sync()
    assert batch
    same(batch.to_json(), [{"path": "p", "storage_level": 1}], "the upload")
    batch.acknowledge()
    pathpoints.define_pathpoint("p", StorageLevel.TREND)
    same(pathpoints.get_definitions_to_sync(), None, "the upload of a repeat")
    pathpoints.define_pathpoint("p", StorageLevel.PERMANENT)
    wanted = [PathpointDefinition("p", StorageLevel.PERMANENT)]
    same(list(pathpoints.get_definitions()), wanted, "all definitions")
