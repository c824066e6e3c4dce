"""Metadata: the later write wins, and local changes reach the cloud."""

import math
from functools import partial
from typing import Any

from smok_core.errors import SmokError
from smok_core.hookspecs import Capability
from smok_core.roles import BaseMetadataDatabase
from smok_testing.checks import expect, raises, refuses, same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness

clause = clauses_of("metadata")
PERSISTENT: dict[str, Any] = {"level": Level.DURABLE, "needs": Capability.PERSISTENT}


def offered(metadata: BaseMetadataDatabase) -> list[tuple[str, str | None]]:
    """Return keys and values that would be uploaded now."""
    batch = metadata.get_plain_to_sync()
    return [(change.key, change.value) for change in batch.changes] if batch else []


def acknowledge_all(metadata: BaseMetadataDatabase) -> None:
    """Let the cloud have everything."""
    while batch := metadata.get_plain_to_sync():
        batch.acknowledge()


@clause("ME1")
def a_value_comes_back(harness: Harness) -> None:
    """A text comes back as it was put, and the last one put is the one that counts."""
    metadata = harness.roles.metadata
    for text in ("", "1", "é🔧\n\x00", "e\u0301", "x" * 100_000):
        metadata.put_plain("k", text)
        same(metadata.get_plain("k"), text, "the value")


@clause("ME1", "G7")
def a_missing_key_is_a_key_error(harness: Harness) -> None:
    """Reading what is not there names role and key; deleting it does nothing."""
    metadata = harness.roles.metadata
    refuses(lambda: metadata.get_plain("k"), KeyError, "metadata", "k", what="get_plain")
    metadata.delete_plain("k")
    same((list(metadata.get_all_plain()), offered(metadata)), ([], []), "values and upload")


@clause("ME1")
def all_values_are_listed_with_their_times(harness: Harness) -> None:
    """`get_all_plain` gives key, value and timestamp of everything, now if none was given."""
    metadata = harness.roles.metadata
    harness.clock.now = 1234.5
    metadata.put_plain("now", "1")
    metadata.put_plain("then", "2", 7.25)
    metadata.update_plain("cloud", "3", -5)
    metadata.put_plain("gone", "4")
    metadata.delete_plain("gone")
    wanted = [("cloud", "3", -5.0), ("now", "1", 1234.5), ("then", "2", 7.25)]
    same(sorted(metadata.get_all_plain()), wanted, "all values")


@clause("ME1")
def a_local_write_is_kept_whatever_its_time(harness: Harness) -> None:
    """`put_plain` replaces the value even with an older timestamp or after the clock went back."""
    metadata = harness.roles.metadata
    metadata.put_plain("k", "new", 100)
    metadata.put_plain("k", "older", 50)
    same(metadata.get_plain("k"), "older", "the value after a put with an older time")
    metadata.put_plain("k", "then")
    harness.clock.now -= 3600
    metadata.put_plain("k", "after the clock went back")
    same(metadata.get_plain("k"), "after the clock went back", "the value")


@clause("ME2", "G8")
def a_clock_that_goes_back_does_not_let_old_values_win(harness: Harness) -> None:
    """What was written last here is not undone by what the cloud had before it."""
    metadata = harness.roles.metadata
    metadata.put_plain("k", "first")
    before = harness.clock.now
    harness.clock.now = 5.0
    metadata.put_plain("k", "second")
    metadata.update_plain("k", "old", before)
    same(metadata.get_plain("k"), "second", "the value")
    metadata.delete_plain("k")
    metadata.update_plain("k", "old", before)
    refuses(lambda: metadata.get_plain("k"), KeyError, what="get_plain after the deletion")


@clause("ME2")
def the_cloud_wins_only_if_strictly_newer(harness: Harness) -> None:
    """`update_plain` writes what is new or newer; equal and older change nothing."""
    metadata = harness.roles.metadata
    metadata.update_plain("k", "1", 10.5)
    for ts, value in ((10.5, "equal"), (10.25, "older"), (-1, "ancient")):
        metadata.update_plain("k", value, ts)
        same(metadata.get_plain("k"), "1", f"the value after an {value} one")
    metadata.update_plain("k", "2", 10.75)
    same(list(metadata.get_all_plain()), [("k", "2", 10.75)], "all values")


@clause("ME2", "ME4")
def what_comes_from_the_cloud_is_not_sent_back(harness: Harness) -> None:
    """An update is not pending; it ends the wait of an older local change, not of a newer one."""
    metadata = harness.roles.metadata
    metadata.update_plain("a", "cloud", 10)
    same(offered(metadata), [], "the upload after an update")
    metadata.put_plain("b", "local", 10)
    metadata.update_plain("b", "older", 5)
    same(offered(metadata), [("b", "local")], "the upload after an older update")


