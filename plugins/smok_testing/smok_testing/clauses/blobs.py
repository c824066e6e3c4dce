"""Blobs: bytes and their version, which always change together."""

from smok_testing.checks import same
from smok_testing.clause import Level, clauses_of
from smok_testing.harness import Harness
from smok_testing.samples import BYTES, DIFFICULT_KEYS, NEIGHBOURS

clause = clauses_of("blobs")

#: Versions at the edges of 32 bits, of a double's integers and of 64 bits.
VERSIONS = (0, 1, 2**31, 2**53, 2**53 + 1, 2**63 - 1)


@clause("BL1", "BA4")
def a_blob_comes_back_with_its_version(harness: Harness) -> None:
    """Data and version come back as they were put, alone and together."""
    blobs = harness.blobs()
    same(blobs.put("k", b"data", 7), None, "put of a new blob")
    same(blobs.get("k"), (b"data", 7), "get")
    same(blobs.version("k"), 7, "version")
    same(blobs.versions(), {"k": 7}, "versions")


@clause("BL1")
def an_unknown_blob_is_none(harness: Harness) -> None:
    """Asking for what is not there gives None and makes nothing."""
    blobs = harness.blobs()
    same((blobs.get("k"), blobs.version("k")), (None, None), "get and version")
    same(blobs.versions(), {}, "versions")


@clause("BL1", "BA4", "G6")
def any_bytes_are_a_blob(harness: Harness) -> None:
    """Empty, binary and large data comes back byte for byte."""
    blobs = harness.blobs()
    samples = [*BYTES, b"\x00" * 300_000, bytes(range(256)) * 8_000]
    for place, data in enumerate(samples):
        blobs.put(f"k{place}", data, 1)
    for place, data in enumerate(samples):
        same(blobs.get(f"k{place}"), (data, 1), f"blob number {place}")


@clause("BL1", "G5")
def every_text_is_an_ordinary_blob_key(harness: Harness) -> None:
    """Keys are data: each difficult one has a blob of its own."""
    blobs = harness.blobs()
    keys = list(dict.fromkeys((*DIFFICULT_KEYS, *NEIGHBOURS, "k" * 1024)))
    for place, key in enumerate(keys):
        blobs.put(key, str(place).encode(), place)
    for place, key in enumerate(keys):
        same(blobs.get(key), (str(place).encode(), place), f"the blob of {key!r}")
    same(blobs.versions(), {key: place for place, key in enumerate(keys)}, "versions")


@clause("BL2", "BA3")
def the_version_must_grow(harness: Harness) -> None:
    """An equal or lower version is refused, the stored one is told, nothing changes."""
    blobs = harness.blobs()
    blobs.put("k", b"old", 5)
    for version in (5, 4, 0, -1):
        same(blobs.put("k", b"new", version), 5, f"put of version {version} over 5")
    same(blobs.get("k"), (b"old", 5), "the blob")
    same(blobs.put("k", b"new", 6), None, "put of version 6")
    same(blobs.get("k"), (b"new", 6), "the blob")


@clause("BL2")
def versions_have_64_bits(harness: Harness) -> None:
    """Versions compare as integers: neighbours beyond a double's integers stay apart."""
    blobs = harness.blobs()
    for version in VERSIONS:
        same(blobs.put("k", b"%d" % version, version), None, f"put of version {version}")
        same(blobs.put("k", b"no", version), version, f"put of version {version} again")
        same(blobs.get("k"), (b"%d" % version, version), "the blob")
    same(blobs.versions(), {"k": VERSIONS[-1]}, "versions")


@clause("BL2", "BA2")
def a_shorter_blob_replaces_a_longer_one(harness: Harness) -> None:
    """Nothing of the old data is left, also where data is kept in pieces."""
    blobs = harness.blobs()
    sizes = (3_000_000, 10, 0, 700_000, 1)
    for version, size in enumerate(sizes):
        blobs.put("k", b"%d" % version * size, version)
        same(blobs.get("k"), (b"%d" % version * size, version), f"the blob of {size} bytes")


@clause("BL3")
def deletion_forgets_the_version(harness: Harness) -> None:
    """A deleted blob is gone with its version; the first version after it may be any."""
    blobs = harness.blobs()
    blobs.put("k", b"old", 9)
    blobs.put("l", b"", 2)
    same(blobs.delete("k"), True, "delete")
    same(blobs.delete("k"), False, "delete again")
    same((blobs.get("k"), blobs.version("k"), blobs.versions()), (None, None, {"l": 2}), "reads")
    same(blobs.put("k", b"new", 1), None, "put of version 1 after version 9 was deleted")


@clause("G2", "BL1")
def what_blobs_give_is_the_callers_own(harness: Harness) -> None:
    """Changing the dict of versions changes nothing stored."""
    blobs = harness.blobs()
    blobs.put("k", b"data", 1)
    blobs.versions().clear()
    same(blobs.versions(), {"k": 1}, "versions")


@clause("BA4", "BL1", level=Level.EXTENDED)
def a_blob_may_have_64_mib(harness: Harness) -> None:
    """A blob of 64 MiB goes in and comes out, twice under one key."""
    blobs = harness.blobs()
    for version in (1, 2):
        data = b"%d" % version * (64 << 20)
        blobs.put("k", data, version)
        found = blobs.get("k")
        same(found == (data, version), True, f"64 MiB of version {version} came back")
