"""BAOBs: bytes with a version that only grows."""

from functools import partial
from typing import Any

from smok_core.errors import SmokError, VersionNotNewer
from smok_core.hookspecs import Capability
from smok_testing.checks import raises, refuses, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.samples import BYTES

clause = clauses_of("baobs")


@clause("BA1", "BA4")
def bytes_come_back_with_their_version(harness: Harness) -> None:
    """Data and version come back as they were set, from every method that tells them."""
    baobs = harness.roles.baobs
    for at, data in enumerate(BYTES):
        baobs.set_baob_value(f"k{at}", data, at)
    for at, data in enumerate(BYTES):
        same(baobs.get_baob_value(f"k{at}"), data, f"data number {at}")
        same(baobs.get_baob_version(f"k{at}"), at, f"version number {at}")
    same(baobs.get_all_versions(), {f"k{at}": at for at in range(len(BYTES))}, "all versions")
    same(sorted(baobs.get_all_keys()), sorted(baobs.get_all_versions()), "all keys")


@clause("BA1", "G7")
def a_missing_baob_is_a_key_error(harness: Harness) -> None:
    """Value, version and deletion of what is not there are KeyErrors that name it."""
    baobs = harness.roles.baobs
    for call in (baobs.get_baob_value, baobs.get_baob_version, baobs.delete_baob):
        refuses(partial(call, "pump"), KeyError, "baobs", "pump", what=call.__name__)
    same((list(baobs.get_all_keys()), baobs.get_all_versions()), ([], {}), "keys and versions")


@clause("BA3")
def a_version_that_does_not_grow_is_refused(harness: Harness) -> None:
    """The error names the key and both versions, and the old pair stays."""
    baobs = harness.roles.baobs
    baobs.set_baob_value("pump", b"old", 571)
    for version in (571, 570, 0):
        with raises(VersionNotNewer, what=f"version {version} over 571") as caught:
            baobs.set_baob_value("pump", b"new", version)
        for word in ("pump", "571", str(version)):
            same(word in str(caught[0]), True, f"{word!r} is named in {str(caught[0])!r}")
    same((baobs.get_baob_value("pump"), baobs.get_baob_version("pump")), (b"old", 571), "pair")
    baobs.set_baob_value("pump", b"", 572)
    same((baobs.get_baob_value("pump"), baobs.get_baob_version("pump")), (b"", 572), "new pair")


@clause("BA1")
def deletion_allows_any_version_again(harness: Harness) -> None:
    """A deleted BAOB is gone with its version."""
    baobs = harness.roles.baobs
    baobs.set_baob_value("a", b"1", 9)
    baobs.set_baob_value("b", b"2", 1)
    baobs.delete_baob("a")
    refuses(lambda: baobs.delete_baob("a"), KeyError, "a", what="delete_baob again")
    same(baobs.get_all_versions(), {"b": 1}, "all versions")
    baobs.set_baob_value("a", b"new", 1)
    same(baobs.get_baob_version("a"), 1, "the version")


@clause("BA1")
def a_consistent_store_loses_nothing_by_the_check(harness: Harness) -> None:
    """`check_consistency` leaves whole BAOBs alone, at any time."""
    baobs = harness.roles.baobs
    baobs.check_consistency()
    baobs.set_baob_value("a", b"1", 0)
    baobs.check_consistency()
    same((baobs.get_baob_value("a"), baobs.get_all_versions()), (b"1", {"a": 0}), "the BAOB")


@clause("BA4", "G4", "G6")
def other_data_and_versions_are_refused(harness: Harness) -> None:
    """What is no bytes or no version is refused, by role and key, and changes nothing."""
    baobs = harness.roles.baobs
    wrong: tuple[tuple[Any, Any], ...] = (
        ("text", 1), (None, 1), (bytearray(b"x"), 1), (memoryview(b"x"), 1), (b"x", "1"),
        (b"x", None), (b"x", 1.0), (b"x", True), (b"x", -1), (b"x", 2**63),
    )  # fmt: skip
    for data, version in wrong:
        what = f"set_baob_value with {data!r} and {version!r}"
        with raises(SmokError, what=what) as caught:
            baobs.set_baob_value("pump", data, version)
        same(("baobs" in str(caught[0]), "pump" in str(caught[0])), (True, True), what)
    same(baobs.get_all_versions(), {}, "all versions")


@clause("BA4", level=Level.EXTENDED)
def more_than_64_mib_is_refused(harness: Harness) -> None:
    """One byte more than 64 MiB is refused, and nothing is stored."""
    baobs = harness.roles.baobs
    refuses(
        lambda: baobs.set_baob_value("pump", bytes((64 << 20) + 1), 1), ValueError, "pump",
        what="64 MiB and a byte",
    )  # fmt: skip
    same(baobs.get_all_versions(), {}, "all versions")


@clause("BA1", "BA2", level=Level.DURABLE, needs=Capability.PERSISTENT)
def baobs_survive_a_restart(harness: Harness) -> None:
    """Data, versions and deletions are the same after a restart, large data included."""
    baobs = harness.roles.baobs
    large = bytes(range(256)) * 12_345
    baobs.set_baob_value("../x", large, 2**53 + 1)
    baobs.set_baob_value("gone", b"", 1)
    baobs.delete_baob("gone")
    baobs = harness.reopen_roles().baobs
    same(baobs.get_baob_value("../x") == large, True, "the large data came back")
    same(baobs.get_all_versions(), {"../x": 2**53 + 1}, "all versions")