@clause("ME3")
def an_empty_text_is_a_value(harness: Harness) -> None:
    """It is stored, listed and uploaded as a value and not as a deletion."""
    metadata = harness.roles.metadata
    metadata.put_plain("k", "", 1)
    same(list(metadata.get_all_plain()), [("k", "", 1.0)], "all values")
    same(offered(metadata), [("k", "")], "the upload")
    acknowledge_all(metadata)
    same(metadata.get_plain("k"), "", "the value after the upload")


@clause("ME4")
def deletions_are_uploaded(harness: Harness) -> None:
    """A deleted key is gone here at once, and the cloud is told."""
    metadata = harness.roles.metadata
    metadata.update_plain("k", "cloud", 1)
    metadata.delete_plain("k")
    refuses(lambda: metadata.get_plain("k"), KeyError, "metadata", what="get_plain")
    same(list(metadata.get_all_plain()), [], "all values")
    same(offered(metadata), [("k", None)], "the upload")
    metadata.delete_plain("k")
    acknowledge_all(metadata)
    same(offered(metadata), [], "the upload in the end")
    metadata.put_plain("k", "again")
    same((metadata.get_plain("k"), offered(metadata)), ("again", [("k", "again")]), "put again")


@clause("ME4", "ME2")
def an_older_value_does_not_undo_a_deletion(harness: Harness) -> None:
    """While a deletion waits, the cloud's older value does not come back; a newer one does."""
    metadata = harness.roles.metadata
    metadata.put_plain("k", "1", 10)
    metadata.delete_plain("k")
    metadata.update_plain("k", "older", 9)
    refuses(lambda: metadata.get_plain("k"), KeyError, what="get_plain after an older update")
    metadata.update_plain("k", "newer", harness.clock.now + 10)
    same(metadata.get_plain("k"), "newer", "the value after a newer update")


@clause("ME4", "Q2")
def a_deletion_during_the_upload_goes_again(harness: Harness) -> None:
    """A key that is deleted, or written, while its last change is uploaded goes again."""
    metadata = harness.roles.metadata
    metadata.put_plain("a", "1")
    metadata.put_plain("b", "1")
    metadata.delete_plain("b")
    batch = metadata.get_plain_to_sync()
    assert batch
    metadata.delete_plain("a")
    metadata.put_plain("b", "2")
    batch.acknowledge()
    same(offered(metadata), [("a", None), ("b", "2")], "the upload")


@clause("ME1", "G4", "G6")
def other_values_and_times_are_refused(harness: Harness) -> None:
    """What is no text or no time is refused, by role and key, and changes nothing."""
    metadata = harness.roles.metadata
    metadata.put_plain("pump", "old", 1)
    wrong: tuple[tuple[Any, Any], ...] = (
        (None, 1), (b"x", 1), (1, 1), ("\ud800", 1), ("x", math.nan), ("x", math.inf), ("x", "1"),
        ("x", True), ("x", 10**400),
    )  # fmt: skip
    for value, ts in wrong:
        what = f"{value!r} at {ts!r:.40}"
        put = partial(metadata.put_plain, "pump", value, ts)
        refuses(put, Exception, "metadata", "pump", what=what)
        with raises(SmokError, what=f"update_plain with {what}"):
            metadata.update_plain("pump", value, ts)
    with raises(SmokError, what="update_plain without a time"):
        metadata.update_plain("pump", "x", None)  # type: ignore[arg-type]
    same(list(metadata.get_all_plain()), [("pump", "old", 1.0)], "all values")


@clause("ME1", "ME4", **PERSISTENT)
def metadata_survives_a_restart(harness: Harness) -> None:
    """Values, times, and changes that wait, deletions included, are the same after a restart."""
    metadata = harness.roles.metadata
    metadata.put_plain("a", "1", 5.5)
    metadata.update_plain("b", "", 6)
    metadata.put_plain("c", "3")
    acknowledge_all(metadata)
    metadata.delete_plain("c")
    before = sorted(metadata.get_all_plain())
    metadata = harness.reopen_roles().metadata
    same(sorted(metadata.get_all_plain()), before, "all values")
    same(offered(metadata), [("c", None)], "the upload")
    metadata.update_plain("c", "older", 1)
    expect("c" not in dict(p[:2] for p in metadata.get_all_plain()), "a deletion was undone")
