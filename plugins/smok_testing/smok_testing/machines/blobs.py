"""Blobs against a dict: few keys, few versions, reopening."""

from smok_core.engine.base import Blobs
from smok_testing.checks import same
from smok_testing.harness import Harness
from smok_testing.machines.running import Machine, precondition, rule, strategies

KEYS = strategies.sampled_from(["a", "a/b"])
DATA = strategies.sampled_from([b"", b"1", b"2" * 600_000])


class BlobsMachine(Machine):
    """Every rule does one call on the blobs and the same to a dict."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        self.blobs: Blobs = harness.fresh_engine().blobs("kit.blobs")
        self.model: dict[str, tuple[bytes, int]] = {}

    @rule(key=KEYS, data=DATA, version=strategies.integers(0, 3))
    def put(self, key: str, data: bytes, version: int) -> None:
        """Store data under a version that may be too low."""
        stored = self.model[key][1] if key in self.model else None
        wanted = None if stored is None or version > stored else stored
        same(self.blobs.put(key, data, version), wanted, f"put of {key!r} version {version}")
        if wanted is None:
            self.model[key] = (data, version)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        """Remove a blob."""
        wanted = self.model.pop(key, None) is not None
        same(self.blobs.delete(key), wanted, f"delete of {key!r}")

    @precondition(lambda self: self.persistent)
    @rule()
    def reopen(self) -> None:
        """Close the store and open it again."""
        self.blobs = self.harness.reopen_engine().blobs("kit.blobs")

    def check(self) -> None:
        """All that can be read is what the dict says."""
        versions = {key: version for key, (_, version) in self.model.items()}
        same(self.blobs.versions(), versions, "versions")
        for key in ("a", "a/b"):
            same(self.blobs.get(key) == self.model.get(key), True, f"{key!r} is as it was put")
            same(self.blobs.version(key), versions.get(key), f"version of {key!r}")
