"""Wrong blobs."""

import os.path
import time

from plugins.smok_testing.tests.mutants.base import blobs
from smok_core.engine.memory import MemoryBlobs


@blobs("BL2.the_version_must_grow")
class EqualVersionAccepted(MemoryBlobs):
    """Overwrites with an equal version."""

    def put(self, key, data, version):
        if self.version(key) == version:
            self._blobs.pop(key)
        return super().put(key, data, version)


@blobs("BL2.the_version_must_grow")
class AnyVersionAccepted(MemoryBlobs):
    """Overwrites whatever is there."""

    def put(self, key, data, version):
        self._blobs.pop(key, None)
        return super().put(key, data, version)


@blobs("BL2.the_version_must_grow")
class DataWithoutVersion(MemoryBlobs):
    """A refused put changes the data and not the version."""

    def put(self, key, data, version):
        stood = super().put(key, data, version)
        if stood is not None:
            self._blobs[key] = (data, stood)
        return stood


@blobs("BL2.the_version_must_grow")
class RefusalNamesTheOffer(MemoryBlobs):
    """Tells the offered version instead of the stored one."""

    def put(self, key, data, version):
        return None if super().put(key, data, version) is None else version


@blobs("BL2.versions_have_64_bits")
class VersionsAreDoubles(MemoryBlobs):
    """Compares versions as doubles."""

    def put(self, key, data, version):
        stored = self.version(key)
        if stored is not None and float(stored) >= float(version):
            return stored
        return super().put(key, data, version)


@blobs("BL2.versions_have_64_bits")
class VersionsHave32Bits(MemoryBlobs):
    """Keeps the low 32 bits of a version."""

    def put(self, key, data, version):
        return super().put(key, data, version & 0xFFFFFFFF)


@blobs("BL3.deletion_forgets_the_version")
class DeletionKeepsTheVersion(MemoryBlobs):
    """After a deletion the version must still grow."""

    def delete(self, key):
        if (version := self.version(key)) is not None:
            vars(self).setdefault("_gone", {})[key] = version
        return super().delete(key)

    def put(self, key, data, version):
        gone = vars(self).get("_gone", {}).get(key, -1)
        return gone if version <= gone else super().put(key, data, version)


@blobs("BL3.deletion_forgets_the_version")
class DeletionAlwaysTrue(MemoryBlobs):
    """Says that it deleted what never was."""

    def delete(self, key):
        return super().delete(key) or True


@blobs("G2.what_blobs_give_is_the_callers_own")
class VersionsAreLive(MemoryBlobs):
    """Hands out its own dict."""

    def versions(self):
        found = vars(self).setdefault("_live", {})
        if not found and not vars(self).get("_made"):
            found.update(super().versions())
            self._made = bool(found)
        return found


@blobs("BL1.an_unknown_blob_is_none")
class UnknownIsVersionZero(MemoryBlobs):
    """A blob that is not there has version 0."""

    def version(self, key):
        return super().version(key) or 0


@blobs("BL1.a_blob_comes_back_with_its_version")
class VersionIsCounted(MemoryBlobs):
    """Counts versions by itself."""

    def put(self, key, data, version):
        return super().put(key, data, (self.version(key) or 0) + 1)


@blobs("BL1.any_bytes_are_a_blob")
class BlobsAreText(MemoryBlobs):
    """Keeps data as text."""

    def put(self, key, data, version):
        return super().put(key, data.decode("utf-8", "replace").encode(), version)


@blobs("BL1.any_bytes_are_a_blob")
class EmptyIsNothing(MemoryBlobs):
    """Does not store empty data."""

    def put(self, key, data, version):
        return super().put(key, data, version) if data else None


@blobs("BL1.every_text_is_an_ordinary_blob_key")
class KeysArePaths(MemoryBlobs):
    """Keeps blobs in files named by their keys."""

    def put(self, key, data, version):
        return super().put(os.path.normpath(key), data, version)

    def get(self, key):
        return super().get(os.path.normpath(key))


@blobs("BL2.a_shorter_blob_replaces_a_longer_one")
class OldPiecesStay(MemoryBlobs):
    """Writes the new data over the beginning of the old."""

    def put(self, key, data, version):
        old = self.get(key)
        tail = old[0][len(data) :] if old else b""
        return super().put(key, data + tail, version)


@blobs("BA4.a_blob_may_have_64_mib")
class SixteenMebibytes(MemoryBlobs):
    """Keeps what fits one document of the server."""

    def put(self, key, data, version):
        return super().put(key, data[: 16 << 20], version)


@blobs("BA2.a_reader_sees_data_and_version_that_belong_together")
class ReadInTwoSteps(MemoryBlobs):
    """Reads the data, and the version a moment later."""

    def get(self, key):
        found = super().get(key)
        if found is None:
            return None
        time.sleep(0.0002)
        return found[0], super().get(key)[1]


@blobs("BA3.the_highest_version_wins")
class CompareThenStore(MemoryBlobs):
    """Compares versions, and stores a moment later."""

    def put(self, key, data, version):
        stored = self.version(key)
        time.sleep(0.0002)
        if stored is not None and stored >= version:
            return stored
        self._blobs[key] = (data, version)
        return None
